"""The reference provider keeps the contract."""

from __future__ import annotations

import pytest

from tests.contract.provider_contract import ProviderContract, mirror
from tests.contract.worlds import MemoryWorld

__all__ = ["mirror"]


class TestMemory(ProviderContract):
    machine_examples = 50
    machine_steps = 30

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()
