"""When a database was put back, and noticing that with PostgreSQL.

`busybridge restore` gives every resource of a SQLite file a new epoch. PostgreSQL is restored with
its own tools; they make the tables anew, and that can be seen.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, text, update

from bridge.model.interval import Instant
from bridge.store import meta
from bridge.store.resources import new_epoch
from bridge.store.schema import resources

PUT_BACK = "put_back"
"""Key of the instant when the database was put back."""
_KEY = "tables"
_LONGEST_AHEAD = 86400
"""Seconds. What is later than this from now was written by a clock that ran ahead."""
_TABLES = text(
    "SELECT oid || '.' || 'resources'::regclass::oid FROM pg_database"
    " WHERE datname = current_database()"
)


def renew_epochs(conn: Connection, now: Instant) -> bool:
    """Begin new epochs when the tables are not those that were served before.

    What changed after the dump is unknown here, and its numbers will be given to other changes, so
    that a sync token from then must not go on.

    Returns:
        Whether the tables are others.
    """
    if conn.dialect.name != "postgresql":
        return False
    meta.lock(conn, _KEY)
    found = str(conn.execute(_TABLES).scalar_one())
    known = meta.get(conn, _KEY)
    if known == found:
        return False
    meta.put(conn, _KEY, found)
    if known is None:
        return False
    meta.put(conn, PUT_BACK, str(now))
    ids = conn.execute(select(resources.c.id).order_by(resources.c.id)).scalars().all()
    if ids:
        statement = update(resources).where(resources.c.id == bindparam("which"))
        conn.execute(
            statement.values(epoch=bindparam("fresh")),
            [{"which": id_, "fresh": new_epoch()} for id_ in ids],
        )
    return True


def put_back_at(conn: Connection) -> Instant:
    """Give the instant when the database was put back; 0 when it never was.

    What an account was read to hold before that may be less than what it holds.
    """
    return int(meta.get(conn, PUT_BACK) or 0)


def heal_clock(conn: Connection, now: Instant) -> None:
    """Believe what is read from now on, where a clock that ran ahead noted the instant."""
    if put_back_at(conn) > now + _LONGEST_AHEAD:
        meta.put(conn, PUT_BACK, str(now))
