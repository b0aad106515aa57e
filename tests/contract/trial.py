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

    def attempt(adapter: type[Adapter]) -> None:
        there = world(adapter)
        getattr(suite(), f"test_{test}")(mirrored(there, there.new_calendar()))

    is_caught(attempt, adapters, switches, faults, times)


def is_caught(
    attempt: Callable[[type[Adapter]], None],
    adapters: tuple[type[Adapter], type[Adapter]],
    switches: Faults,
    faults: Mapping[str, Any],
    times: int | None = None,
) -> None:
    """Hold that the naive one of two passes as long as a stand-in behaves, and ours always does.

    Args:
        attempt: raises where the adapter fails; the others are those of `catches`.
    """
    naive, ours = adapters

    def misbehaving(adapter: type[Adapter]) -> None:
        for fault, value in faults.items():
            switches.switch(fault, value, times)
        try:
            attempt(adapter)
        finally:
            switches.clear()

    attempt(naive)
    with pytest.raises((AssertionError, ProviderError)):
        misbehaving(naive)
    misbehaving(ours)


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
