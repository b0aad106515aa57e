"""A booking and its event that were changed at the same time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.bookings.merging import Merged, Side, merged
from bridge.model.event import Attendee, Event, EventSeries, PartStat
from tests.engine.house import at, make_event, make_series

ANN, BOB, EVE = "mailto:ann@example.net", "mailto:bob@example.net", "mailto:eve@example.net"
HOUR = timedelta(hours=1)
WEEKLY = make_series(
    "2026-11-23 09:00", rrules=("FREQ=WEEKLY;COUNT=5",), description="As agreed", location="Hall"
)
SECOND, THIRD = at("2026-11-30 09:00"), at("2026-12-07 09:00")


def change(series: EventSeries, *overrides: Event, **fields: object) -> EventSeries:
    assert series.master is not None
    return replace(series, master=replace(series.master, **fields), overrides=overrides)


def occurrence(start: str, original: str, **fields: object) -> Event:
    return make_event(start, recurrence_id=at(original), **fields)


def both(ours: EventSeries, theirs: EventSeries, *, before: EventSeries = WEEKLY) -> Merged:
    return merged(Side(before, ours), Side(before, theirs))


def test_each_side_keeps_what_it_alone_changed() -> None:
    found = both(change(WEEKLY, summary="Ours"), change(WEEKLY, location="Room 2"))
    assert found.series.master is not None
    assert (found.series.master.summary, found.series.master.location) == ("Ours", "Room 2")
    assert found.series.master.description == "As agreed"
    assert found.lost == {}


def test_where_both_changed_the_same_the_booking_wins_and_the_other_is_named() -> None:
    found = both(change(WEEKLY, summary="Ours"), change(WEEKLY, summary="Theirs"))
    assert found.series.master is not None
    assert found.series.master.summary == "Ours"
    assert found.lost == {"summary": "Theirs"}


def test_the_same_change_on_both_sides_is_no_quarrel_about_the_outcome() -> None:
    """It is an answer that was lost as often as a person who is of the same mind."""
    same = change(WEEKLY, summary="Same", start=at("2026-11-23 15:00"))
    found = both(same, same)
    assert found.series.master is not None
    assert found.series.master.summary == "Same"
    assert found.lost == {}


def test_what_a_provider_tidied_was_changed_by_nobody() -> None:
    """Each side has a before of its own."""
    booked = change(WEEKLY, description="As agreed \r\n")
    found = merged(
        Side(booked, change(booked, summary="Ours")),
        Side(WEEKLY, change(WEEKLY, description="Bring cake")),
    )
    assert found.series.master is not None
    assert found.series.master.description == "Bring cake"
    assert found.lost == {}


def test_a_move_there_stays_and_one_here_wins_over_it() -> None:
    moved = change(WEEKLY, start=at("2026-11-23 11:00"), end=at("2026-11-23 12:00"))
    found = both(change(WEEKLY, summary="Ours"), moved)
    assert found.series.master is not None
    assert found.series.master.start == at("2026-11-23 11:00")
    ours = change(WEEKLY, start=at("2026-11-23 15:00"), end=at("2026-11-23 16:00"))
    found = both(ours, moved)
    assert found.series.master is not None
    assert found.series.master.start == at("2026-11-23 15:00")
    assert list(found.lost) == ["time"]


def test_a_time_said_in_another_zone_is_the_same_time() -> None:
    from tests.engine.house import BERLIN

    theirs = change(
        WEEKLY, start=at("2026-11-23 10:00", BERLIN), end=at("2026-11-23 11:00", BERLIN)
    )
    found = both(change(WEEKLY, start=at("2026-11-23 08:00")), theirs)
    assert found.lost == {}


def test_replies_are_the_providers_and_guests_are_everybodys() -> None:
    before = change(WEEKLY, attendees=(Attendee(ANN), Attendee(BOB)))
    ours = change(before, attendees=(Attendee(ANN), Attendee(BOB), Attendee(EVE)))
    theirs = change(before, attendees=(Attendee(ANN, PartStat.ACCEPTED),))
    found = both(ours, theirs, before=before)
    assert found.series.master is not None
    assert [(it.address, it.partstat) for it in found.series.master.attendees] == [
        (ANN, PartStat.ACCEPTED),
        (EVE, PartStat.NEEDS_ACTION),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "left"),
    [
        ((SECOND,), (), (SECOND,)),
        ((), (SECOND,), (SECOND,)),
        ((SECOND,), (THIRD,), (SECOND, THIRD)),
        ((SECOND,), (SECOND,), (SECOND,)),
    ],
)
def test_occurrences_that_either_side_took_away_stay_away(ours, theirs, left) -> None:
    found = both(change(WEEKLY, exdates=ours), change(WEEKLY, exdates=theirs))
    assert found.series.master is not None
    assert found.series.master.exdates == left


def test_an_occurrence_that_was_given_back_there_is_back() -> None:
    before = change(WEEKLY, exdates=(SECOND,))
    found = both(change(before, summary="Ours"), change(before, exdates=()), before=before)
    assert found.series.master is not None
    assert found.series.master.exdates == ()


def test_occurrences_that_were_moved_there_stay_moved() -> None:
    moved = occurrence("2026-11-30 12:00", "2026-11-30 09:00")
    mine = occurrence("2026-12-07 12:00", "2026-12-07 09:00", summary="Mine")
    found = both(change(WEEKLY, mine), change(WEEKLY, moved))
    assert {(it.recurrence_id, it.start) for it in found.series.overrides} == {
        (SECOND, at("2026-11-30 12:00")),
        (THIRD, at("2026-12-07 12:00")),
    }


def test_one_occurrence_that_both_changed_is_merged_like_an_event() -> None:
    was = occurrence("2026-11-30 12:00", "2026-11-30 09:00", location="Hall")
    before = change(WEEKLY, was)
    found = both(
        change(before, replace(was, summary="Ours")),
        change(before, replace(was, location="Room 2")),
        before=before,
    )
    (one,) = found.series.overrides
    assert (one.summary, one.location) == ("Ours", "Room 2")


def test_an_occurrence_that_was_taken_back_there_goes_unless_it_was_changed_here() -> None:
    was = occurrence("2026-11-30 12:00", "2026-11-30 09:00")
    before = change(WEEKLY, was)
    assert both(change(before, was, summary="Ours"), change(before), before=before) == Merged(
        change(before, summary="Ours")
    )
    kept = both(change(before, replace(was, summary="Ours")), change(before), before=before)
    assert [it.summary for it in kept.series.overrides] == ["Ours"]


def test_a_series_that_moves_here_leaves_changed_occurrences_of_old_times_behind() -> None:
    moved = occurrence("2026-11-30 12:00", "2026-11-30 09:00")
    ours = change(WEEKLY, start=at("2026-11-23 15:00"), end=at("2026-11-23 16:00"))
    found = both(ours, change(WEEKLY, moved, location="Room 2"))
    assert found.series.overrides == ()
    assert found.series.master is not None
    assert found.series.master.location == "Room 2"
