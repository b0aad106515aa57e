"""Single occurrences of a booked series at Google: changed, taken away, given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.errors import RemoteChanged
from bridge.model.conference import ConferenceKind
from bridge.model.event import Attendee, EventSeries, Status
from bridge.provider import RemoteId
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.sink_calendar import (
    ANN,
    BOB,
    EVE,
    MONDAY,
    TOKEN,
    WEEK,
    Calendar,
    changed,
    override,
    taking_place,
    wanted,
    weekly,
)


def third(series_id: RemoteId) -> str:
    """The id of the occurrence two weeks after `MONDAY`, at nine in Berlin."""
    return f"{series_id}_20261207T080000Z"


def test_an_occurrence_that_a_person_changed_is_noticed(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(weekly()))
    there.rename(agenda.id, RemoteId(third(written.remote_id)), "Theirs")
    with pytest.raises(RemoteChanged):
        agenda.put(wanted(weekly(summary="Ours")), written)
    base = agenda.read(written.remote_id)
    (theirs,) = base.series.overrides
    ours = changed(weekly(), theirs, summary="Ours")
    after = agenda.put(wanted(ours), base)
    assert [summary for _, _, summary in taking_place(after.series)] == [
        "Ours", "Ours", "Theirs", "Ours", "Ours", "Ours",
    ]  # fmt: skip


def test_guests_of_an_occurrence_are_told_when_it_is_taken_away(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    series = weekly(attendees=(Attendee(BOB),))
    written = agenda.put(wanted(series))
    agenda.put(wanted(changed(series, exdates=(MONDAY + 2 * WEEK,))), written)
    assert there.mailed(agenda.id) == [(BOB, "invited"), (BOB, "cancelled")]
    assert there.stored(agenda.id, third(written.remote_id))["status"] == "cancelled"
    assert there.stored(agenda.id, TOKEN)["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO"]


def test_an_occurrence_that_is_like_the_others_again_stays_an_event_of_its_own(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    series = weekly(location="Room 1")
    other = override(series, MONDAY + 2 * WEEK, summary="Other", location="")
    written = agenda.put(wanted(changed(series, other)))
    name = third(written.remote_id)
    assert there.stored(agenda.id, name)["summary"] == "Other"
    back = agenda.put(wanted(series), written)
    assert there.stored(agenda.id, name)["summary"] == "Meeting"
    assert there.stored(agenda.id, name)["location"] == "Room 1"
    assert taking_place(back.series) == taking_place(series)
    assert agenda.put(wanted(series), back) == back


def test_a_cancelled_occurrence_in_the_text_is_one_that_does_not_take_place(
    agenda: Calendar,
) -> None:
    series = weekly()
    off = override(series, MONDAY + WEEK, status=Status.CANCELLED)
    written = agenda.put(wanted(changed(series, off)))
    assert len(taking_place(written.series)) == 5
    assert agenda.put(wanted(changed(series, off)), written) == written


def test_a_series_that_moves_takes_its_changed_occurrence_along(agenda: Calendar) -> None:
    series = weekly()
    written = agenda.put(wanted(changed(series, override(series, MONDAY + WEEK, summary="Other"))))
    later = MONDAY + timedelta(hours=2)
    moved = weekly(start=later, end=later + timedelta(hours=1), exdates=(later + 3 * WEEK,))
    moved = changed(moved, override(moved, later + WEEK, summary="Other"))
    after = agenda.put(wanted(moved), written)
    assert taking_place(after.series) == taking_place(moved)


def test_nothing_is_written_when_an_occurrence_is_not_one_of_the_series(agenda: Calendar) -> None:
    series = weekly()
    stray = override(series, MONDAY + timedelta(days=1), summary="Stray")
    agenda.refuses(wanted(changed(series, stray)))


def test_a_series_that_was_deleted_comes_back_with_all_its_occurrences(agenda: Calendar) -> None:
    series = weekly()
    other = override(series, MONDAY + WEEK, summary="Other")
    gap = changed(series, other, exdates=(MONDAY + 3 * WEEK,))
    agenda.delete(agenda.put(wanted(gap), agenda.put(wanted(series))))
    back = agenda.put(wanted(changed(series, override(series, MONDAY + 2 * WEEK, summary="Now"))))
    assert [summary for _, _, summary in taking_place(back.series)] == [
        "Meeting", "Meeting", "Now", "Meeting", "Meeting", "Meeting",
    ]  # fmt: skip
    assert agenda.find() == back


# Who is mailed of a series whose occurrences are changed


def many() -> EventSeries:
    """A series with guests, four occurrences of which are changed."""
    series = weekly(attendees=(Attendee(ANN), Attendee(BOB)))
    names = ("First", "Second", "Third")
    titled = [
        override(series, MONDAY + number * WEEK, summary=name) for number, name in enumerate(names)
    ]
    return changed(series, *titled, override(series, MONDAY + 3 * WEEK, status=Status.CANCELLED))


@pytest.mark.covers("T70")
@pytest.mark.parametrize("meeting", [None, ConferenceKind.GOOGLE_MEET])
def test_guests_of_a_series_are_invited_once_however_much_of_it_is_changed(
    there: GoogleSinkWorld, agenda: Calendar, meeting: ConferenceKind | None
) -> None:
    desired = wanted(many(), conference=meeting)
    written = agenda.put(desired)
    assert there.mailed(agenda.id) == [(ANN, "invited"), (BOB, "invited")]
    assert taking_place(written.series) == taking_place(many())
    for each in written.series.events():
        assert {guest.address for guest in each.attendees} >= {ANN, BOB}
    assert agenda.put(desired, written) == written
    assert len(there.mailed(agenda.id)) == 2


@pytest.mark.covers("T70", "F4")
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_guests_of_a_series_are_invited_once_wherever_its_writing_was_interrupted(
    there: GoogleSinkWorld, agenda: Calendar, done: bool
) -> None:
    for number in range(1, 8):
        desired = replace(wanted(many()), token=f"{number:040x}")
        before = len(there.mailed(agenda.id))
        with there.interrupted(number, done=done):
            written = agenda.persist(desired)
        told = [who for who, _ in there.mailed(agenda.id)[before:]]
        assert told == [ANN, BOB], number
        assert taking_place(written.series) == taking_place(many())


@pytest.mark.covers("T70")
def test_a_booking_made_again_after_its_deletion_invites_once(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    agenda.delete(agenda.put(wanted(many())))
    before = len(there.mailed(agenda.id))
    written = agenda.put(wanted(many()))
    assert [who for who, _ in there.mailed(agenda.id)[before:]] == [ANN, BOB]
    assert taking_place(written.series) == taking_place(many())


@pytest.mark.covers("T70")
def test_a_guest_of_one_occurrence_hears_of_that_one(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    series = weekly(attendees=(Attendee(BOB),))
    other = override(series, MONDAY + 2 * WEEK, attendees=(Attendee(BOB), Attendee(EVE)))
    titled = override(series, MONDAY + 3 * WEEK, summary="Other")
    written = agenda.put(wanted(changed(series, other, titled)))
    assert there.mailed(agenda.id) == [(BOB, "invited"), (BOB, "updated"), (EVE, "invited")]
    guests = there.stored(agenda.id, third(written.remote_id))["attendees"]
    assert {f"mailto:{guest['email']}" for guest in guests} >= {BOB, EVE}


@pytest.mark.covers("T70")
def test_guests_who_come_with_changed_occurrences_are_invited_once(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(weekly()))
    after = agenda.put(wanted(many()), written)
    assert there.mailed(agenda.id) == [(ANN, "invited"), (BOB, "invited")]
    assert taking_place(after.series) == taking_place(many())
