"""The calendars that icalendar and recurring-ical-events ship with their tests, read by both.

Ours reads every one of them or says why not; wherever the libraries can expand a calendar, the
starts are the same, but for the files named here with the reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from icalendar.timezone import tzp

from bridge.errors import InvalidCalendarObject
from bridge.ical.parse import ParsedCalendar, parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.event import EventSeries
from bridge.model.interval import Window, instant, utc

PACKAGES = [Path(module.__file__).parent for module in (icalendar, recurring_ical_events)]
FILES = sorted(path for package in PACKAGES for path in package.rglob("*.ics"))
FROM, TO = datetime(2015, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
GOES_ON = "Lotus Notes splits a series by THISANDFUTURE with RDATEs of its own: they block"
DIFFERENT = {
    "issue_156_RDATE_with_PERIOD_TZID_khal.ics": GOES_ON,
    "issue_156_RDATE_with_PERIOD_TZID_khal_2.ics": GOES_ON,
    "invalid_duration.ics": "an unreadable DURATION leaves the start standing",
    "issue_165_missing_event.ics": "spaces in BYDAY are read",
    "rfc_7529.ics": "RSCALE=GREGORIAN is the calendar everybody has",
    "bad_rrule_missing_until_event.ics": "an empty UNTIL is none",
    "end_before_start_event.ics": "an end before the start is not swapped with it",
    "issue_132_swapped_start_and_end.ics": "an end before the start is not swapped with it",
    "issue_253_additional_recurrence_id.ics": "an override of no instance stands for itself",
    "issue_75_range_parameter.ics": "an UNTIL that is a date includes its day",
    "issue_86_x_wr_timezone_without_time_zone_in_dt.ics": "floating times are in the zone given",
}


@pytest.fixture(autouse=True)
def no_zones_left_over() -> Iterator[None]:
    """Forget the zones of other calendars: the library keeps the first of each name for all."""
    tzp.use_default()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    tzp.use_default()


def read(path: Path) -> ParsedCalendar | None:
    try:
        return parse_calendar(path.read_bytes())
    except InvalidCalendarObject:
        return None


def ours(parsed: ParsedCalendar) -> list[int]:
    return sorted(start for found in parsed.series for start in starts(found.series))


def starts(series: EventSeries) -> list[int]:
    window = Window(instant(FROM), instant(TO))
    try:
        return [it.start for it in expand(series, window, ZONE, day_zone=ZONE).occurrences]
    except InvalidCalendarObject:
        return []


def theirs(path: Path) -> list[int] | None:
    try:
        calendar = icalendar.Calendar.from_ical(path.read_bytes())
        query = recurring_ical_events.of(calendar, skip_bad_series=True)
        return sorted(moment(event["DTSTART"].dt) for event in query.between(FROM, TO))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def moment(start: date | datetime) -> int:
    if not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return instant(start if start.tzinfo else start.replace(tzinfo=UTC))


def test_there_is_a_corpus() -> None:
    assert len(FILES) > 200


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_calendar_of_the_corpus(path: Path) -> None:
    parsed = read(path)
    if parsed is None:
        assert not path.read_bytes().strip().startswith(b"BEGIN:VCALENDAR") or not whole(path)
        return
    for found in parsed.series:
        again = parse_calendar(found.text)
        assert again.series[0].series.events() == found.series.events()
        assert again.series[0].text == found.text
    expected = theirs(path)
    if path.name in DIFFERENT:
        assert expected != ours(parsed), f"no longer different: {DIFFERENT[path.name]}"
    elif expected is not None:
        assert [str(utc(it)) for it in ours(parsed)] == [str(utc(it)) for it in expected]


def whole(path: Path) -> bool:
    lines = path.read_bytes().upper().split()
    return lines.count(b"BEGIN:VCALENDAR") == lines.count(b"END:VCALENDAR") == 1
