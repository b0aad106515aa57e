"""Series for Outlook: what it is told of a rule, and which rules it has no words for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from dateutil.rrule import rrulestr

from bridge.model.event import Event, EventTime, Floating
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.recurrence import CannotBeSaid, write

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
TUESDAY = datetime(2026, 3, 3, 10, tzinfo=BERLIN)
DAY = date(2026, 3, 3)
HOUR = timedelta(hours=1)
DOCUMENT = (Path(__file__).parents[4] / "docs" / "time-zones.md").read_text()
SAYABLE = (
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=TH;BYSETPOS=2",
)


def series(rule: str, start: EventTime = TUESDAY, **more: Any) -> Event:
    if isinstance(start, Floating):
        end: EventTime = Floating(start.wall + HOUR)
    else:
        end = start + (HOUR if isinstance(start, datetime) else timedelta(days=1))
    return Event(uid="u", start=start, end=end, rrules=(rule,), **more)


def told(event: Event) -> dict[str, Any]:
    written = write(event, NEW_YORK)
    assert written is not None
    document: dict[str, Any] = msgspec.json.decode(wire.write(written))
    return document


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("FREQ=DAILY;INTERVAL=3", {"type": "daily", "interval": 3}),
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
            {
                "type": "weekly",
                "interval": 1,
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "firstDayOfWeek": "monday",
            },
        ),
        (
            "FREQ=WEEKLY;WKST=SU",
            {
                "type": "weekly",
                "interval": 1,
                "daysOfWeek": ["tuesday"],
                "firstDayOfWeek": "sunday",
            },
        ),
        ("FREQ=MONTHLY", {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 3}),
        (
            "FREQ=MONTHLY;BYDAY=1TU",
            {
                "type": "relativeMonthly",
                "interval": 1,
                "daysOfWeek": ["tuesday"],
                "index": "first",
            },
        ),
        (
            "FREQ=MONTHLY;BYDAY=TU,WE;BYSETPOS=1",
            {
                "type": "relativeMonthly",
                "interval": 1,
                "daysOfWeek": ["tuesday", "wednesday"],
                "index": "first",
            },
        ),
        ("FREQ=YEARLY", {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 3, "month": 3}),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=1TU",
            {
                "type": "relativeYearly",
                "interval": 1,
                "daysOfWeek": ["tuesday"],
                "index": "first",
                "month": 3,
            },
        ),
        (
            "FREQ=DAILY;BYHOUR=10;BYMINUTE=0;BYSECOND=0",
            {"type": "daily", "interval": 1},
        ),
    ],
)
def test_a_rule_is_told_with_what_its_pattern_needs_and_nothing_more(
    rule: str, pattern: dict[str, Any]
) -> None:
    """An unneeded property is refused by Graph."""
    assert told(series(rule))["pattern"] == pattern


@pytest.mark.parametrize(
    ("rule", "start", "day"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=-1", date(2026, 1, 31), 31),
        ("FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1", date(2026, 1, 31), 31),
        ("FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", date(2026, 1, 30), 30),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1", date(2024, 2, 29), 29),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", date(2024, 2, 29), 29),
        ("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=-1", date(2024, 6, 30), 30),
        ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31", date(2024, 1, 31), 31),
    ],
)
def test_the_last_day_of_a_month_is_told_by_a_number(rule: str, start: date, day: int) -> None:
    assert told(series(rule, start))["pattern"]["dayOfMonth"] == day


@pytest.mark.parametrize(
    ("start", "until", "last"),
    [
        # the end of a day in Berlin
        (TUESDAY, "20260310T225959Z", "2026-03-10"),
        # a moment before the occurrence of that day, and the moment itself
        (TUESDAY, "20260310T085959Z", "2026-03-09"),
        (TUESDAY, "20260310T090000Z", "2026-03-10"),
        # on the clock of the series it is another day than in UTC
        (datetime(2026, 3, 3, 22, tzinfo=NEW_YORK), "20260311T030000Z", "2026-03-10"),
        (datetime(2026, 3, 3, 0, 30, tzinfo=BERLIN), "20260309T233000Z", "2026-03-10"),
        (TUESDAY, "20260310", "2026-03-10"),
        (TUESDAY, "20260310T095959", "2026-03-09"),
        (DAY, "20260310", "2026-03-10"),
        (DAY, "20260310T000000Z", "2026-03-10"),
        (DAY, "20260310T235959Z", "2026-03-10"),
        # the end of a day in New York, where the calendar is
        (DAY, "20260311T035959Z", "2026-03-10"),
    ],
)
def test_the_last_day_is_told_by_the_clock_of_the_series(
    start: EventTime, until: str, last: str
) -> None:
    span = told(series(f"FREQ=DAILY;UNTIL={until}", start))["range"]
    assert (span["type"], span["endDate"]) == ("endDate", last)


@pytest.mark.parametrize(
    ("start", "zone", "first"),
    [
        (TUESDAY, "W. Europe Standard Time", "2026-03-03"),
        (datetime(2026, 3, 3, 10, tzinfo=UTC), "UTC", "2026-03-03"),
        (datetime(2026, 3, 3, 10, tzinfo=ZoneInfo("Europe/Madrid")), "Europe/Madrid", "2026-03-03"),
        (Floating(datetime(2026, 3, 3, 10)), "Eastern Standard Time", "2026-03-03"),  # noqa: DTZ001
        (DAY, "UTC", "2026-03-03"),
    ],
)
def test_a_series_names_the_zone_of_its_clock_and_its_first_day_there(
    start: EventTime, zone: str, first: str
) -> None:
    span = told(series("FREQ=DAILY;COUNT=3", start))["range"]
    assert span == {
        "type": "numbered",
        "startDate": first,
        "recurrenceTimeZone": zone,
        "numberOfOccurrences": 3,
    }


def test_an_event_that_does_not_recur_has_no_recurrence() -> None:
    assert write(Event(uid="u", start=TUESDAY, end=TUESDAY + HOUR), UTC) is None


@pytest.mark.parametrize(
    ("rule", "start", "why"),
    [
        ("FREQ=HOURLY", TUESDAY, "within a day"),
        ("FREQ=MINUTELY", TUESDAY, "within a day"),
        ("FREQ=DAILY;BYHOUR=9,10", TUESDAY, "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=30", TUESDAY, "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=30", TUESDAY, "BYSECOND"),
        ("FREQ=YEARLY;BYWEEKNO=10", TUESDAY, "BYWEEKNO"),
        ("FREQ=YEARLY;BYYEARDAY=62", TUESDAY, "BYYEARDAY"),
        ("FREQ=DAILY;BYMONTH=3", TUESDAY, "BYMONTH"),
        ("FREQ=WEEKLY;BYMONTH=3", TUESDAY, "BYMONTH"),
        ("FREQ=MONTHLY;BYMONTH=3", TUESDAY, "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=3,9", TUESDAY, "BYMONTH"),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=TU,WE", TUESDAY, "BYDAY"),
        ("FREQ=DAILY;BYMONTHDAY=3", TUESDAY, "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYDAY=TU,WE;BYSETPOS=1", TUESDAY, "BYSETPOS"),
        ("FREQ=MONTHLY;BYMONTHDAY=3,17", TUESDAY, "several days"),
        ("FREQ=MONTHLY;BYMONTHDAY=-29", TUESDAY, "from the end"),
        ("FREQ=MONTHLY;BYMONTHDAY=3,17;BYSETPOS=1", TUESDAY, "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=TU;BYMONTHDAY=3", TUESDAY, "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=1TU,3TU", TUESDAY, "several weekdays"),
        ("FREQ=MONTHLY;BYDAY=1TU,1WE", TUESDAY, "several weekdays"),
        ("FREQ=MONTHLY;BYDAY=TU", TUESDAY, "every such weekday"),
        ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=1,2", TUESDAY, "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=5", TUESDAY, "first four and the last"),
        ("FREQ=MONTHLY;BYDAY=5TU", TUESDAY, "first four and the last"),
        ("FREQ=MONTHLY;BYDAY=-2TU", TUESDAY, "first four and the last"),
        ("FREQ=MONTHLY", date(2026, 1, 29), "day 29"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", date(2026, 1, 31), "day 31"),
        ("FREQ=YEARLY", date(2024, 2, 29), "day 29"),
        ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31", TUESDAY, "day 31"),
        ("FREQ=YEARLY;BYMONTHDAY=3", TUESDAY, "BYMONTH"),
        ("FREQ=YEARLY;BYDAY=9TU", TUESDAY, "BYMONTH"),
        ("FREQ=WEEKLY;BYDAY=MO", TUESDAY, "DTSTART"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", DAY, "DTSTART"),
        ("FREQ=DAILY;UNTIL=20260302T090000Z", TUESDAY, "UNTIL"),
        ("FREQ=DAILY;UNTIL=20260303T085959Z", TUESDAY, "UNTIL"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260401T000000Z", TUESDAY, "UNTIL and COUNT"),
        ("FREQ=DAILY;COUNT=1000", TUESDAY, "COUNT=999"),
        ("FREQ=DAILY;INTERVAL=1000", TUESDAY, "INTERVAL=999"),
        ("FREQ=WEEKLY;INTERVAL=100", TUESDAY, "INTERVAL=99"),
        ("FREQ=DAILY", datetime(2026, 3, 3, tzinfo=timezone(HOUR)), "time zone"),
        ("FREQ=OFTEN", TUESDAY, "FREQ"),
    ],
)
def test_what_outlook_cannot_say_is_refused_with_the_reason(
    rule: str, start: EventTime, why: str
) -> None:
    with pytest.raises(CannotBeSaid, match=why):
        write(series(rule, start), UTC)


DOCUMENTED = re.findall("`(FREQ=[^`]+)`", DOCUMENT.partition("## Microsoft 365")[2])


@pytest.mark.parametrize("rule", [each for each in DOCUMENTED if each not in SAYABLE])
def test_what_the_documentation_says_is_refused_is(rule: str) -> None:
    plain = rule.partition(";COUNT")[0]  # dateutil takes no UNTIL beside COUNT
    start = next(iter(rrulestr(plain, dtstart=datetime(2026, 1, 1, 9, tzinfo=BERLIN))))
    with pytest.raises(CannotBeSaid) as refused:
        write(series(rule, start), UTC)
    assert "DTSTART" not in str(refused.value), "it is the rule that is refused"


@pytest.mark.parametrize("rule", SAYABLE)
def test_what_the_documentation_says_in_other_words_is_said(rule: str) -> None:
    assert rule in DOCUMENTED
    start = next(iter(rrulestr(rule, dtstart=datetime(2026, 1, 1, 9, tzinfo=BERLIN))))
    assert write(series(rule, start), UTC) is not None


def test_dates_beside_a_rule_and_a_second_rule_are_refused() -> None:
    """Dates that are left out are none of them: those occurrences are deleted one by one."""
    event = series("FREQ=DAILY")
    rules = event.rrules
    for more, why in (
        ({"rdates": (TUESDAY + HOUR,), "rrules": rules}, "RDATE"),
        ({"exrules": ("FREQ=WEEKLY",), "rrules": rules}, "EXRULE"),
        ({"rrules": (*rules, "FREQ=WEEKLY")}, "RRULE"),
    ):
        with pytest.raises(CannotBeSaid, match=why):
            write(Event(uid="u", start=TUESDAY, end=TUESDAY + HOUR, **more), UTC)
    without = series("FREQ=DAILY", exdates=(TUESDAY + timedelta(days=1),))
    assert write(without, UTC) == write(event, UTC)
