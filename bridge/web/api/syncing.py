"""How reading goes, and having it done: now, wholly, not for a while."""

from __future__ import annotations

from flask import Response

from bridge.access import Scope
from bridge.connecting import Disconnected, ManagedByFile, pause, resume
from bridge.errors import BeyondHorizon, ConfigError
from bridge.model.interval import Instant, Window
from bridge.model.resource import Access, ConnectionStatus, SyncState
from bridge.store import calendars, connections, leases, resources, schedule
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.web.api.answers import (
    answer,
    moment,
    state_of,
    times_json,
    trouble_json,
    unknown_connection,
)
from bridge.web.api.documents import ConnectionDocuments
from bridge.web.api.finding import find_connection, find_resource
from bridge.web.api.models import Connection, ConnectionPath, Nothing, ResourcePath
from bridge.web.api.pending import refuse_unconnected
from bridge.web.api.routes import Routes, asking
from bridge.web.api.sync_models import ResourceSync, ResourceSyncRequest, ResyncRequest, SyncStatus
from bridge.web.context import WebContext
from bridge.web.problem import Problem
from bridge.web.reading import Reader


class SyncRoutes:
    """Seeing it and acting on it."""

    def __init__(self, context: WebContext, reader: Reader) -> None:
        self._context = context
        self._reader = reader

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        read, write = Scope.CONNECTIONS_READ, Scope.CONNECTIONS_WRITE
        one = "/connections/<connection_id>"
        routes.add("GET", f"{one}/sync-status", self.get_sync_status, scope=read, answer=SyncStatus)
        routes.add(
            "POST",
            f"{one}/resync",
            self.post_resync,
            scope=write,
            answer=SyncStatus,
            status=(202,),
        )
        routes.add("POST", f"{one}/pause", self.post_pause, scope=write, answer=Connection)
        routes.add("POST", f"{one}/resume", self.post_resume, scope=write, answer=Connection)
        routes.add(
            "POST",
            "/resources/<resource_id>/sync",
            self.post_sync,
            scope=write,
            answer=ResourceSync,
            status=(200, 202),
        )

    def get_sync_status(self, path: ConnectionPath) -> Response:
        """How the reading of an account goes: what is done at present, and how fresh it is."""
        row = find_connection(self._context, path.connection_id, Access.READ)
        with self._context.database.read() as conn:
            return answer(_status(conn, row, asking().now))

    def post_resync(self, path: ConnectionPath, body: ResyncRequest) -> Response:
        """Read an account anew, soon: all of it, or what changed with `full_sync: false`.

        Answered at once, with what GET sync-status says. While an account is paused or not
        connected nothing is read, and that is 409. During a pause that its provider asked for it
        is read at the end of that.
        """
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        refuse_unconnected(self._context, row)
        if row.status is ConnectionStatus.PAUSED:
            raise Problem(409, "conflict", f"{row.id} is paused; resume it first.")
        now = asking().now
        with self._context.database.write() as conn:
            schedule.mark(conn, [row.id], now, full=body.full_sync)
        self._context.engine.stir()
        with self._context.database.read() as conn:
            return answer(_status(conn, connections.get(conn, row.id) or row, now), 202)

    def post_pause(self, path: ConnectionPath, body: Nothing) -> Response:
        """Stop reading an account until it is resumed; its last busy time stays.

        The same again changes nothing.
        """
        del body
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        try:
            with self._context.database.write() as conn:
                row = pause(conn, connections.get(conn, row.id) or row)
        except ManagedByFile as err:
            raise Problem(409, "managed_by_file", f"{err}.") from err
        return self._connection(row)

    def post_resume(self, path: ConnectionPath, body: Nothing) -> Response:
        """Read an account again, now.

        The same again changes nothing. One that was disconnected has to be connected: 409
        `connection_pending`, with its `auth_url`.
        """
        del body
        row = find_connection(self._context, path.connection_id, Access.MANAGE)
        connecting = self._context.connecting
        try:
            needs = connecting is not None and connecting.authorizer(row.id) is not None
            with self._context.database.write() as conn:
                row = connections.get(conn, row.id) or row
                row = resume(conn, row, asking().now, needs_consent=needs)
        except ManagedByFile as err:
            raise Problem(409, "managed_by_file", f"{err}.") from err
        except Disconnected as err:
            refuse_unconnected(self._context, row)
            raise Problem(409, "connection_pending", f"{err}.") from err
        except ConfigError as err:
            raise unknown_connection() from err
        self._context.engine.stir()
        return self._connection(row)

    def post_sync(self, path: ResourcePath, body: ResourceSyncRequest) -> Response:
        """Have every account of a resource read now.

        Waits for it, at most as long as `sync.just_in_time.timeout` says: 200 when all was read,
        202 when it goes on, or when one cannot be read; `connections` tells. What was read within
        `sync.just_in_time.min_interval` is not read again, unless `full` is wanted. `start` and
        `end` have to lie in what is ever read, else 422 `beyond_horizon`.
        """
        found = find_resource(self._context, path.resource_id, Access.MANAGE)
        self._refuse_beyond(found.horizon, body.window)
        fresh = self._reader.sync([found.id], full=body.full)
        now = asking().now
        with self._context.database.read() as conn:
            row = resources.get(conn, found.id) or found
            sources = connections.of_resource(conn, found.id)
            shown = [_status(conn, each, now) for each in sources]
        known = None if _is_empty(row.horizon) else body.window or row.horizon
        return answer(
            {
                "resource_id": row.id,
                "start": moment(known.start) if known else None,
                "end": moment(known.end) if known else None,
                "fresh": fresh,
                "connections": shown,
            },
            200 if fresh else 202,
        )

    def _refuse_beyond(self, known: Window, wanted: Window | None) -> None:
        if wanted is None or _is_empty(known):
            return
        if wanted.start < known.start or wanted.end > known.end:
            raise BeyondHorizon(known)

    def _connection(self, row: ConnectionRow) -> Response:
        with self._context.database.read() as conn:
            document = ConnectionDocuments(conn, asking().now).of(row)
        return answer(document)


def _is_empty(horizon: Window) -> bool:
    """Tell whether nothing was read yet."""
    return horizon.start == horizon.end


def _status(conn: Transaction, row: ConnectionRow, now: Instant) -> dict[str, object]:
    due = leases.due_at(conn, row.id)
    state = state_of(row, now)
    rows = calendars.of_connection(conn, row.id)
    return {
        "connection_id": row.id,
        "resource_id": row.resource_id,
        "status": row.status.value,
        "state": state.value,
        "last_attempt_at": moment(row.attempt_at),
        # While it is read, the schedule knows when that would be given up.
        **times_json(row, None if state is SyncState.SYNCING else due, now),
        "failures": row.failures,
        "stale": any(each.stale for each in rows),
        "calendars": [_freshness(each) for each in rows],
        "error": trouble_json(row),
    }


def _freshness(row: CalendarRow) -> dict[str, object]:
    error = None
    if row.error_code:
        error = {
            "code": row.error_code,
            "message": row.error_message,
            "since": moment(row.failed_since),
        }
    return {
        "id": row.id,
        "calendar_id": row.remote_id or None,
        "name": row.name,
        "last_sync_at": moment(row.success_at),
        "stale": row.stale,
        "waits_for_confirmation": row.shrink is not None,
        "error": error,
    }
