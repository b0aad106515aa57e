"""What a database's error means to the caller: one `StoreError` with the remedy in it."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc

from bridge.errors import StoreError

# A write that ends at RLIMIT_FSIZE or a quota is an I/O error to SQLite, not SQLITE_FULL.
_SQLITE_FULL = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    }
)
# Primary result codes: the low byte of an extended one.
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PG_BUSY = frozenset({"55P03", "57014", "40P01", "40001", "53300"})
_PG_FULL = frozenset({"53100"})
_PG_OURS = ("22", "23", "54")
"""Classes of what is wrong with the data that we sent: a limit of the server, 54, is among them."""
_PG_DAMAGED = frozenset({"XX001", "XX002"})

LOCKED = "the database is locked by another process for too long; try again in a moment"
_FULL = "the database cannot grow: the disk, a quota or a file size limit is full; make room"
DAMAGED = "the database is damaged and takes no more writes; restore a backup"


class Damaged(StoreError):
    """The file is not a database (any more); writing on would make it worse."""


def explain(err: exc.SQLAlchemyError | sqlite3.Error) -> StoreError | None:
    """Translate what SQLAlchemy or SQLite raised; None for a fault of ours, which stays so."""
    if isinstance(err, sqlite3.Error):
        return _explain_sqlite(err)
    if isinstance(err, exc.TimeoutError):
        return StoreError("all database connections are in use; try again in a moment", busy=True)
    if not isinstance(err, exc.DBAPIError) or isinstance(err, exc.IntegrityError | exc.DataError):
        return None
    if isinstance(err.orig, sqlite3.Error):
        return _explain_sqlite(err.orig)
    return _explain_postgresql(err)


def _explain_sqlite(err: sqlite3.Error) -> StoreError | None:
    code: int = getattr(err, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & 0xFF
    if primary in _SQLITE_BUSY:
        return StoreError(LOCKED, busy=True)
    if code in _SQLITE_FULL:
        return StoreError(_FULL, full=True)
    if primary in _SQLITE_DAMAGED:
        return Damaged(DAMAGED)
    if primary == sqlite3.SQLITE_READONLY:
        return StoreError("the database cannot be written: the file or its disk is read-only")
    if primary in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE}:
        return _schema(str(err))
    return StoreError(f"the database cannot be used: {err}")


def _explain_postgresql(err: exc.DBAPIError) -> StoreError | None:
    state: str = getattr(err.orig, "sqlstate", None) or ""
    if state in _PG_BUSY:
        return StoreError(LOCKED, busy=True)
    if state in _PG_FULL:
        return StoreError(_FULL, full=True)
    if state in _PG_DAMAGED:
        return Damaged(DAMAGED)
    if state == "42P01":
        return _schema("no such table")
    unreachable = isinstance(err, exc.OperationalError | exc.InterfaceError)
    if unreachable and not state.startswith(_PG_OURS):
        return StoreError("the PostgreSQL server cannot be reached or ended the connection")
    return None


def _schema(text: str) -> StoreError | None:
    if "no such table" in text:
        return StoreError("the database has no tables of BusyBridge; busybridge serve makes them")
    return None
