"""Ann's calendars in a stand-in that a sink writes to; one server for every test here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN, Signed, sandbox, transport
from tests.contract.sink_calendar import Calendar


@pytest.fixture(scope="package")
def written_to() -> Iterator[Sandbox]:
    with sandbox() as started:
        yield started
        assert started.world.defects == []


@pytest.fixture
def there(written_to: Sandbox) -> Iterator[GoogleSinkWorld]:
    http = transport()
    yield GoogleSinkWorld(written_to, Signed(http, written_to.access_token(ANN)))
    http.close()
    written_to.behave()


@pytest.fixture
def agenda(there: GoogleSinkWorld) -> Calendar:
    """An empty calendar, opened anew for each call."""
    return Calendar(there, there.new_calendar())
