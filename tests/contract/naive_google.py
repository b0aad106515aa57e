"""What tests with deliberately naive Google adapters share: the adapter, its suite, the trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from bridge.errors import ProviderError
from bridge.providers.google.adapter import GoogleSource
from bridge.providers.google.client import Client
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import ANN, BOB, GoogleWorld, Signed, sandbox, transport
from tests.contract.provider_contract import (
    DAY,
    HOUR,
    NOW,
    Mirror,
    Planned,
    ProviderContract,
    mirrored,
)


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


class Google(ProviderContract):
    """The suite, and what only Google's adapter meets."""

    many = 20

    def test_a_listing_is_whole_or_refused(self, mirror: Mirror) -> None:
        plans = {f"e{n}": Planned(NOW + n * DAY, NOW + n * DAY + HOUR) for n in range(6)}
        self.fill(mirror, **plans)
        try:
            mirror.pages(None)
        except ProviderError:
            return
        mirror.pull()
        assert mirror.plans == plans
        assert "made-up" not in str(mirror.token)

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
    """Try a naive adapter: it passes as long as the stand-in behaves; ours always does."""
    http = transport()
    signed = Signed(http, running.access_token(ANN))
    switches = running.world.account(ANN).faults

    def attempt(source: Callable[[Client], GoogleSource], *, misbehaving: bool) -> None:
        world = GoogleWorld(running, signed, source)
        for fault, value in faults.items() if misbehaving else ():
            switches.switch(fault, value, times)
        try:
            getattr(Google(), f"test_{test}")(mirrored(world, world.new_calendar()))
        finally:
            switches.clear()

    attempt(adapter, misbehaving=False)
    with pytest.raises((AssertionError, ProviderError)):
        attempt(adapter, misbehaving=True)
    attempt(GoogleSource, misbehaving=True)
    http.close()
