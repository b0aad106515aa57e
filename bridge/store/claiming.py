"""Which proposals a process may work on, and its taking them: in order, and by fair shares."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.store.booking_tables import bookings, proposals
from bridge.store.outbox import COLUMNS, OPEN, Kind, ProposalRow, State, read
from bridge.store.resources import ResourceState
from bridge.store.schema import connections, resources

LONGEST_LEASE = 3600
"""Seconds. A lease that ends later than this from now was written by a clock that ran ahead."""
_CLAIMED = State.CLAIMED.value
_FAILED = State.FAILED.value
_TRANSFER = Kind.TRANSFER.value
_ERRANDS = tuple(kind.value for kind in Kind if kind.is_errand)
_NOW: ColumnElement[int] = bindparam("now", type_=BigInteger())
_STOPPED = tuple(
    status.value
    for status in (
        ConnectionStatus.PENDING,
        ConnectionStatus.PAUSED,
        ConnectionStatus.DISCONNECTED,
    )
)


def claim(  # noqa: PLR0913 - what limits it, by name
    conn: Connection,
    owner: str,
    now: Instant,
    limit: int,
    lease: int,
    *,
    share: int | None = None,
    barred: Collection[str] = (),
) -> list[ProposalRow]:
    """Take up to `limit` proposals that are due, the oldest first; each goes to one caller only.

    Of each UID one is worked on at a time, in the order in which they came, so that a booking that
    is deleted and made anew is deleted first; errands wait for all else.
    Connections that are stopped or rest, and parked resources, are left out. What is returned says
    whether it was `started` before.

    Args:
        conn: a write transaction.
        owner: names the process, for people who look into the table.
        now: the present.
        limit: how many at most.
        lease: seconds until the claim counts as given up; at most `LONGEST_LEASE`.
        share: how many of one connection the owner holds at most.
        barred: connections that are left out.
    """
    if not 0 < lease <= LONGEST_LEASE:
        raise ValueError(f"a lease lasts 1 to {LONGEST_LEASE} seconds")
    locked = _alone(conn, _locked(conn, owner, now, limit, share, barred))
    # What was claimed between the look and the locks shows only now.
    which = {"now": now, "which": [row.id for row in locked]}
    free = set(conn.execute(_FREE, which).scalars()) if locked else set()
    found = [row for row in locked if row.id in free]
    if found:
        conn.execute(
            update(proposals)
            .where(proposals.c.id.in_([row.id for row in found]))
            .values(
                state=_CLAIMED,
                started=True,
                lease_owner=owner,
                lease_until=now + lease,
                fence=proposals.c.fence + 1,
            )
        )
    return [
        row._replace(
            state=State.CLAIMED, lease_owner=owner, lease_until=now + lease, fence=row.fence + 1
        )
        for row in found
    ]


def _locked(
    conn: Connection,
    owner: str,
    now: Instant,
    limit: int,
    share: int | None,
    barred: Collection[str],
) -> list[ProposalRow]:
    """Lock what may be claimed: of each booking one, of each connection no more than its share."""
    most = math.inf if share is None else share
    held = _held_by(conn, owner, now)
    taken: dict[str, ProposalRow] = {}
    is_more = True
    while is_more and len(taken) < limit:
        full = [*barred, *(it for it, number in held.items() if number >= most)]
        asked = {"now": now, "full": full, "taken": list(taken), "most": limit - len(taken)}
        is_more = False
        for *columns, connection_id in conn.execute(_CLAIMABLE, asked):
            row = read(columns)
            if held[connection_id] >= most:
                is_more = True  # others may stand behind it
            elif row.booking_id not in taken:
                taken[row.booking_id] = row
                held[connection_id] += 1
    return list(taken.values())


def _alone(conn: Connection, locked: list[ProposalRow]) -> list[ProposalRow]:
    """Leave out what another process claims a generation of at this moment, and lock the rest."""
    if not locked:
        return []
    mine, other = bookings.alias("mine"), bookings.alias("other")
    pairs = (
        select(mine.c.id, other.c.id)
        .join(other, and_(other.c.resource_id == mine.c.resource_id, other.c.uid == mine.c.uid))
        .where(mine.c.id.in_([row.booking_id for row in locked]))
    )
    every = {(mine_id, other_id) for mine_id, other_id in conn.execute(pairs)}
    held = conn.execute(pairs.with_for_update(skip_locked=True, of=other))
    missed = {mine_id for mine_id, _ in every - {(one, another) for one, another in held}}
    return [row for row in locked if row.booking_id not in missed]


def _held_by(conn: Connection, owner: str, now: Instant) -> Counter[str]:
    """Count what a process works on, by connection."""
    rows = conn.execute(_HELD_BY, {"owner": owner, "now": now})
    return Counter({it.connection_id: it.number for it in rows})


def next_due(conn: Connection, now: Instant) -> Instant | None:
    """Tell when a claim may next find something, in the past when it is late; None when never.

    What waits for another proposal, or for somebody to let its connection go on, comes due with
    that: whoever looks at every moment that is past would look for ever.
    """
    # What is due is found at the first of many; when the first of them comes due, at the last.
    found: Instant | None = conn.execute(_DUE, {"now": now}).scalar()
    return conn.execute(_NEXT_DUE, {"now": now}).scalar() if found is None else found


def requeue(conn: Connection, proposal_id: int, now: Instant) -> bool:
    """Have what failed tried anew, as long as if it were asked now; False when it is not failed.

    One statement decides between two who ask at once.
    """
    statement = update(proposals).where(proposals.c.id == proposal_id, proposals.c.state == _FAILED)
    values = {
        "state": State.QUEUED.value,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
        "settled_at": None,
    }
    return bool(conn.execute(statement.values(**values)).rowcount)


def stranded(
    conn: Connection, now: Instant, before: Instant
) -> list[tuple[ProposalRow, ConnectionStatus]]:
    """List what was asked before an instant, and whose connection is stopped, the oldest first.

    Errands are left out: nobody waits for them.
    """
    query = (
        _in_use(*COLUMNS, connections.c.status)
        .where(
            proposals.c.state.in_(OPEN),
            proposals.c.kind.not_in(_ERRANDS),
            proposals.c.created_at < before,
            proposals.c.lease_until <= now,
            connections.c.status.in_(_STOPPED),
        )
        .order_by(proposals.c.id)
    )
    return [(read(row), ConnectionStatus(status)) for *row, status in conn.execute(query)]


def resumed(conn: Connection, codes: Collection[str]) -> list[ProposalRow]:
    """List what failed with one of these codes, and whose connection is not stopped any more."""
    query = (
        _in_use(*COLUMNS)
        .where(
            proposals.c.state == _FAILED,
            proposals.c.error_code.in_(codes),
            connections.c.status.not_in(_STOPPED),
        )
        .order_by(proposals.c.id)
    )
    return [read(row) for row in conn.execute(query)]


def _able(*columns: Any) -> Select[Any]:
    """Choose what waits for nothing but its time."""
    return _in_use(*columns).where(
        proposals.c.state.in_(OPEN), connections.c.status.not_in(_STOPPED), ~_waits()
    )


def _in_use(*columns: Any) -> Select[Any]:
    """Choose proposals of resources that are in use, with their connections."""
    chosen: list[ColumnElement[Any]] = list(columns)
    return (
        select(*chosen)
        .select_from(proposals)
        .join(bookings, bookings.c.id == proposals.c.booking_id)
        .join(resources, resources.c.id == bookings.c.resource_id)
        .join(connections, connections.c.id == bookings.c.connection_id)
        .where(resources.c.state == ResourceState.ACTIVE.value)
    )


def _claimable() -> Select[Any]:
    """Choose what is due and waits for nothing, with its connection; its rows are locked."""
    return (
        _able(*COLUMNS, bookings.c.connection_id)
        .where(
            *_ripe(),
            bookings.c.connection_id.not_in(bindparam("full", expanding=True)),
            bookings.c.id.not_in(bindparam("taken", expanding=True)),
        )
        .order_by(proposals.c.id)
        .limit(bindparam("most"))
        # With its booking: two proposals of one are never claimed at once.
        .with_for_update(skip_locked=True, of=[proposals, bookings])
    )


def _ripe() -> tuple[ColumnElement[bool], ...]:
    """Tell what has waited long enough, and of which nobody is at work."""
    return (
        proposals.c.due_at <= _NOW,
        # A lease too long to be true counts as ended.
        or_(
            proposals.c.lease_until <= _NOW,
            proposals.c.lease_until > _NOW + LONGEST_LEASE,
        ),
        func.coalesce(connections.c.limited_until, 0) <= _NOW,
    )


def _waits() -> Any:
    """Tell whether another proposal of the same UID comes first, or is worked on."""
    other = proposals.alias("other")
    of_other = bookings.alias("of_other")
    is_open = other.c.state.in_(OPEN)
    # It may stand or not: nobody knows what a meeting would be of.
    failed = and_(other.c.state == _FAILED, other.c.booking_id == proposals.c.booking_id)
    is_write, is_errand = other.c.kind.not_in(_ERRANDS), proposals.c.kind.in_(_ERRANDS)
    transfers = (other.c.kind == _TRANSFER, proposals.c.kind == _TRANSFER)
    return exists().where(
        other.c.booking_id == of_other.c.id,
        of_other.c.resource_id == bookings.c.resource_id,
        of_other.c.uid == bookings.c.uid,
        other.c.id != proposals.c.id,
        or_(
            and_(other.c.state == _CLAIMED, other.c.lease_until > _NOW),
            and_(is_write, is_errand, or_(is_open, failed)),
            and_(or_(is_write, and_(*transfers)), is_open, other.c.id < proposals.c.id),
        ),
    )


def _next_due() -> Select[Any]:
    # A lease too long to be true counts as ended.
    lease = case((proposals.c.lease_until > _NOW + LONGEST_LEASE, 0), else_=proposals.c.lease_until)
    rest = func.coalesce(connections.c.limited_until, 0)
    due: ColumnElement[Any] = proposals.c.due_at
    for other in (lease, rest):
        due = case((other > due, other), else_=due)
    return _able(due).order_by(due).limit(1)


# Made once: making them takes longer than asking them.
_CLAIMABLE = _claimable()
_NEXT_DUE = _next_due()
_DUE = _able(proposals.c.due_at).where(*_ripe()).limit(1)
_FREE = (
    select(proposals.c.id)
    .join(bookings, bookings.c.id == proposals.c.booking_id)
    .where(proposals.c.id.in_(bindparam("which", expanding=True)), ~_waits())
)
_HELD_BY = (
    select(bookings.c.connection_id, func.count().label("number"))
    .join(proposals, proposals.c.booking_id == bookings.c.id)
    .where(
        proposals.c.state == _CLAIMED,
        proposals.c.lease_owner == bindparam("owner"),
        proposals.c.lease_until > _NOW,
    )
    .group_by(bookings.c.connection_id)
)
