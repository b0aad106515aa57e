from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import SqliteDatabases
from tests.dav.stock.grounds import Ground, Installation, own_site, start_stock


@pytest.fixture(scope="module")
def installation(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    made = Installation(folder, sqlite_databases.url(folder / "data"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def stock(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A real Radicale with the plugin."""
    server = start_stock(installation, tmp_path_factory.mktemp("radicale"))
    yield Ground("stock", server.port, installation)
    server.stop()


@pytest.fixture(scope="module")
def own(installation: Installation) -> Iterator[Ground]:
    """What `busybridge serve` answers with."""
    with own_site(installation) as site:
        yield Ground("own", site.port, installation)


@pytest.fixture(params=["own", "stock"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """The test runs once on each ground."""
    found: Ground = request.getfixturevalue(request.param)
    return found
