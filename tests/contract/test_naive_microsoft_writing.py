"""What goes wrong at Microsoft when events are written catches a sink that does not expect it.

Every sink here passes the test while the stand-in behaves, and fails it when it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.errors import RemoteRejected
from bridge.model.http import Response
from bridge.provider import CalendarId, Provider
from bridge.providers.microsoft import plan, standing
from bridge.providers.microsoft.editing import Editor, UsedBefore
from bridge.providers.microsoft.sink import _Put
from bridge.sandbox.server import Sandbox
from bridge.sink import Desired, Written
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.microsoft_world import ANN, Signed, running, signed, transport
from tests.contract.naive_microsoft import Altered
from tests.contract.trial_of_writing import (
    LOST,
    AnotherEventForALink,
    AskedForIsReady,
    Case,
    NoLinkIsNoWish,
    NoLinkNoEvent,
    Ours,
    SendsItsOwnWay,
    catches,
    faults_of,
    late,
)
from tests.unit.providers.microsoft.writing import Blind

__all__ = ["running"]


class BlindWorld(MicrosoftSinkWorld):
    """Graph finds nothing by its marks yet: what was made is known by its transaction alone."""

    def open(self, _calendar: CalendarId) -> Provider:
        return self.through(Blind(self.interrupting))


class WhatIsAnsweredIsNew(Ours):
    """Graph answers with what it has just made."""

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        if base is None and self.find(calendar, desired.token) is None:
            wanted = plan.wanted(desired, ANN)
            editor = Editor(self.sink._client, calendar)
            made = editor.create(_Put(editor, desired, wanted)._new(wanted.master))
            if not isinstance(made, UsedBefore):
                return standing.read(made).written()
        return super().put(calendar, desired, base)


class Sending(Altered):
    """Our client, which meets with a conflict in its own way."""

    def answer(
        self, method: str, path: str, content: bytes | None = None, **options: Any
    ) -> Response:
        answer = super().answer(method, path, content, **options)
        if answer.status == 409 and content:
            return self.conflicting(path, json.loads(content))
        return answer

    def conflicting(self, path: str, event: dict[str, Any]) -> Response:
        """Answer instead."""
        raise RemoteRejected(f"{path}: another event is in the way of {event['subject']}")


class ConflictIsWithSomebodyElse(SendsItsOwnWay):
    """What is in the way is not ours."""

    Sending = Sending


class ConflictNeedsAnotherName(SendsItsOwnWay):
    """What is in use already is used by nobody under another name."""

    class Sending(Sending):
        def conflicting(self, path: str, event: dict[str, Any]) -> Response:
            again = {**event, "transactionId": f"{event['transactionId']}-2"}
            return self.answer("POST", path, json.dumps(again).encode())


READY = "a_meeting_is_ready_when_its_link_is_there_and_not_before"
ONE = "writing_twice_under_one_token_makes_one_event"
CASES = (
    Case(WhatIsAnsweredIsNew, "transaction_repeats", "a_repeated_write_brings_the_event_in_line"),
    Case(ConflictIsWithSomebodyElse, "transaction_conflict", ONE),
    Case(ConflictNeedsAnotherName, "transaction_conflict", ONE),
    *late("join_url_late"),
    *(Case(sink, "online_meeting_fails", READY)
      for sink in (AskedForIsReady, NoLinkIsNoWish, NoLinkNoEvent, AnotherEventForALink)),
    *LOST,
)  # fmt: skip
CAUGHT = faults_of(CASES)


@pytest.fixture(scope="module")
def sends(running: Sandbox) -> Iterator[Signed]:
    http = transport()
    yield signed(running, http)
    http.close()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_misbehaviour_catches(running: Sandbox, sends: Signed, case: Case) -> None:
    world = BlindWorld if case.fault.startswith("transaction") else MicrosoftSinkWorld
    switches = running.microsoft.directory.mailbox(ANN).faults
    catches(case, lambda: world(running, sends), switches)
