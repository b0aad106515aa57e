"""Leases of `bridge.store.schedule` while they last, and pulls that are to follow them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store.schedule import NOT_PULLED, Claim, latest_mark
from bridge.store.schema import connections, schedule


def renew(conn: Connection, claim: Claim, until: Instant) -> bool:
    """Move the end of a lease.

    Returns:
        False when the claim was released, or its lease had ended and somebody else claimed since.
    """
    statement = (
        update(schedule)
        .where(
            schedule.c.connection_id == claim.connection_id,
            schedule.c.fence == claim.fence,
            schedule.c.lease_until > 0,
        )
        .values(next_due=until, lease_until=until)
    )
    return conn.execute(statement).rowcount == 1


def stands(conn: Connection, claim: Claim) -> bool:
    """Tell whether a lease was neither released nor taken away; it is so until the commit."""
    query = select(schedule.c.connection_id).where(
        schedule.c.connection_id == claim.connection_id,
        schedule.c.fence == claim.fence,
        schedule.c.lease_until > 0,
    )
    return conn.execute(query.with_for_update()).first() is not None


def owners(conn: Connection) -> list[str]:
    """Name the processes that hold leases, those included that did not live to give them back."""
    query = select(schedule.c.lease_owner).where(schedule.c.lease_owner != "").distinct()
    return sorted(conn.execute(query).scalars())


def end(conn: Connection, owner: str, now: Instant) -> None:
    """End all leases of a process that is known to be dead: its pulls are due now."""
    statement = update(schedule).where(schedule.c.lease_owner == owner)
    conn.execute(statement.values(next_due=now, lease_owner="", lease_until=0))


def want(
    conn: Connection, connection_ids: Collection[ConnectionId], now: Instant, oldest: Instant
) -> None:
    """Ask for a pull now, unless one that began since `oldest` is running or has succeeded.

    One that began earlier is followed by another. Those who ask at the same time join: the
    conditions are compared again under the row's lock.
    """
    begun = exists().where(
        connections.c.id == schedule.c.connection_id, connections.c.attempt_at >= oldest
    )
    fresh = begun.where(connections.c.success_at >= oldest)
    leased, due = schedule.c.lease_until > now, schedule.c.next_due
    statement = (
        update(schedule)
        .where(~fresh, ~and_(leased, begun))
        # While it is leased, `next_due` is the end of the lease: `release` looks at the mark.
        .values(marked_at=latest_mark(now), next_due=case((or_(leased, due < now), due), else_=now))
    )
    row = select(schedule.c.connection_id).with_for_update()
    for connection_id in sorted(connection_ids):  # one order of locks
        this = schedule.c.connection_id == connection_id
        # Locked by a statement of its own: one that waited for a pull's end would compare the
        # schedule as it is now and the success as it was before (PostgreSQL, read committed).
        conn.execute(row.where(this))
        conn.execute(statement.where(this))


def follow(conn: Connection, connection_id: ConnectionId, latest: Instant) -> None:
    """Have a connection pulled by then, by a pull that has not begun yet; nobody waits for it.

    What is due earlier stays; one that fails, or rests for longer, is left to its backoff.
    """
    is_leased = schedule.c.lease_until > 0
    statement = update(schedule).where(_is_to_follow(connection_id, latest))
    values = {
        # What is under way began before whatever is to be read.
        schedule.c.follow_at: case((is_leased, latest), else_=null()),
        schedule.c.next_due: case((is_leased, schedule.c.next_due), else_=latest),
    }
    conn.execute(statement.values(values))


def is_to_follow(conn: Connection, connection_id: ConnectionId, latest: Instant) -> bool:
    """Tell whether `follow` would change anything."""
    query = select(schedule.c.connection_id).where(_is_to_follow(connection_id, latest))
    return conn.execute(query).first() is not None


def _is_to_follow(connection_id: ConnectionId, latest: Instant) -> ColumnElement[bool]:
    well = exists().where(
        connections.c.id == schedule.c.connection_id,
        connections.c.status.not_in(NOT_PULLED),
        connections.c.failures == 0,
        func.coalesce(connections.c.limited_until, 0) <= latest,
    )
    return and_(
        schedule.c.connection_id == connection_id,
        # While it is leased, `next_due` is the end of the lease, which is later.
        schedule.c.next_due > latest,
        func.coalesce(schedule.c.follow_at, latest + 1) > latest,
        well,
    )


def holder(conn: Connection, connection_id: ConnectionId, now: Instant) -> str:
    """Name the process that pulls a connection at this moment; empty when none does."""
    query = select(schedule.c.lease_owner).where(
        schedule.c.connection_id == connection_id, schedule.c.lease_until > now
    )
    return conn.execute(query).scalar() or ""


def due_at(conn: Connection, connection_id: ConnectionId) -> Instant | None:
    """Tell when a connection is due, or its lease ends."""
    query = select(schedule.c.next_due).where(schedule.c.connection_id == connection_id)
    return conn.execute(query).scalar()
