"""calendarList and calendars."""

from __future__ import annotations

from bridge.sandbox.google import paging, tokens
from bridge.sandbox.google.calls import Call
from bridge.sandbox.google.errors import ApiError, invalid, not_found
from bridge.sandbox.google.times import Json
from bridge.sandbox.google.tokens import Cursor, Cursors
from bridge.sandbox.world import ROLES, Account, Calendar, Entry, World

_PAGE = 100
_LONGEST_PAGE = 250


def listing(call: Call, cursors: Cursors) -> Json:
    """List the calendars of the sender."""
    query, account = call.query, call.account
    scope = f"calendarList/{account.email}"
    since, first = 0, query
    if token := query.get("syncToken"):
        if "minAccessRole" in query:
            raise invalid("Sync token cannot be used with: minAccessRole")
        if False in (query.get("showDeleted"), query.get("showHidden")):
            raise invalid("Sync token cannot be used with showDeleted=false or showHidden=false")
        since, first = tokens.redeem(call.world, scope, token, query)
        if account.faults.happens("sync_gone"):
            raise ApiError(410, "fullSyncRequired")
    if "pageToken" in query:
        cursor = cursors.resume(query["pageToken"], scope, query)
    else:
        found = tuple(_selected(call.world, account, query, since))
        cursor = Cursor(scope, query, found, call.world.last_change)
    size = min(query.get("maxResults", _PAGE), _LONGEST_PAGE)
    items, following = paging.page(call.world, cursors, cursor, size, account.faults)
    document: Json = {
        "kind": "calendar#calendarList",
        "etag": f'"l{cursor.change}"',
        "items": items,
    }
    if following:
        return {**document, "nextPageToken": following}
    if "minAccessRole" in cursor.query:
        return document
    token = tokens.issue(call.world, scope, cursor.change, first if since else cursor.query)
    return {**document, "nextSyncToken": token}


def entry(call: Call) -> Json:
    """Show one entry of the sender's list."""
    calendar = call.calendar()
    listed = call.account.entries.get(calendar.id)
    if listed is None or listed.deleted:
        raise not_found()
    return _entry(call.account, calendar, listed)


def get(call: Call) -> Json:
    """Show a calendar itself."""
    calendar = call.calendar()
    return {
        "kind": "calendar#calendar",
        "etag": f'"c{calendar.access_change}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": list(calendar.solutions)},
    }


def _selected(world: World, account: Account, query: Json, since: int) -> list[Json]:
    lowest = ROLES.index(query.get("minAccessRole", "freeBusyReader"))
    found: list[Json] = []
    for listed in sorted(account.entries.values(), key=lambda each: each.change):
        if listed.change <= since:
            continue
        calendar = world.calendars[listed.calendar]
        if listed.deleted or calendar.role(account.email) == "none":
            if since or query.get("showDeleted"):
                found.append(_deleted(listed))
            continue
        if listed.hidden and not (since or query.get("showHidden")):
            continue
        if ROLES.index(calendar.role(account.email)) >= lowest:
            found.append(_entry(account, calendar, listed))
    return found


def _deleted(listed: Entry) -> Json:
    return {
        "kind": "calendar#calendarListEntry",
        "etag": f'"e{listed.change}"',
        "id": listed.calendar,
        "deleted": True,
    }


def _entry(account: Account, calendar: Calendar, listed: Entry) -> Json:
    made: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"e{listed.change}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "accessRole": calendar.role(account.email),
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": list(calendar.solutions)},
    }
    if calendar.id == account.email:
        made["primary"] = True
    if listed.name:
        made["summaryOverride"] = listed.name
    if listed.selected:
        made["selected"] = True
    if listed.hidden:
        made["hidden"] = True
    if calendar.is_resource:
        made["autoAcceptInvitations"] = True
    return made
