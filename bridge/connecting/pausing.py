"""Stopping the pulls of a connection, and beginning them again; its last busy time stays."""

from __future__ import annotations

from bridge.config.plan import ConnectionPlan
from bridge.errors import BridgeError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.store import connections, schedule
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction

_STOPPED = (ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED)


class ManagedByFile(BridgeError):
    """The configuration file says so; only there it can be changed."""


class Disconnected(BridgeError):
    """The account has to be connected first."""


def pause(conn: Transaction, row: ConnectionRow) -> ConnectionRow:
    """Stop pulling; one that is stopped already stays as it is.

    Raises:
        ManagedByFile: it is `paused: true` in the file.
    """
    _refuse_managed(row)
    if row.status not in _STOPPED:
        connections.set_status(conn, row.id, ConnectionStatus.PAUSED)
    return _again(conn, row)


def resume(
    conn: Transaction, row: ConnectionRow, now: Instant, *, needs_consent: bool
) -> ConnectionRow:
    """Pull again, now; one that was not stopped keeps its status.

    Args:
        conn: a write transaction.
        row: the connection.
        now: the present.
        needs_consent: its kind is connected by its owner.

    Raises:
        ManagedByFile: it is `paused: true` in the file.
        Disconnected: its owner has to connect it again.
    """
    _refuse_managed(row)
    if row.status is ConnectionStatus.DISCONNECTED and needs_consent:
        raise Disconnected(f"{row.id} is disconnected; its owner has to connect it again")
    if row.status in _STOPPED:
        connections.set_status(conn, row.id, ConnectionStatus.ACTIVE)
    if row.status is not ConnectionStatus.PENDING:
        schedule.mark(conn, [row.id], now)
    return _again(conn, row)


def _refuse_managed(row: ConnectionRow) -> None:
    if ConnectionPlan.model_validate_json(row.plan).paused:
        raise ManagedByFile(
            f"{row.id} is `paused: true` in the configuration file; change it there"
        )


def _again(conn: Transaction, row: ConnectionRow) -> ConnectionRow:
    return connections.get(conn, row.id) or row
