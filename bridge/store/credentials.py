"""Credentials that connections were given by their owners: encrypted, versioned, leased.

One row is one grant: its secrets change together or not at all. `version` decides between those
who change it; the lease keeps a second one from asking the provider at the same time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import randbits
from typing import Any

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, Delete, Update, delete, insert, select, update

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import cipherkeys, compact
from bridge.store.schema import connections, credentials
from bridge.store.vault import Place, SealBroken, Sealed, UnknownKey, Vault

logger = logging.getLogger(__name__)

GRANT = "oauth"
"""What an owner granted."""
SETTINGS = "settings"
"""Kind of the credentials that are secret keys of connections made by API."""
NOTHING = SecretStr("")
"""Stands for a secret that cannot be read: whoever is shown it refuses it."""

_BEGINNINGS = 48
"""Bits of the version that a new row begins with."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One grant; `repr` shows no secret."""

    connection_id: ConnectionId
    kind: str
    """`oauth`; `aside`: of an application, not connected yet."""
    secrets: Mapping[str, SecretStr]
    """By name: `access_token`, `refresh_token`, and what else the kind needs."""
    expires_at: Instant | None = None
    """Of the access token; None when nobody said."""
    scopes: tuple[str, ...] = ()
    """What was granted."""
    subject: str = ""
    """The account's id at the provider."""
    client_id: str = ""
    version: int = 0
    """0: not stored yet."""
    updated_at: Instant = 0
    lease_until: Instant = 0
    """Somebody refreshes it until then, unless that is over."""
    refused_at: Instant | None = None
    """When the provider refused this very version."""
    refused: str = field(default="", repr=False)
    """What it said then."""
    email: str = ""
    """By which people know the account."""

    def secret(self, name: str) -> str:
        """Give one secret; empty when there is none of this name."""
        found = self.secrets.get(name)
        return found.get_secret_value() if found else ""


def load(
    conn: Connection, vault: Vault, connection_id: ConnectionId, kind: str
) -> Credential | None:
    """Read and decrypt a credential.

    Raises:
        UnknownKey: the key file lacks its key.
        SealBroken: the row was changed or moved from elsewhere.
    """
    row = conn.execute(select(credentials).where(*at(connection_id, kind))).first()
    if row is None:
        return None
    place = Place(connection_id, kind)
    sealed = Sealed(row.key_id, row.nonce, row.ciphertext)
    found: dict[str, str] = json.loads(vault.open(sealed, place))
    return Credential(
        connection_id=connection_id,
        kind=kind,
        secrets={name: SecretStr(value) for name, value in found.items()},
        expires_at=row.expires_at,
        scopes=tuple(json.loads(row.scopes)),
        subject=row.subject,
        client_id=row.client_id,
        version=row.version,
        updated_at=row.updated_at,
        lease_until=row.lease_until,
        refused_at=row.refused_at,
        refused=row.refused,
        email=row.email,
    )


def secrets_of_kind(
    conn: Connection, vault: Vault, kind: str
) -> dict[ConnectionId, dict[str, SecretStr]]:
    """Decrypt all credentials of a kind; those that cannot be read are left out, and logged."""
    columns = credentials.c
    query = select(columns.connection_id, columns.key_id, columns.nonce, columns.ciphertext)
    found = {}
    for row in conn.execute(query.where(columns.kind == kind)):
        place = Place(row.connection_id, kind)
        try:
            plain = vault.open(Sealed(row.key_id, row.nonce, row.ciphertext), place)
        except (UnknownKey, SealBroken) as err:
            logger.warning("%s", err)
            continue
        opened: dict[str, str] = json.loads(plain)
        found[ConnectionId(row.connection_id)] = {
            name: SecretStr(value) for name, value in opened.items()
        }
    return found


def version(conn: Connection, connection_id: ConnectionId, kind: str) -> int:
    """Tell which version stands, readable or not; 0 when there is none."""
    query = select(credentials.c.version).where(*at(connection_id, kind))
    return conn.execute(query).scalar() or 0


def subject(conn: Connection, connection_id: ConnectionId, kind: str) -> str:
    """Tell whose account it is, its credential readable or not; empty when nobody knows."""
    query = select(credentials.c.subject).where(*at(connection_id, kind))
    return conn.execute(query).scalar() or ""


def of_subject(conn: Connection, kind: str, name: str) -> list[ConnectionId]:
    """Name the connections that have a credential of this kind and subject."""
    query = select(credentials.c.connection_id).where(
        credentials.c.kind == kind, credentials.c.subject == name
    )
    return [ConnectionId(it) for it in conn.execute(query.order_by("connection_id")).scalars()]


def known_as(conn: Connection, connection_id: ConnectionId, kind: str) -> str:
    """Tell by what people know the account: its address, else its id; empty when nobody knows."""
    query = select(credentials.c.email, credentials.c.subject).where(*at(connection_id, kind))
    row = conn.execute(query).first()
    return (row.email or row.subject) if row else ""


def stands(
    conn: Connection, kind: str, provider: str, application: tuple[str, str], besides: str = ""
) -> bool:
    """Tell whether an application has a grant of an account, and needs it.

    That of a connection which is being disconnected does not count: of two that go at the same
    time each would leave the grant to the other.

    Args:
        conn: any transaction.
        kind: of the credentials that count.
        provider: of the account.
        application: its client id, and the account's id; empty: any account.
        besides: a connection that does not count.
    """
    client_id, subject = application
    query = (
        select(credentials.c.connection_id)
        .join(connections, connections.c.id == credentials.c.connection_id)
        .where(
            credentials.c.connection_id != besides,
            credentials.c.kind == kind,
            credentials.c.client_id == client_id,
            connections.c.provider == provider,
            connections.c.status != ConnectionStatus.DISCONNECTED.value,
        )
    )
    if subject:
        query = query.where(credentials.c.subject.in_([subject, ""]))
    return conn.execute(query.limit(1)).first() is not None


def of_account(
    conn: Connection, kind: str, provider: str, application: tuple[str, str]
) -> list[tuple[ConnectionId, Instant]]:
    """List the connections that live on what an account granted, and since when each does.

    Args:
        conn: any transaction.
        kind: of the credentials that count.
        provider: of the account.
        application: the client id of the one in the settings, and the account's id.
    """
    client_id, subject = application
    query = (
        select(credentials.c.connection_id, credentials.c.updated_at)
        .join(connections, connections.c.id == credentials.c.connection_id)
        .where(
            credentials.c.kind == kind,
            credentials.c.client_id.in_([client_id, ""]),
            credentials.c.subject == subject,
            connections.c.provider == provider,
        )
        .order_by(credentials.c.connection_id)
    )
    return [(ConnectionId(row.connection_id), row.updated_at) for row in conn.execute(query)]


def save(conn: Connection, vault: Vault, wanted: Credential, now: Instant) -> bool:
    """Store a credential in the place of the version that it was made from.

    Returns:
        False when another version stands by now: nothing is written then.

    Raises:
        UnknownKey: the key file lacks the key that encrypts.
    """
    plain = {name: secret.get_secret_value() for name, secret in wanted.secrets.items()}
    place = Place(wanted.connection_id, wanted.kind)
    sealed = vault.seal(json.dumps(plain).encode(), place, cipherkeys.locked(conn))
    values = sealed._asdict() | {
        "expires_at": wanted.expires_at,
        "scopes": json.dumps(wanted.scopes),
        "subject": wanted.subject,
        "client_id": wanted.client_id,
        "version": wanted.version + 1,
        "updated_at": now,
        "lease_owner": "",
        "lease_until": 0,
        "refused_at": None,
        "refused": "",
        "email": wanted.email,
    }
    if wanted.version == 0:
        if version(conn, wanted.connection_id, wanted.kind):
            return False
        # Never one that was there before: who refreshes an erased grant would write over another.
        values["version"] = 1 + randbits(_BEGINNINGS)
        conn.execute(insert(credentials).values(**place._asdict(), **values))
        return True
    return _change(conn, wanted, **values)


def lease(conn: Connection, held: Credential, owner: str, now: Instant, until: Instant) -> bool:
    """Be the one who refreshes this version until then; False when somebody else is, or did."""
    free = credentials.c.lease_until <= now
    statement = update(credentials).where(*_is(held), free)
    return _changed(conn, statement.values(lease_owner=owner, lease_until=until))


def release(conn: Connection, held: Credential, owner: str) -> None:
    """Let others refresh this version."""
    mine = credentials.c.lease_owner == owner
    statement = update(credentials).where(*_is(held), mine)
    conn.execute(statement.values(lease_owner="", lease_until=0))


def refuse(conn: Connection, held: Credential, text: str, now: Instant) -> bool:
    """Note that the provider will not take this version any more; False when it is another."""
    return _change(conn, held, refused_at=now, refused=text, lease_owner="", lease_until=0)


def erase(conn: Connection, connection_id: ConnectionId, kind: str | None = None) -> bool:
    """Delete what was granted to a connection, or one kind of it, and want its bytes gone.

    Secrets of its settings stay, as those in a configuration file do; they go with its row.
    """
    which = credentials.c.kind != SETTINGS if kind is None else credentials.c.kind == kind
    statement = delete(credentials).where(credentials.c.connection_id == connection_id, which)
    found = _changed(conn, statement)
    if found:
        compact.want(conn)
    return found


def _change(conn: Connection, held: Credential, **values: Any) -> bool:
    return _changed(conn, update(credentials).where(*_is(held)).values(**values))


def _changed(conn: Connection, statement: Update | Delete) -> bool:
    return bool(conn.execute(statement).rowcount)


def _is(held: Credential) -> tuple[ColumnElement[bool], ...]:
    return *at(held.connection_id, held.kind), credentials.c.version == held.version


def at(connection_id: str, kind: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Compare with a row's place."""
    return credentials.c.connection_id == connection_id, credentials.c.kind == kind
