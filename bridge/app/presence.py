"""Telling that a server runs on a SQLite file: a lock that ends with the process, however it ends.

Any number of servers may hold it together; who wants to replace the file needs it alone.
PostgreSQL knows its clients itself.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.errors import StoreError


def lock_path(database: Path) -> Path:
    """Return the file that is locked; not the database: closing that would end SQLite's locks."""
    return database.with_name(f"{database.name}.serving")


@contextmanager
def serving(database: Path | None) -> Iterator[None]:
    """Hold the lock of a server.

    Raises:
        StoreError: the file is being replaced at this moment.
    """
    if database is None:
        yield
        return
    with _locked(database, fcntl.LOCK_SH, "the database is being restored; start again after it"):
        yield


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Keep servers away while the file is replaced.

    Raises:
        StoreError: a server runs.
    """
    with _locked(database, fcntl.LOCK_EX, "a server runs on this database; stop it first"):
        yield


@contextmanager
def _locked(database: Path, kind: int, refusal: str) -> Iterator[None]:
    path = lock_path(database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as err:
        raise StoreError(f"{path} cannot be opened: {err.strerror}") from err
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise StoreError(refusal, busy=True) from err
        yield
    finally:
        os.close(handle)
