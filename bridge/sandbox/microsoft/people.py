"""Users and their calendars."""

from __future__ import annotations

from urllib.parse import urlencode

from bridge.sandbox.microsoft.calls import Call, Collection, shared_with
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sandbox.microsoft.shown import calendar, role_in
from bridge.sandbox.microsoft.times import Json

_PAGE, _CALENDARS = 100, 10


def user(call: Call) -> Json:
    """Show a user."""
    return call.query.selected(_user(call.box))


def users(call: Call) -> Collection:
    """List the users of the sender's tenant; `$filter=mail eq '…'` finds one."""
    mine = [b for b in call.directory.mailboxes.values() if b.tenant == call.sender.tenant]
    return _paged(call, call.query.chosen([_user(each) for each in mine]), _PAGE)


def calendars(call: Call) -> Collection:
    """List the calendars of a user: its own, and those that others shared with it.

    Somebody else sees of them what was shared.
    """
    box, viewer = call.box, call.sender.user
    own = [each for each in box.calendars.values() if role_in(box, each, viewer)]
    made = [calendar(box, each, viewer) for each in own]
    if viewer in (None, box):
        made += [calendar(other, each, box) for other, each in shared_with(call.directory, box)]
    return _paged(call, call.query.chosen(made), _CALENDARS)


def one_calendar(call: Call) -> Json:
    """Show a calendar."""
    place = call.place()
    return call.query.selected(calendar(place.box, place.calendar, call.sender.user))


def _user(box: Mailbox) -> Json:
    return {
        "id": box.id,
        "displayName": box.name,
        "givenName": box.name.partition(" ")[0],
        "surname": box.name.partition(" ")[2] or None,
        "mail": box.email if box.is_enabled else None,
        "userPrincipalName": box.email,
        "preferredLanguage": None,
    }


def _paged(call: Call, every: list[Json], page: int) -> Collection:
    query = call.query
    size = query.top or call.wishes.page_size or page
    if call.owner and call.owner.faults.is_on("short_pages"):
        size = min(size, 2)
    end = query.skip + size
    following = ""
    if end < len(every):
        kept = {f"${k}": v for k, v in query.options.items() if k != "skip"}
        text = urlencode({**query.others, **kept, "$skip": str(end)})
        following = f"{call.base}/{call.target}?{text}"
    return Collection([query.selected(each) for each in every[query.skip : end]], following)
