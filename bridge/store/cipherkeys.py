"""Which key of the key file encrypts, and which are still needed.

The key that encrypts is the one that the database names, not the newest that a writer knows: after
`use` nothing is written with another one, by any process.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, func, select

from bridge.errors import ConfigError, ConfigProblem
from bridge.model.resource import ConnectionId
from bridge.store import compact, meta
from bridge.store.schema import credentials
from bridge.store.schema import meta as meta_table

_KEY = "credentials.key"
"""In `meta`: the id of the key that encrypts."""


def in_force(conn: Connection) -> str | None:
    """Name the key that encrypts; None before there was one."""
    return meta.get(conn, _KEY)


def locked(conn: Connection) -> str:
    """Name the key that encrypts; until this transaction ends it stays the one."""
    query = select(meta_table.c.value).where(meta_table.c.key == _KEY)
    found: str = conn.execute(query.with_for_update(read=True)).scalar_one()
    return found


def use(conn: Connection, key_id: str) -> None:
    """Encrypt with this key from now on; waits for those who are writing with the one before."""
    meta.put(conn, _KEY, key_id)


def uses(conn: Connection) -> Mapping[str, int]:
    """Count the credentials by the key that they are encrypted with."""
    query = select(credentials.c.key_id, func.count().label("used")).group_by(credentials.c.key_id)
    return {row.key_id: row.used for row in conn.execute(query)}


def missing(conn: Connection, known: Collection[str]) -> list[str]:
    """Name the keys that credentials need and that are not among these."""
    return sorted(uses(conn).keys() - set(known))


def pin(conn: Connection, known: Collection[str]) -> None:
    """Make sure that every credential can be read with these keys, the newest last.

    Raises:
        ConfigError: a key is missing.
    """
    if lost := missing(conn, known):
        raise ConfigError([refusal(lost)])
    if in_force(conn) not in known:
        use(conn, list(known)[-1])


def refusal(lost: Collection[str]) -> ConfigProblem:
    """Say that the key file is not the one that this database needs."""
    return ConfigProblem(
        "the key file lacks a key that credentials in the database are encrypted with: "
        + ", ".join(lost),
        key="storage.encryption_key_file",
        hint="put back the key file that belongs to this database: the one that `keyring rotate` "
        "wrote last or, beside an older backup, the one of its time; if it is lost, "
        "`busybridge keyring forget` gives these credentials up",
    )


def forget(conn: Connection, known: Collection[str]) -> list[ConnectionId]:
    """Erase every credential that none of these keys can read, and name their connections."""
    lost = credentials.c.key_id.not_in(list(known))
    query = delete(credentials).where(lost).returning(credentials.c.connection_id)
    found = sorted({ConnectionId(name) for name in conn.execute(query).scalars()})
    if found:
        compact.want(conn)
    return found
