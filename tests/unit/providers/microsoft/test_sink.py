"""Bookings in Outlook: once, whatever happens, and refused where they cannot be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.errors import (
    RateLimited,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.conference import ConferenceKind, ConferenceState
from bridge.model.event import Alarm, Attendee, EventSeries, Floating, Status
from bridge.model.http import Response
from bridge.model.interval import utc
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.microsoft_world import ANN, Signed
from tests.contract.provider_contract import HOUR, NOW
from tests.contract.sink_calendar import ANN as GUEST
from tests.contract.sink_calendar import (
    BOB,
    EVE,
    MONDAY,
    TOKEN,
    WEEK,
    Calendar,
    booking,
    changed,
    override,
    taking_place,
    wanted,
    weekly,
)
from tests.unit.providers.microsoft.writing import Blind, sink_of

TEAMS = ConferenceKind.TEAMS
PAT = "pat@outlook.test"


@pytest.mark.parametrize("fault", ["", "transaction_conflict", "transaction_repeats"])
@pytest.mark.covers("F15")
def test_a_transaction_that_was_used_is_the_event_that_it_made(
    world: MicrosoftSinkWorld, calendar: Calendar, fault: str
) -> None:
    """Also where Graph does not find the event yet: Exchange may take a moment."""
    with world.fault("lost_answers", times=1), pytest.raises(TemporarilyUnavailable):
        calendar.put(wanted(booking(), conference=TEAMS))
    (event,) = calendar.holds()
    world.http.asked.clear()
    sink = sink_of(world, Blind(world.http))
    if fault:
        world.faults.switch(fault)
    again = sink.put(calendar.id, wanted(booking(summary="New"), conference=TEAMS), None)
    assert list(calendar.holds()) == [again.remote_id] == [event]
    assert taking_place(again.series) == [(NOW, NOW + HOUR, "New")]
    assert again.conference is not None
    assert again.conference.state is ConferenceState.READY


@pytest.mark.parametrize("fault", ["", "transaction_conflict", "transaction_repeats"])
@pytest.mark.covers("F15")
def test_a_transaction_that_made_a_series_changes_none_of_its_occurrences_twice(
    world: MicrosoftSinkWorld, calendar: Calendar, fault: str
) -> None:
    series = weekly(attendees=(Attendee(GUEST),), exdates=(MONDAY + 2 * WEEK,))
    desired = wanted(changed(series, override(series, MONDAY + WEEK, summary="Other")))
    made = calendar.put(desired)
    told = world.mailed(calendar.id)
    if fault:
        world.faults.switch(fault)
    again = sink_of(world, Blind(world.http)).put(calendar.id, desired, None)
    assert again == made
    assert list(calendar.holds()) == [made.remote_id]
    assert world.mailed(calendar.id) == told


@pytest.mark.parametrize("fault", ["cut", "html"])
def test_an_answer_to_a_write_that_cannot_be_read_says_nothing_of_it(
    world: MicrosoftSinkWorld, calendar: Calendar, fault: str
) -> None:
    base = calendar.put(wanted(booking()))
    base = calendar.read(base.remote_id)

    class Writing(Blind):
        """Spoils the answers to what is written alone."""

        def request(self, method: str, url: str, **options: Any) -> Response:
            if method == "GET":
                answer: Response = self.http.request(method, url, **options)
                return answer
            with world.fault(fault):
                return super().request(method, url, **options)

    sink = sink_of(world, Writing(world.http))
    with pytest.raises(TemporarilyUnavailable, match="nobody knows"):
        sink.put(calendar.id, wanted(booking(summary="New")), base)
    with pytest.raises(TemporarilyUnavailable, match="nobody knows"):
        sink.put(calendar.id, wanted(booking("other"), token=TOKEN[::-1]), None)
    assert len(calendar.holds()) == 2


@pytest.mark.parametrize(("fault", "value"), [("too_many_requests", 7), ("concurrency", 7)])
@pytest.mark.covers("F18")
def test_a_pause_that_is_asked_for_is_told_and_nothing_is_written(
    world: MicrosoftSinkWorld, calendar: Calendar, fault: str, value: int
) -> None:
    with world.fault(fault, value), pytest.raises(RateLimited) as asked:
        calendar.put(wanted(booking()))
    assert asked.value.retry_after == timedelta(seconds=7)
    assert calendar.holds() == {}


def test_an_event_that_changes_between_reading_and_writing_is_not_written_over(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    base = calendar.put(wanted(booking()))

    class Late(Blind):
        """A person is quicker than the request."""

        def request(self, method: str, url: str, **options: Any) -> Response:
            if method == "PATCH":
                world.rename(calendar.id, base.remote_id, "Theirs")
            return super().request(method, url, **options)

    sink = sink_of(world, Late(world.http))
    with pytest.raises(RemoteChanged):
        sink.put(calendar.id, wanted(booking(summary="Ours")), base)
    assert taking_place(calendar.read(base.remote_id).series) == [(NOW, NOW + HOUR, "Theirs")]


def test_what_changes_while_it_is_written_for_the_first_time_is_written_later(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    calendar.put(wanted(booking()))

    class Late(Blind):
        def request(self, method: str, url: str, **options: Any) -> Response:
            if method == "PATCH":
                world.rename(calendar.id, next(iter(calendar.holds())), "Theirs")
            return super().request(method, url, **options)

    sink = sink_of(world, Late(world.http, wrote=True))
    with pytest.raises(TemporarilyUnavailable):
        sink.put(calendar.id, wanted(booking(summary="Ours")), None)
    after = calendar.put(wanted(booking(summary="Ours")))
    assert list(calendar.holds()) == [after.remote_id]


def test_an_occurrence_that_somebody_changed_is_a_change_of_the_series(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    base = calendar.put(wanted(weekly()))
    second = world.person.instance(base.remote_id, MONDAY + WEEK)
    world.person.change(second, subject="Theirs")
    with pytest.raises(RemoteChanged):
        calendar.put(wanted(weekly(summary="Ours")), base)
    base = calendar.read(base.remote_id)
    world.person.delete(world.person.instance(base.remote_id, MONDAY + 2 * WEEK))
    with pytest.raises(RemoteChanged):
        calendar.put(wanted(weekly(summary="Ours")), base)


def test_an_event_that_is_moved_to_another_calendar_is_gone_from_this_one(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    base = calendar.put(wanted(booking()))
    world.person.move_to(base.remote_id, world.new_calendar())
    assert calendar.find() is None
    with pytest.raises(RemoteNotFound):
        calendar.put(wanted(booking(summary="Other")), base)


def test_one_request_writes_what_differs_and_none_where_nothing_does(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    desired = wanted(booking(description="a  b", location="Inn", categories=("Red",)))
    base = calendar.put(desired)
    world.http.asked.clear()
    calendar.put(desired, base)
    assert world.writes == []
    calendar.put(replace(desired, series=booking(summary="Other", location="Inn")), base)
    assert world.writes == ["PATCH"]


SERIES = weekly()
NEXT = override(SERIES, MONDAY + WEEK)
REFUSED = {
    "Meet": (wanted(booking(), conference=ConferenceKind.GOOGLE_MEET), "Teams meetings alone"),
    "overrides alone": (
        wanted(EventSeries(uid="u", master=None, overrides=(NEXT,))), "without the series"),
    "cancelled": (wanted(booking(status=Status.CANCELLED)), "would be deleted"),
    "this and future": (
        wanted(changed(SERIES, replace(NEXT, this_and_future=True))), "THISANDFUTURE"),
    "rule of an occurrence": (
        wanted(changed(SERIES, replace(NEXT, rrules=("FREQ=DAILY;COUNT=2",)))), "RRULE beside"),
    "exrule": (wanted(weekly(exrules=("FREQ=MONTHLY",))), "EXRULE"),
    "rdate": (wanted(weekly(rdates=(MONDAY + timedelta(days=2),))), "RDATE"),
    "exdate of one event": (wanted(booking(exdates=(utc(NOW),))), "does not recur"),
    "no such occurrence": (
        wanted(changed(SERIES, override(SERIES, MONDAY + timedelta(days=2)))), "no occurrence at"),
    "over its neighbour": (
        wanted(changed(SERIES, replace(NEXT, start=MONDAY + 2 * WEEK, end=MONDAY + 3 * WEEK))),
        "keep their order"),
    "floating": (wanted(booking(start=Floating(MONDAY.replace(tzinfo=None)),
                                end=Floating(MONDAY.replace(tzinfo=None)))), "time zone"),
    "client mails": (
        wanted(booking(attendees=(Attendee(BOB, schedule_agent="CLIENT"),))),
        "SCHEDULE-AGENT=CLIENT"),
    "nobody mails": (
        wanted(booking(attendees=(Attendee(BOB, schedule_agent="NONE"),))), "SCHEDULE-AGENT=NONE"),
    "no mail": (wanted(booking(attendees=(Attendee(BOB),)), notify=False), "notify_attendees"),
    "no address": (wanted(booking(attendees=(Attendee("urn:uuid:1"),))), "no mail address"),
    "informed": (
        wanted(booking(attendees=(Attendee(BOB, role="NON-PARTICIPANT"),))), "NON-PARTICIPANT"),
    "mail alarm": (wanted(booking(alarms=(Alarm(timedelta(hours=1), "EMAIL"),))), "by mail"),
    "two alarms": (
        wanted(booking(alarms=(Alarm(timedelta(hours=1)), Alarm(timedelta(hours=2))))), "once"),
    "late alarm": (wanted(booking(alarms=(Alarm(-timedelta(minutes=5)),))), "after it has begun"),
    "odd alarm": (wanted(booking(alarms=(Alarm(timedelta(seconds=90)),))), "only to the minute"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_outlook_cannot_say_is_refused_by_its_reason(
    world: MicrosoftSinkWorld, calendar: Calendar, case: str
) -> None:
    desired, reason = REFUSED[case]
    world.http.asked.clear()
    with pytest.raises(RemoteRejected, match=reason):
        calendar.put(desired)
    assert world.http.asked == []


@pytest.mark.covers("S1-28", "T70")
def test_guests_are_never_mailed_where_nobody_is_to_be(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    """Graph has no switch: neither are they invited, nor is an event changed that has some."""
    with pytest.raises(RemoteRejected, match="notify_attendees: false"):
        calendar.put(wanted(booking(attendees=(Attendee(BOB),)), notify=False))
    assert calendar.holds() == {}
    made = calendar.put(wanted(booking(), notify=False))
    world.person.change(
        made.remote_id, attendees=[{"emailAddress": {"address": "eve@example.net"}}]
    )
    world.running.world.mail.clear()
    for attendees in ((), (Attendee(EVE),)):
        with pytest.raises(RemoteRejected, match="notify_attendees: false"):
            calendar.put(wanted(booking(summary="B", attendees=attendees), notify=False),
                         calendar.read(made.remote_id))  # fmt: skip
    assert world.mailed(calendar.id) == []


def test_what_graph_refuses_of_a_new_series_leaves_nothing_behind(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    class Strict(Blind):
        """Exchange knows more reasons than we do."""

        def request(self, method: str, url: str, **options: Any) -> Response:
            answer: Response = self.http.request(method, url, **options)
            if method != "PATCH":
                return answer
            told = b'{"error": {"code": "ErrorInvalidRequest", "message": "Not this one."}}'
            return replace(answer, status=400, body=told)

    sink = sink_of(world, Strict(world.http))
    series = weekly(attendees=(Attendee(GUEST),))
    other = override(series, MONDAY + WEEK, summary="Other")
    with pytest.raises(RemoteRejected, match="Not this one"):
        sink.put(calendar.id, wanted(changed(series, other)), None)
    assert calendar.holds() == {}
    assert world.mailed(calendar.id) == []


def test_a_calendar_that_may_only_be_read_says_what_is_missing(
    writable: Sandbox, world: MicrosoftSinkWorld
) -> None:
    with writable.world.lock:
        bob = writable.microsoft.directory.mailbox("bob@example.net")
        bob.default.roles[writable.microsoft.directory.mailbox(ANN).id] = "read"
    scopes = ("Calendars.ReadWrite", "Calendars.ReadWrite.Shared")
    token = writable.microsoft.access_token(ANN, CLIENT_ID, *scopes)
    mine = MicrosoftSinkWorld(writable, Signed(world.http.http, token))
    with pytest.raises(RemoteRejected, match="does not allow this account to write") as refusal:
        Calendar(mine, bob.default.id).put(wanted(booking()))
    assert refusal.value.code == "forbidden"
    assert "shared with the right to edit" in refusal.value.hint
