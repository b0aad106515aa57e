"""Ann's calendars in a stand-in that a sink writes to; one server for every test here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import Signed, sandbox, signed
from tests.contract.sink_calendar import Calendar
from tests.flawless import flawless

__all__ = ["signed"]


@pytest.fixture(scope="package")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        yield started


@pytest.fixture
def there(running: Sandbox, signed: Signed) -> GoogleSinkWorld:
    return GoogleSinkWorld(running, signed)


@pytest.fixture
def agenda(there: GoogleSinkWorld) -> Calendar:
    """An empty calendar, opened anew for each call."""
    return Calendar(there, there.new_calendar())
