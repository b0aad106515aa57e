"""Fixtures for every room: databases, and the switch that rewrites golden files."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bridge.store.database import Database
from tests.databases import PostgresqlServer, SqliteDatabases, closing_database

pytest_plugins = ["tests.claims", "tests.clients", "tests.told"]


# Wall time says nothing on a busy machine; bounds on work are asserted on CPU time. Every run tries
# the same examples: what nobody has changed does not fail. `make soak` tries new ones.
hypothesis.settings.register_profile("busybridge", deadline=None, derandomize=True)
hypothesis.settings.register_profile("exploring", deadline=None, derandomize=False, print_blob=True)
hypothesis.settings.load_profile("busybridge")


# A run in the background of a shell ignores Ctrl-C, and so would all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


ON_SQLITE_FIRST = (
    *("access", "app", "bookings", "channels", "connecting", "dav", "dispatch"),
    *("engine", "inventory", "mirror", "notify", "property", "tokens", "web"),
)
"""Rooms whose tests stand on the store's own, which run on both databases each time: theirs run on
PostgreSQL in the long runs."""


LONGEST_FIRST = ("e2e", "engine", "cli", "benchmarks", "channels", "notify")
"""Rooms with files that take long: begun last, one of them would keep one worker busy alone."""


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if room_of(item) in ON_SQLITE_FIRST and "postgresql" in item.name:
            item.add_marker(pytest.mark.soak)
    items.sort(key=lambda item: room_of(item) not in LONGEST_FIRST)


def room_of(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files with what is made"
    )


@pytest.fixture(scope="module", autouse=True)
def settled_heap() -> Iterator[None]:
    """Keep what thousands of tests leave behind from being looked through during another one.

    A collection of all of it takes seconds, and would count as the CPU time of whoever meets it.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer()
    yield server
    server.stop()


@pytest.fixture
def sqlite_url(sqlite_databases: SqliteDatabases, tmp_path: Path) -> str:
    """URL of a fresh, migrated SQLite database."""
    return sqlite_databases.url(tmp_path / "data")


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """URL of a fresh, migrated PostgreSQL database."""
    url = postgresql_server.create()
    yield url
    postgresql_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a fresh, migrated database; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database; the test runs once on each kind."""
    with closing_database(database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A fresh, migrated SQLite database."""
    with closing_database(sqlite_url) as opened:
        yield opened
