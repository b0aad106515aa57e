"""GET and HEAD: an object, a whole calendar, or its free-busy time with `?view=freebusy`."""

from __future__ import annotations

from urllib.parse import parse_qs

from radicale.types import WSGIResponse

from bridge.model.interval import Window
from bridge.publish.outlook import freshness_header
from radicale_plugin import conditional, filters, freebusy, representation
from radicale_plugin.calendars import Calendar, ResourceCalendar
from radicale_plugin.places import CALENDARS, Kind, Place
from radicale_plugin.properties import CALENDAR_TYPE, http_date
from radicale_plugin.refusals import Refused, not_found
from radicale_plugin.visit import Visit

_PLAIN = "text/plain; charset=utf-8"
_HELLO = (
    "This is BusyBridge, a CalDAV server. Add this address to a calendar client as an account, "
    "with a login and an app password; `busybridge urls RESOURCE` prints what to enter.\n"
)


def answer(visit: Visit) -> WSGIResponse:
    """Answer with a body, or 304; a HEAD costs no more than a look."""
    place = visit.place()
    query = parse_qs(str(visit.environ.get("QUERY_STRING", "")), keep_blank_values=True)
    if place.kind not in CALENDARS:
        if place.kind is Kind.ROOT:
            return 200, {"Content-Type": _PLAIN}, _HELLO.encode(), None
        if place.name:
            raise not_found()
        raise Refused(403, reason="this is no calendar; ask for its members with PROPFIND")
    calendar = visit.resource_calendar(place)
    if "view" in query:
        return _free_busy(visit, place, calendar, query)
    return _object(visit, place, calendar) if place.name else _whole(visit, calendar)


def _object(visit: Visit, place: Place, calendar: Calendar) -> WSGIResponse:
    row = calendar.named(visit.conn, [place.name]).get(place.name)
    if row is None:
        raise not_found()
    headers = representation.headers(calendar, row)
    return conditional.answer(visit, headers, lambda: calendar.text(row).encode("utf-8", "replace"))


def _whole(visit: Visit, calendar: ResourceCalendar) -> WSGIResponse:
    """Write the calendar as one iCalendar stream."""
    view = calendar.look(visit.conn)
    headers = {
        "Content-Type": CALENDAR_TYPE,
        "ETag": calendar.etag,
        "Last-Modified": http_date(calendar.changed_at),
        "Cache-Control": "private, no-cache",
        "X-BusyBridge-Freshness": freshness_header(view.freshness),
    }
    return conditional.answer(visit, headers, lambda: calendar.stream(visit.conn))


def _free_busy(
    visit: Visit, place: Place, calendar: ResourceCalendar, query: dict[str, list[str]]
) -> WSGIResponse:
    """Answer as Radicale does: `?view=freebusy`, with `start` and `end` or with neither."""
    if place.name or query["view"] != ["freebusy"]:
        raise Refused(400, reason="the only view is freebusy, of a calendar")
    start, end = query.get("start", []), query.get("end", [])
    if not start and not end:
        window = freebusy.usual_window(visit, calendar)
    elif len(start) == 1 and len(end) == 1:
        window = _window(start[0], end[0])
    else:
        raise Refused(400, reason="give start and end, or neither")
    found = freebusy.look(visit, calendar, window)
    headers = found.headers() | {
        "ETag": found.etag(),
        "Cache-Control": "private, no-cache",
    }
    return conditional.answer(visit, headers, found.body)


def _window(start: str, end: str) -> Window:
    window = Window(filters.moment(start), filters.moment(end))
    if window.start >= window.end:
        raise Refused(400, reason="the end is not after the start")
    return window
