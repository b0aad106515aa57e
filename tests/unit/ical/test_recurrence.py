"""Series to occurrences: overrides, splits, windows, zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import InvalidCalendarObject
from bridge.ical.compose import series_text
from bridge.ical.limits import Limits, TooCostly
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries, Floating, Status
from bridge.model.interval import Window, instant, utc

BERLIN = ZoneInfo("Europe/Berlin")
TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> int:
    return instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


YEAR = Window(at("2026-01-01"), at("2027-01-01"))


def series(*events: str) -> EventSeries:
    bodies = [
        "BEGIN:VEVENT\nUID:one\nDTSTAMP:20260101T000000Z\n"
        + "\n".join(event.split())
        + "\nEND:VEVENT\n"
        for event in events
    ]
    parsed = parse_calendar("BEGIN:VCALENDAR\nVERSION:2.0\n" + "".join(bodies) + "END:VCALENDAR\n")
    assert not parsed.broken
    return parsed.series[0].series


def starts(of: EventSeries, window: Window = YEAR, zone: ZoneInfo = BERLIN) -> list[str]:
    found = expand(of, window, zone, day_zone=BERLIN).occurrences
    return [f"{utc(it.start):%m-%d %H:%M}" for it in found]


def spans(of: EventSeries, window: Window) -> list[str]:
    found = expand(of, window, BERLIN, day_zone=BERLIN).occurrences
    return [f"{utc(it.start):%m-%d %H:%M}-{utc(it.end):%H:%M}" for it in found]


def in_berlin(name: str, wall: str) -> str:
    return f"{name};TZID=Europe/Berlin:{wall}"


@pytest.mark.covers("F30")
def test_a_series_that_starts_in_the_skipped_hour_lasts_as_long_as_it_is_written() -> None:
    of = series(
        f"{in_berlin('DTSTART', '20260329T023000')} {in_berlin('DTEND', '20260329T030000')} "
        "RRULE:FREQ=DAILY;COUNT=3"
    )
    assert spans(of, YEAR) == ["03-29 01:30-02:00", "03-30 00:30-01:00", "03-31 00:30-01:00"]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("20260328", ["03-28 21:00-04:00", "03-29 20:00-04:00"]),
        ("20260327", ["03-27 21:00-05:00", "03-28 21:00-05:00"]),
        ("20261024", ["10-24 20:00-05:00", "10-25 21:00-06:00"]),
        ("20261023", ["10-23 20:00-04:00", "10-24 20:00-05:00"]),
    ],
)
def test_a_night_shift_blocks_the_longer_of_exact_length_and_time_of_the_clock(
    day: str, expected: list[str]
) -> None:
    end = f"{int(day) + 1}T060000"
    start, end = in_berlin("DTSTART", f"{day}T220000"), in_berlin("DTEND", end)
    assert spans(series(f"{start} {end} RRULE:FREQ=DAILY;COUNT=2"), YEAR) == expected


def test_an_hourly_series_has_the_repeated_hour_twice_and_the_skipped_one_never() -> None:
    for day, hours in ("20260329", 23), ("20261025", 25):
        start, end = in_berlin("DTSTART", f"{day}T000000"), in_berlin("DTEND", f"{day}T010000")
        found = expand(
            series(f"{start} {end} RRULE:FREQ=HOURLY;COUNT=24"), YEAR, BERLIN, day_zone=BERLIN
        ).occurrences
        assert len({it.start for it in found}) == len(found) == hours
        assert all(it.end >= after.start for it, after in pairwise(found))


@pytest.mark.parametrize("end", ["DURATION:PT30M", "DTEND:20261025T011500Z"])
def test_an_end_in_the_repeated_hour_is_one(end: str) -> None:
    of = series(f"{in_berlin('DTSTART', '20261025T024500')} {end}")
    assert not of.notes
    assert spans(of, YEAR) == ["10-25 00:45-01:15"]


@pytest.mark.parametrize(
    ("start", "length", "shown"),
    [
        (
            "20261024T023000",
            "PT1H",
            ["10-24 00:30-01:30", "10-25 00:30-01:30", "10-26 01:30-02:30"],
        ),
        (
            "20261023T220000",
            "PT8H",
            ["10-23 20:00-04:00", "10-24 20:00-04:00", "10-25 21:00-05:00"],
        ),
        (
            "20260328T013000",
            "PT1H",
            ["03-28 00:30-01:30", "03-29 00:30-01:30", "03-29 23:30-00:30"],
        ),
    ],
)
@pytest.mark.parametrize("zoned", [True, False])
def test_a_duration_of_hours_is_exact_when_clocks_change(
    start: str, length: str, shown: list[str], *, zoned: bool
) -> None:
    head = in_berlin("DTSTART", start) if zoned else f"DTSTART:{start}"
    of = series(f"{head} DURATION:{length} RRULE:FREQ=DAILY;COUNT=3")
    assert spans(of, YEAR) == shown
    (again,) = parse_calendar(series_text(of)).series
    assert spans(again.series, YEAR) == shown


def test_a_day_in_hours_is_no_day_of_the_calendar() -> None:
    head = f"{in_berlin('DTSTART', '20261024T120000')} RRULE:FREQ=DAILY;COUNT=1"
    assert spans(series(f"{head} DURATION:PT24H"), YEAR) == ["10-24 10:00-10:00"]
    assert spans(series(f"{head} DURATION:P1D"), YEAR) == ["10-24 10:00-11:00"]


WEEKLY = "DTSTART:20260302T090000Z DTEND:20260302T100000Z RRULE:FREQ=WEEKLY;COUNT=4"


def test_an_occurrence_that_began_before_the_window_reaches_into_it() -> None:
    window = Window(at("2026-03-09T09:30"), at("2026-03-09T09:31"))
    assert starts(series(WEEKLY), window) == ["03-09 09:00"]


def test_an_occurrence_that_ends_when_the_window_starts_is_outside() -> None:
    assert starts(series(WEEKLY), Window(at("2026-03-09T10:00"), at("2026-03-10"))) == []


def test_an_occurrence_that_starts_when_the_window_ends_is_outside() -> None:
    assert starts(series(WEEKLY), Window(at("2026-03-08"), at("2026-03-09T09:00"))) == []


def test_occurrences_are_never_clipped() -> None:
    long = series("DTSTART:20250101T000000Z DTEND:20280101T000000Z")
    (found,) = expand(
        long, Window(at("2026-05-01"), at("2026-05-02")), BERLIN, day_zone=BERLIN
    ).occurrences
    assert (utc(found.start).year, utc(found.end).year) == (2025, 2028)


def test_long_occurrences_of_a_series_overlap_one_another() -> None:
    shifts = series("DTSTART:20260105T000000Z DURATION:P15D RRULE:FREQ=WEEKLY")
    assert starts(shifts, Window(at("2026-03-01"), at("2026-03-01T01:00"))) == [
        "02-16 00:00",
        "02-23 00:00",
    ]


def test_an_override_moved_out_of_the_window_is_not_in_it() -> None:
    moved = series(
        WEEKLY, "RECURRENCE-ID:20260309T090000Z DTSTART:20260601T090000Z DTEND:20260601T100000Z"
    )
    assert starts(moved, Window(at("2026-03-01"), at("2026-04-01"))) == [
        "03-02 09:00",
        "03-16 09:00",
        "03-23 09:00",
    ]


def test_an_override_moved_into_the_window_is_in_it() -> None:
    moved = series(
        WEEKLY, "RECURRENCE-ID:20260309T090000Z DTSTART:20260601T090000Z DTEND:20260601T100000Z"
    )
    (found,) = expand(
        moved, Window(at("2026-05-01"), at("2026-07-01")), BERLIN, day_zone=BERLIN
    ).occurrences
    assert utc(found.start) == datetime(2026, 6, 1, 9, tzinfo=UTC)
    assert utc(found.original_start) == datetime(2026, 3, 9, 9, tzinfo=UTC)
    assert found.event is moved.overrides[0]


def test_an_override_of_no_instance_stands_for_itself() -> None:
    added = series(
        WEEKLY, "RECURRENCE-ID:20260310T090000Z DTSTART:20260310T110000Z DTEND:20260310T120000Z"
    )
    assert "03-10 11:00" in starts(added)
    assert len(starts(added)) == 5


def test_a_cancelled_override_is_there_for_policy_to_judge() -> None:
    cancelled = series(
        WEEKLY, "RECURRENCE-ID:20260309T090000Z DTSTART:20260309T090000Z STATUS:CANCELLED"
    )
    found = expand(cancelled, YEAR, BERLIN, day_zone=BERLIN).occurrences
    assert [it.event.status for it in found] == [None, Status.CANCELLED, None, None]


@pytest.mark.covers("F63")
def test_a_series_with_five_hundred_overrides() -> None:
    first = datetime(2026, 1, 1, 9)  # noqa: DTZ001 - written in UTC below
    overrides = []
    for n in range(500):
        original = first + timedelta(hours=12 * n)
        moved = original + timedelta(minutes=n)
        overrides.append(
            f"RECURRENCE-ID:{original:%Y%m%dT%H%M%SZ} DTSTART:{moved:%Y%m%dT%H%M%SZ} DURATION:PT30M"
        )
    found = expand(
        series(
            "DTSTART:20260101T090000Z DURATION:PT1H RRULE:FREQ=DAILY;BYHOUR=9,21;COUNT=600",
            *overrides,
        ),
        YEAR,
        BERLIN,
        day_zone=BERLIN,
    ).occurrences
    assert len(found) == 600
    assert sum(it.end - it.start == 1800 for it in found) == 500
    assert [it.start - it.original_start for it in found if it.end - it.start == 1800] == [
        60 * n for n in range(500)
    ]


@pytest.mark.covers("F63")
def test_this_and_future_changes_what_follows_up_to_the_next_split() -> None:
    split = series(
        "DTSTART;TZID=Europe/Berlin:20260302T090000 DURATION:PT1H RRULE:FREQ=WEEKLY;COUNT=6",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260316T090000"
        " DTSTART;TZID=America/New_York:20260317T100000 DURATION:PT2H",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260330T090000"
        " DTSTART;VALUE=DATE:20260330 STATUS:CANCELLED",
    )
    found = expand(split, YEAR, BERLIN, day_zone=BERLIN).occurrences
    assert [f"{utc(it.start):%m-%d %H:%M} {(it.end - it.start) // 3600}h" for it in found] == [
        "03-02 08:00 1h",
        "03-09 08:00 1h",
        "03-17 14:00 2h",
        "03-24 14:00 2h",  # ten o'clock in New York, whatever Berlin's clock does
        "03-29 22:00 24h",
        "04-05 22:00 24h",
    ]
    assert [it.all_day for it in found] == [False] * 4 + [True] * 2


def test_this_and_future_brings_in_what_its_shift_moves_into_the_window() -> None:
    split = series(
        "DTSTART:20260302T090000Z DURATION:PT1H RRULE:FREQ=MONTHLY",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260402T090000Z DTSTART:20260422T090000Z DURATION:PT1H",
    )
    assert starts(split, Window(at("2026-08-20"), at("2026-08-30"))) == ["08-22 09:00"]


def test_count_counts_before_exdate_takes_away() -> None:
    assert starts(series(f"{WEEKLY} EXDATE:20260309T090000Z")) == [
        "03-02 09:00",
        "03-16 09:00",
        "03-23 09:00",
    ]


def test_an_exdate_takes_dtstart_away_too() -> None:
    assert starts(series("DTSTART:20260302T090000Z DURATION:PT1H EXDATE:20260302T090000Z")) == []


def test_an_exdate_matches_by_instant_in_any_zone() -> None:
    assert len(starts(series(f"{WEEKLY} EXDATE;TZID=Asia/Tokyo:20260309T180000"))) == 3


def test_several_rules_and_dates_make_one_set() -> None:
    both = series(
        "DTSTART:20260302T090000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=3 RRULE:FREQ=WEEKLY;COUNT=2"
        " RDATE:20260303T090000Z,20260320T090000Z"
    )
    assert starts(both) == [
        "03-02 09:00",
        "03-03 09:00",
        "03-04 09:00",
        "03-09 09:00",
        "03-20 09:00",
    ]


def test_an_exrule_takes_away_what_it_matches_and_no_more() -> None:
    weekdays = series(
        "DTSTART:20260302T090000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=7"
        " EXRULE:FREQ=WEEKLY;BYDAY=WE,SU"
    )
    assert starts(weekdays) == [
        "03-02 09:00",
        "03-03 09:00",
        "03-05 09:00",
        "03-06 09:00",
        "03-07 09:00",
    ]


def test_an_rdate_period_has_a_length_of_its_own() -> None:
    longer = series(
        "DTSTART:20260302T090000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=2"
        " RDATE;VALUE=PERIOD:20260303T090000Z/PT5H"
    )
    found = expand(longer, YEAR, BERLIN, day_zone=BERLIN).occurrences
    assert [(it.end - it.start) // 3600 for it in found] == [1, 5]


def test_floating_times_are_in_the_zone_given() -> None:
    floating = series("DTSTART:20260710T090000 DTEND:20260710T100000 RRULE:FREQ=DAILY;COUNT=1")
    assert starts(floating, zone=BERLIN) == ["07-10 07:00"]
    assert starts(floating, zone=TOKYO) == ["07-10 00:00"]


def test_all_day_events_follow_the_day_zone_and_not_the_calendars() -> None:
    day = series("DTSTART;VALUE=DATE:20260328 DTEND;VALUE=DATE:20260330 RRULE:FREQ=MONTHLY;COUNT=1")
    (found,) = expand(day, YEAR, TOKYO, day_zone=BERLIN).occurrences
    assert utc(found.start) == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert found.end - found.start == 47 * 3600, "two days, one of them short"
    assert found.all_day


def test_hours_in_the_rule_of_an_all_day_event_are_ignored() -> None:
    assert starts(series("DTSTART;VALUE=DATE:20260401 RRULE:FREQ=DAILY;BYHOUR=8,9;COUNT=2")) == [
        "03-31 22:00",
        "04-01 22:00",
    ]


def test_more_occurrences_than_allowed_are_refused() -> None:
    daily = series("DTSTART:20200101T090000Z RRULE:FREQ=DAILY")
    with pytest.raises(TooCostly, match="more than 100 occurrences"):
        expand(daily, YEAR, BERLIN, day_zone=BERLIN, limits=Limits(occurrences=100))


def test_a_rule_that_an_adapter_hands_over_unread_is_refused_with_a_reason() -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    master = Event(uid="one", start=start, end=start, rrules=("FREQ=SOMETIMES",))
    with pytest.raises(InvalidCalendarObject, match="no FREQ"):
        expand(EventSeries(uid="one", master=master), YEAR, BERLIN, day_zone=BERLIN)


def test_an_event_without_a_length_is_an_occurrence_without_one() -> None:
    moment = Floating(datetime(2026, 3, 2, 9))  # noqa: DTZ001 - a wall clock
    master = Event(uid="one", start=moment, end=moment)
    (found,) = expand(
        EventSeries(uid="one", master=master), YEAR, BERLIN, day_zone=BERLIN
    ).occurrences
    assert found.start == found.end == at("2026-03-02T08:00")


@pytest.mark.covers("F32")
def test_a_leap_second_is_read_as_the_second_before() -> None:
    found = expand(
        series("DTSTART:20161231T235960Z DTEND:20170101T000060Z"),
        Window(at("2016-12-01"), at("2017-02-01")),
        BERLIN,
        day_zone=BERLIN,
    ).occurrences
    assert [(utc(it.start), utc(it.end)) for it in found] == [
        (datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2017, 1, 1, 0, 0, 59, tzinfo=UTC))
    ]


@pytest.mark.covers("F33")
@pytest.mark.parametrize(
    "event",
    [
        "DTSTART;VALUE=DATE:00010101 DTEND;VALUE=DATE:99991231",
        "DTSTART;TZID=Pacific/Kiritimati:00010101T000000 DTEND;TZID=America/Adak:99991231T235959",
        "DTSTART:20260101T000000Z DURATION:P999999999D",
        "DTSTART:20260101T000000 DURATION:P9999999W",
        "DTSTART:00010101T000000Z DTEND:99991231T235959Z RRULE:FREQ=YEARLY;UNTIL=99991231T235959Z",
    ],
)
def test_the_first_and_last_years_do_not_overflow(event: str) -> None:
    try:
        found = expand(series(event), YEAR, BERLIN, day_zone=BERLIN).occurrences
    except TooCostly:
        return
    assert found
    for it in found:
        assert utc(it.start) < utc(it.end)


def test_the_limit_of_dates_holds_for_other_sources_too() -> None:
    days = tuple(date(2026, 1, 1) + timedelta(days=n) for n in range(60))
    master = Event(uid="one", start=days[0], end=days[1], rdates=days)
    with pytest.raises(TooCostly, match="dates"):
        expand(
            EventSeries(uid="one", master=master),
            YEAR,
            BERLIN,
            day_zone=BERLIN,
            limits=Limits(dates=50),
        )


def test_one_instance_named_as_date_and_as_time_is_changed_once() -> None:
    old = "RECURRENCE-ID;VALUE=DATE:20260309 DTSTART:20260309T110000Z DURATION:PT1H SEQUENCE:1"
    new = "RECURRENCE-ID:20260309T090000Z DTSTART:20260309T130000Z DURATION:PT1H SEQUENCE:2"
    for both in (old, new), (new, old):
        assert starts(series(WEEKLY, *both))[1] == "03-09 13:00"
        assert len(starts(series(WEEKLY, *both))) == 4


def test_two_changes_of_one_instance_that_none_outranks_block_both_under_two_names() -> None:
    of = series(
        WEEKLY,
        "RECURRENCE-ID;VALUE=DATE:20260309 DTSTART:20260309T110000Z",
        "RECURRENCE-ID:20260309T090000Z DTSTART:20260309T130000Z",
    )
    found = expand(of, YEAR, BERLIN, day_zone=BERLIN).occurrences
    assert len({it.original_start for it in found}) == len(found) == 5


SPLIT = (
    "DTSTART;TZID=Europe/Berlin:20260302T090000 DTEND;TZID=Europe/Berlin:20260302T100000 "
    "RRULE:FREQ=WEEKLY;COUNT=6"
)


def test_this_and_future_in_utc_keeps_to_the_clock_of_the_series() -> None:
    of = series(
        SPLIT,
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T080000Z "
        "DTSTART:20260316T100000Z DTEND:20260316T110000Z",
    )
    assert starts(of)[2:] == ["03-16 10:00", "03-23 10:00", "03-30 09:00", "04-06 09:00"]


def test_this_and_future_with_a_rule_of_its_own_goes_on_by_it() -> None:
    of = series(
        SPLIT,
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260316T090000 "
        "DTSTART;TZID=Europe/Berlin:20260317T140000 DTEND;TZID=Europe/Berlin:20260317T150000 "
        "RRULE:FREQ=DAILY;COUNT=3",
    )
    assert starts(of) == ["03-02 08:00", "03-09 08:00", "03-17 13:00", "03-18 13:00", "03-19 13:00"]


def test_this_and_future_with_a_rule_that_says_nothing_goes_on_by_the_series() -> None:
    of = series(
        SPLIT,
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260316T090000 "
        "DTSTART;TZID=Europe/Berlin:20260316T140000 RRULE:FREQ=DAILY;INTERVAL=0",
    )
    assert len(starts(of)) == 6
    assert any("left out" in it for it in expand(of, YEAR, BERLIN, day_zone=BERLIN).notes)
