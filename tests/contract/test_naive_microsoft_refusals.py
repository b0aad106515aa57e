"""More misbehaviour that catches who does not expect it: refusals, patience, busy time.

With `test_naive_microsoft` it is all that concerns reading, see `ELSEWHERE` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from bridge.errors import ProviderError
from bridge.model.interval import Window, utc
from bridge.provider import CalendarId, Shown
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.busy import MicrosoftBusy
from bridge.providers.microsoft.client import Client
from bridge.sandbox.microsoft.faults import FAULTS
from tests.channels import test_naive_subscriptions as pushing
from tests.connecting import test_naive_microsoft_sign_in as signing_in
from tests.contract import test_naive_microsoft_writing as writing
from tests.contract.microsoft_world import ANN, BOB, MicrosoftWorld
from tests.contract.naive_microsoft import Altered, Naive, catches, running, world
from tests.contract.provider_contract import HOUR, NOW
from tests.contract.test_naive_microsoft import CASES, WHOLE
from tests.contract.trial import Hasty, busy_time_is_told_or_refused

__all__ = ["running", "world"]

REFUSALS = (
    *("unauthorized", "forbidden", "mailbox_gone", "calendar_gone", "too_many_requests"),
    *("concurrency", "server_error", "transient_error", "unavailable", "bad_gateway"),
    *("gateway_timeout", "expired_tokens"),
)
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(signing_in.CAUGHT, signing_in.__name__),
    **dict.fromkeys(writing.CAUGHT, writing.__name__),
    **dict.fromkeys(pushing.CAUGHT, pushing.__name__),
}
"""Misbehaviour that the contract of an event source does not meet, and where it is met."""


class TakesRefusalsForNothing(Naive):
    """What is not there now comes with the next pull."""

    class Reading(Altered):
        def _pages(self, *args: Any, **named: Any) -> Iterator[wire.EventPage]:
            try:
                yield from super()._pages(*args, **named)
            except ProviderError:
                yield self.made_up()


class HasNoPatience(TakesRefusalsForNothing):
    def __init__(self, client: Client) -> None:
        hasty: Any = Hasty(client._http, timedelta(seconds=3))
        client._http = hasty
        super().__init__(client)


class NoAnswerIsFree(MicrosoftBusy):
    """A person without busy time has none."""

    def busy(self, calendar: CalendarId, window: Window) -> Sequence[Shown]:
        try:
            return super().busy(calendar, window)
        except ProviderError:
            return []


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_catches(world: MicrosoftWorld, refusal: str) -> None:
    catches(world, TakesRefusalsForNothing, {refusal: True}, WHOLE)


def test_a_slow_answer_catches(world: MicrosoftWorld) -> None:
    catches(world, HasNoPatience, {"slow": 5}, WHOLE, times=2)


def test_an_error_of_one_person_catches(world: MicrosoftWorld) -> None:
    client = Client(world.http, f"{world.running.url}/v1.0")
    bob = world.microsoft.person(BOB)
    bob.share(ANN, "freeBusyRead")
    bob.create("Secret", utc(NOW), utc(NOW + HOUR))
    shared = CalendarId(world.microsoft.directory.mailbox(BOB).default.id)
    busy_time_is_told_or_refused(NoAnswerIsFree(client), shared)
    world.microsoft.misbehave(ANN, "schedule_errors")
    with pytest.raises(AssertionError):
        busy_time_is_told_or_refused(NoAnswerIsFree(client), shared)
    busy_time_is_told_or_refused(MicrosoftBusy(client), shared)
    world.faults.clear()


def test_no_misbehaviour_of_reading_is_left_out() -> None:
    caught = {fault for _, faults, _ in CASES for fault in faults}
    here = {"slow", "schedule_errors"}
    assert caught | here | {*REFUSALS} | ELSEWHERE.keys() == FAULTS.keys()
