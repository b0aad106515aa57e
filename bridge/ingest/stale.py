"""What becomes of a calendar that could not be read for `max_stale`; applied to its rows."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.config.policy import OnStale
from bridge.ingest.basis import Moved, Room
from bridge.ingest.difference import Difference
from bridge.ingest.expand import occurrence_id
from bridge.ingest.rules import Rules
from bridge.model.interval import FBType, Instant, Window
from bridge.model.resource import ConnectionStatus, ResourceId
from bridge.store import calendars, events
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.store.events import OccurrenceRow
from bridge.store.resources import ResourceRow

NOBODY = ""
"""Remote id of the occurrence that stands for what cannot be known; no object has it."""


def is_stale(row: CalendarRow, connection: ConnectionRow, rules: Rules, now: Instant) -> bool:
    """Tell whether a calendar was not read for too long; a paused one keeps its last time."""
    stopped = (ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED)
    if connection.status in stopped or not rules.blocks:
        return False
    since = row.failed_since if row.success_at is None else row.success_at
    return since is not None and now - since >= rules.max_stale


def stand_in(
    row: CalendarRow, resource_id: ResourceId, rules: Rules, horizon: Window, *, stale: bool
) -> list[OccurrenceRow]:
    """Give the occurrence that blocks everything since the last success, if `on_stale` is busy."""
    if not stale or rules.on_stale is not OnStale.BUSY or not rules.blocks:
        return []
    start = max(horizon.start, row.success_at or horizon.start)
    return [
        OccurrenceRow(
            occurrence_id(row.id, NOBODY, 0),
            resource_id,
            row.id,
            NOBODY,
            0,
            start,
            horizon.end,
            FBType.BUSY,
            all_day=False,
            reason="the calendar could not be read for too long; on_stale is busy",
            details='{"title":"Busy"}',
        )
    ]


def turn(
    room: Room,
    resource: ResourceRow,
    found: Sequence[tuple[CalendarRow, ConnectionRow]],
    now: Instant,
) -> bool:
    """Make calendars of one resource stale or fresh, whichever they should be.

    Returns:
        False when the resource changed meanwhile; the next check sees to it.
    """
    try:
        with room.locked(resource) as conn:
            here = {row.id: row for row in calendars.of_resource(conn, resource.id)}
            dirty: list[Window] = []
            for before, connection in found:
                row = here.get(before.id)
                if row is not None:
                    dirty += _turn(conn, resource, row, connection, now)
            room.publish(conn, resource.id, dirty, now)
    except Moved:
        return False
    return True


def _turn(
    conn: Transaction,
    resource: ResourceRow,
    row: CalendarRow,
    connection: ConnectionRow,
    now: Instant,
) -> list[Window]:
    rules = Rules.parse(row.policy)
    stale = is_stale(row, connection, rules, now)
    calendars.set_stale(conn, [row.id], stale=stale)
    standing = events.occurrences_of(conn, row.id, [NOBODY])
    difference = Difference(row.id)
    wanted = stand_in(row, resource.id, rules, resource.horizon, stale=stale)
    difference.compare(standing, wanted)
    difference.write(conn, resource.id)
    if rules.on_stale is OnStale.FREE:
        return [resource.horizon]
    return difference.dirty
