"""Objects in answers to writes: `Prefer: return=representation` (RFC 7240, RFC 8144)."""

from __future__ import annotations

from urllib.parse import quote

from radicale.types import WSGIResponse

from radicale_plugin import visitor
from radicale_plugin.calendars import Calendar, Row
from radicale_plugin.objects import OBJECT_TYPE
from radicale_plugin.opening import open_calendar
from radicale_plugin.places import Place
from radicale_plugin.properties import http_date
from radicale_plugin.refusals import Refused, precondition_failed
from radicale_plugin.visit import Visit

APPLIED = {"Preference-Applied": "return=representation"}


def headers(calendar: Calendar, row: Row) -> dict[str, str]:
    """Give the headers of an answer that holds an object."""
    found = {
        "Content-Type": OBJECT_TYPE,
        "ETag": calendar.object_etag(row),
        "Last-Modified": http_date(row.changed_at),
        "Cache-Control": "private, no-cache",
    }
    if tag := calendar.schedule_tag(row):
        found["Schedule-Tag"] = tag  # RFC 6638 section 8.2
    return found


def of_success(visit: Visit, place: Place, status: int) -> WSGIResponse:
    """Answer a write with what stands now (RFC 8144 section 3.1)."""
    found = _read(visit, place)
    if found is None:  # somebody was quicker
        return status, {}, None, None
    given, body = found
    return 200 if status == 204 else status, given, body, None


def of_conflict(visit: Visit, place: Place, reason: str) -> Refused:
    """Refuse a write with what stands there instead (RFC 8144 section 3.2)."""
    refused = precondition_failed(reason)
    found = _read(visit, place)
    if found is not None:
        refused.headers, refused.body = found
    return refused


def _read(visit: Visit, place: Place) -> tuple[dict[str, str], bytes] | None:
    with visitor.snapshot(visit.ground.database) as conn:
        calendar = open_calendar(visit.ground, place.collection, visit.principal, conn)
        row = calendar.named(conn, [place.name]).get(place.name)
        if row is None:
            return None
        path = quote(visit.prefix + place.path + place.name)
        given = headers(calendar, row) | APPLIED | {"Content-Location": path}
        return given, calendar.text(row).encode("utf-8", "replace")
