"""What the whole database was made with, and locks that have a name."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from bridge.store.database import upsert
from bridge.store.schema import meta


def get(conn: Connection, key: str) -> str | None:
    """Read a value; None when it was never written."""
    return conn.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def put(conn: Connection, key: str, value: str) -> None:
    """Write a value."""
    upsert(conn, meta, [{"key": key, "value": value}], update=["value"])


def drop(conn: Connection, key: str) -> None:
    """Delete a value."""
    conn.execute(delete(meta).where(meta.c.key == key))


def lock(conn: Connection, name: str) -> None:
    """Let one transaction at a time pass, until it ends; all others wait here.

    Raises:
        StoreError: another transaction holds the lock for too long (`busy`).
    """
    put(conn, f"lock.{name}", "")
