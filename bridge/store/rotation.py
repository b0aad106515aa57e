"""Another key for every credential: whoever is killed in between leaves all of them readable.

First the new key is in the file; then the database names it as the one that encrypts; then the rows
follow, batch by batch; and only when no row needs an old key does that leave the file. A rotation
that finds more than one key in the file goes on with the one that was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, update

from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.errors import StoreError
from bridge.model.resource import ConnectionId
from bridge.store import cipherkeys, credentials
from bridge.store.database import Database
from bridge.store.schema import credentials as table
from bridge.store.vault import Place, SealBroken, Sealed, Vault

_BATCH = 200
"""Rows of one transaction: some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    key_id: str
    """The only key by now."""
    credentials: int
    """How many were encrypted anew, this time."""
    resumed: bool
    """It went on with one that was interrupted."""


def rotate(
    database: Database,
    ring: KeyRing,
    *,
    batch: int = _BATCH,
    progress: Callable[[int], object] = lambda _: None,
) -> Rotated:
    """Make a new key, encrypt every credential with it, and drop the old one.

    Servers go on meanwhile: they read the key file again when they meet the new key.

    Args:
        database: migrated.
        ring: the key file.
        batch: rows of one transaction.
        progress: told how many more rows were encrypted.

    Raises:
        ConfigError: the key file lacks a key, cannot be replaced, or another process rotates.
        StoreError: the database cannot be used, or a credential cannot be read; what was done
            stays, and the next call goes on.
    """
    with ring.changing():
        known = ring.refresh().ring(CREDENTIALS)
        with database.write() as conn:
            cipherkeys.pin(conn, known)
        resumed = len(known) > 1
        key_id = ring.current.key_id if resumed else ring.add()
        with database.write() as conn:
            cipherkeys.use(conn, key_id)
        done = _follow(database, Vault(ring.find), key_id, batch, progress)
        ring.keep_newest()
    return Rotated(key_id, done, resumed)


def _follow(
    database: Database, vault: Vault, key_id: str, size: int, progress: Callable[[int], object]
) -> int:
    done, broken = 0, list[str]()
    after: Place | None = None
    while True:
        with database.write() as conn:
            batch = _reseal(conn, vault, key_id, after, size)
        if batch is None:
            break
        after = batch.end
        done += batch.changed
        broken += batch.broken
        progress(batch.changed)
    if broken:
        raise StoreError(
            f"the stored credential of {', '.join(broken)} was changed or moved from elsewhere; "
            "connect it again, then rotate again: until then the old key stays in the file"
        )
    return done


@dataclass(frozen=True, slots=True)
class _Batch:
    end: Place
    changed: int
    broken: tuple[ConnectionId, ...]


def _reseal(
    conn: Connection, vault: Vault, key_id: str, after: Place | None, size: int
) -> _Batch | None:
    """Encrypt the next rows with another key; content and version stay. None: there are no more."""
    rows = conn.execute(_others(key_id, after, size)).all()
    changed, broken = 0, list[ConnectionId]()
    for row in rows:
        place = Place(row.connection_id, row.kind)
        try:
            plain = vault.open(Sealed(row.key_id, row.nonce, row.ciphertext), place)
        except SealBroken:
            broken.append(ConnectionId(row.connection_id))
            continue
        sealed = vault.seal(plain, place, key_id)
        conn.execute(update(table).where(*credentials.at(*place)).values(**sealed._asdict()))
        changed += 1
    if not rows:
        return None
    return _Batch(Place(rows[-1].connection_id, rows[-1].kind), changed, tuple(broken))


def _others(key_id: str, after: Place | None, size: int) -> Select[Any, Any, Any, Any, Any]:
    """Take the next rows under other keys, in one order, so that what cannot be read is passed."""
    columns = table.c
    query = (
        select(
            columns.connection_id, columns.kind, columns.key_id, columns.nonce, columns.ciphertext
        )
        .where(columns.key_id != key_id)
        .order_by(columns.connection_id, columns.kind)
        .limit(size)
        .with_for_update()
    )
    if after is None:
        return query
    same, later = columns.connection_id == after.connection_id, columns.kind > after.kind
    return query.where(or_(columns.connection_id > after.connection_id, and_(same, later)))
