"""One object to its rows: identity, buffers, horizon, and what cannot be expanded."""

from __future__ import annotations

from bridge.config.plan import CalendarPolicy
from bridge.config.policy import Availability, Privacy
from bridge.ingest.crash import CrashMark
from bridge.ingest.expand import WAITING, CpuBudget, Expander, Target, found_series
from bridge.ingest.own import Own
from bridge.ingest.rules import Rules, zones_version
from bridge.model.event import EventSeries
from bridge.model.interval import Window
from bridge.store.database import Database
from tests.engine.house import at, instant_at, make_event, make_series

HORIZON = Window(instant_at("2026-11-01 00:00"), instant_at("2026-12-01 00:00"))


def make_expander(
    *, horizon: Window = HORIZON, budget: float = 60, validates: bool = True, **availability: object
) -> Expander:
    policy = CalendarPolicy(
        availability=Availability.model_validate(availability), privacy=Privacy()
    )
    rules = Rules(
        policy=policy,
        validates=validates,
        ignores_busy=False,
        calendar_name="Work",
        zone="",
        day_zone="Europe/Berlin",
        owner="",
        instance="ours",
        account="",
        most=10_000,
        tzdata=zones_version(),
    )
    database = Database("sqlite:///unused")
    target = Target(
        "room-a", "calendar", rules, horizon, Own(database, "room-a", ("room-a.work", "main"))
    )
    mark = CrashMark(database, "calendar", 0, _looked=True, _shared=True)
    return Expander(target, CpuBudget(budget, 0), mark, now=0)


def starts(expander: Expander, series: EventSeries) -> list[int]:
    return [row.start for row in expander.make(found_series("a", series), ()).occurrences]


def test_an_occurrence_keeps_its_id_when_it_is_moved() -> None:
    series = make_series(uid="a", rrules=("FREQ=DAILY;COUNT=2",))
    moved = make_event("2026-11-24 18:00", uid="a", recurrence_id=at("2026-11-24 09:00"))
    before = make_expander().make(found_series("a", series), ()).occurrences
    series = make_series(uid="a", rrules=("FREQ=DAILY;COUNT=2",), overrides=[moved])
    after = make_expander().make(found_series("a", series), ()).occurrences
    assert [row.id for row in before] == [row.id for row in after]
    assert before[1].start != after[1].start


def test_occurrences_that_reach_over_the_horizon_are_whole() -> None:
    first = make_series("2026-10-31 22:00", 4, uid="a")
    assert starts(make_expander(), first) == [instant_at("2026-10-31 22:00")]
    last = make_series("2026-11-30 22:00", 4, uid="a")
    (row,) = make_expander().make(found_series("a", last), ()).occurrences
    assert row.end == instant_at("2026-12-01 02:00")


def test_a_buffer_alone_brings_an_event_over_the_horizon() -> None:
    event = make_series("2026-12-01 00:30", uid="a")
    assert starts(make_expander(), event) == []
    buffered = make_expander(buffers={"before": "1h"})
    assert starts(buffered, event) == [instant_at("2026-11-30 23:30")]


def test_without_cpu_time_what_stands_stays_and_the_text_waits() -> None:
    found = found_series("a", make_series(uid="a", rrules=("FREQ=DAILY",)))
    standing = make_expander().make(found, ()).occurrences
    late = make_expander(budget=-1)
    made = late.make(found, standing)
    assert (made.occurrences, made.event.digest, made.event.problem) == (standing, "", WAITING)
    fresh = late.make(found, ())
    assert [row.start for row in fresh.occurrences] == [standing[0].start], "its first occurrence"


def test_what_stands_stays_only_as_far_as_the_rules_allow() -> None:
    found = found_series("a", make_series("2026-11-29 09:00", uid="a", rrules=("FREQ=DAILY",)))
    standing = make_expander().make(found, ()).occurrences
    december = Window(HORIZON.end, instant_at("2027-01-01 00:00"))
    assert make_expander(budget=-1, horizon=december).make(found, standing).occurrences == []
    silent = make_expander(budget=-1, validates=False).make(found, standing).occurrences
    assert [row.fbtype for row in silent] == [0, 0]


def test_a_refused_rule_leaves_what_the_series_names_outright() -> None:
    extra = make_event("2026-11-25 18:00", uid="a", recurrence_id=at("2026-11-25 09:00"))
    series = make_series(
        uid="a", rrules=("FREQ=SECONDLY",), rdates=(at("2026-11-24 12:00"),), overrides=[extra]
    )
    made = make_expander().make(found_series("a", series), ())
    assert [row.start for row in made.occurrences] == [
        instant_at("2026-11-23 09:00"),
        instant_at("2026-11-24 12:00"),
        instant_at("2026-11-25 18:00"),
    ]
    assert made.event.problem.startswith("cannot be expanded: ")
