"""A stand-in for each test; what it says has to be what Google's description allows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.server import Sandbox
from tests.flawless import flawless
from tests.sandbox.people import Program, opened


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with flawless(opened()) as running:
        yield running


@pytest.fixture
def ann(sandbox: Sandbox) -> Program:
    return Program(sandbox)
