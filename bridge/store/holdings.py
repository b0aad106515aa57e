"""How much is kept of connections and resources: what would go with them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from bridge.model.resource import ConnectionId, Projection, ResourceId
from bridge.store.schema import blocks, calendars, credentials, events


class Holding(NamedTuple):
    """What is kept of one connection."""

    events: int = 0
    is_granted: bool = False
    """Its owner's consent stands here, and can be given back."""


def of_connections(conn: Connection, granted: str) -> dict[ConnectionId, Holding]:
    """Count what was read of each connection; one that has nothing may be left out.

    Args:
        conn: of a transaction.
        granted: kind of the credentials that are a consent.
    """
    count = (
        select(calendars.c.connection_id, func.count())
        .join(events, events.c.calendar_id == calendars.c.id)
        .group_by(calendars.c.connection_id)
    )
    read = {ConnectionId(id_): number for id_, number in conn.execute(count)}
    query = select(credentials.c.connection_id).where(credentials.c.kind == granted)
    held = {ConnectionId(id_) for id_ in conn.execute(query).scalars()}
    return {id_: Holding(read.get(id_, 0), id_ in held) for id_ in read.keys() | held}


def of_resources(conn: Connection) -> dict[ResourceId, int]:
    """Count the busy blocks of each resource; one without is left out."""
    query = (
        select(blocks.c.resource_id, func.count())
        .where(blocks.c.projection == Projection.TIMES.value)
        .group_by(blocks.c.resource_id)
    )
    return {ResourceId(id_): number for id_, number in conn.execute(query)}
