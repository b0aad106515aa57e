"""events.list, events.instances: filters, incremental listings, pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bridge.sandbox.google import conference, paging, series, times, tokens
from bridge.sandbox.google.calls import Call
from bridge.sandbox.google.errors import ApiError, invalid, not_found
from bridge.sandbox.google.shown import View, is_busy
from bridge.sandbox.google.times import Json
from bridge.sandbox.google.tokens import Cursor, Cursors
from bridge.sandbox.world import Calendar, Record

_PAGE = 250
_LONGEST_PAGE = 2500
_NEVER_WITH_TOKEN = (
    *("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty"),
    *("timeMin", "timeMax", "updatedMin"),
)
_NO_TOKEN_AFTER = frozenset(_NEVER_WITH_TOKEN) - {"timeMin", "timeMax"}
"""After these a listing ends without a sync token."""
_OLDEST_UPDATE = timedelta(days=28)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


def listing(call: Call, cursors: Cursors) -> Json:
    """List the events of a calendar."""
    calendar, query = call.calendar(), call.query
    faults = call.account.faults
    since = _since(call, calendar)
    if "pageToken" in query:
        if faults.happens("page_gone"):
            raise ApiError(410, "updatedMinTooLongAgo")
        cursor = cursors.resume(query["pageToken"], calendar.id, query)
    else:
        for record in list(calendar.records.values()):
            conference.read(call.world, calendar, record)
        found = tuple(_selected(call, calendar, *since))
        cursor = Cursor(calendar.id, query, found, call.world.last_change)
    document = _page(call, cursors, calendar, cursor)
    if "nextPageToken" not in document and not _NO_TOKEN_AFTER & cursor.query.keys():
        document["nextSyncToken"] = tokens.issue(
            call.world, calendar.id, cursor.change, since[1] if since[0] else cursor.query
        )
    return document


def instances(call: Call, cursors: Cursors) -> Json:
    """List the instances of a series."""
    calendar, query = call.calendar(), call.query
    if "pageToken" in query:
        cursor = cursors.resume(query["pageToken"], f"{calendar.id}/{call.path['eventId']}", query)
        return _page(call, cursors, calendar, cursor)
    record = calendar.records.get(call.path["eventId"])
    if record is None or record.is_cancelled:
        raise not_found()
    window = _window(query)
    found = [
        each
        for each in series.instances(record.event, calendar, window[1] or call.world.horizon)
        if (each["status"] != "cancelled" or query.get("showDeleted"))
        and times.span(each, calendar.timezone).overlaps(*window)
    ]
    if original := query.get("originalStart"):
        found = [each for each in found if _starts(each, calendar) == times.moment(original)]
    found.sort(key=lambda each: times.span(each, calendar.timezone).start)
    scope = f"{calendar.id}/{record.id}"
    cursor = Cursor(scope, query, tuple(found), call.world.last_change)
    return _page(call, cursors, calendar, cursor)


def _starts(event: Json, calendar: Calendar) -> datetime:
    original = {"start": event["originalStartTime"], "end": event["originalStartTime"]}
    return times.span(original, calendar.timezone).start


def _page(call: Call, cursors: Cursors, calendar: Calendar, cursor: Cursor) -> Json:
    faults = call.account.faults
    size = min(call.query.get("maxResults", _PAGE), _LONGEST_PAGE)
    raw, following = paging.page(call.world, cursors, cursor, size, faults)
    role = call.role(calendar)
    view = View(
        calendar, role, faults, call.query.get("timeZone", ""), call.query.get("maxAttendees")
    )
    document: Json = {
        "kind": "calendar#events",
        "etag": f'"p{calendar.change}-{cursor.position}-{role}"',
        "summary": calendar.summary,
        "updated": calendar.updated,
        "timeZone": call.query.get("timeZone") or calendar.timezone,
        "accessRole": role,
        "defaultReminders": [],
        "items": [_shown(each, calendar, view) for each in raw],
    }
    if following:
        document["nextPageToken"] = following
    return document


def _shown(raw: Json, calendar: Calendar, view: View) -> Json:
    hidden = view.is_free_busy and not is_busy(raw, calendar)
    return view.tombstone(raw) if hidden or raw["status"] == "cancelled" else view.event(raw)


def _since(call: Call, calendar: Calendar) -> tuple[int, Json]:
    """Find out what the sender knows already, and with which parameters."""
    token = call.query.get("syncToken")
    if token is None:
        return 0, call.query
    for name in _NEVER_WITH_TOKEN:
        if name in call.query:
            raise invalid(f"Sync token cannot be used with: {name}")
    if call.query.get("showDeleted") is False:
        raise invalid("Sync token cannot be used with showDeleted=false")
    change, first = tokens.redeem(call.world, calendar.id, token, call.query)
    if call.account.faults.happens("sync_gone") or change < calendar.access_change:
        raise ApiError(410, "fullSyncRequired")
    return change, first


def _window(query: Json) -> tuple[datetime | None, datetime | None]:
    start, end = (times.moment(query[n]) if n in query else None for n in ("timeMin", "timeMax"))
    if start and end and end <= start:
        raise ApiError(400, "timeRangeEmpty")
    return start, end


def _selected(call: Call, calendar: Calendar, since: int, first: Json) -> list[Json]:
    query = first
    singles = query.get("singleEvents", False)
    if query.get("orderBy") == "startTime" and not singles:
        raise invalid("The requested ordering is not available for the particular query.")
    if "timeZone" in query:
        times.zone(query["timeZone"])
    earliest = call.world.now - _OLDEST_UPDATE
    if "updatedMin" in query and times.moment(query["updatedMin"]) < earliest:
        raise ApiError(410, "updatedMinTooLongAgo")
    view_free_busy = call.role(calendar) == "freeBusyReader"
    window = _window(query)
    as_instances = singles or view_free_busy
    changed = [each for each in calendar.records.values() if each.change > since]
    changed.sort(key=lambda record: record.change)
    found: Iterator[Json] = (
        _as_instances(calendar, changed, since, window[1] or call.world.horizon)
        if as_instances
        else (record.event for record in changed)
    )
    if since:
        lone = call.account.faults.is_on("lone_masters") and not as_instances
        kept = [
            each
            for each in found
            if _is_of_type(each, query) and not (lone and _follows_its_series(each, calendar))
        ]
    else:
        living = "iCalUID" in query and call.account.faults.is_on("uid_without_deleted")
        kept = [
            each
            for each in found
            if _is_of_type(each, query)
            and _is_wanted(each, query, calendar)
            and not (living and each["status"] == "cancelled")
            and not (view_free_busy and not is_busy(each, calendar))
            and _is_within(each, calendar, window, as_instances=as_instances)
        ]
    return _ordered(kept, query, calendar)


def _as_instances(
    calendar: Calendar, changed: list[Record], since: int, until: datetime
) -> Iterator[Json]:
    for record in changed if since else ():
        for name, change in record.ghosts.items():
            if change > since and _is_ghost(name, calendar):
                yield series.ghost(record.event, name)
    for record in changed:
        if not series.is_series(record.event):
            yield record.event
        elif not record.is_cancelled:
            yield from series.regular(record.event, calendar, until)


def _is_ghost(name: str, calendar: Calendar) -> bool:
    """Tell whether nothing of that name is listed any more: not even as changed, or as single."""
    record = calendar.records.get(name)
    return record is None or series.is_series(record.event)


def _follows_its_series(event: Json, calendar: Calendar) -> bool:
    master = calendar.records.get(str(event.get("recurringEventId")))
    return event["status"] == "cancelled" and master is not None and master.is_cancelled


def _is_of_type(event: Json, query: Json) -> bool:
    return "eventTypes" not in query or event.get("eventType", "default") in query["eventTypes"]


def _is_wanted(event: Json, query: Json, calendar: Calendar) -> bool:
    if event["status"] == "cancelled" and not _shows_deleted(event, query, calendar):
        return False
    if "iCalUID" in query and event["iCalUID"] != query["iCalUID"]:
        return False
    if "q" in query and query["q"].lower() not in _words(event):
        return False
    if "updatedMin" in query:
        earliest = times.moment(query["updatedMin"])
        if times.moment(event["updated"]) < earliest:
            return False
    return all(
        _has(event.get("extendedProperties", {}).get(kind, {}), wanted)
        for kind in ("private", "shared")
        for wanted in query.get(f"{kind}ExtendedProperty", [])
    )


def _shows_deleted(event: Json, query: Json, calendar: Calendar) -> bool:
    if query.get("showDeleted", "updatedMin" in query):
        return True
    # Cancelled instances of a series come anyway: they are its exceptions.
    master = calendar.records.get(event.get("recurringEventId", ""))
    if query.get("singleEvents") or master is None:
        return False
    return series.is_series(master.event) and not master.is_cancelled


def _words(event: Json) -> str:
    texts = [event.get(name, "") for name in ("summary", "description", "location")]
    return " ".join([*texts, *(each["email"] for each in event.get("attendees", []))]).lower()


def _has(properties: Json, wanted: str) -> bool:
    name, separator, value = wanted.partition("=")
    if not separator:
        raise invalid("An extended property is asked for as name=value.")
    return bool(properties.get(name) == value)


def _is_within(
    event: Json,
    calendar: Calendar,
    window: tuple[datetime | None, datetime | None],
    *,
    as_instances: bool,
) -> bool:
    if window == (None, None):
        return True
    if not as_instances:
        # A series is there with all its exceptions if any instance is.
        master = calendar.records.get(str(event.get("recurringEventId")))
        event = master.event if master else event
        if series.is_series(event):
            every = series.instances(event, calendar, window[1] or _END_OF_TIME)
            return any(times.span(each, calendar.timezone).overlaps(*window) for each in every)
    return times.span(event, calendar.timezone).overlaps(*window)


def _ordered(events: list[Json], query: Json, calendar: Calendar) -> list[Json]:
    if query.get("orderBy") == "startTime":
        events.sort(key=lambda each: times.span(each, calendar.timezone).start)
    elif query.get("orderBy") == "updated":
        events.sort(key=lambda each: str(each["updated"]))
    return events
