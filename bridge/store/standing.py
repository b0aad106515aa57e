"""One indexed look at what stands: enough to answer "unchanged" without reading anything else."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, case, func, select

from bridge.model.interval import Instant, Window
from bridge.model.resource import Projection, ResourceId
from bridge.store.prepared import Prepared
from bridge.store.resources import ResourceState
from bridge.store.schema import changes, resources
from bridge.store.text import Text


class Standing(NamedTuple):
    """The state of one projection of one resource; equal states mean equal blocks."""

    epoch: str
    seq: int
    """The last change that this projection shows: what happens in the other one, a title that
    changes, does not move it."""
    changed_at: Instant
    """When that was; 0 when nothing ever changed."""
    horizon: Window


_CHANGES = (
    changes.c.resource_id == bindparam("resource"),
    changes.c.projection == bindparam("projection"),
)
_LOOK = Prepared(
    select(
        resources.c.epoch,
        # Forgetting a tombstone lowers the maximum; the floor keeps an old ETag from coming back.
        select(func.coalesce(func.max(changes.c.seq), 0)).where(*_CHANGES).scalar_subquery(),
        case(
            (
                bindparam("projection", type_=Text) == Projection.TIMES.value,
                resources.c.times_floor,
            ),
            else_=resources.c.details_floor,
        ),
        select(changes.c.changed_at)
        .where(*_CHANGES)
        .order_by(changes.c.seq.desc())
        .limit(1)
        .scalar_subquery(),
        resources.c.horizon_start,
        resources.c.horizon_end,
    ).where(
        resources.c.id == bindparam("resource"),
        resources.c.state == ResourceState.ACTIVE.value,
    )
)


def look(conn: Connection, resource_id: ResourceId, projection: Projection) -> Standing | None:
    """Look at one projection; None for a resource that is not there or is parked."""
    row = _LOOK.first(conn, resource=resource_id, projection=projection.value)
    if row is None:
        return None
    epoch, seq, floor, changed_at, start, end = row
    return Standing(epoch, max(seq, floor), changed_at or 0, Window(start, end))
