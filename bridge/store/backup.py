"""Consistent copies of a SQLite database, while it is in use, and putting one back."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.store import restored, sqlite
from bridge.store.database import Database
from bridge.store.failures import explain


def backup(database: Database, target: Path) -> int:
    """Copy a SQLite database as it is at one moment into a new file, mode 0600.

    It holds everything but the key file: credentials stay ciphertext, tokens hashes.

    Returns:
        The size in bytes.

    Raises:
        StoreError: PostgreSQL (use `pg_dump`), the target exists, or there is no room.
    """
    source_path = _sqlite_path(database)
    with _new_file(target), _explained():
        with (
            contextlib.closing(_open(source_path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy, pages=1024)
            copy.execute("PRAGMA journal_mode = DELETE")
        return target.stat().st_size


def restore(source: Path, database: Database, now: Instant, *, force: bool = False) -> None:
    """Put a backup in the place of a SQLite database; the caller keeps servers away.

    Every resource begins a new epoch: what changed after the backup was made is unknown here, and
    its numbers will be given to other changes, so that a sync token from then must not go on.

    Args:
        source: what `backup` wrote.
        database: names the file to be replaced; nothing may have it open.
        now: the present; what was read of accounts before is not all that they hold.
        force: replace a database that exists; its old content is lost.

    Raises:
        StoreError: the backup is damaged or of a later version, or the database exists.
    """
    target = _sqlite_path(database)
    _check(source)
    if target.exists() and not force:
        raise StoreError(f"{target} exists; --force replaces it, and loses what it holds")
    fresh = target.with_name(f"{target.name}.restoring")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    sqlite.create(fresh)
    with (
        _explained(),
        contextlib.closing(_open(source)) as old,
        contextlib.closing(sqlite3.connect(fresh)) as new,
    ):
        old.backup(new)
        new.execute("UPDATE resources SET epoch = lower(hex(randomblob(8)))")
        new.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (restored.PUT_BACK, str(now)))
        new.commit()
        new.execute("PRAGMA journal_mode = DELETE")
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    fresh.replace(target)


def _sqlite_path(database: Database) -> Path:
    if database.path is None:
        raise StoreError("this is a PostgreSQL database; use pg_dump and pg_restore")
    return database.path


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise StoreError(f"{path} does not exist")
    return sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)


def _check(source: Path) -> None:
    """Refuse what is no backup of ours, before anything is replaced."""
    with _explained(), contextlib.closing(_open(source)) as conn:
        found = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
        tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master")}
    if found != "ok":
        raise StoreError(f"{source} is damaged: {found}")
    if not {"alembic_version", "resources", "blocks"} <= tables:
        raise StoreError(f"{source} is not a backup of BusyBridge")
    checked = Database(f"sqlite:///{source.absolute()}")
    try:
        checked.revision()
    finally:
        checked.close()


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[None]:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as err:
        raise StoreError(f"{path} exists and is not overwritten") from err
    except OSError as err:
        raise StoreError(f"{path} cannot be written: {err.strerror}") from err
    try:
        yield
    except BaseException:
        path.unlink()
        raise


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as err:
        raise explain(err) or StoreError(f"the copy failed: {err}") from err
