"""What is queued for the calendars of a connection: put off for a while, and let go on.

It is put off by adding to when it may begin, and goes on by taking that away again: pauses that
providers asked for stay, and two who put it off at once do not let go on what the other one holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Update,
    and_,
    case,
    or_,
    select,
    update,
)

from bridge.model.interval import Instant
from bridge.store.booking_tables import bookings, proposals
from bridge.store.bulk import chunks
from bridge.store.mirror_tables import mirrors
from bridge.store.outbox import OPEN, Kind, State


@dataclass(frozen=True, slots=True)
class Held:
    """What was put off."""

    proposals: set[int] = field(default_factory=set)
    mirrors: set[str] = field(default_factory=set)


def put_off(conn: Connection, connection_id: str, now: Instant, seconds: int, held: Held) -> None:
    """Put off what is not held yet and nobody works on, proposals and rounds of mirrors.

    Args:
        conn: a write transaction.
        connection_id: to whose calendars it is written.
        now: the present.
        seconds: by how much.
        held: is filled in.
    """
    ours = (
        select(proposals.c.id)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .where(_concerns(connection_id), proposals.c.state.in_(OPEN))
    )
    own = set(conn.execute(ours).scalars()) - held.proposals
    is_queued = proposals.c.state == State.QUEUED.value
    for some in chunks(list(own)):
        statement = _later(proposals, proposals.c.due_at, now, seconds).where(
            proposals.c.id.in_(some), or_(is_queued, proposals.c.lease_until <= now)
        )
        held.proposals.update(conn.execute(statement.returning(proposals.c.id)).scalars())
    statement = _later(mirrors, mirrors.c.rest_until, now, seconds).where(
        mirrors.c.connection_id == connection_id,
        mirrors.c.id.not_in(held.mirrors),
        mirrors.c.lease_until <= now,
    )
    held.mirrors.update(conn.execute(statement.returning(mirrors.c.id)).scalars())


def let_go_on(conn: Connection, held: Held, seconds: int) -> None:
    """Undo `put_off`, but for what ended meanwhile."""
    for some in chunks(list(held.proposals)):
        is_open = (proposals.c.id.in_(some), proposals.c.state.in_(OPEN))
        conn.execute(update(proposals).where(*is_open).values(due_at=proposals.c.due_at - seconds))
    theirs = update(mirrors).where(mirrors.c.id.in_(held.mirrors))
    conn.execute(theirs.values(rest_until=mirrors.c.rest_until - seconds))


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


def _later(table: Table, column: Column[int], now: Instant, seconds: int) -> Update:
    """Have something begin so much later than it would."""
    begins = case((column < now, now), else_=column)
    return update(table).values({column: begins + seconds})


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
