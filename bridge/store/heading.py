"""Events of bookings on their way to another calendar: what of them may stand where."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from bridge.model.interval import Instant
from bridge.store.booking_tables import booked, bookings, proposals
from bridge.store.outbox import OPEN, Kind


def through(
    conn: Connection, resource_id: str, connection_id: str, calendar: str
) -> tuple[set[str], set[Instant]]:
    """Say what may stand in a calendar of bookings that come to it, or left it.

    Returns:
        Remote ids of events that are still to be deleted, and when those begin that may have been
        written already.
    """
    query = (
        select(proposals.c.booking_id, proposals.c.progress)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .where(
            bookings.c.resource_id == resource_id,
            proposals.c.kind == Kind.TRANSFER.value,
            proposals.c.state.in_(OPEN),
        )
    )
    ids: set[str] = set()
    coming: list[str] = []
    for booking_id, progress in conn.execute(query):
        said = json.loads(progress)
        for name, where in said.items():
            if (where.get("connection_id"), where.get("calendar")) != (connection_id, calendar):
                continue
            if name == "left":
                ids.add(where["remote_id"])
            else:
                coming.append(booking_id)
    if not coming:
        return ids, set()
    starts = select(booked.c.original_start).where(booked.c.booking_id.in_(coming))
    return ids, set(conn.execute(starts).scalars())
