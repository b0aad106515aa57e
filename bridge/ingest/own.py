"""Which events are ours: those that block already, by the booking or the feed that they come from.

X-BUSYBRIDGE-ORIGIN alone does not make an event ours: after an older backup was restored, when it
was brought back after its booking went, when somebody moved it into another calendar, or when it is
another resource's, no booking that follows it is behind it, and nothing else blocks its time: it
counts like anybody's. The blocks that we publish or mirror carry the same mark; they are known by
their UIDs, or by a second mark, and are no source wherever they stand, with or without a row of
ours, or they would keep themselves alive.

What another instance publishes or mirrors is busy time like any other. It is never mirrored on: it
tells of time that was read elsewhere, perhaps from a block of ours.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bridge.model.event import Event
from bridge.model.interval import Instant
from bridge.publish import is_block
from bridge.store import bookings, heading
from bridge.store.database import Database


def is_relayed(event: Event) -> bool:
    """Tell whether an event is a block that an instance, whichever, published or mirrored."""
    return bool(event.mirror) or is_block(event.uid)


class Own:
    """What a resource's bookings have at their providers, read when it is first asked for."""

    def __init__(self, database: Database, resource_id: str, calendar: tuple[str, str]) -> None:
        """Read nothing yet.

        Args:
            database: the store.
            resource_id: whose bookings they are.
            calendar: connection and remote id; of one that receives bookings, or did, those that
                stand there follow what happens in it.
        """
        self._calendar = calendar
        self._database = database
        self._resource_id = resource_id
        self._names: tuple[set[str], set[str]] | None = None
        self._unsettled: Collection[Instant] = ()

    def holds(self, event: Event, remote_id: str) -> bool:
        """Tell whether the time of an event that this instance wrote is blocked elsewhere."""
        if is_relayed(event):
            return True
        if self._names is None:
            where = self._resource_id, *self._calendar
            with self._database.read() as conn:
                ids, uids = bookings.names_of(conn, *where)
                left, coming = heading.through(conn, *where)
                self._names = ids | left, uids
                self._unsettled = bookings.unsettled_at(conn, *where) | coming
        ids, uids = self._names
        return remote_id in ids or event.uid in uids or self._may_be_unsettled(event)

    def _may_be_unsettled(self, event: Event) -> bool:
        """Tell whether it is what a write made whose answer is not known yet.

        Some providers give it an id and a UID of its own; its time is held by the proposal.
        """
        start = event.recurrence_id or event.start
        if not isinstance(start, datetime):
            return bool(self._unsettled)
        return int(start.timestamp()) in self._unsettled
