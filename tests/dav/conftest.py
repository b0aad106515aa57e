from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.store.database import Database
from tests.databases import SqliteDatabases, closing_database
from tests.dav.client import Client
from tests.dav.house import House


@pytest.fixture
def house(sqlite_database: Database) -> Iterator[House]:
    """Three rooms on SQLite, read over HTTP."""
    with House(sqlite_database) as served:
        yield served


@pytest.fixture(scope="module")
def standing(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """One house for all tests of a module that leave it as it was."""
    url = sqlite_databases.url(tmp_path_factory.mktemp("standing") / "data")
    with closing_database(url) as database, House(database) as served:
        yield served


@pytest.fixture
def alice(house: House) -> Client:
    """Sees the times of `room-a`."""
    return house.client("alice")


@pytest.fixture
def bob(house: House) -> Client:
    """Reads `room-a`."""
    return house.client("bob")
