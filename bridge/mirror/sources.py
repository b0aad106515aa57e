"""What is to stand in a target, by what the store knows of the sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bridge.config.plan import ConnectionPlan, MirrorPlan
from bridge.mirror.blocks import Wanted, wanted_blocks
from bridge.model.interval import Instant, Window
from bridge.model.resource import ConnectionId
from bridge.provider import CalendarId
from bridge.store import busy, mirrored, restored
from bridge.store.database import Transaction
from bridge.store.resources import ResourceRow

_DAY = 86400
_BEFORE = 7 * _DAY
"""Seconds before today in which time is looked for that still goes on."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The busy time that is mirrored, and how far it can be relied on."""

    wanted: list[Wanted]
    unread: frozenset[ConnectionId]
    """Sources that were not read whole yet, or not since the database was put back from a backup:
    blocks that may be theirs stay."""
    window: Window
    """What overlaps it is mirrored: from the midnight (UTC) before now."""


def window_of(resource: ResourceRow, ahead: timedelta, now: Instant) -> Window:
    """Say what is mirrored: whole days, so that it is the same all day long."""
    start = now - now % _DAY
    end = start + _DAY + int(ahead.total_seconds())
    return Window(start, max(start, min(end, resource.horizon.end)))


def read(
    conn: Transaction,
    resource: ResourceRow,
    plan: MirrorPlan,
    target: tuple[str, CalendarId],
    now: Instant,
) -> Sources:
    """Read what is to stand.

    Args:
        conn: a transaction.
        resource: whose.
        plan: which mirror.
        target: kind of provider and remote id of the calendar that is written to.
        now: the present.
    """
    window = window_of(resource, plan.ahead, now)
    spans = mirrored.spans(
        conn,
        resource.id,
        plan.sources,
        Window(window.start - _BEFORE, window.end),
        longest=busy.extents(conn, resource.id).occurrence,
        target=target,
    )
    return Sources(wanted_blocks(spans, window), _unread(conn, resource, plan), window)


def _unread(conn: Transaction, resource: ResourceRow, plan: MirrorPlan) -> frozenset[ConnectionId]:
    since = restored.put_back_at(conn)
    return frozenset(
        ConnectionId(source.connection_id)
        for source in busy.sources(conn, resource.id)
        if source.connection_id in plan.sources
        and (source.success_at is None or source.success_at < since)
        and (not source.plan or ConnectionPlan.model_validate_json(source.plan).blocks)
    )
