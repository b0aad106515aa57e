"""What the pages of one listing come to, in whatever order and however often they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import UnreadableAnswer
from bridge.ical.recurrence import expand
from bridge.ingest import fold
from bridge.ingest.fold import Zones, assemble, collect
from bridge.model.event import Event, EventSeries, Floating
from bridge.model.interval import Window
from bridge.provider import (
    Instance,
    Item,
    OccurrenceRemoved,
    Override,
    Page,
    RemoteId,
    Series,
    SeriesRemoved,
    SyncToken,
    Unchanged,
    Unreadable,
)
from tests.engine.house import BERLIN, at, instant_at, make_event, make_series

A = RemoteId("a")
TOKYO = ZoneInfo("Asia/Tokyo")
ZONES = Zones(BERLIN, TOKYO)
WINDOW = Window(instant_at("2026-11-01 00:00"), instant_at("2026-12-01 00:00"))


def pages(*items: Item, full: bool = True) -> list[Page]:
    """One item on each page, the token on the last."""
    last = len(items) - 1
    return [
        Page([item], SyncToken("t") if number == last else None, full)
        for number, item in enumerate(items)
    ]


def starts(series: EventSeries | None) -> list[str]:
    if series is None:
        return []
    found = expand(series, WINDOW, BERLIN, day_zone=TOKYO).occurrences
    return [datetime.fromtimestamp(it.start, UTC).strftime("%d %H:%M") for it in found]


def daily() -> EventSeries:
    return make_series("2026-11-23 09:00", uid="a", rrules=("FREQ=DAILY;COUNT=4",))


def changed(day: int, start: str) -> Override:
    original = at(f"2026-11-{day} 09:00")
    return Override(A, make_event(start, uid="a", recurrence_id=original))


def folded(items: Sequence[Item], base: EventSeries | None = None) -> EventSeries | None:
    listing = collect(pages(*items))
    if A in listing.series:
        base = listing.series[A].series
    return assemble(A, base, listing.parts.get(A, []), ZONES)


@pytest.mark.covers("F23", "F24")
def test_pages_in_any_order_and_twice_come_to_the_same() -> None:
    items: list[Item] = [
        Series(A, daily()),
        changed(24, "2026-11-24 15:00"),
        OccurrenceRemoved(A, instant_at("2026-11-25 09:00")),
    ]
    for order in permutations(items):
        for sent in (order, (*order, *order)):
            assert starts(folded(sent)) == ["23 09:00", "24 15:00", "26 09:00"]


def test_a_stub_of_times_inherits_the_rest_from_its_master() -> None:
    stub = Instance(
        A,
        instant_at("2026-11-24 09:00"),
        instant_at("2026-11-24 16:00"),
        instant_at("2026-11-24 18:00"),
    )
    series = folded([stub], daily())
    assert series is not None
    (override,) = series.overrides
    assert (override.summary, override.rrules) == ("An event", ())
    assert starts(series) == ["23 09:00", "24 16:00", "25 09:00", "26 09:00"]


@pytest.mark.parametrize(
    "part",
    [
        changed(24, "2026-11-24 15:00"),
        Instance(A, 0, instant_at("2026-11-24 15:00"), instant_at("2026-11-24 16:00")),
    ],
)
def test_an_occurrence_without_its_master_stands_alone(part: Item) -> None:
    assert starts(folded([part])) == ["24 15:00"]


def test_the_last_stand_alone_occurrence_that_is_removed_leaves_nothing() -> None:
    base = folded([changed(24, "2026-11-24 15:00")])
    assert folded([OccurrenceRemoved(A, instant_at("2026-11-24 09:00"))], base) is None


def test_removing_an_occurrence_that_was_moved_removes_it_where_it_is() -> None:
    base = folded([Series(A, daily()), changed(24, "2026-11-24 15:00")])
    gone = folded([OccurrenceRemoved(A, instant_at("2026-11-24 09:00"))], base)
    assert starts(gone) == ["23 09:00", "25 09:00", "26 09:00"]


def test_a_removed_occurrence_that_comes_back_is_there() -> None:
    base = folded([OccurrenceRemoved(A, instant_at("2026-11-24 09:00"))], daily())
    assert starts(folded([changed(24, "2026-11-24 09:00")], base)) == starts(daily())


def test_a_leftover_of_a_series_does_not_remove_the_event_that_it_became() -> None:
    """It may come in a later listing than the event; when in doubt the time is blocked."""
    single = make_series("2026-11-23 09:00", uid="a")
    gone = OccurrenceRemoved(A, instant_at("2026-11-23 09:00"))
    assert starts(folded([gone], single)) == ["23 09:00"]
    moved = changed(23, "2026-11-24 10:00")
    assert starts(folded([moved, gone], single)) == ["23 09:00"]


@pytest.mark.parametrize("zone", [TOKYO, ZoneInfo("UTC")])
def test_a_day_is_removed_by_its_midnight_in_the_days_zone_or_in_utc(zone: ZoneInfo) -> None:
    days = make_series(date(2026, 11, 23), uid="a", rrules=("FREQ=DAILY;COUNT=3",))
    midnight = instant_at("2026-11-24 00:00", zone)
    assert starts(folded([OccurrenceRemoved(A, midnight)], days)) == ["22 15:00", "24 15:00"]


def test_an_occurrence_of_a_floating_series_is_placed_in_the_calendars_zone() -> None:
    nine, ten = Floating(datetime(2026, 11, 23, 9)), Floating(datetime(2026, 11, 23, 10))  # noqa: DTZ001
    master = Event(uid="a", start=nine, end=ten, rrules=("FREQ=DAILY;COUNT=2",))
    floating = EventSeries(uid="a", master=master)
    gone = OccurrenceRemoved(A, instant_at("2026-11-24 09:00", BERLIN))
    assert starts(folded([gone], floating)) == ["23 08:00"]


def test_the_last_word_about_an_object_counts() -> None:
    listing = collect(pages(Series(A, daily()), SeriesRemoved(A)))
    assert (listing.named(), listing.removed) == (set(), {A})
    listing = collect(pages(SeriesRemoved(A), Series(A, daily())))
    assert (listing.named(), listing.removed) == ({A}, set())
    listing = collect(pages(Unreadable(A, "broken"), Series(A, daily())))
    assert (set(listing.series), listing.unreadable) == ({A}, {})
    listing = collect(pages(Series(A, daily()), Unreadable(A, "broken")))
    assert (set(listing.series), listing.unreadable) == ({A}, {})
    listing = collect(pages(SeriesRemoved(A), Unchanged(A)))
    assert (listing.named(), listing.removed) == ({A}, set())
    listing = collect(pages(Unchanged(A), SeriesRemoved(A)))
    assert (listing.named(), listing.removed) == (set(), {A})


def test_a_listing_is_full_only_if_all_its_pages_are() -> None:
    assert collect(pages(Series(A, daily()))).full
    assert not collect(
        [*pages(Series(A, daily())), *pages(changed(24, "2026-11-24 15:00"), full=False)]
    ).full
    assert not collect([]).full


@pytest.mark.covers("F26")
def test_pages_without_end_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MAX_PAGES", 50)

    def endless():
        while True:
            yield Page([Series(A, daily())], full=True)

    with pytest.raises(UnreadableAnswer, match="does not end after 50 pages"):
        collect(endless())
