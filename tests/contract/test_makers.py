"""The reference maker and Zoom's keep the contract of makers of conferences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.model.http import Http
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import transport
from tests.contract.maker_contract import MakerContract
from tests.contract.maker_worlds import MemoryMakerWorld, ZoomMakerWorld, sandbox
from tests.flawless import flawless


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        yield started


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


class TestMemory(MakerContract):
    @pytest.fixture
    def place(self) -> MemoryMakerWorld:
        return MemoryMakerWorld()


class TestZoom(MakerContract):
    """As a host who let the app in."""

    @pytest.fixture
    def place(self, running: Sandbox, http: Http) -> Iterator[ZoomMakerWorld]:
        made = ZoomMakerWorld(running, http)
        yield made
        made.clean()


class TestZoomServerToServer(MakerContract):
    """As a program that acts for the host's account, where listings are late and come in bits."""

    @pytest.fixture
    def place(self, running: Sandbox, http: Http) -> Iterator[ZoomMakerWorld]:
        made = ZoomMakerWorld(running, http, alone=True)
        made.misbehave("short_pages")
        made.misbehave("occurrences_listed")
        yield made
        made.clean()
