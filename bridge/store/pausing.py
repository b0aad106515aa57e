"""What is queued for the calendars of a connection, and what is being written there."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from bridge.model.interval import Instant
from bridge.store.booking_tables import bookings, proposals
from bridge.store.outbox import COLUMNS, Kind, ProposalRow, State, read


def waiting(conn: Connection, connection_id: str, due_after: Instant) -> list[ProposalRow]:
    """List what is queued for the calendars of a connection, and is due after an instant."""
    query = (
        select(*COLUMNS)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .where(
            _concerns(connection_id),
            proposals.c.state == State.QUEUED.value,
            proposals.c.due_at > due_after,
        )
    )
    return [read(row) for row in conn.execute(query.order_by(proposals.c.id))]


def is_written_to(conn: Connection, connection_id: str, now: Instant) -> bool:
    """Tell whether a claim on the calendars of a connection is in force."""
    query = (
        select(proposals.c.id)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .where(
            _concerns(connection_id),
            proposals.c.state == State.CLAIMED.value,
            proposals.c.lease_until > now,
        )
    )
    return conn.execute(query.limit(1)).first() is not None


def _concerns(connection_id: str) -> ColumnElement[bool]:
    """Choose what is written to a connection's calendars.

    A booking that goes to another calendar names one of the two; its errand names the other, as
    JSON, in which quotes that belong to a text have a backslash.
    """
    is_named = proposals.c.progress.contains(f'"{connection_id}"', autoescape=True)
    return or_(
        bookings.c.connection_id == connection_id,
        and_(proposals.c.kind == Kind.TRANSFER.value, is_named),
    )
