from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.store.database import Database
from tests.web.site import Site, site_settings


@pytest.fixture
def site(sqlite_database: Database) -> Iterator[Site]:
    """The usual two resources on SQLite, behind waitress."""
    with Site(sqlite_database, site_settings()) as served:
        yield served
