"""The reference provider keeps the contract of sinks."""

from __future__ import annotations

import pytest

from bridge.providers.memory import Memory
from tests.contract.sink_contract import SinkContract, calendar
from tests.contract.sink_worlds import MemorySinkWorld

__all__ = ["calendar"]


class TestMemory(SinkContract):
    @pytest.fixture
    def place(self) -> MemorySinkWorld:
        return MemorySinkWorld()


@pytest.mark.soak
class TestMemoryThatNamesEventsItself(SinkContract):
    """And is slow to make meetings."""

    @pytest.fixture
    def place(self) -> MemorySinkWorld:
        return MemorySinkWorld(Memory(own_uids=True, reads_until_ready=2))
