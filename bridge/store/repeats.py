"""Requests that are answered once, however often they are sent: what was asked, and the answer.

Both are encrypted: answers hold links that connect accounts. Nobody can tell from a row what was
asked, nor by whom.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, Row, delete, select, update

from bridge.model.interval import Instant
from bridge.store import cipherkeys
from bridge.store.database import insert_new
from bridge.store.keys import digest
from bridge.store.schema import repeats
from bridge.store.vault import Place, Sealed, Vault

KEPT = 86400
"""Seconds for which an answer is remembered."""
HELD = 120
"""Seconds after which a request counts as lost with the process that worked on it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request that came before."""

    request: str
    """Digest of what was asked."""
    status: int = 0
    """Of the answer; 0 while somebody works on it."""
    body: str = field(default="", repr=False)
    media_type: str = ""


def identify(api_key: str, given: str) -> str:
    """Name what a client calls its request; each API key has names of its own."""
    return digest(f"{api_key}\n{given}")


def begin(conn: Connection, vault: Vault, name: str, request: str, now: Instant) -> Repeat | None:
    """Take a request on, or find that it came before.

    Of those that come at the same time one is told None, and has to `finish` or `give_up`.

    Args:
        conn: a write transaction.
        vault: encrypts.
        name: of `identify`.
        request: digest of what is asked.
        now: the present; what is older than a day is forgotten.

    Raises:
        UnknownKey: it came before, and its answer cannot be read any more.
        SealBroken: the row was changed.
    """
    conn.execute(delete(repeats).where(repeats.c.created_at <= now - KEPT))
    sealed = _seal(conn, vault, name, Repeat(request))._asdict()
    values = {"created_at": now, "held_until": now + HELD, **sealed}
    if insert_new(conn, repeats, {"id": name, **values}):
        return None
    row = conn.execute(select(repeats).where(repeats.c.id == name).with_for_update()).one()
    if row.held_until and row.held_until <= now:
        conn.execute(update(repeats).where(repeats.c.id == name).values(**values))
        return None
    return _open(vault, row)


def finish(conn: Connection, vault: Vault, name: str, repeat: Repeat) -> None:
    """Keep the answer."""
    sealed = _seal(conn, vault, name, repeat)._asdict()
    conn.execute(update(repeats).where(repeats.c.id == name).values(held_until=0, **sealed))


def give_up(conn: Connection, name: str) -> None:
    """Forget a request that came to nothing: the same may be tried again."""
    conn.execute(delete(repeats).where(repeats.c.id == name))


def _seal(conn: Connection, vault: Vault, name: str, repeat: Repeat) -> Sealed:
    return vault.seal(json.dumps(asdict(repeat)).encode(), _place(name), cipherkeys.locked(conn))


def _open(vault: Vault, row: Row[tuple[object, ...]]) -> Repeat:
    plain = vault.open(Sealed(row.key_id, row.nonce, row.ciphertext), _place(row.id))
    return Repeat(**json.loads(plain))


def _place(name: str) -> Place:
    return Place("repeat", name)
