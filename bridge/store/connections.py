"""Rows of connections: plan, status, and how their last pulls went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    null,
    or_,
    select,
    update,
)

from bridge.errors import CredentialUnreadable, NotConnected
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId, SyncState
from bridge.store import compact, meta
from bridge.store.database import upsert as upsert_rows
from bridge.store.mirror_tables import mirrors
from bridge.store.resources import Owner, ResourceState
from bridge.store.schema import alerts, calendars, connections, resources


class ConnectionRow(NamedTuple):
    """One connection."""

    id: ConnectionId
    resource_id: ResourceId
    provider: str
    plan: str
    """JSON of `bridge.config.plan.ConnectionPlan`."""
    managed_by: Owner
    position: int
    status: ConnectionStatus
    sync_state: SyncState
    error_code: str
    """Empty when the last pull succeeded; so are message and hint."""
    error_message: str
    error_hint: str
    error_since: Instant | None
    failures: int
    """In a row."""
    attempt_at: Instant | None
    success_at: Instant | None
    limited_until: Instant | None
    """The provider asked for a pause; no pull is claimed before."""
    severed: int
    """How often it was disconnected: what was read before does not count after."""


class NewConnection(NamedTuple):
    """What the configuration says of a connection; fields as in `ConnectionRow`."""

    id: ConnectionId
    resource_id: ResourceId
    provider: str
    plan: str
    position: int
    status: ConnectionStatus


class Failure(NamedTuple):
    """Why a pull failed."""

    code: str
    message: str
    hint: str = ""
    status: ConnectionStatus = ConnectionStatus.ERROR
    """What the connection becomes, unless a person stopped it meanwhile."""
    limited_until: Instant | None = None
    """Set when the provider asked for a pause."""


PRIMARY_WISH = "primary_wish."
"""Beginning of keys of `meta`: connections that will receive the bookings once connected."""
CONSENT_INCOMPLETE = "invalid_scope"
"""Code of a failure: an owner permitted less than is needed, so that nothing was kept."""
_OF_NO_CONSENT = ("", NotConnected.code, CredentialUnreadable.code)
"""Codes of failures that say nothing of why there is no consent."""
_TELLING = (ConnectionStatus.ERROR.value, ConnectionStatus.TOKEN_EXPIRED.value)
# Written with the rest, in one statement: on PostgreSQL a second update of a row in the same
# transaction locks the resource's row, which others lock first of all.
_FORGIVEN: Mapping[str, Any] = {
    "sync_state": SyncState.IDLE.value,
    "error_code": "",
    "error_message": "",
    "error_hint": "",
    "error_since": null(),
    "failures": 0,
    "limited_until": null(),
}
_COLUMNS = [connections.c[name] for name in ConnectionRow._fields]
STOPPED = (ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED)
"""By a person, who also begins again."""
_STOPPED = tuple(status.value for status in STOPPED)
_UNWELL = (
    ConnectionStatus.ERROR.value,
    ConnectionStatus.TOKEN_EXPIRED.value,
    ConnectionStatus.DISCONNECTED.value,
)


def _unless_stopped(status: ConnectionStatus) -> ColumnElement[str]:
    # A person may have paused the connection while its pull ran.
    return case(
        (connections.c.status.in_(_STOPPED), connections.c.status),
        else_=status.value,
    )


def _since(status: ConnectionStatus, now: Instant) -> ColumnElement[int | None]:
    first = func.coalesce(connections.c.error_since, now)
    if status is not ConnectionStatus.TOKEN_EXPIRED:
        return first
    return case((connections.c.status == status.value, first), else_=now)


def _set(conn: Connection, connection_id: ConnectionId, **values: Any) -> None:
    conn.execute(update(connections).where(connections.c.id == connection_id).values(**values))


# Made once: every pull needs them, and building a statement takes longer than running it.
_GET = select(*_COLUMNS).where(connections.c.id == bindparam("which"))
_OF_RESOURCE = (
    select(*_COLUMNS)
    .where(connections.c.resource_id == bindparam("resource"))
    .order_by(connections.c.position, connections.c.id)
)
_BEGAN = (
    update(connections)
    .where(connections.c.id == bindparam("which"))
    .values(attempt_at=bindparam("at"), sync_state=SyncState.SYNCING.value)
)
_ENDED_WELL = (
    update(connections)
    .where(connections.c.id == bindparam("which"))
    .values(
        status=_unless_stopped(ConnectionStatus.ACTIVE),
        sync_state=SyncState.IDLE.value,
        error_code="",
        error_message="",
        error_hint="",
        error_since=null(),
        failures=0,
        success_at=bindparam("at"),
        limited_until=null(),
    )
)


def get(conn: Connection, connection_id: ConnectionId) -> ConnectionRow | None:
    """Find a connection."""
    row = conn.execute(_GET, {"which": connection_id}).first()
    return _read(row) if row else None


def of_resource(conn: Connection, resource_id: ResourceId) -> list[ConnectionRow]:
    """List the connections of a resource, in the order of the configuration."""
    return [_read(row) for row in conn.execute(_OF_RESOURCE, {"resource": resource_id})]


def every(conn: Connection) -> list[ConnectionRow]:
    """List all connections by resource, each resource's in the order of the configuration."""
    order = (connections.c.resource_id, connections.c.position, connections.c.id)
    return [_read(row) for row in conn.execute(select(*_COLUMNS).order_by(*order))]


def unwell(conn: Connection) -> list[ConnectionRow]:
    """List those that somebody may have to be told about, by id; of active resources only.

    They fail or were ended, one of their calendars is stale or suddenly smaller, a mirror into one
    fails, or something was told of them before.
    """
    doubted = select(calendars.c.connection_id).where(
        or_(calendars.c.stale, calendars.c.shrink.is_not(None))
    )
    query = (
        select(*_COLUMNS)
        .join(resources, resources.c.id == connections.c.resource_id)
        .where(
            resources.c.state == ResourceState.ACTIVE.value,
            or_(
                connections.c.status.in_(_UNWELL),
                connections.c.id.in_(doubted),
                connections.c.id.in_(select(alerts.c.connection_id)),
                connections.c.id.in_(
                    select(mirrors.c.connection_id).where(mirrors.c.error_code != "")
                ),
            ),
        )
    )
    return [_read(row) for row in conn.execute(query.order_by(connections.c.id))]


def upsert(conn: Connection, entries: Sequence[NewConnection], *, managed_by: Owner) -> None:
    """Write what the configuration says; what happened so far stays."""
    rows = [
        entry._asdict() | {"status": entry.status.value, "managed_by": managed_by.value}
        for entry in entries
    ]
    upsert_rows(
        conn, connections, rows, update=["provider", "plan", "position", "status", "managed_by"]
    )


def remove(conn: Connection, connection_ids: Sequence[ConnectionId]) -> None:
    """Delete connections with their credentials, calendars, events, occurrences and schedule."""
    for connection_id in connection_ids:
        meta.drop(conn, PRIMARY_WISH + connection_id)
    if connection_ids:
        statement = delete(connections).where(connections.c.id == bindparam("which"))
        conn.execute(statement, [{"which": id_} for id_ in sorted(connection_ids)])
        compact.want(conn)


def record_attempt(conn: Connection, connection_id: ConnectionId, now: Instant) -> None:
    """Note that a pull began."""
    conn.execute(_BEGAN, {"which": connection_id, "at": now})


def record_success(conn: Connection, connection_id: ConnectionId, now: Instant) -> None:
    """Note that every calendar was pulled: the connection is well again."""
    conn.execute(_ENDED_WELL, {"which": connection_id, "at": now})


def record_failure(
    conn: Connection, connection_id: ConnectionId, now: Instant, failure: Failure
) -> None:
    """Note that a pull failed.

    `error_since` keeps the first failure of the row; but that only a human can help is told since
    it is so, whatever went wrong before.
    """
    limited = failure.limited_until is not None
    told: dict[str, Any] = {
        "status": _unless_stopped(failure.status),
        "error_code": failure.code,
        "error_message": failure.message,
        "error_hint": failure.hint,
    }
    if failure.status is ConnectionStatus.PENDING:
        # Why nobody could be asked, a consent was not enough or was taken back, says more than that
        # there is none.
        refused = and_(
            connections.c.status.in_(_TELLING),
            connections.c.error_code.not_in(_OF_NO_CONSENT),
        )
        told = {name: case((refused, connections.c[name]), else_=told[name]) for name in told}
    _set(
        conn,
        connection_id,
        **told,
        sync_state=(SyncState.RATE_LIMITED if limited else SyncState.BACKOFF).value,
        error_since=_since(failure.status, now),
        failures=connections.c.failures + 1,
        limited_until=failure.limited_until,
    )


def rest(conn: Connection, connection_id: ConnectionId, until: Instant) -> None:
    """Note that a provider asked for a pause while something was written."""
    known = func.coalesce(connections.c.limited_until, 0)
    _set(conn, connection_id, limited_until=case((known > until, known), else_=until))


def authorized(conn: Connection, connection_id: ConnectionId) -> None:
    """Make well a connection that was granted access; one that a person paused stays paused."""
    paused = connections.c.status == ConnectionStatus.PAUSED.value
    active = case((paused, connections.c.status), else_=ConnectionStatus.ACTIVE.value)
    _set(conn, connection_id, **_FORGIVEN, status=active)


def set_status(conn: Connection, connection_id: ConnectionId, status: ConnectionStatus) -> None:
    """Pause or resume."""
    _set(conn, connection_id, status=status.value, sync_state=SyncState.IDLE.value)


def sever(conn: Connection, connection_id: ConnectionId) -> None:
    """Disconnect: whatever went wrong before is of no interest any more, nor what was read.

    Connected again, it is unread like a new one: nobody is told that its time is free.
    """
    severed = connections.c.severed + 1
    status = ConnectionStatus.DISCONNECTED.value
    _set(conn, connection_id, **_FORGIVEN, status=status, severed=severed, success_at=null())


def forgive(conn: Connection, connection_ids: Sequence[ConnectionId]) -> None:
    """Forget failures and pauses: the connections are other accounts by now."""
    if connection_ids:
        statement = update(connections).where(connections.c.id == bindparam("which"))
        conn.execute(
            statement.values(**_FORGIVEN),
            [{"which": id_} for id_ in sorted(connection_ids)],
        )


def _read(row: Row[Any]) -> ConnectionRow:
    made = ConnectionRow._make(row)
    return made._replace(
        managed_by=Owner(made.managed_by),
        status=ConnectionStatus(made.status),
        sync_state=SyncState(made.sync_state),
    )
