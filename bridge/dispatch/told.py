"""Meetings of which their makers tell: one that was deleted is looked after with its booking.

What was changed is left to whoever changed it: makers tell of our own changes, too, and a booking
that answered each of them with another would never come to rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from bridge.dispatch.progress import Owed
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.notifier import MeetingNews
from bridge.store import bookings, outbox, resources
from bridge.store.bookings import BookingRow
from bridge.store.database import Database
from bridge.store.outbox import Kind
from bridge.store.wake import Wake

_TOPIC = "outbox"


@dataclass(frozen=True, slots=True)
class Told:
    """Takes news of meetings; any thread may call."""

    database: Database
    wake: Wake
    clock: Callable[[], Instant]

    def __call__(self, news: MeetingNews) -> None:
        """Have the meeting of a booking brought in line with it, which makes it anew if need be.

        Raises:
            StoreError: it could not be noted.
        """
        if not news.gone:
            return
        with self.database.read() as conn:
            found = bookings.meeting_at(conn, news.kind.value, news.reference)
        for booking in found:
            self._see_to(booking, str(Owed(news.kind, news.reference)))

    def _see_to(self, booking: BookingRow, owed: str) -> None:
        progress = json.dumps({"update": owed})
        with self.database.write() as conn:
            resources.lock(conn, ResourceId(booking.resource_id))
            now = bookings.get(conn, booking.id)
            if now is None or now.meeting_reference != booking.meeting_reference:
                return
            waiting = outbox.open_of(conn, booking.id)
            if any((it.kind, it.progress) == (Kind.MEETING, progress) for it in waiting):
                return  # that was told before
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
