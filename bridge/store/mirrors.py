"""Mirrors: which there are, which are due, and who writes one at this moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, or_, select, update

from bridge.config.plan import MirrorPlan
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store.database import upsert
from bridge.store.mirror_tables import mirrored, mirrors
from bridge.store.resources import ResourceState
from bridge.store.schema import connections, resources

LEASE = 120
"""Seconds after which a claim that is not renewed counts as given up."""
LONGEST_LEASE = 3600
"""Seconds. A lease that ends later than this from now was written by a clock that ran ahead."""
LONGEST_WAIT = 86400
"""Seconds. What is due later than this from now was put off by a clock that ran ahead."""
_STOPPED = tuple(
    status.value
    for status in (
        ConnectionStatus.PENDING,
        ConnectionStatus.PAUSED,
        ConnectionStatus.DISCONNECTED,
    )
)


class MirrorRow(NamedTuple):
    """One mirror; columns in the table's order, whose comments say what they hold."""

    id: str
    resource_id: ResourceId
    connection_id: ConnectionId
    target: str
    plan: str
    leaving: bool
    calendar: str
    serial: int
    seq: int
    digest: str
    due_at: Instant
    rest_until: Instant
    lease_owner: str
    lease_until: Instant
    fence: int
    written_at: Instant | None
    waiting: int
    held: int
    stays: str
    failures: int
    error_code: str
    error_message: str
    error_hint: str
    error_since: Instant | None


_COLUMNS = [mirrors.c[name] for name in MirrorRow._fields]


def mirror_id(resource_id: ResourceId, target: str) -> str:
    """Name a mirror: the same in every database, so that its blocks are known by it anywhere."""
    return blake2b(f"{resource_id}\n{target}".encode(), digest_size=16).hexdigest()


def sync_mirrors(
    conn: Connection, resource_id: ResourceId, wanted: Sequence[MirrorPlan], now: Instant
) -> None:
    """Make the mirrors of the settings those of a resource; what left is deleted by its rounds.

    One that failed is tried once more: a reload is how an admin says that it was put right.
    """
    query = select(mirrors.c.id, mirrors.c.plan, mirrors.c.leaving, mirrors.c.error_code)
    query = query.where(mirrors.c.resource_id == resource_id)
    known = {row.id: row for row in conn.execute(query.with_for_update())}
    plans = {mirror_id(resource_id, plan.to): plan for plan in wanted}
    changed = [
        {
            "id": id_,
            "resource_id": resource_id,
            "connection_id": plan.connection_id,
            "target": plan.to,
            "plan": plan.model_dump_json(),
            "leaving": False,
            "due_at": now,
            "rest_until": 0,
            "stays": "",
        }
        for id_, plan in plans.items()
        if (row := known.get(id_)) is None
        or row.leaving
        or row.error_code
        or row.plan != plan.model_dump_json()
    ]
    upsert(conn, mirrors, changed, update=["plan", "leaving", "due_at", "rest_until", "stays"])
    if changed:
        those = mirrored.c.mirror_id.in_([each["id"] for each in changed])
        refused = (mirrored.c.gone_at.is_not(None), mirrored.c.refused_at != 0)
        # Long ago, so that they do not rest; they come last all the same.
        conn.execute(update(mirrored).where(those, *refused).values(refused_at=1))
    left = [id_ for id_, row in known.items() if id_ not in plans and not row.leaving]
    if left:
        statement = update(mirrors).where(mirrors.c.id.in_(left))
        conn.execute(statement.values(leaving=True, due_at=now, rest_until=0))


def get(conn: Connection, id_: str) -> MirrorRow | None:
    """Find a mirror."""
    row = conn.execute(select(*_COLUMNS).where(mirrors.c.id == id_)).first()
    return None if row is None else MirrorRow(*row)


def every(conn: Connection, resource_id: ResourceId | None = None) -> list[MirrorRow]:
    """List the mirrors of the resources in use, or of one of them, by resource and target."""
    query = select(*_COLUMNS).join(resources, resources.c.id == mirrors.c.resource_id)
    query = query.where(resources.c.state == ResourceState.ACTIVE.value)
    if resource_id is not None:
        query = query.where(mirrors.c.resource_id == resource_id)
    query = query.order_by(mirrors.c.resource_id, mirrors.c.target)
    return [MirrorRow(*row) for row in conn.execute(query)]


def wrong(conn: Connection) -> list[MirrorRow]:
    """List those with which something is wrong, since when it has been first."""
    query = select(*_COLUMNS).where(mirrors.c.error_code != "")
    query = query.order_by(mirrors.c.error_since, mirrors.c.target)
    return [MirrorRow(*row) for row in conn.execute(query)]


def claim(
    conn: Connection,
    owner: str,
    now: Instant,
    limit: int,
    lease: int = LEASE,
    *,
    only: str | None = None,
) -> list[MirrorRow]:
    """Take up to `limit` mirrors that are due, the one that waits longest first.

    Due is one whose resource changed since its last round, or whose target is to be looked at.
    Connections that are stopped or rest, and parked resources, are left out.

    Args:
        conn: a write transaction.
        owner: names the process, for people who look into the table.
        now: the present.
        limit: how many at most.
        lease: seconds until the claim counts as given up; at most `LONGEST_LEASE`.
        only: this one, due or not, as a person asked for it.
    """
    if not 0 < lease <= LONGEST_LEASE:
        raise ValueError(f"a lease lasts 1 to {LONGEST_LEASE} seconds")
    query = _claimable(now).limit(limit).with_for_update(skip_locked=True, of=mirrors)
    query = query.where(*(_is_due(now) if only is None else [mirrors.c.id == only]))
    found = [MirrorRow(*row) for row in conn.execute(query)]
    if found:
        statement = update(mirrors).where(mirrors.c.id.in_([row.id for row in found]))
        values = {"lease_owner": owner, "lease_until": now + lease, "fence": mirrors.c.fence + 1}
        conn.execute(statement.values(values))
    return [
        row._replace(lease_owner=owner, lease_until=now + lease, fence=row.fence + 1)
        for row in found
    ]


def resource_ids(conn: Connection) -> set[ResourceId]:
    """Name the resources that have mirrors, parked ones too."""
    return {ResourceId(id_) for id_ in conn.execute(select(mirrors.c.resource_id)).scalars()}


def are_any(conn: Connection) -> bool:
    """Tell whether there is any mirror."""
    return conn.execute(select(mirrors.c.id).limit(1)).first() is not None


def is_any_due(conn: Connection, now: Instant) -> bool:
    """Tell whether a claim would find something."""
    query = _claimable(now).where(*_is_due(now)).limit(1)
    return conn.execute(query).first() is not None


def _is_due(now: Instant) -> Sequence[Any]:
    due = or_(mirrors.c.due_at <= now, mirrors.c.seq != resources.c.change_seq)
    return due, mirrors.c.rest_until <= now


def _claimable(now: Instant) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .join(resources, resources.c.id == mirrors.c.resource_id)
        .join(connections, connections.c.id == mirrors.c.connection_id)
        .where(
            # A lease too long to be true counts as ended.
            or_(mirrors.c.lease_until <= now, mirrors.c.lease_until > now + LONGEST_LEASE),
            resources.c.state == ResourceState.ACTIVE.value,
            connections.c.status.not_in(_STOPPED),
            func.coalesce(connections.c.limited_until, 0) <= now,
        )
        .order_by(mirrors.c.due_at, mirrors.c.id)
    )


def renew(conn: Connection, claimed: MirrorRow, until: Instant) -> bool:
    """Keep a claim for longer; False when it is not in force any more, or was given back."""
    return _set(conn, claimed, lease_until=until)


def end(conn: Connection, claimed: MirrorRow, **values: Any) -> bool:
    """Give a claim back with what came of it; False when it is not in force any more."""
    return _set(conn, claimed, lease_owner="", lease_until=0, **values)


def change(conn: Connection, claimed: MirrorRow, **values: Any) -> bool:
    """Note something of a claimed mirror; False when the claim is not in force any more."""
    return _set(conn, claimed, **values)


def remove(conn: Connection, claimed: MirrorRow) -> bool:
    """Delete a mirror that left; False when the claim is not in force any more, or it came back."""
    statement = mirrors.delete().where(
        mirrors.c.id == claimed.id, mirrors.c.fence == claimed.fence, mirrors.c.leaving
    )
    return bool(conn.execute(statement).rowcount)


def is_written_to(conn: Connection, connection_id: str, now: Instant) -> bool:
    """Tell whether a claim on a mirror into a connection's calendars is in force."""
    of_it = (mirrors.c.connection_id == connection_id, mirrors.c.lease_until > now)
    return conn.execute(select(mirrors.c.id).where(*of_it).limit(1)).first() is not None


def whose(conn: Connection) -> dict[str, str]:
    """Give the connection that each mirror is written to."""
    query = select(mirrors.c.id, mirrors.c.connection_id)
    return {row.id: row.connection_id for row in conn.execute(query)}


def stand_in(conn: Connection, connection_id: str) -> bool:
    """Tell whether blocks stand in the calendars of a connection."""
    of_it = (mirrors.c.connection_id == connection_id, mirrors.c.calendar != "")
    return conn.execute(select(mirrors.c.id).where(*of_it).limit(1)).first() is not None


def owners(conn: Connection) -> list[str]:
    """Name the processes that hold claims, those included that did not live to end them."""
    query = select(mirrors.c.lease_owner).where(mirrors.c.lease_owner != "").distinct()
    return sorted(conn.execute(query).scalars())


def end_all(conn: Connection, owner: str) -> None:
    """End all claims of a process that is known to be dead."""
    statement = update(mirrors).where(mirrors.c.lease_owner == owner)
    conn.execute(statement.values(lease_owner="", lease_until=0))


def heal_clock(conn: Connection, now: Instant) -> None:
    """Make due what was put off by a clock that ran ahead, and forget rounds that are to come."""
    for column in (mirrors.c.due_at, mirrors.c.rest_until):
        ahead = update(mirrors).where(column > now + LONGEST_WAIT)
        conn.execute(ahead.values({column: now}))
    ahead = update(mirrors).where(mirrors.c.written_at > now + LONGEST_WAIT)
    conn.execute(ahead.values(written_at=now, due_at=now, digest=""))


def _set(conn: Connection, claimed: MirrorRow, **values: Any) -> bool:
    statement = update(mirrors).where(
        mirrors.c.id == claimed.id,
        mirrors.c.fence == claimed.fence,
        mirrors.c.lease_owner == claimed.lease_owner,
    )
    return bool(conn.execute(statement.values(_plain(values))).rowcount)


def _plain(values: Mapping[str, Any]) -> dict[Any, Any]:
    return {mirrors.c[name]: value for name, value in values.items()}
