"""Meetings: with the event where its provider makes them, else made before it and following."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bridge.bookings.words import Result
from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.model.conference import ConferenceKind
from bridge.model.event import EventSeries
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.providers.memory import Memory
from bridge.store import connections, outbox
from tests.dispatch.stage import LEASE, Stage, event

DOWN = TemporarilyUnavailable("Zoom is down")
REJECT = {"conference": {"on_failure": "reject"}}


def meeting(
    kind: str, start: str = "20261123T090000Z", end: str = "20261123T100000Z", **more: Any
) -> bytes:
    return event(start, end, f"X-BUSYBRIDGE-CONFERENCE:{kind}", **more)


def hour_of(series: EventSeries) -> int:
    """When a meeting begins, by the clock of its zone."""
    assert series.master is not None
    assert isinstance(series.master.start, datetime)
    return series.master.start.hour


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """With an account that makes meetings at Zoom."""
    return open_stage(zoom=True)


# Made by themselves


def test_a_meeting_is_made_and_its_link_stands_in_the_event(stage: Stage) -> None:
    outcome = stage.done(stage.put(meeting("zoom")))
    assert outcome.result is Result.SETTLED
    (reference,) = stage.meetings()
    link = stage.zoom.meetings[reference].conference.join_url
    assert stage.event().location == link
    assert f":{link}" in stage.text()
    assert "booking.conference_assigned" in stage.told()
    assert stage.booking().meeting_maker == "room-a.zoom"


def test_a_meeting_moves_with_its_event_and_keeps_its_link(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    before = stage.text()
    stage.done(stage.put(meeting("zoom", "20261123T140000Z", "20261123T150000Z")))
    (reference,) = stage.meetings()
    made = stage.zoom.meetings[reference]
    assert hour_of(made.series) == 14
    assert made.conference.join_url in before
    assert made.conference.join_url in stage.text()
    assert stage.zoom.asked.count("meeting.create") == 1


def test_a_change_of_other_things_leaves_the_meeting_alone(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    text = event("20261123T090000Z", "20261123T100000Z", "X-BUSYBRIDGE-CONFERENCE:zoom",
                 "DESCRIPTION:Bring cake")  # fmt: skip
    stage.done(stage.put(text))
    assert stage.event().description == "Bring cake"
    assert "meeting.update" not in stage.zoom.asked


def test_a_deleted_booking_takes_its_meeting_along(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert stage.meetings() == stage.events() == []


def test_a_meeting_that_somebody_deleted_is_no_obstacle_to_a_deletion(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.zoom.meetings.clear()
    assert stage.done(stage.delete()).result is Result.SETTLED


def test_a_meeting_that_somebody_deleted_is_made_anew_when_its_event_moves(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    (old,) = stage.meetings()
    stage.zoom.meetings[old].cancelled = True
    stage.done(stage.put(meeting("zoom", "20261123T140000Z", "20261123T150000Z")))
    (new,) = stage.meetings()
    link = stage.zoom.meetings[new].conference.join_url
    assert new != old
    assert stage.event().location == link
    assert link in stage.text()


def test_a_meeting_that_is_not_wanted_any_more_is_cancelled(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.done(stage.put(meeting("none")))
    assert stage.meetings() == []
    assert stage.event().location == ""
    assert "zoom.example" not in stage.text()


def test_a_meeting_of_another_kind_takes_the_place_of_the_first(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.done(stage.put(meeting("google_meet")))
    assert stage.meetings() == []
    assert "google-meet.example" in stage.text()
    assert "zoom.example" not in stage.text()
    stage.done(stage.put(meeting("zoom")))
    assert len(stage.meetings()) == 1
    assert "google-meet.example" not in stage.text()


@pytest.mark.covers("F5", "P2")
def test_a_meeting_whose_answer_was_lost_is_found_and_used(stage: Stage) -> None:
    stage.zoom.orders.give("meeting.create", DOWN, after=True)
    assert stage.done(stage.put(meeting("zoom"))).result is Result.SETTLED
    assert "zoom.example" not in stage.text(), "it is written without, for now"
    stage.later()
    (reference,) = stage.meetings()
    assert stage.zoom.meetings[reference].conference.join_url in stage.text()
    assert stage.event().location.endswith(reference)


# A maker that fails


@pytest.mark.covers("F59")
def test_an_event_is_written_without_its_meeting_and_gets_it_later(stage: Stage) -> None:
    stage.zoom.orders.give("meeting.create", DOWN, times=2)
    outcome = stage.done(stage.put(meeting("zoom")))
    assert outcome.result is Result.SETTLED
    assert stage.event().location == ""
    assert "the meeting could not be made yet" in stage.text()
    assert "booking.conference_failing" in stage.told()
    stage.persist()
    (reference,) = stage.meetings()
    assert stage.event().location.endswith(reference)
    assert "could not be made" not in stage.text()
    assert stage.told()[-1] == "booking.conference_assigned"


@pytest.mark.covers("F59")
def test_who_insists_on_meetings_is_told_when_their_maker_is_down(open_stage) -> None:
    stage = open_stage(zoom=True, sections=REJECT)
    stage.zoom.orders.give("meeting.find", DOWN)
    assert stage.done(stage.put(meeting("zoom"))).result is Result.WITHDRAWN
    assert stage.events() == stage.meetings() == []


def test_who_insists_on_meetings_gets_no_event_without(open_stage) -> None:
    stage = open_stage(zoom=True, sections=REJECT)
    stage.zoom.orders.give("meeting.create", RemoteRejected("too many meetings today"))
    outcome = stage.done(stage.put(meeting("zoom")))
    assert outcome.result is Result.REFUSED
    assert "too many meetings today" in outcome.reason
    assert stage.events() == []


def test_a_meeting_that_can_never_be_made_stays_without_and_says_so(stage: Stage) -> None:
    stage.zoom.orders.give("meeting.create", RemoteRejected("no licence"), times=None)
    stage.done(stage.put(meeting("zoom")))
    stage.persist(hours=100)
    assert "no licence" in stage.text()
    assert stage.zoom.asked.count("meeting.create") < 40
    assert all(not it.state.is_open for it in stage.proposals())


def test_a_meeting_that_cannot_be_moved_now_is_moved_later(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.zoom.orders.give("meeting.update", DOWN, times=2)
    outcome = stage.done(stage.put(meeting("zoom", "20261123T140000Z", "20261123T150000Z")))
    assert outcome.result is Result.SETTLED
    (reference,) = stage.meetings()
    stage.persist()
    assert hour_of(stage.zoom.meetings[reference].series) == 14
    assert all(not it.state.is_open for it in stage.proposals())


def test_a_meeting_that_cannot_be_cancelled_now_is_cancelled_later(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.zoom.orders.give("meeting.cancel", DOWN, times=3)
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert len(stage.meetings()) == 1
    (owed,) = [it for it in stage.proposals() if it.state.is_open]
    assert (owed.kind, owed.error_message) == (outbox.Kind.MEETING, "Zoom is down")
    stage.persist()
    assert stage.meetings() == []


@pytest.mark.covers("F58")
def test_a_meeting_whose_event_is_refused_is_cancelled(stage: Stage) -> None:
    stage.memory.orders.give("put", RemoteRejected("the room is closed"))
    outcome = stage.done(stage.put(meeting("zoom")))
    assert (outcome.result, outcome.reason) == (Result.REFUSED, "the room is closed")
    assert stage.meetings() == []
    assert len(stage.zoom.meetings) == 1, "it had been made"


@pytest.mark.covers("F58")
def test_a_meeting_whose_event_is_refused_is_cancelled_however_long_it_takes(
    stage: Stage,
) -> None:
    stage.memory.orders.give("put", RemoteRejected("the room is closed"))
    stage.zoom.orders.give("meeting.cancel", DOWN, times=4)
    assert stage.done(stage.put(meeting("zoom"))).result is Result.REFUSED
    (owed,) = [it for it in stage.proposals() if it.state.is_open]
    assert owed.error_message == "Zoom is down", "it is listed"
    stage.persist()
    assert stage.meetings() == []


def test_a_booking_whose_host_is_disconnected_moves_and_its_meeting_follows_once_it_is_back(
    stage: Stage,
) -> None:
    def set_status(status: ConnectionStatus) -> None:
        with stage.database.write() as conn:
            connections.set_status(conn, ConnectionId("room-a.zoom"), status)

    stage.done(stage.put(meeting("zoom")))
    (reference,) = stage.meetings()
    link = stage.event().location
    set_status(ConnectionStatus.DISCONNECTED)
    later = meeting("zoom", "20261123T140000Z", "20261123T150000Z")
    assert stage.done(stage.put(later)).result is Result.SETTLED
    assert stage.event().location == link, "it is good all the same"
    stage.later()
    [owed] = [it for it in stage.proposals() if it.state.is_open]
    assert owed.error_code == "not_connected"
    set_status(ConnectionStatus.ACTIVE)
    stage.later()
    assert hour_of(stage.zoom.meetings[reference].series) == 14
    set_status(ConnectionStatus.DISCONNECTED)
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert (stage.events(), stage.meetings()) == ([], [reference])
    set_status(ConnectionStatus.ACTIVE)
    stage.later()
    assert stage.meetings() == []


def test_a_meeting_that_was_deleted_before_it_could_be_moved_is_made_anew(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    (old,) = stage.meetings()
    stage.zoom.orders.give("meeting.update", DOWN, times=2)
    stage.done(stage.put(meeting("zoom", "20261123T140000Z", "20261123T150000Z")))
    stage.zoom.meetings[old].cancelled = True
    stage.persist()
    (new,) = stage.meetings()
    assert new != old
    assert stage.event().location.endswith(new)
    assert stage.booking().meeting_reference == new


@pytest.mark.parametrize("further", ["put", "delete"])
def test_what_was_begun_by_a_booking_that_failed_is_found_by_the_next_one(
    stage: Stage, further: str
) -> None:
    stage.memory.orders.give("put", DOWN, after=True, times=None)
    stage.done(stage.put(meeting("zoom", "20261215T090000Z", "20261215T100000Z")))
    assert stage.later(80 * 3600)[-1].outcome == "failed"
    assert len(stage.meetings()) == len(stage.events()) == 1
    stage.memory.orders.forget()
    stage.done(
        stage.put(meeting("zoom", "20261215T090000Z", "20261215T100000Z", title="Again"))
        if further == "put"
        else stage.delete()
    )
    stage.persist()
    count = 1 if further == "put" else 0
    assert len(stage.meetings()) == len(stage.events()) == count
    assert len(stage.zoom.meetings) == 1


def test_all_meetings_that_a_deletion_leaves_are_cancelled_later(stage: Stage) -> None:
    at_two = ("20261215T140000Z", "20261215T150000Z")
    stage.done(stage.put(meeting("zoom", "20261215T090000Z", "20261215T100000Z")))
    (old,) = stage.meetings()
    stage.zoom.meetings[old].cancelled = True
    orders = stage.memory.orders
    orders.give("put", lambda: orders.give("put", DOWN, times=None))
    stage.done(stage.put(meeting("zoom", *at_two)))
    assert stage.later(80 * 3600)[-1].outcome == "failed"
    (new,) = stage.meetings()
    orders.forget()
    stage.zoom.orders.give("meeting.cancel", DOWN, times=3)
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert stage.meetings() == [new], "it is owed"
    stage.persist()
    assert stage.meetings() == []


@pytest.mark.covers("A-23")
def test_a_meeting_goes_with_an_event_that_somebody_deleted(stage: Stage) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.house.pull()
    stage.remove()
    stage.house.pull()
    stage.work()
    assert stage.meetings() == []
    assert "zoom.example" not in stage.text()
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert all(not it.state.is_open for it in stage.proposals())


# Made with their event


@pytest.mark.covers("F57")
def test_a_meeting_of_the_calendar_itself_comes_with_the_event(stage: Stage) -> None:
    outcome = stage.done(stage.put(meeting("google_meet")))
    assert outcome.result is Result.SETTLED
    link = stage.event().conference_url
    assert link.startswith("https://google-meet.example/")
    assert link in stage.text()
    stage.done(stage.put(meeting("google_meet", "20261123T140000Z", "20261123T150000Z")))
    assert stage.event().conference_url == link


@pytest.mark.covers("F56")
def test_a_meeting_that_takes_time_comes_when_it_is_there(stage: Stage) -> None:
    stage.memory.reads_until_ready = 3
    outcome = stage.done(stage.put(meeting("google_meet")))
    assert outcome.result is Result.SETTLED
    assert "google-meet.example" not in stage.text()
    sequence = [report.outcome for _ in range(6) for report in stage.later(60)]
    assert sequence == ["later", "later", "settled"]
    assert "google-meet.example" in stage.text()
    assert stage.told() == ["booking.created", "booking.conference_assigned"]


@pytest.mark.covers("F56")
def test_a_meeting_that_never_comes_is_given_up_and_shown(stage: Stage) -> None:
    stage.memory.reads_until_ready = 10**6
    stage.done(stage.put(meeting("google_meet")))
    for _ in range(15):
        stage.later(60)
    assert "the meeting was not there after 10 minutes" in stage.text()
    assert "booking.conference_failing" in stage.told()
    assert len(stage.events()) == 1
    assert all(not it.state.is_open for it in stage.proposals())


@pytest.mark.covers("F60")
def test_an_account_without_a_licence_keeps_the_event_and_says_why(stage: Stage) -> None:
    stage.memory.unlicensed = "this mailbox has no licence for meetings"
    outcome = stage.done(stage.put(meeting("google_meet")))
    assert outcome.result is Result.SETTLED
    assert len(stage.events()) == 1
    assert "this mailbox has no licence for meetings" in stage.text()
    stage.memory.unlicensed = ""
    stage.persist()
    assert "google-meet.example" in stage.text()


def test_who_insists_on_meetings_gets_no_event_of_an_account_without_a_licence(
    open_stage,
) -> None:
    stage = open_stage(sections=REJECT)
    stage.memory.unlicensed = "this mailbox has no licence for meetings"
    outcome = stage.done(stage.put(meeting("google_meet")))
    assert outcome.result is Result.REFUSED
    assert "no licence" in outcome.reason
    assert stage.events() == []


@pytest.mark.covers("T70")
def test_guests_whom_nobody_mails_hear_nothing_of_an_event_that_is_taken_back(open_stage) -> None:
    stage = open_stage(sections=REJECT, event_defaults={"notify_attendees": False})
    stage.memory.unlicensed = "this mailbox has no licence for meetings"
    text = event("20261123T090000Z", "20261123T100000Z", "X-BUSYBRIDGE-CONFERENCE:google_meet",
                 "ATTENDEE:mailto:ann@example.com")  # fmt: skip
    assert stage.done(stage.put(text)).result is Result.REFUSED
    assert (stage.events(), stage.memory.mails) == ([], [])


def test_an_event_that_nobody_lets_us_take_back_stays_owed_and_is_shown(open_stage) -> None:
    stage = open_stage(sections=REJECT)
    stage.memory.unlicensed = "this mailbox has no licence for meetings"
    stage.memory.orders.give("delete", DOWN)
    stage.put(meeting("google_meet"))
    assert stage.outcomes() == ["later"]
    opened = stage.house.accounts.providers
    writable = opened["room-a.work"] = stage.memory.provider()
    opened["room-a.work"] = replace(writable, sink=None)
    assert [report.outcome for report in stage.later()] == ["later"]
    (owed,) = stage.proposals()
    assert (owed.error_code, owed.error_message) == (
        "calendar_not_writable", "this calendar cannot be written to",
    )  # fmt: skip
    opened["room-a.work"] = writable
    assert stage.persist()[-1:] == ["refused"]
    assert stage.events() == []


# What cannot be had


@pytest.mark.parametrize(
    ("zoom", "natively", "why"),
    [
        (True, (ConferenceKind.GOOGLE_MEET,), "it carries Google Meet or Zoom"),
        (False, (ConferenceKind.GOOGLE_MEET,), "it carries Google Meet"),
        (True, (), "it carries Zoom"),
        (False, (), "its provider has none, and Zoom is not set up"),
    ],
)
def test_a_meeting_that_the_calendar_cannot_have_is_refused_with_those_that_it_can(
    open_stage, zoom: bool, natively, why: str
) -> None:
    stage = open_stage(zoom=zoom, natively=natively)
    outcome = stage.done(stage.put(meeting("teams")))
    assert outcome.result is Result.REFUSED
    assert outcome.reason == f"Teams meetings cannot be had in this calendar: {why}"
    assert stage.events() == []


def test_a_resource_without_an_account_for_meetings_writes_the_event_and_says_so(
    open_stage,
) -> None:
    stage = open_stage()
    assert stage.done(stage.put(meeting("zoom"))).result is Result.SETTLED
    assert len(stage.events()) == 1
    assert "Zoom is not set up" in stage.text()


@pytest.mark.parametrize(
    ("natively", "host"),
    [((ConferenceKind.TEAMS,), "teams.example"), ((), "zoom.example")],
    ids=["natively", "by itself"],
)
def test_whichever_meeting_there_is_is_taken_where_any_will_do(
    open_stage, natively, host: str
) -> None:
    stage = open_stage(zoom=True, natively=natively)
    stage.done(stage.put(meeting("auto")))
    assert host in stage.text()


def test_an_account_that_serves_every_resource_makes_meetings_for_this_one(open_stage) -> None:
    stage = open_stage()
    everybodys = Memory(making=ConferenceKind.ZOOM)
    stage.house.accounts.shared = [ConnectionId("(every resource) zoom")]
    stage.house.accounts.providers["(every resource) zoom"] = everybodys.provider()
    stage.done(stage.put(meeting("zoom")))
    assert "zoom.example" in stage.text()
    assert len(everybodys.meetings) == 1


# Others at work


@pytest.mark.covers("F4")
@pytest.mark.parametrize("slow", ["meeting.find", "find"])
def test_whoever_falls_asleep_while_it_looks_makes_no_meeting(stage: Stage, slow: str) -> None:
    stage.put(meeting("zoom"))
    assert len(stage.claims()) == 1  # of a process that is killed
    stage.house.now += LEASE

    def sleep() -> None:
        stage.house.now += LEASE
        assert stage.outcomes() == ["settled"]
        assert stage.done(stage.delete()).result is Result.SETTLED

    (stage.zoom if slow == "meeting.find" else stage.memory).orders.give(slow, sleep)
    (slept,) = stage.claims()
    assert stage.dispatch.run(slept).outcome == "lost"
    assert (stage.meetings(), stage.events()) == ([], [])


def test_whoever_falls_asleep_before_it_moves_a_meeting_leaves_it_where_it_is(
    stage: Stage,
) -> None:
    stage.done(stage.put(meeting("zoom")))
    stage.put(meeting("zoom", "20261123T140000Z", "20261123T150000Z"))
    (slept,) = stage.claims()

    def sleep() -> None:
        stage.house.now += LEASE
        assert stage.outcomes() == ["settled"]
        last = meeting("zoom", "20261123T160000Z", "20261123T170000Z")
        assert stage.done(stage.put(last)).result is Result.SETTLED

    stage.memory.orders.give("put", sleep, after=True)
    assert stage.dispatch.run(slept).outcome == "lost"
    (reference,) = stage.meetings()
    assert hour_of(stage.zoom.meetings[reference].series) == 16
    assert stage.zoom.asked.count("meeting.update") == 2
