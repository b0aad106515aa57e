"""What the scheduler and the commands ask of the engine."""

from __future__ import annotations

from typing import Protocol

from bridge.config.plan import ResourcePlan
from bridge.errors import ConfigError, ProviderError
from bridge.ingest.basis import Basis, Room
from bridge.ingest.horizon import horizon, is_behind
from bridge.ingest.pull import ConnectionPull
from bridge.ingest.rebuild import rebuild
from bridge.ingest.report import PullReport
from bridge.ingest.rules import Rules, are_newer, zones_version
from bridge.ingest.stale import is_stale, turn
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import Provider
from bridge.publish import Publisher
from bridge.store import (
    bookings,
    calendars,
    connections,
    deliveries,
    meta,
    outbox,
    resources,
)
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.resources import ResourceRow

_TZDATA = "tzdata"
_REMEMBER = 180 * 86400
"""Seconds for which deletions stay in the change log; older sync tokens have to start anew."""


class Opener(Protocol):
    """Opens a connection's account; `bridge.accounts.Accounts` is one."""

    def open(self, connection_id: ConnectionId, fingerprint: str | None = None, /) -> Provider:
        """Give the provider of a connection.

        Raises:
            ConfigError: it is not configured (any more), or as another account than meant.
            ProviderError: its kind cannot work with its settings.
        """
        ...


class Ingest:
    """Keeps the stored busy time what the providers say. Safe in many threads and processes."""

    def __init__(self, database: Database, accounts: Opener, publisher: Publisher) -> None:
        """Do nothing yet."""
        self._room = Room(database, publisher)
        self._accounts = accounts

    def pull(self, connection_id: ConnectionId, now: Instant, *, full: bool = False) -> PullReport:
        """Read what changed in the calendars of a connection, and publish what becomes of it.

        Each calendar is taken over whole or not at all; a calendar that cannot be read costs the
        others nothing.

        Args:
            connection_id: global id.
            now: the present.
            full: read everything, whatever sync tokens there are.

        Raises:
            ProviderError: no calendar could be read, or the account refuses; what was known stays.
            StoreError: the database cannot be used; nothing is half written.
        """
        basis = self._basis(connection_id, now)
        if basis is None:
            return PullReport(connection_id)
        pulling = ConnectionPull(self._room, connection_id, now, full)
        try:
            provider = self._accounts.open(connection_id, basis.plan.fingerprint)
        except ProviderError as err:
            pulling.mark(basis, err)
            raise
        except ConfigError:  # a reload is taking it away or changing it, and marks it due
            return PullReport(connection_id)
        return PullReport(connection_id, tuple(pulling.run(basis, provider)))

    def rebuild(self, resource_id: ResourceId, now: Instant) -> int | None:
        """Make a resource's rows anew from what is stored; after a change of its plan.

        Returns:
            How many published blocks changed; None when pulls kept changing what it works on, so
            that nothing was done and it has to be asked for again.
        """
        return rebuild(self._room, resource_id, now)

    def advance_horizons(self, now: Instant) -> list[ResourceId]:
        """Take in the month that came into reach, and new time zone rules; forget old deletions.

        Returns:
            The resources that were rebuilt.
        """
        with self._room.database.read() as conn:
            active = resources.all_active(conn)
            same_zones = not are_newer(zones_version(), meta.get(conn, _TZDATA) or "")
        moved = [row.id for row in active if not same_zones or _is_behind(row, now)]
        done = [id_ for id_ in moved if rebuild(self._room, id_, now) is not None]
        with self._room.database.write() as conn:
            if not same_zones and done == moved:
                meta.put(conn, _TZDATA, zones_version())
            self._room.publisher.forget(conn, now - _REMEMBER)
            bookings.forget(conn, now - _REMEMBER)
            outbox.forget(conn, now - _REMEMBER)
            deliveries.forget(conn, now - _REMEMBER)
        return done

    def check_staleness(self, now: Instant) -> list[ResourceId]:
        """Apply `on_stale` to calendars that were not read for too long, so that all outputs agree.

        A complete pull takes it back.

        Returns:
            The resources in which a calendar became stale or fresh.
        """
        with self._room.database.read() as conn:
            active = {row.id: row for row in resources.all_active(conn)}
            sources = {row.id: row for row in connections.every(conn)}
            rows = calendars.every(conn)
        turning: dict[ResourceId, list[tuple[CalendarRow, ConnectionRow]]] = {}
        for row in rows:
            connection = sources[row.connection_id]
            if connection.resource_id in active:
                stale = is_stale(row, connection, Rules.parse(row.policy), now)
                if stale != row.stale:
                    turning.setdefault(connection.resource_id, []).append((row, connection))
        return [
            resource_id
            for resource_id, found in turning.items()
            if turn(self._room, active[resource_id], found, now)
        ]

    def _basis(self, connection_id: ConnectionId, now: Instant) -> Basis | None:
        basis = self._room.basis(connection_id)
        if basis and is_behind(basis.horizon, horizon(now, basis.resource_plan.window)):
            rebuild(self._room, basis.resource.id, now)
            return self._room.basis(connection_id)
        return basis


def _is_behind(row: ResourceRow, now: Instant) -> bool:
    plan = ResourcePlan.model_validate_json(row.plan)
    return is_behind(row.horizon, horizon(now, plan.window))
