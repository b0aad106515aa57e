"""The Microsoft adapter keeps the contract against the stand-in, well-behaved and not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_world import MicrosoftWorld, running, signed, transport
from tests.contract.provider_contract import ProviderContract, mirror

__all__ = ["mirror", "running"]


@pytest.fixture
def microsoft(running: Sandbox) -> Iterator[MicrosoftWorld]:
    http = transport()
    world = MicrosoftWorld(running, signed(running, http))
    yield world
    http.close()
    world.faults.clear()


class TestMicrosoft(ProviderContract):
    @pytest.fixture
    def world(self, microsoft: MicrosoftWorld) -> MicrosoftWorld:
        return microsoft


@pytest.mark.parametrize(
    "faults",
    ["short_pages typed_tombstones", "duplicates null_fields", "stale_duplicates custom_zones",
     "occurrence_tombstones", "single_occurrences", "lone_masters", "endless_series_times_out"],
)  # fmt: skip
class TestMisbehavingMicrosoft(ProviderContract):
    """The same with each misbehaviour of its listings on; alone it is in `test_naive_microsoft`."""

    many = 60
    machine_examples = 2

    @pytest.fixture
    def world(self, microsoft: MicrosoftWorld, faults: str) -> MicrosoftWorld:
        for fault in faults.split():
            microsoft.faults.switch(fault)
        return microsoft
