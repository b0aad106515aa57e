"""The Google sink keeps the contract against the stand-in."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import Signed, running, signed
from tests.contract.sink_contract import SinkContract, calendar

__all__ = ["calendar", "running", "signed"]


class TestGoogle(SinkContract):
    @pytest.fixture
    def place(self, running: Sandbox, signed: Signed) -> GoogleSinkWorld:
        return GoogleSinkWorld(running, signed)


@pytest.mark.soak
class TestMisbehavingGoogle(SinkContract):
    """Links come late, pages are short, and what is deleted is named by its id alone."""

    @pytest.fixture
    def place(self, running: Sandbox, signed: Signed) -> GoogleSinkWorld:
        world = GoogleSinkWorld(running, signed)
        world.faults.switch("meet_pending", 2)
        for fault in ("short_pages", "bare_tombstones", "duplicate_pages"):
            world.faults.switch(fault)
        return world
