"""A stand-in for each test; what it says has to be what Zoom's description allows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.zoom.people import Program, opened
from tests.sandbox.zoom.receiver import Receiver


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with opened() as running:
        yield running
        assert running.world.defects == []


@pytest.fixture
def ann(sandbox: Sandbox) -> Program:
    return Program(sandbox)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()
