"""Outlook's calendars keep the contract of sinks, however the stand-in answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.microsoft_world import running, signed, transport
from tests.contract.sink_contract import SinkContract, calendar

__all__ = ["calendar", "running"]


@pytest.fixture
def microsoft(running: Sandbox) -> Iterator[MicrosoftSinkWorld]:
    http = transport()
    world = MicrosoftSinkWorld(running, signed(running, http))
    yield world
    http.close()
    world.faults.clear()


class TestMicrosoft(SinkContract):
    @pytest.fixture
    def place(self, microsoft: MicrosoftSinkWorld) -> MicrosoftSinkWorld:
        return microsoft


@pytest.mark.soak
class TestMisbehavingMicrosoft(SinkContract):
    """Links come late, pages are short, and a transaction that was used is answered otherwise."""

    @pytest.fixture(params=["transaction_conflict", "transaction_repeats"])
    def place(
        self, microsoft: MicrosoftSinkWorld, request: pytest.FixtureRequest
    ) -> MicrosoftSinkWorld:
        microsoft.faults.switch("join_url_late", 2)
        for fault in ("short_pages", request.param):
            microsoft.faults.switch(fault)
        return microsoft
