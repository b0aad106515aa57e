"""What goes wrong at Google when events are written catches a sink that does not expect it.

Every sink here passes the test while the stand-in behaves, and fails it when it does not.
"""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import AuthorizationExpired, RemoteRejected
from bridge.model.http import Response
from bridge.provider import CalendarId
from bridge.providers.google import meet, wire
from bridge.providers.google.editing import Editing
from bridge.sandbox.server import Sandbox
from bridge.sink import Desired, Written
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN, Signed, running, signed
from tests.contract.naive_google import Altered
from tests.contract.trial_of_writing import (
    LOST,
    PENDING,
    TOLD,
    AskedForIsReady,
    Case,
    FailureIsPending,
    NoLinkIsNoWish,
    NoLinkNoEvent,
    Ours,
    SendsItsOwnWay,
    catches,
    faults_of,
    late,
)

__all__ = ["running", "signed"]


class Sending(Altered):
    """Our client, whose answers to what is written a subclass gets hold of."""

    def send(self, *args: Any, **options: Any) -> Response:
        answer = super().send(*args, **options)
        self.judge(answer)
        return answer

    def judge(self, answer: Response) -> None:
        """Raise what it means."""


class ForbiddenIsDisconnected(SendsItsOwnWay):
    """Who is answered 403 has to connect the account again."""

    class Sending(Sending):
        def judge(self, answer: Response) -> None:
            if answer.status == 403:
                raise AuthorizationExpired("the account may not write any more")


class TakenIsTakenBySomebodyElse(SendsItsOwnWay):
    """An id of ours that is used already cannot be our event."""

    class Sending(Sending):
        def judge(self, answer: Response) -> None:
            if answer.status == 409:
                raise RemoteRejected("the id of the event is in use")


class AsksUntilThereIsALink(Ours):
    """A link that is not there was not asked for well enough."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        written = super().put(calendar, desired, base)
        if base is None or written.conference is None or written.conference.state is not PENDING:
            return written
        event = self.sink._client.event(calendar, written.remote_id)
        asked = wire.properties(meet.request(desired.token, event))
        Editing(self.sink._client, calendar, notify=False).patch(event, {"conferenceData": asked})
        return self.read(calendar, written.remote_id)


CASES = (
    *late("meet_pending"),
    Case(AsksUntilThereIsALink, "meet_pending",
         "a_link_comes_however_often_its_event_is_changed_meanwhile", 5),
    *(Case(sink, fault, TOLD) for fault in ("meet_fails", "meet_missing", "meet_forbidden")
      for sink in (AskedForIsReady, FailureIsPending, NoLinkIsNoWish, NoLinkNoEvent)),
    Case(ForbiddenIsDisconnected, "meet_forbidden", TOLD),
    *LOST,
    Case(TakenIsTakenBySomebodyElse, "lost_answers",
         "what_is_repeated_until_it_is_answered_is_one_event", times=1),
)  # fmt: skip
CAUGHT = faults_of(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_misbehaviour_catches(running: Sandbox, signed: Signed, case: Case) -> None:
    switches = running.world.account(ANN).faults
    catches(case, lambda: GoogleSinkWorld(running, signed), switches)
