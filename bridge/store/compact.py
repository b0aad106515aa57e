"""Bytes of what was deleted, gone from the file, too: SQLite leaves them where they were.

What deletes says so in its own transaction, so that it is done even after a crash. `secure_delete`
is not enough: a page that was split keeps copies of rows that moved to another page.
"""

from __future__ import annotations

from secrets import token_hex

from sqlalchemy import Connection

from bridge.store import meta
from bridge.store.database import Database

_WANTED = "compact"


def want(conn: Connection) -> None:
    """Ask for it; it is done after this transaction, by whoever calls `run`."""
    if conn.dialect.name == "sqlite":
        meta.put(conn, _WANTED, token_hex(4))


def run(database: Database) -> bool:
    """Do what was asked for; call it with no transaction open, now and then.

    Nobody can write meanwhile: it takes about a second for 200 MB, and as much memory.

    Returns:
        False when somebody was reading all the time, and it is left for the next call.

    Raises:
        StoreError: it cannot be done, or not now (`busy`).
    """
    with database.read() as conn:
        wanted = meta.get(conn, _WANTED)
    if wanted is None:
        return True
    if not database.compact():
        return False
    with database.write() as conn:
        if meta.get(conn, _WANTED) == wanted:  # else more was deleted since
            meta.drop(conn, _WANTED)
    return True
