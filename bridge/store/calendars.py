"""Rows of calendars: what is read of an account, how far, and how its last pull went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, case, delete, func, null, or_, select, update

from bridge.model.interval import Instant, Window
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import AccessRole, CalendarId, SyncToken
from bridge.store.database import upsert as upsert_rows
from bridge.store.schema import calendars, connections


class CalendarRow(NamedTuple):
    """One calendar of a connection."""

    id: str
    """Hash of connection and remote id."""
    connection_id: ConnectionId
    remote_id: CalendarId
    name: str
    role: AccessRole
    time_zone: str
    is_primary: bool
    reads: bool
    """It blocks time."""
    writes: bool
    policy: str
    """JSON of the `CalendarPolicy` that the stored rows were made with."""
    token: SyncToken | None
    window_start: Instant | None
    window_end: Instant | None
    """The window of the last pull."""
    full_at: Instant | None
    """The last full listing."""
    success_at: Instant | None
    """The last complete pull: freshness and staleness count from here."""
    failed_since: Instant | None
    error_code: str
    error_message: str
    stale: bool
    """Older than `max_stale`: `on_stale` is applied to the published blocks."""
    shrink: str | None
    """JSON of a listing that waits for a second one to confirm it."""
    notes: str
    """JSON list of texts: what had to be repaired or guessed."""


class NewCalendar(NamedTuple):
    """What a listing of the account says of a calendar; fields as in `CalendarRow`."""

    id: str
    connection_id: ConnectionId
    remote_id: CalendarId
    name: str
    role: AccessRole
    time_zone: str
    is_primary: bool
    reads: bool
    writes: bool
    policy: str


class Pull(NamedTuple):
    """What one complete pull of a calendar ended with."""

    token: SyncToken | None
    window: Window
    full: bool
    notes: str = "[]"


_COLUMNS = [calendars.c[name] for name in CalendarRow._fields]
_OF_CONNECTION = (
    select(*_COLUMNS)
    .where(calendars.c.connection_id == bindparam("connection"))
    .order_by(calendars.c.id)
)
_OF_RESOURCE = (
    select(*_COLUMNS)
    .join(connections, connections.c.id == calendars.c.connection_id)
    .where(connections.c.resource_id == bindparam("resource"))
    .order_by(calendars.c.id)
)


def of_connection(conn: Connection, connection_id: ConnectionId) -> list[CalendarRow]:
    """List the calendars of a connection by id."""
    return [_read(row) for row in conn.execute(_OF_CONNECTION, {"connection": connection_id})]


def of_resource(conn: Connection, resource_id: ResourceId) -> list[CalendarRow]:
    """List the calendars of all connections of a resource, by id."""
    return [_read(row) for row in conn.execute(_OF_RESOURCE, {"resource": resource_id})]


def every(conn: Connection) -> list[CalendarRow]:
    """List all calendars by connection and id."""
    query = select(*_COLUMNS).order_by(calendars.c.connection_id, calendars.c.id)
    return [_read(row) for row in conn.execute(query)]


def doubted(conn: Connection) -> list[CalendarRow]:
    """List those that are stale or wait for a second listing, by connection and id."""
    query = select(*_COLUMNS).where(or_(calendars.c.stale, calendars.c.shrink.is_not(None)))
    rows = conn.execute(query.order_by(calendars.c.connection_id, calendars.c.id))
    return [_read(row) for row in rows]


def upsert(conn: Connection, entries: Sequence[NewCalendar]) -> None:
    """Write what a listing says; tokens, times and rows of the calendars stay."""
    rows = [entry._asdict() | {"role": entry.role.value} for entry in entries]
    told = ["name", "role", "time_zone", "is_primary", "reads", "writes", "policy"]
    upsert_rows(conn, calendars, rows, update=told)


def remove(conn: Connection, calendar_ids: Sequence[str]) -> None:
    """Delete calendars with their events and occurrences."""
    if calendar_ids:
        statement = delete(calendars).where(calendars.c.id == bindparam("which"))
        conn.execute(statement, [{"which": id_} for id_ in sorted(calendar_ids)])


def record_pull(conn: Connection, calendar_id: str, now: Instant, pull: Pull) -> None:
    """Note a complete pull, in the transaction that holds its rows."""
    values: dict[str, Any] = {
        "token": pull.token,
        "window_start": pull.window.start,
        "window_end": pull.window.end,
        "success_at": now,
        "failed_since": null(),
        "error_code": "",
        "error_message": "",
        "shrink": null(),
        "notes": pull.notes,
    }
    if pull.full:
        values["full_at"] = now
    _set(conn, calendar_id, **values)


def record_failure(
    conn: Connection, calendar_id: str, now: Instant, code: str, message: str
) -> None:
    """Note a pull that did not end; `failed_since` keeps the first of the row."""
    _set(
        conn,
        calendar_id,
        failed_since=func.coalesce(calendars.c.failed_since, now),
        error_code=code,
        error_message=message,
    )


def record_missing(
    conn: Connection, calendar_id: str, now: Instant, code: str, message: str
) -> None:
    """Note that a calendar is not in its account; `failed_since` counts from the first such time.

    Failures of another kind before that, an outage, do not count.
    """
    since = case((calendars.c.error_code == code, calendars.c.failed_since), else_=now)
    _set(
        conn,
        calendar_id,
        failed_since=func.coalesce(since, now),
        error_code=code,
        error_message=message,
    )


def set_stale(conn: Connection, calendar_ids: Sequence[str], *, stale: bool) -> None:
    """Record whether `on_stale` is applied to what is published of calendars."""
    if calendar_ids:
        statement = update(calendars).where(calendars.c.id == bindparam("which"))
        rows = [{"which": id_} for id_ in sorted(calendar_ids)]
        conn.execute(statement.values(stale=stale), rows)


def set_shrink(conn: Connection, calendar_id: str, shrink: str | None) -> None:
    """Keep a suspicious listing until the next one confirms or refutes it."""
    _set(conn, calendar_id, shrink=shrink)


def set_notes(conn: Connection, calendar_id: str, notes: str) -> None:
    """Replace the notes (JSON list of texts) without a pull."""
    _set(conn, calendar_id, notes=notes)


def forget_tokens(conn: Connection, connection_ids: Sequence[ConnectionId]) -> None:
    """Make the next pull of these connections a full listing; their busy time stays."""
    if connection_ids:
        statement = update(calendars).where(calendars.c.connection_id == bindparam("which"))
        rows = [{"which": id_} for id_ in sorted(connection_ids)]
        conn.execute(statement.values(token=null(), shrink=null()), rows)


def _set(conn: Connection, calendar_id: str, **values: Any) -> None:
    conn.execute(update(calendars).where(calendars.c.id == calendar_id).values(**values))


def _read(row: Row[Any]) -> CalendarRow:
    made = CalendarRow._make(row)
    return made._replace(role=AccessRole(made.role))
