"""A connection as programs see it, from all that the store knows of it."""

from __future__ import annotations

from bridge.channels import shown
from bridge.model.interval import Instant
from bridge.store import schedule, supplements
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.web.api.answers import connection_json


class ConnectionDocuments:
    """Writes connections as `bridge.web.api.models.Connection` says, of one look at the store."""

    def __init__(self, conn: Transaction, now: Instant) -> None:
        self._conn = conn
        self._now = now
        self._due = schedule.due_times(conn)
        self._keys = supplements.deduplication_keys(conn)

    def of(self, row: ConnectionRow) -> dict[str, object]:
        """Write one; the transaction must still be open."""
        document = connection_json(row, self._due.get(row.id), self._now, self._keys.get(row.id))
        return document | {"push": shown.standing(self._conn, row, self._now)._asdict()}
