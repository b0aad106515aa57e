"""Just-in-time pulls: a request that wants fresh busy time marks it due and waits for it.

Nothing is pulled here, so that a process without workers (`server.role: web`) can ask those that
have them. Requests that want the same join: a connection that is being pulled is not marked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from time import monotonic

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId, SyncState
from bridge.scheduler.ground import Ground
from bridge.store import connections, leases, schedule
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction

_STOPPED = frozenset(
    {ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED, ConnectionStatus.PENDING}
)


class _Standing(Enum):
    FRESH = "fresh"
    RUNNING = "running"
    WANTED = "wanted"
    BARRED = "barred"
    """No pull can make it fresh at present."""


class Freshening:
    """Implements `bridge.web.context.EngineHandle`; any thread may call."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def sync(
        self,
        resource_ids: Sequence[ResourceId],
        timeout: timedelta,
        *,
        full: bool = False,
        max_age: timedelta | None = None,
    ) -> bool:
        """Have the connections of these resources pulled now, and wait for it.

        Connections whose last pull began within `max_age` (None: `sync.just_in_time.min_interval`)
        and went well count as fresh, paused ones as settled. One that fails, or whose provider
        asked for a pause, is not waited for. Who wants full listings gets them whenever the last
        one was.

        Returns:
            Whether everything was fresh when the wait ended.

        Raises:
            StoreError: the database cannot be used.
        """
        ground = self._ground
        deadline = monotonic() + timeout.total_seconds()
        seen = ground.wake.seen("published")
        asked = ground.clock()
        fresh = ground.live.current.sync.just_in_time.min_interval if max_age is None else max_age
        oldest = asked - int(fresh.total_seconds())
        standing = self._look(resource_ids, (oldest, asked), full=full)
        wanted = sorted(id_ for id_, each in standing.items() if each is _Standing.WANTED)
        if full and standing:
            with ground.database.write() as conn:
                schedule.mark(conn, standing, asked, full=True)
            ground.wake.notify("schedule")
            standing = self._look(resource_ids, (oldest, asked), full=full)
        elif wanted:
            with ground.database.write() as conn:
                leases.want(conn, wanted, asked, oldest)
            ground.wake.notify("schedule")
        awaited = {id_ for id_, each in standing.items() if each in _AWAITED}
        barred = any(each is _Standing.BARRED for each in standing.values())
        while awaited and (remaining := deadline - monotonic()) > 0:
            number = ground.wake.wait("published", remaining, seen)
            if number is None:
                break
            seen = number
            standing = self._look(resource_ids, (oldest, asked), full=full)
            failed = {id_ for id_ in awaited if standing.get(id_) is _Standing.BARRED}
            barred = barred or bool(failed)
            awaited = {id_ for id_ in awaited if standing.get(id_) in _AWAITED}
        return not awaited and not barred

    def _look(
        self, resource_ids: Sequence[ResourceId], since: tuple[Instant, Instant], *, full: bool
    ) -> dict[ConnectionId, _Standing]:
        with self._ground.database.read() as conn:
            rows = [row for row in _rows(conn, resource_ids) if row.status not in _STOPPED]
            wished = schedule.full_wanted(conn, [row.id for row in rows]) if full else ()
        return {row.id: _standing(row, *since, wished=row.id in wished) for row in rows}


_AWAITED = (_Standing.WANTED, _Standing.RUNNING)


def _rows(conn: Transaction, resource_ids: Sequence[ResourceId]) -> list[ConnectionRow]:
    return [row for id_ in resource_ids for row in connections.of_resource(conn, id_)]


def _standing(row: ConnectionRow, oldest: Instant, asked: Instant, *, wished: bool) -> _Standing:
    """Judge a connection; one of which a full listing is `wished` is not fresh before that.

    What a pull read is as old as its beginning: a change may have come while it was under way.
    """
    tried = row.attempt_at is not None and row.attempt_at >= oldest
    if tried and row.sync_state is SyncState.SYNCING:
        return _Standing.RUNNING
    if tried and row.success_at is not None and row.success_at >= oldest and not row.failures:
        return _Standing.RUNNING if wished else _Standing.FRESH
    # A credential that was refused is tried once an hour, or when a person says so.
    if row.status is ConnectionStatus.TOKEN_EXPIRED or (row.limited_until or 0) > asked:
        return _Standing.BARRED
    # It failed just now: requests must not turn its backoff into a hammer.
    return _Standing.BARRED if tried and row.failures else _Standing.WANTED
