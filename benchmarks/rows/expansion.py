"""Expansion of recurrence rules, beside recurring-ical-events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from benchmarks.calendars import DAY, NOW
from benchmarks.row import Row, Scale, faster
from benchmarks.timing import best
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.event import EventSeries
from bridge.model.interval import Window, utc

_WINDOW = Window(NOW - 30 * DAY, NOW + 400 * DAY)
_ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Tokyo", "UTC")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SHAPES = (
    *("FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;COUNT=200", "FREQ=DAILY;UNTIL={until}"),
    *("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY={days}", "FREQ=WEEKLY;INTERVAL=2;BYDAY={days}"),
    *("FREQ=WEEKLY;BYDAY={days};UNTIL={until}", "FREQ=WEEKLY;COUNT=100;BYDAY={days}"),
    *("FREQ=WEEKLY;INTERVAL=2;BYDAY={days};WKST=SU", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    *("FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY={place}{day}", "FREQ=MONTHLY;BYMONTHDAY=1,15,-1"),
    *("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY"),
)
Found = list[tuple[str, int, int]]


def rows(scale: Scale) -> Iterator[Row]:
    count = scale.of(500, 40)
    text = _calendar(count)
    series = [parsed.series for parsed in parse_calendar(text).series]
    whole = icalendar.Calendar.from_ical(text)
    (theirs, expected), (ours, found) = best(
        scale.of(3, 1), lambda: _by_oracle(whole), lambda: _expanded(series)
    )
    assert found == expected
    named = f"expansion of {count} rules, {len(found):,} occurrences"
    yield faster(named, ("recurring-ical-events", theirs), ours, 15)


def _calendar(count: int) -> str:
    """Write series of all shapes and zones that began up to three years ago."""
    draw = random.Random(2)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//benchmarks//EN"]
    for number in range(count):
        zone = draw.choice(_ZONES)
        day = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=draw.randrange(1050))
        start = day.replace(hour=draw.randrange(8, 18), minute=draw.choice([0, 15, 30]))
        named = {_WEEKDAYS[start.weekday()], *draw.sample(_WEEKDAYS, 2)}
        until = utc(NOW) + timedelta(days=draw.randrange(-300, 400))
        rule = _SHAPES[number % len(_SHAPES)].format(
            days=",".join(sorted(named)),
            day=_WEEKDAYS[start.weekday()],
            place=(start.day - 1) // 7 + 1,
            until=f"{until:%Y%m%dT%H%M%SZ}",
        )
        lines += [
            "BEGIN:VEVENT",
            f"UID:{number}",
            "DTSTAMP:20261115T081500Z",
            f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}",
            f"DTEND;TZID={zone}:{start + timedelta(hours=1):%Y%m%dT%H%M%S}",
            f"RRULE:{rule}",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _by_oracle(whole: Any) -> Found:
    events = recurring_ical_events.of(whole).between(utc(_WINDOW.start), utc(_WINDOW.end))
    return sorted(
        (str(event["UID"]), int(event.start.timestamp()), int(event.end.timestamp()))
        for event in events
    )


def _expanded(series: list[EventSeries]) -> Found:
    return sorted(
        (each.uid, occurrence.start, occurrence.end)
        for each in series
        for occurrence in expand(each, _WINDOW, UTC, day_zone=UTC).occurrences
    )
