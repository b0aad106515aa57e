"""Leases of `bridge.store.schedule` while they last: holding on to them, and joining them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, and_, case, exists, or_, select, update

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store.schedule import Claim, latest_mark
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
