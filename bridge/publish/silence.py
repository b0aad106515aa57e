"""Which calendars say nothing at present: stale ones whose time counts as free."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from bridge.config.plan import CalendarPolicy
from bridge.config.policy import OnStale
from bridge.model.interval import Instant, Window
from bridge.model.resource import ResourceId
from bridge.publish.publisher import Publisher
from bridge.store import calendars, resources
from bridge.store.calendars import CalendarRow
from bridge.store.database import Transaction


def muted(rows: Sequence[CalendarRow]) -> list[str]:
    """Name the calendars whose time counts as free because they are stale."""
    return [row.id for row in rows if row.stale and on_stale(row) is OnStale.FREE]


def on_stale(row: CalendarRow) -> OnStale:
    """Tell what becomes of a calendar's time when it is not read for too long."""
    return _on_stale(row.policy)


@lru_cache(maxsize=4096)
def _on_stale(rules: str) -> OnStale:
    found = json.loads(rules).get("policy")
    if found is None:
        return OnStale.KEEP_LAST
    return CalendarPolicy.model_validate(found).availability.on_stale


def publish(
    conn: Transaction,
    publisher: Publisher,
    resource_id: ResourceId,
    dirty: Iterable[Window],
    now: Instant,
) -> int | None:
    """Publish what became of dirty spans; the caller holds the resource's lock.

    Returns:
        How many blocks changed; None when there is no such resource any more.
    """
    resource = resources.get(conn, resource_id)
    if resource is None:
        return None
    silent = muted(calendars.of_resource(conn, resource_id))
    return publisher.publish(conn, resource, dirty, now, without=silent)
