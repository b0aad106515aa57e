"""Links that let their holder connect accounts of one resource, in one browser.

A link is signed with the key file: whoever can write to the database can neither make one nor turn
one into another. It belongs to the browser that uses it first: a person's, who presses a button or
agrees. To look at a link is no use of it, since programs do that with every link of a message.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from secrets import token_bytes
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select, update

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store.keys import base32, digest
from bridge.store.schema import links

_ID, _MAC = 10, 32
"""Bytes."""
_LENGTH = 68
"""Letters of a link: those bytes in base32."""


class Link(NamedTuple):
    """One link."""

    id: str
    resource_id: ResourceId
    connection_id: ConnectionId | None
    """The one account that it is for; None for the page of all of them."""
    actor: str
    redirect_url: str
    expires_at: Instant
    popup: bool = False
    """The browser stays on a page of ours, which tells the one at `redirect_url`."""
    replaces: bool = False
    """Another account may take the place of the connected one."""


def add(conn: Connection, identity: bytes, link: Link, now: Instant) -> str:
    """Make a link of these fields, its id excepted, and return its token.

    Args:
        conn: a write transaction.
        identity: `KeyFile.identity`.
        link: what it is to be.
        now: the present; links that ended are forgotten.
    """
    conn.execute(delete(links).where(links.c.expires_at <= now))
    number = token_bytes(_ID)
    made = link._replace(id=number.hex())
    conn.execute(
        insert(links).values(
            {**made._asdict(), "connection_id": made.connection_id or "", "created_at": now}
        )
    )
    return base32(number + _sign(identity, made))


def find(conn: Connection, identity: bytes, token: str, now: Instant) -> Link | None:
    """Find the link of a token; None when it is none, or has ended."""
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except binascii.Error:
        return None
    row = conn.execute(select(links).where(links.c.id == raw[:_ID].hex())).first()
    if row is None:
        return None
    connection_id = ConnectionId(row.connection_id) if row.connection_id else None
    found = Link(
        row.id,
        ResourceId(row.resource_id),
        connection_id,
        row.actor,
        row.redirect_url,
        row.expires_at,
        row.popup,
        row.replaces,
    )
    right = hmac.compare_digest(_sign(identity, found), raw[_ID:])
    return found if right and found.expires_at > now else None


def belongs(conn: Connection, link: Link, browser: str) -> bool:
    """Tell whether a browser may use a link: nobody has yet, or it was this one."""
    query = select(links.c.browser).where(links.c.id == link.id)
    return conn.execute(query).scalar() in ("", digest(browser))


def claim(conn: Connection, link_id: str, browser: str) -> bool:
    """Make a link a browser's own; False when it is another's, or there is none."""
    name = digest(browser)
    free = or_(links.c.browser == "", links.c.browser == name)
    statement = update(links).where(links.c.id == link_id, free).values(browser=name)
    return conn.execute(statement).rowcount == 1


def _sign(identity: bytes, link: Link) -> bytes:
    message = json.dumps(["link", *link]).encode()
    return hmac.digest(identity, message, "sha256")[:_MAC]
