"""What application developers are told (INTERFACE section 6), in the order in which it happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from bridge.model.interval import Instant
from bridge.store.booking_tables import deliveries


class DeliveryRow(NamedTuple):
    """One thing that happened; columns in the table's order."""

    id: int
    type: str
    """`booking.created`."""
    resource_id: str
    connection_id: str
    payload: str
    created_at: Instant


_COLUMNS = [deliveries.c[name] for name in DeliveryRow._fields]


def add(
    conn: Connection,
    kind: str,
    now: Instant,
    *,
    resource_id: str,
    connection_id: str,
    payload: Mapping[str, object],
) -> None:
    """Note that something happened, in the transaction in which it did."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    conn.execute(
        insert(deliveries).values(
            type=kind,
            resource_id=resource_id,
            connection_id=connection_id,
            payload=text,
            created_at=now,
        )
    )


def after(conn: Connection, last: int, *, most: int = 1000) -> list[DeliveryRow]:
    """List what happened after a number, ascending."""
    query = select(*_COLUMNS).where(deliveries.c.id > last).order_by(deliveries.c.id).limit(most)
    return [DeliveryRow(*row) for row in conn.execute(query)]


def forget(conn: Connection, before: Instant) -> int:
    """Delete what happened before an instant; returns how much."""
    return conn.execute(deliveries.delete().where(deliveries.c.created_at < before)).rowcount
