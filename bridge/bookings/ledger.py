"""What one transaction changes of a resource's bookings: rows, change log, busy time, one by one.

The change log is that of the projection `bookings`, by the names of the objects; its numbers are
those of the resource, so that sync tokens work as for busy time.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from bridge.bookings import times
from bridge.model.interval import Instant, Window, rfc3339
from bridge.model.resource import ResourceId
from bridge.publish import Publisher, silence
from bridge.store import bookings, busy, deliveries, resources
from bridge.store.bookings import BookedRow, BookingRow
from bridge.store.busy import ChangeRow
from bridge.store.database import Transaction

PROJECTION = "bookings"


class Ledger:
    """Opened under the resource's lock; `close` comes last in the transaction."""

    def __init__(
        self, conn: Transaction, publisher: Publisher, resource_id: ResourceId, now: Instant
    ) -> None:
        self.conn = conn
        self.now = now
        self._publisher = publisher
        self._resource_id = resource_id
        self._dirty: list[Window] = []
        self._log: dict[str, bool] = {}
        self._told: list[tuple[str, BookingRow, dict[str, object]]] = []

    def save(self, before: BookingRow | None, after: BookingRow) -> BookingRow:
        """Write a booking, and log what readers see of it. Returns the row as it is written."""
        if before is None or _seen(before) != _seen(after):
            after = after._replace(changed_at=self.now)
            if before is not None and before.state.is_visible:
                self._log[before.name] = True
            if after.state.is_visible:
                self._log[after.name] = False
        bookings.save(self.conn, [after])
        return after

    def remind(self, name: str) -> None:
        """List an object as changed, although it is as it was."""
        self._log[name] = False

    def times(self, booking_id: str, gone: Sequence[int], rows: Sequence[BookedRow]) -> None:
        """Put rows in the place of those of some revisions."""
        self._dirty += times.replace_rows(self.conn, booking_id, gone, rows)

    def clear(self, booking_id: str) -> None:
        """Let go all time of a booking."""
        held = {it.proposal_id for it in bookings.booked_of(self.conn, booking_id)}
        self.times(booking_id, sorted(held), [])

    def tell(self, kind: str, booking: BookingRow, **more: object) -> None:
        """Note for application developers that something happened to a booking."""
        self._told.append((kind, booking, more))

    def close(self) -> None:
        """Number the changes, tell of them, and publish the busy time that they touch."""
        if self._log:
            count = len(self._log)
            last = resources.advance(
                self.conn, self._resource_id, changes=count, changed_at=self.now
            )
            numbers = range(last - count + 1, last + 1)
            entries = zip(self._log.items(), numbers, strict=True)
            busy.log(
                self.conn,
                [
                    ChangeRow(self._resource_id, PROJECTION, name, number, deleted, self.now)
                    for (name, deleted), number in entries
                ],
            )
        if self._told:
            self._deliver()
        if self._dirty:
            silence.publish(self.conn, self._publisher, self._resource_id, self._dirty, self.now)

    def _deliver(self) -> None:
        """Write what is told: where to look, and from which change on; the rest is asked for."""
        cursor, _ = busy.last_change(self.conn, self._resource_id, PROJECTION)
        for kind, booking, more in self._told:
            payload = {
                "booking_id": booking.id,
                "uid": booking.uid,
                "calendar_ids": [booking.calendar],
                "last_updated_at": rfc3339(self.now),
                "cursor": str(cursor),
            }
            deliveries.add(
                self.conn,
                f"booking.{kind}",
                self.now,
                resource_id=booking.resource_id,
                connection_id=booking.connection_id,
                payload=payload | more,
            )
        self._told.clear()


def tag(text: str) -> str:
    """Name a text by its content: an entity tag, without quotes."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _seen(row: BookingRow) -> tuple[object, ...] | None:
    """Give what readers see of a booking."""
    if not row.state.is_visible:
        return None
    return row.name, row.etag, row.schedule_tag, row.private, row.login
