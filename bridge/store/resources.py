"""Rows of resources: plan, change sequence, horizon. Their row lock orders all changes of one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from bridge.model.interval import Instant, Window
from bridge.model.resource import ResourceId
from bridge.store import compact
from bridge.store.database import upsert as upsert_rows
from bridge.store.schema import resources


class Owner(Enum):
    """Who may change a resource or connection (INTERFACE section 1)."""

    FILE = "file"
    API = "api"


class ResourceState(Enum):
    """Whether a resource is pulled and published."""

    ACTIVE = "active"
    PARKED = "parked"
    """It left the configuration: neither pulled nor published, and whole again when it returns."""


class ResourceRow(NamedTuple):
    """One resource."""

    id: ResourceId
    plan: str
    """JSON of `bridge.config.plan.ResourcePlan`."""
    managed_by: Owner
    state: ResourceState
    generation: int
    """Raised with each change of its plan or of a plan of its connections."""
    epoch: str
    """Of the sync tokens: another one makes every token invalid."""
    change_seq: int
    """The last number given to a change."""
    times_floor: int
    details_floor: int
    """Sync tokens below this number cannot be continued: deletions were forgotten."""
    changed_at: Instant
    horizon: Window
    """Occurrences are known in this window; equal ends before the first rebuild."""


_COLUMNS = [
    resources.c[name]
    for name in (
        *(name for name in ResourceRow._fields if name != "horizon"),
        "horizon_start",
        "horizon_end",
    )
]

_GET = select(*_COLUMNS).where(resources.c.id == bindparam("id"))
_LOCK = _GET.with_for_update()


def get(conn: Connection, resource_id: ResourceId) -> ResourceRow | None:
    """Find a resource, a parked one too."""
    row = conn.execute(_GET, {"id": resource_id}).mappings().first()
    return _read(row) if row else None


def lock(conn: Connection, resource_id: ResourceId) -> ResourceRow | None:
    """Find a resource and keep every other change of it out until this transaction ends.

    Lock before reading what the change depends on; at most one resource, or several in the order
    of their ids.
    """
    row = conn.execute(_LOCK, {"id": resource_id}).mappings().first()
    return _read(row) if row else None


def every(conn: Connection) -> list[ResourceRow]:
    """List all resources, parked ones too, by id."""
    rows = conn.execute(select(*_COLUMNS).order_by(resources.c.id)).mappings()
    return [_read(row) for row in rows]


def all_active(conn: Connection) -> list[ResourceRow]:
    """List the resources that are pulled and published, by id."""
    query = select(*_COLUMNS).where(resources.c.state == ResourceState.ACTIVE.value)
    return [_read(row) for row in conn.execute(query.order_by(resources.c.id)).mappings()]


def upsert(conn: Connection, plans: Mapping[ResourceId, str], *, managed_by: Owner) -> None:
    """Write new or changed plans (JSON) by id: the resources become active, a generation older."""
    if not plans:
        return
    # One order of locks: a pull holds the row of one resource, this may need many.
    rows = [
        {"id": id_, "plan": plans[id_], "managed_by": managed_by.value, "epoch": new_epoch()}
        for id_ in sorted(plans)
    ]
    upsert_rows(conn, resources, rows, update=["plan", "managed_by"])
    statement = (
        update(resources)
        .where(resources.c.id == bindparam("which"))
        .values(state=ResourceState.ACTIVE.value, generation=resources.c.generation + 1)
    )
    conn.execute(statement, [{"which": row["id"]} for row in rows])


def disturb(conn: Connection, resource_id: ResourceId) -> None:
    """Have whoever works on what stands look again before it writes; the caller holds `lock`."""
    statement = update(resources).where(resources.c.id == resource_id)
    conn.execute(statement.values(generation=resources.c.generation + 1))


def park(conn: Connection, resource_ids: Sequence[ResourceId]) -> None:
    """Stop pulling and publishing resources; their rows stay for a return."""
    if resource_ids:
        statement = update(resources).where(resources.c.id == bindparam("which"))
        conn.execute(
            statement.values(
                state=ResourceState.PARKED.value, generation=resources.c.generation + 1
            ),
            [{"which": id_} for id_ in sorted(resource_ids)],
        )


def remove(conn: Connection, resource_ids: Sequence[ResourceId]) -> None:
    """Delete resources with everything known of them."""
    if resource_ids:
        statement = delete(resources).where(resources.c.id == bindparam("which"))
        conn.execute(statement, [{"which": id_} for id_ in sorted(resource_ids)])
        compact.want(conn)


def advance(conn: Connection, resource_id: ResourceId, *, changes: int, changed_at: Instant) -> int:
    """Take the next numbers of the change log; the caller holds `lock`.

    Returns:
        The last of the `changes` numbers: the first is `last - changes + 1`.
    """
    statement = (
        update(resources)
        .where(resources.c.id == resource_id)
        .values(change_seq=resources.c.change_seq + changes, changed_at=changed_at)
        .returning(resources.c.change_seq)
    )
    last: int = conn.execute(statement).scalar_one()
    return last


def set_horizon(conn: Connection, resource_id: ResourceId, horizon: Window) -> None:
    """Record the window in which occurrences are known."""
    conn.execute(
        update(resources)
        .where(resources.c.id == resource_id)
        .values(horizon_start=horizon.start, horizon_end=horizon.end)
    )


def want_rebuild(conn: Connection, resource_ids: Sequence[ResourceId]) -> None:
    """Note that every block has to be made anew, so that it happens whoever is killed meanwhile."""
    if resource_ids:
        statement = update(resources).where(resources.c.id == bindparam("which"))
        conn.execute(
            statement.values(rebuilds_wanted=resources.c.rebuilds_wanted + 1),
            [{"which": id_} for id_ in sorted(resource_ids)],
        )


def rebuilds(conn: Connection) -> dict[ResourceId, int]:
    """List the active resources whose blocks have to be made anew; the number is for `rebuilt`."""
    query = select(resources.c.id, resources.c.rebuilds_wanted).where(
        resources.c.rebuilds_done < resources.c.rebuilds_wanted,
        resources.c.state == ResourceState.ACTIVE.value,
    )
    return {ResourceId(id_): number for id_, number in conn.execute(query.order_by("id"))}


def rebuilt(conn: Connection, resource_id: ResourceId, number: int) -> None:
    """Note that blocks were made anew after `rebuilds` gave this number."""
    conn.execute(
        update(resources)
        .where(resources.c.id == resource_id, resources.c.rebuilds_done < number)
        .values(rebuilds_done=number)
    )


def count(conn: Connection) -> dict[ResourceState, int]:
    """Count resources by state; a state that none has is left out."""
    query = select(resources.c.state, func.count()).group_by(resources.c.state)
    return {ResourceState(state): number for state, number in conn.execute(query)}


def new_epoch() -> str:
    """Make an epoch that no resource had before."""
    return secrets.token_hex(8)


def _read(row: RowMapping) -> ResourceRow:
    values = dict(row)
    start, end = values.pop("horizon_start"), values.pop("horizon_end")
    values["managed_by"] = Owner(values["managed_by"])
    values["state"] = ResourceState(values["state"])
    return ResourceRow(horizon=Window(start, end), **values)
