"""The Google sink keeps the contract against the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN, Signed, sandbox, transport
from tests.contract.sink_contract import SinkContract, calendar

__all__ = ["calendar"]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox() as started:
        yield started
        assert started.world.defects == []


@pytest.fixture
def google(running: Sandbox) -> Iterator[GoogleSinkWorld]:
    http = transport()
    yield GoogleSinkWorld(running, Signed(http, running.access_token(ANN)))
    http.close()
    running.world.account(ANN).faults.clear()


class TestGoogle(SinkContract):
    @pytest.fixture
    def place(self, google: GoogleSinkWorld) -> GoogleSinkWorld:
        return google
