from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.notify import notifier
from bridge.store.database import Database
from tests.notify.desk import Desk
from tests.servers.origin import Origin


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each run deliver all that waits, however long the machine takes."""
    monkeypatch.setattr(notifier, "_RUN", 3600.0)


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
