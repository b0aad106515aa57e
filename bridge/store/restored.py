"""Noticing that a PostgreSQL database was put back from a dump.

`busybridge restore` gives every resource of a SQLite file a new epoch. PostgreSQL is restored with
its own tools; they make the tables anew, and that can be seen.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, text, update

from bridge.store import meta
from bridge.store.resources import new_epoch
from bridge.store.schema import resources

_KEY = "tables"
_TABLES = text(
    "SELECT oid || '.' || 'resources'::regclass::oid FROM pg_database"
    " WHERE datname = current_database()"
)


def renew_epochs(conn: Connection) -> bool:
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
    ids = conn.execute(select(resources.c.id).order_by(resources.c.id)).scalars().all()
    if ids:
        statement = update(resources).where(resources.c.id == bindparam("which"))
        conn.execute(
            statement.values(epoch=bindparam("fresh")),
            [{"which": id_, "fresh": new_epoch()} for id_ in ids],
        )
    return True
