"""Channels by which providers tell of changes: what watches which calendar, and until when.

A row is written before its channel is asked for, since the first notification may be here before
the answer is. Only the digest of its token is kept: the rows let nobody pass for the provider.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, case, delete, func, insert, or_, select, update

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store.bulk import chunks
from bridge.store.resources import ResourceState
from bridge.store.schema import channels, connections, resources


class ChannelState(Enum):
    """How far a channel is."""

    OPENING = "opening"
    """Asked for; it may be there, or not."""
    OPEN = "open"
    FAILED = "failed"
    """It was not opened: the row says why, and when it is tried again."""
    STOPPING = "stopping"
    """Not wanted any more, and not known to be stopped."""


class ChannelRow(NamedTuple):
    """One channel, or one that could not be opened."""

    id: str
    connection_id: ConnectionId
    calendar: str
    """Remote id."""
    address: str
    reference: str
    """See `bridge.notifier.Channel`; empty before anybody said it."""
    digest: str
    """SHA-256 of its token."""
    state: ChannelState
    made_at: Instant
    expires_at: Instant
    due_at: Instant
    """When it is renewed, tried again, or stopped again."""
    confirmed_at: Instant | None = None
    """When it was known that what it posts arrives."""
    last_at: Instant | None = None
    """The last notification of a change that was noted."""
    last_number: int = 0
    failures: int = 0
    """In a row."""
    error_code: str = ""
    error_message: str = ""
    error_hint: str = ""

    def is_open(self, now: Instant) -> bool:
        """Tell whether the provider should be watching."""
        return self.state is ChannelState.OPEN and self.expires_at > now


class Trouble(NamedTuple):
    """Why a channel could not be opened or stopped."""

    code: str
    message: str
    hint: str = ""


_COLUMNS = [channels.c[name] for name in ChannelRow._fields]
_SILENT = tuple(
    status.value
    for status in (
        ConnectionStatus.PENDING,
        ConnectionStatus.PAUSED,
        ConnectionStatus.DISCONNECTED,
    )
)
"""Connections that nobody pulls need not be told of."""


def add(conn: Connection, row: ChannelRow) -> None:
    """Note a channel that is about to be asked for."""
    conn.execute(insert(channels).values(row._asdict() | {"state": row.state.value}))


def get(conn: Connection, channel_id: str, provider: str) -> ChannelRow | None:
    """Find a channel at one kind of provider."""
    return named(conn, [channel_id], provider).get(channel_id)


def named(conn: Connection, ids: Collection[str], provider: str) -> dict[str, ChannelRow]:
    """Give those of the named channels that exist at one kind of provider."""
    query = (
        select(*_COLUMNS)
        .join(connections, connections.c.id == channels.c.connection_id)
        .where(
            channels.c.id.in_(bindparam("ids", expanding=True)),
            connections.c.provider == provider,
        )
    )
    return {
        row.id: _read(row)
        for chunk in chunks(list(ids))
        for row in conn.execute(query, {"ids": list(chunk)})
    }


def of_connection(conn: Connection, connection_id: ConnectionId) -> list[ChannelRow]:
    """List the channels of a connection, the oldest first."""
    query = select(*_COLUMNS).where(channels.c.connection_id == connection_id)
    rows = conn.execute(query.order_by(channels.c.made_at, channels.c.id))
    return [_read(row) for row in rows]


def every(conn: Connection) -> list[ChannelRow]:
    """List all channels by connection, the oldest first."""
    order = (channels.c.connection_id, channels.c.made_at, channels.c.id)
    return [_read(row) for row in conn.execute(select(*_COLUMNS).order_by(*order))]


def opened(conn: Connection, row: ChannelRow) -> bool:
    """Note that a channel is open, or lives on, as the row says.

    What was heard of it meanwhile stays.

    Returns:
        False when its row is gone: nobody will stop it.
    """
    statement = update(channels).where(channels.c.id == row.id)
    values = {
        "reference": row.reference,
        "state": ChannelState.OPEN.value,
        "expires_at": row.expires_at,
        "due_at": row.due_at,
        "confirmed_at": func.coalesce(channels.c.confirmed_at, row.confirmed_at),
        "failures": 0,
        "error_code": "",
        "error_message": "",
        "error_hint": "",
    }
    return bool(conn.execute(statement.values(values)).rowcount)


def failed(
    conn: Connection, channel_id: str, state: ChannelState, trouble: Trouble, due_at: Instant
) -> None:
    """Note that a channel could not be opened, or not be stopped, and when that is tried again."""
    statement = update(channels).where(channels.c.id == channel_id)
    conn.execute(
        statement.values(
            state=state.value,
            failures=channels.c.failures + 1,
            due_at=due_at,
            error_code=trouble.code,
            error_message=trouble.message,
            error_hint=trouble.hint,
        )
    )


def give_up(conn: Connection, channel_ids: Collection[str], now: Instant) -> None:
    """Want channels stopped, and believe them no more."""
    if channel_ids:
        statement = update(channels).where(channels.c.id.in_(channel_ids))
        conn.execute(statement.values(state=ChannelState.STOPPING.value, due_at=now, failures=0))


def remove(conn: Connection, channel_ids: Collection[str]) -> None:
    """Forget channels."""
    if channel_ids:
        conn.execute(delete(channels).where(channels.c.id.in_(channel_ids)))


class Heard(NamedTuple):
    """What a notification tells of its channel."""

    reference: str
    number: int = 0
    """0 where the provider does not count."""
    changed: bool = False
    """It was of a change."""
    ended: bool = False
    """The provider gives the channel up: it is to be renewed now."""


def heard(conn: Connection, channel_id: str, told: Heard, now: Instant) -> None:
    """Note that a notification arrived.

    Whoever opens the channel may write at the same time: nothing is put back to what it was.
    """
    known = channels.c.reference
    latest = channels.c.last_number
    values: dict[str, Any] = {
        "reference": case((known == "", told.reference), else_=known),
        "last_number": case((latest < told.number, told.number), else_=latest),
        "confirmed_at": func.coalesce(channels.c.confirmed_at, now),
    }
    if told.changed:
        values["last_at"] = now
    if told.ended:
        values["due_at"] = now
    conn.execute(update(channels).where(channels.c.id == channel_id).values(values))


def doubt(conn: Connection, connection_id: ConnectionId) -> None:
    """Count no channel of a connection as one whose notifications arrive, until one does."""
    this = channels.c.connection_id == connection_id
    conn.execute(update(channels).where(this).values(confirmed_at=None))


def claim_stops(conn: Connection, now: Instant, lease: int, limit: int) -> list[ChannelRow]:
    """Take channels to stop: those given up, and those of connections that nobody pulls.

    For `lease` seconds nobody else is given them.
    """
    unwanted = or_(
        channels.c.state == ChannelState.STOPPING.value,
        connections.c.status.in_(_SILENT),
        resources.c.state != ResourceState.ACTIVE.value,
    )
    # A failed one of a stopped connection says when it is tried again, which it is not.
    is_due = or_(channels.c.state != ChannelState.STOPPING.value, channels.c.due_at <= now)
    query = (
        select(*_COLUMNS)
        .join(connections, connections.c.id == channels.c.connection_id)
        .join(resources, resources.c.id == connections.c.resource_id)
        .where(unwanted, is_due)
        .order_by(channels.c.due_at, channels.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=channels)
    )
    rows = [_read(row) for row in conn.execute(query)]
    if rows:
        statement = update(channels).where(channels.c.id.in_([row.id for row in rows]))
        conn.execute(statement.values(state=ChannelState.STOPPING.value, due_at=now + lease))
    return rows


def _read(row: Row[Any]) -> ChannelRow:
    made = ChannelRow._make(row)
    return made._replace(state=ChannelState(made.state))
