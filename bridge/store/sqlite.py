"""SQLite under SQLAlchemy: one private file, write-ahead log, explicit transactions."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import QueuePool

from bridge.errors import StoreError

_LOG_AHEAD = "PRAGMA journal_mode = WAL"
_LASTING = "PRAGMA synchronous = FULL"
_NOT_LASTING = "PRAGMA synchronous = NORMAL"
"""With a write-ahead log the file stays whole, and what comes later lasts only with it."""
_PRAGMAS = (
    _LASTING,
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA journal_size_limit = 67108864",
)

_KEPT = 8
"""Connections that stay open when nobody needs them."""


def engine(path: Path, patience: timedelta) -> Engine:
    """Make an engine whose transactions read a snapshot, or with option `write` lock at once.

    BEGIN IMMEDIATE waits for other writers before it reads; a deferred transaction that turns
    into a writer fails at once when another wrote in between, whatever the timeout.

    Raises:
        StoreError: on first use, when the file is missing or is a symbolic link.
    """
    made = create_engine(
        "sqlite://",
        creator=lambda: connect(path, patience),
        poolclass=QueuePool,
        pool_size=_KEPT,
        max_overflow=24,
        pool_timeout=patience.total_seconds(),
    )

    @event.listens_for(made, "begin")
    def begin(conn: Connection) -> None:
        write = conn.get_execution_options().get("write", False)
        own = driver(conn)
        if conn.info.get("write") != write:
            own.execute("PRAGMA query_only = 0" if write else "PRAGMA query_only = 1")
            conn.info["write"] = write
        lasting = conn.get_execution_options().get("lasting", True)
        if write and conn.info.get("lasting", True) != lasting:
            own.execute(_LASTING if lasting else _NOT_LASTING)
            conn.info["lasting"] = lasting
        own.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    @event.listens_for(made, "connect")
    def remember(_dbapi: object, record: Any) -> None:
        record.info["opened"] = _circumstances(path)

    @event.listens_for(made, "checkout")
    def same_file(_dbapi: object, record: Any, _proxy: object) -> None:
        if record.info["opened"] != _circumstances(path):
            raise exc.DisconnectionError

    return made


class Readers:
    """Transactions that only read, on connections that are kept ready for the next one.

    What SQLAlchemy does around a transaction takes 25 us, and SQLite's own BEGIN and COMMIT take 1:
    so to SQLAlchemy each of these connections is in one transaction for as long as it is kept.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._idle: list[Connection] = []

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction."""
        conn = self._ready() or self._engine.connect()
        try:
            if conn.in_transaction():
                driver(conn).execute("BEGIN")
            else:
                conn.begin()
            yield conn
            driver(conn).execute("COMMIT")
        except BaseException:
            conn.close()  # whatever the fault was, another connection does not have it
            raise
        if len(self._idle) < _KEPT:
            self._idle.append(conn)
        else:
            conn.close()

    def close(self) -> None:
        """Close what nobody uses at this moment."""
        while conn := self._pop():
            conn.close()

    def _ready(self) -> Connection | None:
        opened = _circumstances(self._path)
        while conn := self._pop():
            if conn.info["opened"] == opened:
                return conn
            conn.invalidate()
            conn.close()
        return None

    def _pop(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


def driver(conn: Connection) -> sqlite3.Connection:
    """Give SQLite's own connection, past SQLAlchemy, which takes longer than SQLite does."""
    own = conn.connection.driver_connection
    assert isinstance(own, sqlite3.Connection)  # noqa: S101 - `connect` made it
    return own


@contextmanager
def loose(conn: Connection) -> Iterator[None]:
    """Let a migration drop and rename tables: with foreign keys on, that would delete rows.

    SQLite heeds the switch only outside a transaction.
    """
    driver(conn).execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver(conn).execute("PRAGMA foreign_keys = ON")


def _circumstances(path: Path) -> object:
    """Tell what a connection depends on: when it changes, a new connection is needed.

    A restored backup is another file: an open connection would read the old one for ever. And
    what was opened on a read-only disk sees no change after the disk became writable.
    """
    return identity(path), os.access(path.parent, os.W_OK)


def connect(path: Path, patience: timedelta) -> sqlite3.Connection:
    """Open an existing file; it is never created here, so that a lost one is noticed."""
    identity(path)
    uri = f"file:{quote(str(path))}?mode=rw"
    writable = os.access(path.parent, os.W_OK)
    if not writable and not Path(f"{path}-shm").exists():
        uri += "&immutable=1"  # the log cannot be made, and nobody can write: read without it
    conn = sqlite3.connect(
        uri,
        uri=True,
        timeout=patience.total_seconds(),
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in (_LOG_AHEAD, *_PRAGMAS) if writable else _PRAGMAS:
            conn.execute(pragma)
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def identity(path: Path) -> tuple[int, int]:
    """Return device and inode of the database file.

    Raises:
        StoreError: it is missing, or is not a regular file.
    """
    try:
        found = path.lstat()
    except OSError as err:
        raise StoreError(f"database {path}: {err.strerror}") from err
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(
            f"database {path} is not a regular file; symbolic links are refused, "
            "name the file itself in storage.database"
        )
    return found.st_dev, found.st_ino


def create(path: Path) -> None:
    """Make the file when it is missing, private (0600) in a private directory (0700)."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path, flags, 0o600))
    except OSError as err:
        if path.is_symlink():
            identity(path)
        if path.is_file():  # a read-only disk: what is there can still be read
            return
        raise StoreError(f"database {path} cannot be created: {err.strerror}") from err
