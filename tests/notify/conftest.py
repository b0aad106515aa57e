from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.store.database import Database
from tests.notify.desk import Desk
from tests.servers.origin import Origin


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture
def desk(database: Database, origin: Origin) -> Iterator[Desk]:
    """An admin whose webhook works, on each kind of database."""
    made = Desk(database, origin)
    yield made
    made.http.close()
