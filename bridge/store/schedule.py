"""When each connection is pulled next, and by whom: claims with leases and fences.

A claim pushes `next_due` to the end of its lease, so that what a killed process had claimed comes
back by itself. A claim's number (the fence) is needed to release it, so that a process that slept
through its lease cannot release what another one holds by now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store.bulk import chunks
from bridge.store.resources import ResourceState
from bridge.store.schema import calendars, connections, resources, schedule

LONGEST_LEASE = 3600
"""Seconds. A lease that ends later than this from now was written by a clock that ran ahead."""

NOT_PULLED = tuple(
    status.value
    for status in (
        ConnectionStatus.PENDING,
        ConnectionStatus.PAUSED,
        ConnectionStatus.DISCONNECTED,
    )
)

_SKEW = 300
"""Seconds by which the clocks of several hosts may differ."""

_CLAIMED = (
    schedule.c.connection_id,
    connections.c.resource_id,
    schedule.c.fence,
    schedule.c.full,
    schedule.c.marked_at,
    schedule.c.next_due,
    and_(connections.c.failures == 0, connections.c.success_at.is_not(None)).label("proven"),
)
_LARGEST_PAGE = 400
_TIMES = {
    connections: ("attempt_at", "success_at", "error_since"),
    calendars: ("success_at", "failed_since", "full_at"),
}
"""What pulls noted by the clock."""
# Until when the connection's provider wants to be left alone.
_rest = (
    select(func.coalesce(connections.c.limited_until, 0))
    .where(connections.c.id == schedule.c.connection_id)
    .correlate(schedule)
    .scalar_subquery()
)

Admit: TypeAlias = Callable[[ConnectionId, bool], bool]
"""Told a connection that is due and whether its last pull went well, says whether to take it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to pull one connection until the lease ends."""

    connection_id: ConnectionId
    resource_id: ResourceId
    fence: int
    full: bool
    """A full listing is wanted."""
    marked_at: Instant | None
    """When something asked for this pull; None when it was just due."""
    due_at: Instant = 0
    """Since when it was to be pulled."""


def add(conn: Connection, connection_ids: Collection[ConnectionId], now: Instant) -> None:
    """Put new connections on the schedule, due now."""
    if connection_ids:
        rows = [{"connection_id": id_, "next_due": now} for id_ in connection_ids]
        conn.execute(insert(schedule), rows)


def claim(  # noqa: PLR0913 - of the last two at most one is given
    conn: Connection,
    owner: str,
    now: Instant,
    limit: int,
    lease: int,
    connection_id: ConnectionId | None = None,
    *,
    admit: Admit | None = None,
) -> list[Claim]:
    """Take up to `limit` pulls that are due: those with a due mark first, then the longest due.

    Each goes to one caller only, however many processes ask. Connections that are stopped, rest
    at their provider's request, or belong to a parked resource are left out.

    Args:
        conn: a write transaction.
        owner: names the process, for people who look into the table.
        now: the present.
        limit: how many at most.
        lease: seconds until the pull counts as given up; at most `LONGEST_LEASE`.
        connection_id: take this one, due or not.
        admit: asked of each, in order, whether it may be taken; it is when it says so.
    """
    if not 0 < lease <= LONGEST_LEASE:
        raise ValueError(f"a lease lasts 1 to {LONGEST_LEASE} seconds")
    free = _pulled(select(*_CLAIMED)).where(
        # A lease too long to be true counts as ended.
        or_(schedule.c.lease_until <= now, schedule.c.lease_until > now + LONGEST_LEASE),
        func.coalesce(connections.c.limited_until, 0) <= now,
    )
    if connection_id is not None:
        found = _take(conn, free.where(schedule.c.connection_id == connection_id), limit)
    else:
        due = free.where(schedule.c.next_due <= now).order_by(*_ORDER)
        found = _take(conn, due.where(schedule.c.marked_at.is_not(None)), limit, admit)
        if len(found) < limit:
            unmarked = due.where(schedule.c.marked_at.is_(None))
            found += _take(conn, unmarked, limit - len(found), admit)
    if found:
        conn.execute(
            update(schedule)
            .where(schedule.c.connection_id.in_([each.connection_id for each in found]))
            .values(
                next_due=now + lease,
                # A mark of the future asks for a pull that begins then: this one is too early.
                marked_at=case((_is_ahead(now), schedule.c.marked_at), else_=null()),
                follow_at=null(),
                lease_owner=owner,
                lease_until=now + lease,
                fence=schedule.c.fence + 1,
            )
        )
    return found


def release(
    conn: Connection, claim: Claim, next_due: Instant, *, done: bool, rest: Instant | None = None
) -> bool:
    """Give a claim back and set when the connection is due again.

    A due mark that came during the pull makes it due at once, or when the provider's pause ends. A
    full listing stays wanted until a claim that saw the wish is `done`.

    Args:
        conn: a write transaction.
        claim: as it was taken.
        next_due: unless something asked for a pull meanwhile.
        done: whether all was read.
        rest: end of the pause that the provider asked for in this pull.

    Returns:
        False when the lease had ended and somebody else claimed since: nothing was changed.
    """
    marked = schedule.c.marked_at
    pause = _rest if rest is None else literal(rest)
    due = case((marked.is_(None), next_due), (pause > marked, pause), else_=marked)
    if done:
        follow = func.coalesce(schedule.c.follow_at, due)
        due = case((and_(follow < due, follow >= pause), follow), else_=due)
    statement = (
        update(schedule)
        .where(schedule.c.connection_id == claim.connection_id, schedule.c.fence == claim.fence)
        .values(next_due=due, lease_owner="", lease_until=0)
    )
    if done and claim.full:
        statement = statement.values(full=case((marked.is_(None), False), else_=schedule.c.full))
    return conn.execute(statement).rowcount == 1


def abandon(conn: Connection, connection_ids: Collection[ConnectionId]) -> None:
    """Do without pulls that are running: what they end with is not recorded."""
    statement = update(schedule).values(fence=schedule.c.fence + 1, lease_owner="", lease_until=0)
    for connection_id in sorted(connection_ids):  # one order of locks
        conn.execute(statement.where(schedule.c.connection_id == connection_id))


def hold(conn: Connection, connection_ids: Collection[ConnectionId]) -> None:
    """Lock rows of the schedule, before those of their connections: as whoever ends a pull does.

    The other way round PostgreSQL ends one of two transactions that wait for each other.
    """
    rows = select(schedule.c.connection_id).order_by(schedule.c.connection_id).with_for_update()
    for some in chunks(sorted(connection_ids)):
        conn.execute(rows.where(schedule.c.connection_id.in_(some)))


def mark(
    conn: Connection, connection_ids: Collection[ConnectionId], now: Instant, *, full: bool = False
) -> None:
    """Ask for a pull now, or at a moment soon; one that is running then is followed by another.

    A connection whose provider asked for a pause becomes due when the pause ends.
    """
    due = schedule.c.next_due
    soonest = case((_rest > now, _rest), else_=now)
    statement = update(schedule).values(
        marked_at=latest_mark(now),
        # While it is leased, `next_due` is the end of the lease: `release` looks at the mark.
        next_due=case((or_(schedule.c.lease_until > now, due < soonest), due), else_=soonest),
    )
    if full:
        statement = statement.values(full=True)
    for connection_id in sorted(connection_ids):  # one order of locks
        conn.execute(statement.where(schedule.c.connection_id == connection_id))


def latest_mark(now: Instant) -> ColumnElement[int]:
    """Keep a mark of the future, when another one is set: a pull then has to follow this one."""
    return case((_is_ahead(now), schedule.c.marked_at), else_=now)


def postpone(conn: Connection, connection_id: ConnectionId, was: Instant, to: Instant) -> bool:
    """Move a due mark of the future that nothing has answered yet.

    Returns:
        False when it was answered, or somebody else asked meanwhile: nothing is changed.
    """
    this = (schedule.c.connection_id == connection_id, schedule.c.marked_at == was)
    due = schedule.c.next_due
    statement = update(schedule).where(*this)
    moved = statement.values(marked_at=to, next_due=case((due == was, to), else_=due))
    return bool(conn.execute(moved).rowcount)


def sooner(conn: Connection, connection_ids: Collection[ConnectionId], latest: Instant) -> None:
    """Have connections pulled by then, if nothing is under way; nobody asked for it."""
    if connection_ids:
        statement = update(schedule).where(
            schedule.c.connection_id.in_(connection_ids),
            schedule.c.lease_until == 0,
            schedule.c.next_due > latest,
        )
        conn.execute(statement.values(next_due=latest))


def move(conn: Connection, connection_ids: Collection[ConnectionId], due: Instant) -> None:
    """Have connections pulled then and not before, if nothing is under way."""
    statement = update(schedule).where(schedule.c.lease_until == 0).values(next_due=due)
    for connection_id in sorted(connection_ids):  # one order of locks
        conn.execute(statement.where(schedule.c.connection_id == connection_id))


def full_wanted(
    conn: Connection, connection_ids: Collection[ConnectionId]
) -> frozenset[ConnectionId]:
    """Tell of which of these a full listing is wanted and not done yet."""
    query = select(schedule.c.connection_id).where(
        schedule.c.connection_id.in_(list(connection_ids)), schedule.c.full
    )
    return frozenset(map(ConnectionId, conn.execute(query).scalars()))


def next_due(conn: Connection) -> Instant | None:
    """Tell when a claim may next find something, in the past when it is late; None when never."""
    query = _pulled(select(schedule.c.next_due)).order_by(schedule.c.next_due).limit(1)
    return conn.execute(query).scalar()


def due_times(conn: Connection) -> dict[ConnectionId, Instant]:
    """Tell when each connection is next due; while one is pulled, when its lease would end."""
    query = select(schedule.c.connection_id, schedule.c.next_due)
    return {ConnectionId(row.connection_id): row.next_due for row in conn.execute(query)}


def heal_clock(conn: Connection, now: Instant) -> int:
    """Make due what a clock that ran ahead pushed into the future; returns how many.

    To be called at start and now and then: an attempt in the future means that the clock was set
    back since. Leases that can be true are left alone. Other times in the future become the
    present, since all that is known is that they were before it; a full listing counts as none.
    """
    late = now + _SKEW
    ahead = or_(connections.c.attempt_at > late, connections.c.success_at > late)
    pulled_ahead = select(connections.c.id).where(ahead)
    statement = (
        update(schedule)
        .where(
            schedule.c.next_due > now,
            or_(
                schedule.c.lease_until > now + LONGEST_LEASE,
                and_(schedule.c.lease_until <= now, schedule.c.connection_id.in_(pulled_ahead)),
            ),
        )
        .values(next_due=now, lease_owner="", lease_until=0)
    )
    healed = conn.execute(statement).rowcount
    # A pause was asked for by the clock that the attempt was noted by.
    conn.execute(update(connections).where(ahead).values(limited_until=null()))
    for table, names in _TIMES.items():
        for name in names:
            column = table.c[name]
            value = null() if name == "full_at" else now
            conn.execute(update(table).where(column > late).values({name: value}))
    return healed


def _is_ahead(now: Instant) -> ColumnElement[bool]:
    marked = schedule.c.marked_at
    # Further away than any can be set, it was written by a clock that ran ahead.
    return and_(marked > now, marked <= now + LONGEST_LEASE)


_ORDER = (schedule.c.next_due, schedule.c.connection_id)
_Query: TypeAlias = Select[*tuple[Any, ...]]


def _pulled(query: _Query) -> _Query:
    """Leave out stopped connections and parked resources."""
    return (
        query.join(connections, connections.c.id == schedule.c.connection_id)
        .join(resources, resources.c.id == connections.c.resource_id)
        .where(
            connections.c.status.not_in(NOT_PULLED),
            resources.c.state == ResourceState.ACTIVE.value,
        )
    )


def _take(conn: Connection, query: _Query, limit: int, admit: Admit | None = None) -> list[Claim]:
    """Lock rows that nobody else is about to claim, and say what the claims will be."""
    found: list[Claim] = []
    size = limit
    while True:
        page = query.limit(size).with_for_update(skip_locked=True, of=schedule)
        rows = conn.execute(page).all()
        for row in rows:
            name = ConnectionId(row.connection_id)
            if len(found) < limit and (admit is None or admit(name, bool(row.proven))):
                found.append(
                    Claim(
                        name,
                        row.resource_id,
                        row.fence + 1,
                        full=row.full,
                        marked_at=row.marked_at,
                        due_at=row.next_due,
                    )
                )
        if len(found) == limit or len(rows) < size:
            return found
        # Those left out may be many: what can be taken stands somewhere behind them.
        size = min(4 * size, _LARGEST_PAGE)
        query = query.where(tuple_(*_ORDER) > (rows[-1].next_due, rows[-1].connection_id))
