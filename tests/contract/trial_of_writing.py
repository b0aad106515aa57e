"""How a deliberately naive sink is tried, wherever it writes: by a suite that it has to fail.

What is naive here is so of any provider; what needs one's words stands with the tests of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple, TypeVar

from bridge.errors import RemoteChanged, RemoteRejected, TemporarilyUnavailable
from bridge.model.conference import ConferenceState
from bridge.model.event import Attendee
from bridge.provider import CalendarId, Provider, RemoteId
from bridge.sandbox.faults import Faults
from bridge.sink import Desired, Written
from tests.contract.provider_contract import HOUR, NOW
from tests.contract.sink_calendar import BOB, Calendar, SinkWorld, booking, taking_place, wanted
from tests.contract.sink_contract import SinkContract, stands_once
from tests.contract.trial import is_caught

Result = TypeVar("Result")
NUMBERS = count(1)
READY, PENDING, FAILING = ConferenceState.READY, ConferenceState.PENDING, ConferenceState.FAILING


class Ours:
    """Our sink as it is; the naive ones are it, but for one thing."""

    def __init__(self, sink: Any) -> None:
        self.sink = sink

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        found: Written | None = self.sink.find(calendar, token)
        return found

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        found: Written = self.sink.read(calendar, remote_id)
        return found

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        written: Written = self.sink.put(calendar, desired, base)
        return written

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        self.sink.delete(calendar, base, notify=notify)


class SendsItsOwnWay(Ours):
    """Our sink, but for its client."""

    Sending: Any
    """Made of ours."""

    def __init__(self, sink: Any) -> None:
        super().__init__(sink)
        sink._client = self.Sending(sink._client)


# What becomes of a meeting


class Misreads(Ours):
    """Takes one state of a meeting for another; None: for no meeting at all."""

    takes: Sequence[tuple[ConferenceState, ConferenceState | None]]

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        found = super().find(calendar, token)
        return found and self._told(found)

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        return self._told(super().read(calendar, remote_id))

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        return self._told(super().put(calendar, desired, base))

    def _told(self, written: Written) -> Written:
        found, takes = written.conference, dict(self.takes)
        if found is None or found.state not in takes:
            return written
        state = takes[found.state]
        told = None if state is None else replace(found, state=state)
        return replace(written, conference=told)


class AskedForIsReady(Misreads):
    """Whoever asks for a link gets one."""

    takes = ((PENDING, READY), (FAILING, READY))


class NoLinkIsFailure(Misreads):
    """What is not there with the answer does not come any more."""

    takes = ((PENDING, FAILING),)


class FailureIsPending(Misreads):
    """A link that is not there comes later."""

    takes = ((FAILING, PENDING),)


class NoLinkIsNoWish(Misreads):
    """An event without a link is one that was to have none."""

    takes = ((PENDING, None), (FAILING, None))


class NoLinkNoEvent(Ours):
    """Without its meeting nobody needs the event."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        written = super().put(calendar, desired, base)
        if written.conference is not None and written.conference.state is not READY:
            self.delete(calendar, written, notify=True)
            raise RemoteRejected("the provider made no meeting for the event")
        return written


class AnotherEventForALink(Ours):
    """An event without a link is made once more, with better luck."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        written = super().put(calendar, desired, base)
        if written.conference is None or written.conference.state is READY:
            return written
        self.delete(calendar, written, notify=True)
        return super().put(calendar, _named_anew(desired), None)


# Answers that nobody hears


class AnotherNameEachTime(Ours):
    """What was not answered was not written."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        return super().put(calendar, _named_anew(desired) if base is None else desired, base)


class NoAnswerIsARefusal(Ours):
    """An error is an error."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        try:
            return super().put(calendar, desired, base)
        except TemporarilyUnavailable as err:
            raise RemoteRejected(f"the provider did not take the event: {err}") from err


class ChangedMeansBySomebodyElse(Ours):
    """Nobody but other people changes what stands there."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        try:
            return super().put(calendar, desired, base)
        except RemoteChanged as err:
            raise RemoteRejected("somebody else changed the event meanwhile") from err


class GoneIsAnError(Ours):
    """What is to be deleted has to be there."""

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        self.read(calendar, base.remote_id)
        super().delete(calendar, base, notify=notify)


# The trial


class Suite(SinkContract):
    """The suite, and what only sinks meet whose answers a stand-in loses."""

    def test_what_is_tried_until_it_is_answered_is_one_event(self, calendar: Calendar) -> None:
        stands_once(calendar, calendar.persist(wanted(booking(attendees=(Attendee(BOB),)))))

    def test_what_is_repeated_until_it_is_answered_is_one_event(self, calendar: Calendar) -> None:
        """Nobody looks whether it is there."""
        desired = wanted(booking(attendees=(Attendee(BOB),)))
        stands_once(calendar, until_answered(lambda: calendar.put(desired)))

    def test_a_change_that_nobody_heard_of_is_no_conflict(self, calendar: Calendar) -> None:
        written = calendar.persist(wanted(booking()))
        after = calendar.persist(wanted(booking(summary="Other")), written)
        assert taking_place(after.series) == [(NOW, NOW + HOUR, "Other")]
        assert list(calendar.holds()) == [written.remote_id]

    def test_what_is_deleted_until_it_is_answered_is_gone(self, calendar: Calendar) -> None:
        written = calendar.persist(wanted(booking(attendees=(Attendee(BOB),))))
        until_answered(lambda: calendar.delete(written))
        assert calendar.holds() == {}
        assert calendar.world.mailed(calendar.id) == [(BOB, "invited"), (BOB, "cancelled")]

    def test_a_link_comes_however_often_its_event_is_changed_meanwhile(
        self, calendar: Calendar
    ) -> None:
        for kind in calendar.ask(lambda sink: tuple(sink.natively))[:1]:
            written = calendar.put(wanted(booking(), conference=kind))
            for number in range(4):
                desired = wanted(booking(summary=f"{number}"), conference=kind)
                written = calendar.put(desired, calendar.read(written.remote_id))
            now = calendar.read(written.remote_id).conference
            assert now is not None
            assert now.join_url.startswith("https://")


class Case(NamedTuple):
    """A naive sink, and the misbehaviour that catches it."""

    sink: type[Ours]
    fault: str
    test: str
    """Of the suite, without `test_`."""
    value: Any = True
    times: int | None = None

    def __str__(self) -> str:
        return f"{self.sink.__name__}-{self.fault}"


TOLD = "what_became_of_a_meeting_is_told"
_TRIED = "what_is_tried_until_it_is_answered_is_one_event"
LOST = (
    Case(AnotherNameEachTime, "lost_answers", _TRIED, times=1),
    Case(NoAnswerIsARefusal, "lost_answers", _TRIED, times=1),
    Case(ChangedMeansBySomebodyElse, "lost_answers", "a_change_that_nobody_heard_of_is_no_conflict",
         times=2),
    Case(GoneIsAnError, "lost_answers", "what_is_deleted_until_it_is_answered_is_gone", times=2),
)  # fmt: skip


def late(fault: str) -> tuple[Case, ...]:
    """Give those that are caught by a link which comes after two more reads."""
    made_once = "a_meeting_is_made_once_and_stays_with_its_event"
    return (
        *(Case(it, fault, TOLD, 2) for it in (AskedForIsReady, NoLinkIsNoWish, NoLinkNoEvent)),
        Case(NoLinkIsFailure, fault, made_once, 2),
    )


def faults_of(cases: Sequence[Case]) -> frozenset[str]:
    """Name the misbehaviour that catches somebody."""
    return frozenset(case.fault for case in cases)


@dataclass
class Through:
    """A world in which a naive sink writes."""

    world: SinkWorld
    naive: type[Ours]

    def open(self, calendar: CalendarId) -> Provider:
        provider = self.world.open(calendar)
        assert provider.sink is not None
        naive: Any = self.naive(provider.sink)
        return replace(provider, sink=naive)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)


def catches(case: Case, world: Callable[[], SinkWorld], switches: Faults) -> None:
    """Try a naive sink; see `trial.is_caught`.

    Args:
        case: who and what.
        world: makes one with nothing in it.
        switches: of the stand-in.
    """

    def attempt(sink: type[Ours]) -> None:
        there = world()
        calendar = Calendar(Through(there, sink), there.new_calendar())
        getattr(Suite(), f"test_{case.test}")(calendar)

    faults = {case.fault: case.value}
    is_caught(attempt, (case.sink, Ours), switches, faults, case.times)


def until_answered(action: Callable[[], Result]) -> Result:
    """Repeat it, as often as somebody would who hears nothing."""
    for _ in range(4):
        try:
            return action()
        except TemporarilyUnavailable:
            continue
    raise AssertionError("it never ends")


def _named_anew(desired: Desired) -> Desired:
    return replace(desired, token=f"{next(NUMBERS):08x}{desired.token[8:]}")
