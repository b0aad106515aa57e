"""Meetings of which their makers tell: they are looked after with their bookings.

Makers tell of our own changes, too: whoever looks after one that was changed looks at it first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from bridge.bookings.owed import Owed
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.notifier import MeetingNews
from bridge.store import bookings, outbox, resources
from bridge.store.bookings import BookingRow
from bridge.store.database import Database
from bridge.store.outbox import Kind, State
from bridge.store.wake import Wake

_TOPIC = "outbox"


@dataclass(frozen=True, slots=True)
class Told:
    """Takes news of meetings; any thread may call."""

    database: Database
    wake: Wake
    clock: Callable[[], Instant]

    def __call__(self, news: MeetingNews) -> None:
        """Have the meeting of a booking brought in line with it, or made anew where it is gone.

        Raises:
            StoreError: it could not be noted.
        """
        with self.database.read() as conn:
            found = bookings.meeting_at(conn, news.kind.value, news.reference)
        for booking in found:
            self._see_to(booking, news)

    def _see_to(self, booking: BookingRow, news: MeetingNews) -> None:
        owed = str(Owed(news.kind, news.reference, booking.meeting_maker))
        progress = json.dumps({"update" if news.gone else "changed": owed})
        with self.database.write() as conn:
            resources.lock(conn, ResourceId(booking.resource_id))
            now = bookings.get(conn, booking.id)
            if now is None or now.meeting_reference != booking.meeting_reference:
                return
            waiting = outbox.open_of(conn, booking.id)
            told = (Kind.MEETING, State.QUEUED, progress)
            if any((it.kind, it.state, it.progress) == told for it in waiting):
                return  # that was told before, and nobody has looked yet
            outbox.add(
                conn,
                booking.id,
                Kind.MEETING,
                self.clock(),
                actor=booking.login,
                name=booking.name,
                progress=progress,
            )
        self.wake.notify(_TOPIC)
