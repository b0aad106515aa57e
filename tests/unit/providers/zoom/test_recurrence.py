"""Series as Zoom has them: what each rule becomes, and that the stand-in then means the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ical.recurrence import expand
from bridge.model.event import Class, Event, EventSeries, Floating
from bridge.model.interval import Window, instant
from bridge.providers.zoom import translate, wire
from bridge.providers.zoom.recurrence import recurring
from bridge.sandbox.zoom import recurrence as sandbox

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 9, 10, tzinfo=BERLIN)
HOUR = timedelta(hours=1)


def series(rule: str = "", start: Any = MONDAY, **more: Any) -> EventSeries:
    overrides = more.pop("overrides", ())
    end = start + (HOUR if isinstance(start, datetime) else timedelta(days=1))
    rules = (rule,) if rule else ()
    event = Event(**{"uid": "one", "start": start, "end": end, "rrules": rules} | more)
    return EventSeries(uid="one", master=event, overrides=overrides)


def said(found: wire.Recurrence) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(found)
    return made


WEEKLY = {"type": 2, "repeat_interval": 1}
MONTHLY = {"type": 3, "repeat_interval": 1}


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("FREQ=DAILY;COUNT=5", {"type": 1, "repeat_interval": 1, "end_times": 5}),
        ("FREQ=DAILY;INTERVAL=90;COUNT=2", {"type": 1, "repeat_interval": 90, "end_times": 2}),
        ("FREQ=DAILY;UNTIL=20260313T090000Z", {"type": 1, "repeat_interval": 1, "end_times": 5}),
        ("FREQ=DAILY;UNTIL=20260313", {"type": 1, "repeat_interval": 1, "end_times": 5}),
        ("FREQ=WEEKLY;COUNT=60", WEEKLY | {"weekly_days": "2", "end_times": 60}),
        ("FREQ=WEEKLY;BYDAY=SU,MO,WE;COUNT=9", WEEKLY | {"weekly_days": "1,2,4", "end_times": 9}),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,FR;COUNT=4",
            {"type": 2, "repeat_interval": 2, "weekly_days": "2,6", "end_times": 4},
        ),
        ("FREQ=MONTHLY;COUNT=3", MONTHLY | {"monthly_day": 9, "end_times": 3}),
        ("FREQ=MONTHLY;BYMONTHDAY=9;COUNT=3", MONTHLY | {"monthly_day": 9, "end_times": 3}),
        (
            "FREQ=MONTHLY;BYDAY=2MO;COUNT=3",
            MONTHLY | {"monthly_week": 2, "monthly_week_day": 2, "end_times": 3},
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2;COUNT=3",
            MONTHLY | {"monthly_week": 2, "monthly_week_day": 2, "end_times": 3},
        ),
    ],
)
def test_what_zoom_has_words_for_is_said(rule: str, wanted: dict[str, Any]) -> None:
    found = recurring(series(rule))
    assert found is not None
    assert said(found.recurrence) == wanted
    assert found.timezone == "Europe/Berlin"


def test_the_last_of_a_month_is_the_last() -> None:
    found = recurring(series("FREQ=MONTHLY;BYDAY=-1MO;COUNT=3", MONDAY + timedelta(weeks=3)))
    assert found is not None
    assert said(found.recurrence)["monthly_week"] == -1


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY;UNTIL=20991231T000000Z",
        "FREQ=DAILY;COUNT=61",
        "FREQ=DAILY;INTERVAL=91;COUNT=2",
        "FREQ=DAILY;BYDAY=MO,TU;COUNT=2",
        "FREQ=DAILY;BYHOUR=9,10;COUNT=4",
        "FREQ=HOURLY;COUNT=3",
        "FREQ=WEEKLY;INTERVAL=13;COUNT=2",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=4",
        "FREQ=MONTHLY;INTERVAL=4;COUNT=2",
        "FREQ=MONTHLY;BYMONTHDAY=9,10;COUNT=4",
        "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4",
        "FREQ=MONTHLY;BYDAY=MO;COUNT=4",
        "FREQ=MONTHLY;BYDAY=2MO,3MO;COUNT=4",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=4",
        "FREQ=MONTHLY;BYDAY=3MO;COUNT=4",
        "FREQ=MONTHLY;BYMONTH=3;BYMONTHDAY=9;COUNT=2",
        "FREQ=YEARLY;COUNT=2",
        "FREQ=DAILY;UNTIL=20200101T000000Z",
        "nonsense",
    ],
)
def test_what_zoom_has_no_words_for_has_no_fixed_times(rule: str) -> None:
    assert recurring(series(rule)) is None
    meeting = translate.plan(series(rule)).meeting
    assert (meeting.type, meeting.start_time, meeting.recurrence) == (3, "", None)


MOVED = Event(uid="one", start=MONDAY + HOUR * 3, end=MONDAY + HOUR * 4, recurrence_id=MONDAY)

LATER = replace(MOVED, recurrence_id=MONDAY + HOUR)


@pytest.mark.parametrize(
    "odd",
    [
        series("FREQ=WEEKLY;COUNT=4", exdates=(MONDAY + timedelta(weeks=1),)),
        series("FREQ=WEEKLY;COUNT=4", rdates=(MONDAY + timedelta(days=1),)),
        series("FREQ=WEEKLY;COUNT=4", rrules=("FREQ=WEEKLY;COUNT=4", "FREQ=DAILY;COUNT=4")),
        series("FREQ=WEEKLY;COUNT=4", overrides=(MOVED,)),
        series("FREQ=DAILY;COUNT=4", date(2026, 3, 9)),
        series(start=date(2026, 3, 9)),
        series("FREQ=MONTHLY;COUNT=4", datetime(2026, 1, 29, 9, tzinfo=UTC)),
        EventSeries(uid="one", master=None, overrides=(MOVED, LATER)),
    ],
)
def test_what_is_odd_in_another_way_has_no_fixed_times(odd: EventSeries) -> None:
    assert translate.plan(odd).meeting.type == 3


def test_a_series_of_which_only_a_title_differs_has_its_times() -> None:
    renamed = replace(MOVED, start=MONDAY, end=MONDAY + HOUR, summary="Another")
    assert translate.plan(series("FREQ=WEEKLY;COUNT=4", overrides=(renamed,))).meeting.type == 8


def test_a_single_meeting_is_said_in_utc_and_may_be_as_long_as_zoom_allows() -> None:
    meeting = translate.plan(series(summary=" A\n talk ")).meeting
    assert (meeting.type, meeting.start_time, meeting.duration) == (2, "2026-03-09T09:00:00Z", 60)
    assert meeting.topic == "A talk"
    long = translate.plan(series(end=MONDAY + timedelta(days=3))).meeting
    assert long.duration == 1440
    assert translate.plan(series(end=MONDAY)).meeting.duration == 1
    night = datetime(2026, 3, 29, 1, tzinfo=BERLIN)  # the clock skips an hour
    assert translate.plan(series(start=night, end=night + HOUR * 3)).meeting.duration == 120


def test_a_series_on_a_clock_that_zoom_cannot_know_has_no_fixed_times() -> None:
    odd = Floating(MONDAY.replace(tzinfo=None))
    event = Event(uid="one", start=odd, end=odd, rrules=("FREQ=DAILY;COUNT=2",))
    assert translate.plan(EventSeries(uid="one", master=event)).meeting.type == 3


@pytest.mark.parametrize("shown", [Class.PRIVATE, Class.CONFIDENTIAL])
def test_the_title_of_a_private_event_stays_here(shown: Class) -> None:
    assert (
        translate.plan(series(summary="Divorce", classification=shown)).meeting.topic == "Meeting"
    )


@pytest.mark.parametrize("title", ["", "\n\t", "x" * 500, "🎉" * 300])
def test_every_title_is_one_that_zoom_takes(title: str) -> None:
    topic = translate.plan(series(summary=title)).meeting.topic
    assert 1 <= len(topic.encode("utf-16-le")) // 2 <= 200


FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
RULES = st.one_of(
    st.builds("FREQ=DAILY;INTERVAL={}".format, st.integers(1, 95)),
    st.builds(
        "FREQ=WEEKLY;INTERVAL={};WKST={};BYDAY={}".format,
        st.integers(1, 13),
        st.sampled_from(DAYS),
        st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True).map(",".join),
    ),
    st.builds("FREQ=MONTHLY;INTERVAL={}".format, st.integers(1, 4)),
    st.builds("FREQ=MONTHLY;BYMONTHDAY={}".format, st.integers(1, 31)),
    st.builds(
        "FREQ=MONTHLY;INTERVAL={};BYDAY={}{}".format,
        st.integers(1, 3), st.sampled_from([1, 2, 3, 4, 5, -1, -2]), st.sampled_from(DAYS),
    ),
)  # fmt: skip
ENDS = st.one_of(
    st.builds("COUNT={}".format, st.integers(1, 65)),
    st.dates(date(2026, 1, 1), date(2031, 1, 1)).map("UNTIL={:%Y%m%dT%H%M%SZ}".format),
)
STARTS = st.integers(0, 366 * 24 * 4).map(lambda quarter: FIRST + quarter * HOUR / 4)
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"])


@given(RULES, ENDS, STARTS, ZONES)
def test_the_stand_in_means_by_it_what_the_rule_means(
    rule: str, end: str, start: datetime, zone: str
) -> None:
    placed = start.replace(tzinfo=ZoneInfo(zone))
    wanted = series(f"{rule};{end}", placed)
    found = recurring(wanted)
    if found is None:
        return
    kept = sandbox.kept(said(found.recurrence))
    there = {instant(each) for each in sandbox.starts(kept, placed, zone)}
    first = instant(placed)
    window = Window(first, first + 20 * 366 * 86400)
    ours = expand(wanted, window, UTC, day_zone=UTC).occurrences
    assert there == {each.start for each in ours} == found.starts
