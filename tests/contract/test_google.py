"""The Google adapter keeps the contract against the stand-in, well-behaved and not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.google_world import GoogleWorld, Signed, running, signed
from tests.contract.provider_contract import ProviderContract, mirror

__all__ = ["mirror", "running", "signed"]


@pytest.fixture
def google(running: Sandbox, signed: Signed) -> GoogleWorld:
    return GoogleWorld(running, signed)


class TestGoogle(ProviderContract):
    @pytest.fixture
    def world(self, google: GoogleWorld) -> GoogleWorld:
        return google


@pytest.mark.parametrize(
    "fault",
    ["short_pages", "bare_tombstones", "lone_masters", "duplicate_pages", "attendees_omitted",
     "invalid_recurrence", "inverted_times", "uid_without_deleted"],
)  # fmt: skip
class TestMisbehavingGoogle(ProviderContract):
    """The same with each misbehaviour of its listings on."""

    many = 60
    machine_examples = 3

    @pytest.fixture
    def world(self, google: GoogleWorld, fault: str) -> Iterator[GoogleWorld]:
        with google.fault(fault):
            yield google
