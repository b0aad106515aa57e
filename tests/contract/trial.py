"""How a deliberately naive adapter is tried, whatever it reads: by a suite that it has to fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from bridge.errors import ProviderError
from bridge.model.http import Http, Response
from bridge.provider import BusySource, CalendarId
from bridge.sandbox.faults import Faults
from tests.contract.provider_contract import (
    DAY,
    HOUR,
    NOW,
    WINDOW,
    Mirror,
    Planned,
    ProviderContract,
    World,
    mirrored,
)

Adapter = TypeVar("Adapter")


class Suite(ProviderContract):
    """The suite, and what only adapters for stand-ins meet."""

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


def catches(
    suite: type[Suite],
    world: Callable[[type[Adapter]], World],
    adapters: tuple[type[Adapter], type[Adapter]],
    switches: Faults,
    faults: Mapping[str, Any],
    test: str,
    times: int | None = None,
) -> None:
    """Try a naive adapter: it passes as long as the stand-in behaves; ours always does.

    Args:
        suite: with the test.
        world: where it is tried, with that adapter.
        adapters: the naive one, and ours.
        switches: of the stand-in.
        faults: that are switched on, with their values.
        test: without `test_`.
        times: how often each fault happens; None for always.
    """
    naive, ours = adapters

    def attempt(adapter: type[Adapter], *, misbehaving: bool) -> None:
        there = world(adapter)
        for fault, value in faults.items() if misbehaving else ():
            switches.switch(fault, value, times)
        try:
            getattr(suite(), f"test_{test}")(mirrored(there, there.new_calendar()))
        finally:
            switches.clear()

    attempt(naive, misbehaving=False)
    with pytest.raises((AssertionError, ProviderError)):
        attempt(naive, misbehaving=True)
    attempt(ours, misbehaving=True)


@dataclass
class Hasty:
    """Waits for no answer longer than that."""

    http: Http
    patience: timedelta

    def request(self, method: str, url: str, **options: Any) -> Response:
        return self.http.request(method, url, **{**options, "timeout": self.patience})


def busy_time_is_told_or_refused(source: BusySource, calendar: str) -> None:
    """What the contract is for a source of busy time."""
    try:
        found = source.busy(CalendarId(calendar), WINDOW)
    except ProviderError:
        return
    assert [(each.start, each.end) for each in found] == [(NOW, NOW + HOUR)]
