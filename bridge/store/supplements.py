"""What was set by API: keys of resources and connections, and which number their last change had.

The number is what tells every process that its settings are not the last ones.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from bridge.config.supplements import Supplement
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store import credentials, meta
from bridge.store.credentials import Credential
from bridge.store.database import upsert
from bridge.store.schema import supplements
from bridge.store.vault import Vault

_GENERATION = "supplements.generation"


def every(conn: Connection, vault: Vault) -> list[Supplement]:
    """List all by id, secrets decrypted; one that cannot be read is empty."""
    secrets = credentials.secrets_of_kind(conn, vault, credentials.SETTINGS)
    found = []
    for row in conn.execute(select(supplements).order_by(supplements.c.id)):
        own = secrets.get(ConnectionId(row.id), {})
        found.append(
            Supplement(
                id=row.id,
                keys=json.loads(row.keys),
                made=row.made,
                secrets={
                    name: own.get(name, credentials.NOTHING) for name in json.loads(row.secrets)
                },
                deduplication_key=row.deduplication_key,
            )
        )
    return found


def deduplication_keys(conn: Connection) -> dict[str, str]:
    """Give the deduplication keys of the connections that have one."""
    query = select(supplements.c.id, supplements.c.deduplication_key)
    rows = conn.execute(query.where(supplements.c.deduplication_key.is_not(None)))
    return {row.id: row.deduplication_key for row in rows}


def put(conn: Connection, wanted: Sequence[Supplement], now: Instant) -> None:
    """Write supplements, of secrets only which there are: `put_secrets` writes these."""
    rows = [
        {
            "id": each.id,
            "resource_id": each.resource_id,
            "keys": json.dumps(each.keys),
            "secrets": json.dumps(sorted(each.secrets)),
            "made": each.made,
            "deduplication_key": each.deduplication_key,
            "updated_at": now,
        }
        for each in wanted
    ]
    upsert(
        conn,
        supplements,
        rows,
        update=["keys", "secrets", "made", "deduplication_key", "updated_at"],
    )


def put_secrets(conn: Connection, vault: Vault, wanted: Supplement, now: Instant) -> None:
    """Encrypt the secrets of a supplement, whose connection stands in the store by now.

    Of one that has none any more nothing stays.

    Raises:
        UnknownKey: the key file lacks the key that encrypts.
    """
    id_ = ConnectionId(wanted.id)
    if not wanted.secrets:
        credentials.erase(conn, id_, credentials.SETTINGS)
    else:
        version = credentials.version(conn, id_, credentials.SETTINGS)
        made = Credential(id_, credentials.SETTINGS, wanted.secrets, version=version)
        credentials.save(conn, vault, made, now)


def remove(conn: Connection, ids: Collection[str]) -> None:
    """Delete supplements; those of a resource with those of its connections."""
    for id_ in sorted(ids):
        credentials.erase(conn, ConnectionId(id_), credentials.SETTINGS)
    if ids:
        which = or_(
            supplements.c.id == bindparam("which"), supplements.c.resource_id == bindparam("which")
        )
        conn.execute(delete(supplements).where(which), [{"which": id_} for id_ in sorted(ids)])


def hand_over(conn: Connection, ids: Collection[str]) -> None:
    """Note that these stand in the file by now; what was set of them goes on adding to it."""
    if ids:
        statement = update(supplements).where(supplements.c.id == bindparam("which"))
        conn.execute(statement.values(made=False), [{"which": id_} for id_ in sorted(ids)])


def generation(conn: Connection) -> int:
    """Tell the number of the last change; 0 when there was none."""
    return int(meta.get(conn, _GENERATION) or 0)


def advance(conn: Connection) -> int:
    """Number a change; for whoever holds the lock `inventory`."""
    number = generation(conn) + 1
    meta.put(conn, _GENERATION, str(number))
    return number
