"""What tests with deliberately naive Google adapters share: the adapter, its suite, the trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bridge.providers.google.adapter import GoogleSource
from bridge.providers.google.client import Client
from bridge.sandbox.server import Sandbox
from tests.contract import trial
from tests.contract.google_world import ANN, BOB, GoogleWorld, Signed, sandbox, transport
from tests.contract.provider_contract import DAY, HOUR, NOW, Mirror, Planned
from tests.contract.trial import Suite


class Naive(GoogleSource):
    """Our adapter, but for one thing."""

    def __init__(self, client: Client) -> None:
        super().__init__(self.reading(client))

    def reading(self, client: Client) -> Client:
        return client


class Altered(Client):
    """Our client, whose pages a subclass gets hold of."""

    def __init__(self, client: Client) -> None:
        self.__dict__.update(client.__dict__)


class Google(Suite):
    """The suite, and what only Google's adapter meets."""

    def test_an_event_counts_whoever_else_comes(self, mirror: Mirror) -> None:
        assert isinstance(mirror.world, GoogleWorld)
        plan = Planned(summary="Meeting")
        mirror.world.invite(mirror.calendar, "meeting", plan, BOB, "eve@example.test")
        plans = self.fill(mirror, alone=Planned(NOW + DAY, NOW + DAY + HOUR))
        mirror.pull()
        assert mirror.plans == {"meeting": plan, **plans}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox() as started:
        yield started


def catches(
    running: Sandbox,
    adapter: type[Naive],
    faults: Mapping[str, Any],
    test: str,
    times: int | None = None,
) -> None:
    """Try a naive adapter."""
    http = transport()
    signed = Signed(http, running.access_token(ANN))
    trial.catches(
        Google,
        lambda made: GoogleWorld(running, signed, made),
        (adapter, GoogleSource),
        running.world.account(ANN).faults,
        faults,
        test,
        times,
    )
    http.close()
