"""What calendars an account has, also those that nobody chose: as its provider listed them last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, delete, select

from bridge.model.resource import ConnectionId
from bridge.provider import AccessRole, CalendarId, CalendarInfo
from bridge.store.database import upsert
from bridge.store.schema import listings

_GET = select(listings.c.account, listings.c.calendars).where(
    listings.c.connection_id == bindparam("which")
)


def text(infos: Sequence[CalendarInfo]) -> str:
    """Write a listing as it is stored; equal ones are equal texts."""
    return json.dumps([asdict(info) | {"role": info.role.value} for info in infos])


def save(conn: Connection, connection_id: ConnectionId, account: str, listing: str) -> None:
    """Keep a listing.

    Args:
        conn: a write transaction.
        connection_id: whose.
        account: fingerprint of the account that was listed.
        listing: of `text`.
    """
    row = {"connection_id": connection_id, "account": account, "calendars": listing}
    upsert(conn, listings, [row], update=["account", "calendars"])


def raw(conn: Connection, connection_id: ConnectionId, account: str) -> str | None:
    """Find the last listing of an account as it was written; None before the first."""
    row = conn.execute(_GET, {"which": connection_id}).first()
    return row.calendars if row is not None and row.account == account else None


def get(conn: Connection, connection_id: ConnectionId, account: str) -> list[CalendarInfo] | None:
    """Find the last listing of an account; None before the first."""
    found = raw(conn, connection_id, account)
    return None if found is None else _read(found)


def remove(conn: Connection, connection_id: ConnectionId) -> None:
    """Forget what an account has."""
    conn.execute(delete(listings).where(listings.c.connection_id == connection_id))


def _read(found: str) -> list[CalendarInfo]:
    return [
        CalendarInfo(
            **each | {"id": CalendarId(each["id"]), "role": AccessRole(each["role"])},
        )
        for each in json.loads(found)
    ]
