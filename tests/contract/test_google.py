"""The Google adapter keeps the contract against the stand-in, well-behaved and not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.contract.google_world import ANN, GoogleWorld, Signed, sandbox, transport
from tests.contract.provider_contract import ProviderContract, mirror

__all__ = ["mirror"]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox() as started:
        yield started
        assert started.world.defects == []


@pytest.fixture
def google(running: Sandbox) -> Iterator[GoogleWorld]:
    http = transport()
    yield GoogleWorld(running, Signed(http, running.access_token(ANN)))
    http.close()
    running.world.account(ANN).faults.clear()


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
