"""Consents that owners were asked for and have not answered yet.

Who comes back with a state has it used up in the same statement that checks it: of two that bring
the same one, at the same time or later, one gets it. What is stored gives nobody a state or a
verifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import SecretStr
from sqlalchemy import Connection, delete, insert, update

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import cipherkeys
from bridge.store.keys import digest
from bridge.store.schema import consents
from bridge.store.vault import Place, Sealed, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One question to one owner."""

    connection_id: ConnectionId
    resource_id: ResourceId
    provider: str
    actor: str
    """Who asked: `cli`, `link:<id>`, `key:<id>`."""
    callback: str
    """Where the provider sends the browser with its answer."""
    redirect_url: str = ""
    """Where the browser goes from there; empty: a page of ours."""
    popup: bool = False
    """It stays on a page of ours, which tells the one at `redirect_url`."""
    replaces: bool = False
    """Another account may take the place of the connected one."""
    link_id: str = ""
    """The link that becomes the browser's with its answer; empty where none has to."""
    verifier: SecretStr
    """RFC 7636 section 4.1."""


@dataclass(frozen=True, slots=True)
class Returned:
    """Who came back, to which address, with which state."""

    provider: str
    state: str = field(repr=False)
    browser: str = field(repr=False)


def add(
    conn: Connection, vault: Vault, asked: Consent, returned: Returned, times: tuple[Instant, int]
) -> None:
    """Note a question, and forget those that nobody can answer any more.

    Args:
        conn: a write transaction.
        vault: encrypts the verifier.
        asked: the question.
        returned: what the answer has to come back with.
        times: now, and for how many seconds the question stands.

    Raises:
        UnknownKey: the key file lacks the key that encrypts.
    """
    now, seconds = times
    conn.execute(delete(consents).where(consents.c.expires_at <= now))
    state = digest(returned.state)
    verifier = asked.verifier.get_secret_value().encode()
    sealed = vault.seal(verifier, _place(asked.connection_id, state), cipherkeys.locked(conn))
    conn.execute(
        insert(consents).values(
            id=state,
            connection_id=asked.connection_id,
            resource_id=asked.resource_id,
            provider=asked.provider,
            actor=asked.actor,
            browser=digest(returned.browser),
            callback=asked.callback,
            redirect_url=asked.redirect_url,
            popup=asked.popup,
            replaces=asked.replaces,
            link_id=asked.link_id,
            created_at=now,
            expires_at=now + seconds,
            **sealed._asdict(),
        )
    )


def take(conn: Connection, vault: Vault, returned: Returned, now: Instant) -> Consent | None:
    """Find the question that an answer belongs to, and use it up.

    Returns:
        None for a state that is unknown, used, too old, of another provider or another browser.

    Raises:
        UnknownKey: its key is gone.
        SealBroken: the row was changed.
    """
    state = digest(returned.state)
    row = conn.execute(
        update(consents)
        .where(
            consents.c.id == state,
            consents.c.provider == returned.provider,
            consents.c.browser == digest(returned.browser),
            consents.c.used_at.is_(None),
            consents.c.expires_at > now,
            consents.c.created_at <= now,
        )
        .values(used_at=now)
        .returning(*consents.c)
    ).first()
    if row is None:
        return None
    sealed = Sealed(row.key_id, row.nonce, row.ciphertext)
    verifier = vault.open(sealed, _place(row.connection_id, state)).decode()
    return Consent(
        connection_id=ConnectionId(row.connection_id),
        resource_id=ResourceId(row.resource_id),
        provider=row.provider,
        actor=row.actor,
        callback=row.callback,
        redirect_url=row.redirect_url,
        popup=row.popup,
        replaces=row.replaces,
        link_id=row.link_id,
        verifier=SecretStr(verifier),
    )


def _place(connection_id: str, state: str) -> Place:
    return Place(connection_id, f"consent/{state}")
