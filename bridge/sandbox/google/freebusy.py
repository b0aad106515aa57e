"""freeBusy.query: intervals, or for a calendar that cannot be read an error, always with 200."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.sandbox.google import series, times
from bridge.sandbox.google.calls import Call
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.shown import is_busy
from bridge.sandbox.google.times import Json, Span
from bridge.sandbox.world import Calendar

_MOST_CALENDARS = 50
_LONGEST = timedelta(days=92)


def query(call: Call) -> Json:
    """Tell when calendars are busy."""
    if "timeMin" not in call.body or "timeMax" not in call.body:
        raise ApiError(400, "required", "Missing timeMin or timeMax.")
    start, end = times.moment(call.body["timeMin"]), times.moment(call.body["timeMax"])
    if end <= start:
        raise ApiError(400, "timeRangeEmpty")
    if end - start > _LONGEST:
        raise ApiError(400, "timeRangeTooLong", "The requested time range is too long.")
    zone = call.body.get("timeZone", "UTC")
    times.zone(zone)
    most = min(call.body.get("calendarExpansionMax", _MOST_CALENDARS), _MOST_CALENDARS)
    names = [item.get("id", "") for item in call.body.get("items", [])]
    calendars = {
        name: _calendar(call, name, Span(start, end), zone)
        if place < most
        else _failed("tooManyCalendarsRequested")
        for place, name in enumerate(names)
    }
    return {
        "kind": "calendar#freeBusy",
        "timeMin": times.rfc3339(start),
        "timeMax": times.rfc3339(end),
        "calendars": calendars,
    }


def _calendar(call: Call, name: str, window: Span, zone: str) -> Json:
    if call.account.faults.happens("freebusy_errors"):
        return _failed("internalError")
    email = call.account.email
    calendar = call.world.calendars.get(email if name == "primary" else name)
    if calendar is None or calendar.role(email) == "none":
        return _failed("notFound")
    return {
        "busy": [
            {
                "start": times.timed(each.start, zone)["dateTime"],
                "end": times.timed(each.end, zone)["dateTime"],
            }
            for each in _joined(_spans(calendar, window))
        ]
    }


def _failed(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _spans(calendar: Calendar, window: Span) -> Iterator[Span]:
    for event in _instances(calendar, window.end):
        if is_busy(event, calendar):
            span = times.span(event, calendar.timezone)
            if span.overlaps(*window):
                yield Span(max(span.start, window.start), min(span.end, window.end))


def _instances(calendar: Calendar, until: datetime) -> Iterator[Json]:
    for record in calendar.records.values():
        if record.is_cancelled:
            continue
        if series.is_series(record.event):
            yield from series.regular(record.event, calendar, until)
        else:
            yield record.event


def _joined(spans: Iterator[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined
