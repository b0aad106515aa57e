from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.store.database import Database
from tests.dispatch.stage import Stage


@pytest.fixture
def open_stage(database: Database) -> Iterator[Callable[..., Stage]]:
    """Opens a resource with settings of one's own, on each kind of database."""
    opened: list[Stage] = []

    def open_it(**resource: Any) -> Stage:
        opened.append(Stage(database, **resource))
        return opened[-1]

    yield open_it
    for stage in opened:
        stage.close()


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Stage:
    """A resource that can be booked, on each kind of database."""
    return open_stage()
