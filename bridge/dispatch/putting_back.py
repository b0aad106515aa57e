"""Meetings that somebody changed at their maker: the event counts, whose guests know its time.

Makers tell of our own changes, too, so a meeting is looked at first. And what is changed again and
again, by a person or by the maker itself, is let be: makers allow few changes a day.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.bookings.owed import Owed
from bridge.dispatch.meetings import Meetings
from bridge.dispatch.progress import Progress
from bridge.model.event import EventSeries
from bridge.model.interval import Instant, instant
from bridge.store import bookings, outbox
from bridge.store.database import Database

MOST = 5
"""Times a day."""
_DAY = 86400
_MARK = "put_back"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PuttingBack:
    """Sees to the meeting of one claim."""

    database: Database
    meetings: Meetings

    def run(self, series: EventSeries, now: Instant) -> None:
        """Give the meeting title and times of its event again, where it has others.

        Raises:
            RemoteNotFound: it was deleted.
            BridgeError: not now.
        """
        work = self.meetings.work
        owed = Owed.read(work.progress.changed)
        booking = work.claim.booking
        if booking.meeting_reference != owed.reference:
            return
        if self.meetings.is_in_line(owed, series):
            return
        if self._done_today(now) >= MOST:
            logger.warning("%s: a meeting is changed again and again", work.connection_id)
            return
        logger.info("%s: a meeting was changed; it is put back", work.connection_id)
        work.note(replace(work.progress, others={**work.progress.others, _MARK: True}))
        self.meetings.update(owed, series)

    def _done_today(self, now: Instant) -> int:
        claim = self.meetings.work.claim
        with self.database.read() as conn:
            earlier = outbox.of_booking(conn, claim.booking.id)
        return sum(
            _MARK in Progress.of(it).others
            for it in earlier
            if it.created_at > now - _DAY and it.id != claim.proposal.id
        )


def is_over(database: Database, booking_id: str, series: EventSeries, now: Instant) -> bool:
    """Tell whether an event is over: nobody needs its meeting, which hosts may tidy away.

    Args:
        database: knows when a series takes place.
        booking_id: whose event it is.
        series: the event.
        now: the present.
    """
    only = series.master
    if only is not None and len(series.events()) == 1 and not only.is_recurring:
        return isinstance(only.end, datetime) and instant(only.end) <= now
    with database.read() as conn:
        rows = bookings.booked_of(conn, booking_id)
    return not any(it.end > now for it in rows if it.proposal_id == 0)
