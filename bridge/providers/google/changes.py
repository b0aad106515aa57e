"""What has to be sent so that an event becomes what is desired, and nothing more. Pure.

A PATCH merges: objects by their properties, lists as a whole, null removes. What a client changed
is what differs between the base that it knows and what it desires; what is so already at Google is
not sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from bridge.model.event import Attendee
from bridge.providers.google import wire
from bridge.providers.google.translate import OPTIONAL, write_attendee

_UNSEEN = frozenset(
    {"reminders", "extendedProperties", "visibility", "transparency", "conferenceData", "source"}
)
"""What no guest has to be told: each has its own, or sees it where it stands."""


def difference(
    base: Mapping[str, object], wanted: Mapping[str, object], current: Mapping[str, object]
) -> dict[str, object]:
    """Give what a PATCH has to say, by property.

    Args:
        base: as the client knows it.
        wanted: as it shall be.
        current: as it is at Google.
    """
    return {
        name: _merging(current.get(name), wanted.get(name))
        for name in sorted(base.keys() | wanted.keys())
        if base.get(name) != wanted.get(name) and current.get(name) != wanted.get(name)
    }


def guests(
    base: Sequence[Attendee], wanted: Sequence[Attendee], current: Sequence[wire.Person]
) -> list[wire.Person] | None:
    """Give the whole list of guests as it shall be; None where it can stay.

    Guests keep what they answered, and the name that Google knows them by. The account that
    organizes stays among them where Google has it.
    """
    known = {each.email.strip().lower(): each for each in current}
    shall = {_email(each): each.role == OPTIONAL for each in wanted}
    ours = {
        email for email, each in known.items() if (each.is_self or each.organizer)
    } - shall.keys()
    then = {_email(each): each.role == OPTIONAL for each in base if _email(each) not in ours}
    now = {email: each.optional for email, each in known.items() if email not in ours}
    if shall in (then, now):
        return None
    kept = [
        _plain(known[email], optional=known[email].optional) for email in known if email in ours
    ]
    made = []
    for each in wanted:
        there = known.get(_email(each))
        made.append(
            write_attendee(each) if there is None else _plain(there, optional=each.role == OPTIONAL)
        )
    return kept + made


def is_unseen(patch: Mapping[str, object]) -> bool:
    """Tell whether nothing in a change concerns guests."""
    return patch.keys() <= _UNSEEN


def _email(guest: Attendee) -> str:
    return guest.address.removeprefix("mailto:").lower()


def _plain(person: wire.Person, *, optional: bool) -> wire.Person:
    """Leave out what Google works out by itself."""
    return msgspec.structs.replace(person, is_self=False, organizer=False, optional=optional)


def _merging(before: object, after: object) -> object:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    gone = dict.fromkeys(before.keys() - after.keys())
    return gone | {name: _merging(before.get(name), value) for name, value in after.items()}
