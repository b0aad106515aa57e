from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.store import cipherkeys
from bridge.store.database import Database
from tests.builders import store_resource
from tests.servers.authorization import AuthorizationServer
from tests.servers.origin import Origin
from tests.tokens.ground import WORK, Process


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with Origin() as origin:
        yield AuthorizationServer(origin)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    KeyFile.create(tmp_path / "busybridge.key")
    return tmp_path / "busybridge.key"


@pytest.fixture
def process(database: Database, key_file: Path, server: AuthorizationServer) -> Iterator[Process]:
    """One process on each kind of database, connected."""
    store_resource(database)
    made = Process(database, KeyRing(key_file), server.token_url)
    with database.write() as conn:
        cipherkeys.pin(conn, made.ring.current.ring(CREDENTIALS))
    made.tokens.connect(WORK, server.grant())
    yield made
    made.close()
