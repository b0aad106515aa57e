from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.config.keyfile import KeyFile
from bridge.store.database import Database
from tests.contract.google_world import transport
from tests.databases import PostgresqlServer, SqliteDatabases
from tests.engine.house import House
from tests.engine.owner import Place


@pytest.fixture
def house(database: Database) -> House:
    """A resource with one connection, `work`, on each kind of database."""
    return House(database)


@pytest.fixture
def places(
    request: pytest.FixtureRequest, sqlite_databases: SqliteDatabases, tmp_path: Path
) -> Iterator[Callable[[int], Place]]:
    """Where the runs of a seed take place, one after another; every eighth seed has PostgreSQL."""
    way, made = transport(), list[str]()
    KeyFile.create(tmp_path / "busybridge.key")

    def place(seed: int) -> Place:
        drop()  # the run before is over
        if seed % 8 == 3:
            made.append(_server(request).create())
            return Place(made[-1], tmp_path, way)
        return Place(sqlite_databases.url(tmp_path / "data"), tmp_path, way)

    def drop() -> None:
        while made:
            _server(request).drop(made.pop())

    yield place
    drop()
    way.close()


def _server(request: pytest.FixtureRequest) -> PostgresqlServer:
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server
