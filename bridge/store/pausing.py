"""What is queued for the calendars of a connection: put off for a while, and let go on.

It is put off by adding to when it may begin, and goes on by taking that away again: pauses that
providers asked for stay, and two who put it off at once do not let go on what the other one holds.
It is put off for a short while, again and again: what a killed process held goes on by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
    """What was put off, each with the seconds that were added."""

    proposals: Counter[int] = field(default_factory=Counter)
    mirrors: Counter[str] = field(default_factory=Counter)


def put_off(conn: Connection, connection_id: str, now: Instant, seconds: int, held: Held) -> None:
    """Put off what is not held yet and nobody works on, proposals and rounds of mirrors.

    Args:
        conn: a write transaction.
        connection_id: to whose calendars it is written.
        now: the present.
        seconds: by how much.
        held: is filled in; what is there already stays as it is.
    """
    ours = (
        select(proposals.c.id)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .where(_concerns(connection_id), proposals.c.state.in_(OPEN))
    )
    own = set(conn.execute(ours).scalars()) - held.proposals.keys()
    is_queued = proposals.c.state == State.QUEUED.value
    for some in chunks(list(own)):
        statement = _later(proposals, proposals.c.due_at, now, seconds).where(
            proposals.c.id.in_(some), or_(is_queued, proposals.c.lease_until <= now)
        )
        found = conn.execute(statement.returning(proposals.c.id)).scalars()
        held.proposals.update(dict.fromkeys(found, seconds))
    statement = _later(mirrors, mirrors.c.rest_until, now, seconds).where(
        mirrors.c.connection_id == connection_id,
        mirrors.c.id.not_in(held.mirrors.keys()),
        mirrors.c.lease_until <= now,
    )
    rounds = conn.execute(statement.returning(mirrors.c.id)).scalars()
    held.mirrors.update(dict.fromkeys(rounds, seconds))


def put_off_longer(conn: Connection, held: Held, seconds: int) -> None:
    """Put off what is held by so much more, but for what ended meanwhile."""
    _move(conn, held.proposals, held.mirrors, seconds)
    held.proposals.update(dict.fromkeys(held.proposals, seconds))
    held.mirrors.update(dict.fromkeys(held.mirrors, seconds))


def let_go_on(conn: Connection, held: Held) -> None:
    """Undo all of it, but for what ended meanwhile."""
    for seconds in sorted({*held.proposals.values(), *held.mirrors.values()}):
        own = [it for it, added in held.proposals.items() if added == seconds]
        _move(conn, own, [it for it, added in held.mirrors.items() if added == seconds], -seconds)


def _move(conn: Connection, own: Iterable[int], rounds: Iterable[str], seconds: int) -> None:
    later = update(proposals).values(due_at=proposals.c.due_at + seconds)
    for some in chunks(list(own)):
        conn.execute(later.where(proposals.c.id.in_(some), proposals.c.state.in_(OPEN)))
    theirs = update(mirrors).where(mirrors.c.id.in_(list(rounds)))
    conn.execute(theirs.values(rest_until=mirrors.c.rest_until + seconds))


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
