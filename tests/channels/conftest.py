from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.channels.house import Pushed, pushed
from tests.contract.google_world import transport
from tests.databases import SqliteDatabases
from tests.engine.owner import Place


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Pushed]:
    with pushed(tmp_path) as made:
        yield made


@pytest.fixture
def places(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Callable[[], Place]]:
    """Where bridges stand, one after another."""
    way = transport()
    yield lambda: Place(sqlite_databases.url(tmp_path / "data"), tmp_path, way)
    way.close()
