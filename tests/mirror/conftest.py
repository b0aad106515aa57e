from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.store.database import Database
from tests.databases import SqliteDatabases, closing_database
from tests.mirror.attic import Attic


@pytest.fixture
def open_attic(database: Database) -> Callable[..., Attic]:
    """Opens a resource with mirrors of one's own, on each kind of database."""

    def open_it(*mirror: dict[str, Any], **resource: Any) -> Attic:
        return Attic(database, *mirror, **resource)

    return open_it


@pytest.fixture
def attic(open_attic: Callable[..., Attic]) -> Attic:
    """A resource whose account `work` is mirrored into `team`, on each kind of database."""
    return open_attic()


@pytest.fixture
def empty(tmp_path: Path, sqlite_databases: SqliteDatabases) -> Iterator[Database]:
    """Another database, of which nobody knows anything yet."""
    with closing_database(sqlite_databases.url(tmp_path / "other")) as database:
        yield database
