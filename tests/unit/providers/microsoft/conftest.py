"""Ann's calendar at Graph's stand-in, as bookings are written to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.model.http import Http
from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.microsoft_world import sandbox, signed, transport
from tests.contract.sink_calendar import Calendar
from tests.flawless import flawless


@pytest.fixture(scope="session")
def writable() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        yield started


@pytest.fixture(scope="session")
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


@pytest.fixture
def world(writable: Sandbox, http: Http) -> Iterator[MicrosoftSinkWorld]:
    made = MicrosoftSinkWorld(writable, signed(writable, http))
    yield made
    made.faults.clear()


@pytest.fixture
def calendar(world: MicrosoftSinkWorld) -> Calendar:
    return Calendar(world, world.new_calendar())
