"""Meet links of bookings: asked for once, on their way, refused, kept, and taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import Attendee, EventSeries
from bridge.model.interval import utc
from bridge.sink import Desired, Written
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN
from tests.contract.provider_contract import DAY, HOUR, NOW
from tests.contract.sink_calendar import BOB, Calendar, booking, taking_place, wanted

MEET = ConferenceKind.GOOGLE_MEET
HOUR_OF_NOW = [(NOW, NOW + HOUR, "Meeting")]


def meeting(series: EventSeries | None = None) -> Desired:
    return wanted(series or booking(), conference=MEET)


def made(written: Written) -> Conference:
    assert written.conference is not None
    return written.conference


@pytest.mark.covers("F56")
def test_a_link_that_is_on_its_way_is_there_at_a_later_look(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    there.running.misbehave(ANN, "meet_pending", 2, times=1)
    written = agenda.put(meeting())
    assert made(written) == Conference(MEET, ConferenceState.PENDING)
    assert made(agenda.read(written.remote_id)).state is ConferenceState.PENDING
    later = agenda.read(written.remote_id)
    assert made(later).state is ConferenceState.READY
    assert made(later).join_url.startswith("https://meet.google.com/")
    assert later.series.master is not None
    assert later.series.master.conference_url == made(later).join_url


@pytest.mark.covers("F56", "F57")
def test_a_change_while_the_link_is_on_its_way_does_not_ask_for_another(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    there.running.misbehave(ANN, "meet_pending", 5, times=1)
    written = agenda.put(meeting())
    moved = agenda.put(meeting(booking(summary="Other")), written)
    assert made(moved).state is ConferenceState.PENDING
    assert agenda.ready(moved).state is ConferenceState.READY


@pytest.mark.parametrize("fault", ["meet_fails", "meet_missing", "meet_forbidden"])
@pytest.mark.covers("F56")
def test_an_event_stands_without_the_link_that_is_not_made_and_says_why(
    there: GoogleSinkWorld, agenda: Calendar, fault: str
) -> None:
    there.running.misbehave(ANN, fault, times=1)
    written = agenda.put(meeting(booking(attendees=(Attendee(BOB),))))
    assert made(written).state is ConferenceState.FAILING
    assert "Google" in made(written).reason
    assert taking_place(written.series) == HOUR_OF_NOW
    assert there.mailed(agenda.id) == [(BOB, "invited")]
    again = agenda.put(meeting(booking(attendees=(Attendee(BOB),))), written)
    assert made(again).state is ConferenceState.READY, "it can be asked for once more"
    assert there.mailed(agenda.id) == [(BOB, "invited")]


def test_a_calendar_without_meet_takes_the_event_and_says_why_there_is_no_link(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    with there.running.world.lock:
        there.running.world.calendar(agenda.id).solutions = ()
    written = agenda.put(meeting())
    assert made(written).state is ConferenceState.FAILING
    assert "conference type" in made(written).reason
    again = agenda.put(meeting(booking(summary="Other")), written)
    assert made(again).state is ConferenceState.FAILING
    assert taking_place(again.series) == [(NOW, NOW + HOUR, "Other")]


@pytest.mark.covers("F57")
def test_the_link_outlives_every_change_and_goes_when_it_is_not_wanted(agenda: Calendar) -> None:
    written = agenda.put(meeting())
    link = made(written).join_url
    for days in range(1, 3):
        start = NOW + days * DAY
        at = booking(start=utc(start), end=utc(start + HOUR), summary=f"{days}")
        written = agenda.put(meeting(at), written)
        assert made(written).join_url == link
    without = agenda.put(wanted(booking()), written)
    assert without.conference is None
    assert without.series.master is not None
    assert without.series.master.conference_url == ""
    other = agenda.put(meeting(), without)
    assert made(other).state is ConferenceState.READY
    assert made(other).join_url != link, "a meeting that was taken away does not come back"


@pytest.mark.covers("F57")
def test_a_meeting_that_a_person_took_away_is_made_anew(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    first = agenda.put(meeting())
    there.change(agenda.id, first.remote_id, conferenceData=None)
    base = agenda.read(first.remote_id)
    assert base.conference is None
    assert made(agenda.put(meeting(), base)).state is ConferenceState.READY


def test_a_link_of_another_kind_is_kept_where_people_do_not_see_it(agenda: Calendar) -> None:
    zoom = "https://zoom.example/j/9000000001?pwd=x"
    written = agenda.put(wanted(booking(conference_url=zoom)))
    assert written.series.master is not None
    assert written.series.master.conference_url == zoom
    assert written.conference is None
    meet = agenda.put(meeting(), written)
    assert meet.series.master is not None
    assert meet.series.master.conference_url == made(meet).join_url


@pytest.mark.parametrize("kind", [ConferenceKind.TEAMS, ConferenceKind.ZOOM])
def test_meetings_of_others_are_refused_by_name(agenda: Calendar, kind: ConferenceKind) -> None:
    agenda.refuses(replace(wanted(booking()), conference=kind))
