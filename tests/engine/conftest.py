from __future__ import annotations

import pytest

from bridge.store.database import Database
from tests.engine.house import House


@pytest.fixture
def house(database: Database) -> House:
    """A resource with one connection, `work`, on each kind of database."""
    return House(database)
