"""Ann's account at a stand-in that one module shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.model.http import Http
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import transport
from tests.contract.maker_worlds import ZoomMakerWorld, sandbox


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox() as started:
        yield started
        assert started.world.defects == []


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


@pytest.fixture
def place(running: Sandbox, http: Http) -> Iterator[ZoomMakerWorld]:
    made = ZoomMakerWorld(running, http)
    yield made
    made.clean()
