"""What a provider refuses, after a lost answer, half way or at once: what stands is as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from bridge.bookings.words import Result
from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.model.event import Event, PartStat
from bridge.store.bookings import State
from tests.dispatch.stage import Stage, event

DOWN, NO = TemporarilyUnavailable("no answer"), RemoteRejected("read only now")
AT = ("20261123T090000Z", "20261123T100000Z")
LATER = ("20261123T130000Z", "20261123T140000Z")
SERIES = (*AT, "RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20261124T090000Z")
GUEST = "ATTENDEE;RSVP=TRUE:mailto:guest@example.com"
HERS = "Her own room"


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(zoom=True)


def test_nothing_stays_of_a_booking_that_is_refused_after_an_answer_was_lost(stage: Stage) -> None:
    stage.memory.orders.give("put", DOWN, after=True)
    ticket = stage.put(event(*AT, GUEST))
    assert stage.outcomes() == ["later"]
    assert len(stage.events()) == 1
    stage.memory.orders.give("put", NO)
    assert [it.outcome for it in stage.later()] == ["refused"]
    assert stage.end(ticket).result is Result.REFUSED
    stage.house.pull()
    assert (stage.events(), stage.busy(), stage.outcomes()) == ([], [], [])


def test_a_change_that_is_refused_after_an_answer_was_lost_is_taken_back(stage: Stage) -> None:
    assert stage.done(stage.put(event(*AT))).result is Result.SETTLED
    stage.memory.orders.give("put", DOWN, after=True)
    ticket = stage.put(event(*LATER, title="Other"))
    assert stage.done(ticket).result is Result.TENTATIVE
    stage.memory.orders.give("put", NO)
    assert [it.outcome for it in stage.later()] == ["refused"]
    there = stage.event()
    assert (there.summary, there.start.hour) == ("Talk", 9)
    stage.house.pull()
    assert stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    assert stage.booking().state is State.CONFIRMED


@pytest.mark.parametrize("booked", [SERIES, AT], ids=["a series", "one event"])
@pytest.mark.parametrize("meeting", ["", "X-BUSYBRIDGE-CONFERENCE:zoom"], ids=["", "with Zoom"])
def test_what_its_owner_did_meanwhile_stays_and_nobody_is_mailed(
    stage: Stage, booked: tuple[str, ...], meeting: str
) -> None:
    hours = timedelta(hours=5)
    assert stage.done(stage.put(event(*booked, GUEST))).result is Result.SETTLED
    stage.edit(lambda it: replace(it, location=HERS, start=it.start + hours, end=it.end + hours))
    stage.memory.mails.clear()
    stage.memory.orders.give("put", NO)
    wanted = [*booked, GUEST, "DESCRIPTION:x", *filter(None, [meeting])]
    assert stage.done(stage.put(event(*wanted))).result is Result.REFUSED
    there = stage.event()
    assert (there.location, there.description, there.start.hour) == (HERS, "", 14)
    assert (stage.memory.mails, stage.meetings()) == ([], [])


def test_whoever_changes_it_without_end_has_it(stage: Stage) -> None:
    assert stage.done(stage.put(event(*SERIES))).result is Result.SETTLED
    number = count()

    def again() -> None:
        stage.edit(lambda it: replace(it, location=f"{HERS} {next(number)}"))

    stage.memory.orders.give("put", again, times=3)
    assert stage.done(stage.put(event(*SERIES, "LOCATION:Ours"))).result is Result.REFUSED
    assert stage.event().location == f"{HERS} 2"


def test_who_may_not_write_any_more_is_refused_at_once(stage: Stage) -> None:
    assert stage.done(stage.put(event(*SERIES))).result is Result.SETTLED
    stage.memory.orders.give("put", NO, times=None)
    outcome = stage.done(stage.put(event(*SERIES, "DESCRIPTION:x")))
    assert (outcome.result, outcome.reason) == (Result.REFUSED, "read only now")


def test_guests_and_cancelled_occurrences_are_as_before_and_replies_stay(stage: Stage) -> None:
    other = "ATTENDEE;RSVP=TRUE:mailto:other@example.com"
    assert stage.done(stage.put(event(*SERIES, GUEST))).result is Result.SETTLED
    before = stage.event()
    stage.memory.orders.give("put", DOWN, after=True)
    rule = (*AT, SERIES[2], "EXDATE:20261125T090000Z")
    assert stage.done(stage.put(event(*rule, GUEST, other))).result is Result.TENTATIVE
    assert len(stage.event().attendees) == len(before.attendees) + 1
    stage.edit(_accepted)
    stage.memory.orders.give("put", NO)
    assert [it.outcome for it in stage.later()] == ["refused"]
    assert stage.event() == _accepted(before)


def _accepted(it: Event) -> Event:
    """Let all guests come."""
    guests = [replace(each, partstat=PartStat.ACCEPTED) for each in it.attendees]
    return replace(it, attendees=tuple(guests))
