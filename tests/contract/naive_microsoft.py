"""What tests with deliberately naive Microsoft adapters share: adapter, suite and trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

import pytest

from bridge.ical.recurrence import expand
from bridge.model.interval import Window
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.adapter import MicrosoftSource
from bridge.providers.microsoft.client import Client
from bridge.sandbox.server import Sandbox
from tests.contract import trial
from tests.contract.microsoft_world import MicrosoftWorld, sandbox, signed, transport
from tests.contract.provider_contract import DAY, HOUR, NOW, Mirror, Planned
from tests.contract.trial import Suite
from tests.flawless import flawless


class Naive(MicrosoftSource):
    """Our adapter, but for one thing: it reads by a client of its own."""

    Reading: type[Altered]

    def __init__(self, client: Client) -> None:
        super().__init__(self.Reading(client) if hasattr(self, "Reading") else client)


class Altered(Client):
    """Our client, whose pages a subclass gets hold of."""

    def __init__(self, client: Client) -> None:
        self.__dict__.update(client.__dict__)
        self.link = f"{self._root}/me/calendarView/delta?$deltatoken=made-up"

    def _pages(
        self, url: str, calendar: str, *, is_delta: bool = False
    ) -> Iterator[wire.EventPage]:
        for page in super()._pages(url, calendar, is_delta=is_delta):
            page.value = [each for each in page.value if self.keeps(each)]
            yield page

    def keeps(self, line: Mapping[str, Any]) -> bool:
        """Tell whether a line of a page is taken."""
        return bool(line)

    def made_up(self, *lines: Any) -> wire.EventPage:
        """Give a page that is the last."""
        return wire.EventPage(value=list(lines), delta_link=self.link)


class Microsoft(Suite):
    """The suite, and what only Microsoft's adapter meets."""

    def test_a_series_that_ends_earlier_has_fewer_occurrences(self, mirror: Mirror) -> None:
        daily = Planned(NOW - DAY, NOW - DAY + HOUR)
        longer, shorter = (self.rule(daily, count) for count in (9, 4))
        self.fill(mirror, other=Planned(), daily=longer)
        mirror.pull()
        plans = self.fill(mirror, daily=shorter)
        mirror.pull()
        assert mirror.plans == {"other": Planned(), **plans}

    def test_an_occurrence_that_is_deleted_is_gone(self, mirror: Mirror) -> None:
        assert isinstance(mirror.world, MicrosoftWorld)
        daily = self.rule(Planned(), 4)
        self.fill(mirror, daily=daily, other=Planned())
        mirror.pull()
        mirror.world.drop(mirror.calendar, "daily", NOW + 2 * DAY)
        mirror.pull()
        starts = [
            each.start
            for whole in mirror.objects.values()
            for each in expand(whole, Window(NOW, NOW + 9 * DAY), UTC, day_zone=UTC).occurrences
        ]
        assert sorted(starts) == [NOW, NOW, NOW + DAY, NOW + 3 * DAY]

    def rule(self, plan: Planned, count: int) -> Planned:
        return Planned(plan.start, plan.end, plan.summary, f"FREQ=DAILY;COUNT={count}")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        yield started


@pytest.fixture(scope="module")
def world(running: Sandbox) -> Iterator[MicrosoftWorld]:
    http = transport()
    yield MicrosoftWorld(running, signed(running, http))
    http.close()


def catches(
    world: MicrosoftWorld,
    adapter: type[Naive],
    faults: Mapping[str, Any],
    test: str,
    times: int | None = None,
) -> None:
    """Try a naive adapter."""

    def tried(made: type[MicrosoftSource]) -> MicrosoftWorld:
        return MicrosoftWorld(world.running, world.http, made, world.uids)

    trial.catches(Microsoft, tried, (adapter, MicrosoftSource), world.faults, faults, test, times)
