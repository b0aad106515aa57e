"""Writing and deleting events: looked for where they may be there already, merged where changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bridge.bookings.desired import Intent
from bridge.bookings.merging import Side, merged
from bridge.dispatch.points import Point
from bridge.dispatch.work import Refused, Work
from bridge.errors import (
    RateLimited,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.event import EventSeries
from bridge.model.remote import RemoteId
from bridge.points import reached
from bridge.provider import Provider
from bridge.sink import Desired, EventSink, Written

_TRIES = 3
"""Somebody who changes an event faster than that has it."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Events:
    """The calendar of one claim."""

    work: Work
    provider: Provider
    sink: EventSink
    written_before: EventSeries | None = None
    """What was desired when the event was written last; None where that is not known."""

    def standing(self, intent: Intent, *, look: bool) -> Written | None:
        """Give what stands there as far as it is known.

        Args:
            intent: what is to be done.
            look: whether something may stand there that nobody has noted.

        Raises:
            Refused: a person deleted it.
        """
        if intent.base is not None:
            return intent.base
        known = bool(self.work.claim.booking.remote_id)
        if not (look or known):
            return None
        found = self.find()
        if found is None and known and intent.desired is not None:
            raise gone()
        return found

    def find(self) -> Written | None:
        """Find what was written under the token of the booking, known or not."""
        with self._heeding():
            return self.sink.find(self.work.calendar, self.work.token)

    def look(self) -> Written | None:
        """Read the event that the booking has, as it is now; None where it is gone.

        Raises:
            CalendarMissing: it is gone with its calendar.
        """
        name = RemoteId(self.work.claim.booking.remote_id)
        with self._heeding():
            try:
                return self.sink.read(self.work.calendar, name)
            except RemoteNotFound as err:
                if not self._has_calendar():
                    raise CalendarMissing(str(err)) from err
        return self.find()  # it may have been renamed

    def put(self, desired: Desired, base: Written | None) -> Written:
        """Make the event what is desired.

        Where somebody changed it meanwhile, it is read, and both changes are made; what only one
        of them touched is as that one wants it.

        Raises:
            Refused: its provider refuses it, somebody deleted it, or changes it without end.
            ProviderError: not now.
        """
        current, wanted = base, desired
        for _ in range(_TRIES):
            reached(Point.EVENT_WANTED)
            self.work.hold()
            self.work.touched = True
            self.work.in_parts = _is_in_parts(wanted, current)
            try:
                with self._heeding():
                    written = self.sink.put(self.work.calendar, wanted, current)
            except RemoteChanged:
                current = self._read(base or current)
                wanted = replace(desired, series=self._both(base, desired.series, current.series))
            except RemoteNotFound as err:
                raise self._missing(base, err) from err
            except RemoteRejected as err:
                raise Refused(str(err), err.code) from err
            else:
                self.work.wrote = True
                reached(Point.EVENT_WRITTEN)
                return written
        raise Refused(
            "somebody keeps changing the event in the calendar; look at it there, and try again",
            "remote_changed",
        )

    def delete(self, base: Written, *, notify: bool) -> None:
        """Delete the event; that it, or its calendar, is gone already is as good.

        Raises:
            Refused: its provider does not let us.
            ProviderError: not now.
        """
        reached(Point.EVENT_WANTED)
        self.work.hold()
        self.work.touched = True
        try:
            with self._heeding():
                self.sink.delete(self.work.calendar, base, notify=notify)
        except RemoteNotFound:
            logger.debug("%s: the event was gone already", self.work.connection_id)
        except RemoteRejected as err:
            raise Refused(str(err), err.code) from err
        self.work.wrote = True
        reached(Point.EVENT_WRITTEN)

    @contextmanager
    def _heeding(self) -> Iterator[None]:
        try:
            yield
        except RateLimited:
            self.work.limited = self.work.connection_id
            raise

    def _read(self, base: Written | None) -> Written:
        if base is None:  # a create that found what it did not know of
            found = self.sink.find(self.work.calendar, self.work.token)
            if found is None:
                raise TemporarilyUnavailable("the calendar contradicts itself")
            return found
        try:
            return self.sink.read(self.work.calendar, base.remote_id)
        except RemoteNotFound as err:
            raise self._missing(base, err) from err

    def _both(self, base: Written | None, ours: EventSeries, theirs: EventSeries) -> EventSeries:
        if base is None:
            return ours
        before = self.written_before or base.series
        self.work.theirs = Side(base.series, theirs)
        both = merged(Side(before, ours), self.work.theirs)
        if both.lost:
            logger.info(
                "%s: a booking and its event were changed at the same time; the booking's %s won",
                self.work.connection_id,
                ", ".join(both.lost),
            )
            # Their change stays in the history of the booking.
            others = {**self.work.progress.others, "lost": dict(both.lost)}
            self.work.note(replace(self.work.progress, others=others))
        return both.series

    def _missing(self, base: Written | None, err: RemoteNotFound) -> Exception:
        """Tell an event that is gone from a calendar that is."""
        if self._has_calendar() and base is not None:
            return gone()
        return CalendarMissing(str(err))

    def _has_calendar(self) -> bool:
        source = self.provider.source
        return source is None or any(
            info.id == self.work.calendar for info in source.list_calendars()
        )


def _is_in_parts(*sides: Desired | Written | None) -> bool:
    """Tell whether it takes several requests to make one the other."""
    every = [each.series for each in sides if each is not None]
    return any(it.overrides or (it.master is not None and it.master.exdates) for it in every)


class CalendarMissing(RemoteNotFound):
    """The calendar that receives the bookings cannot be found: it may come back."""

    code = "calendar_not_found"


def gone() -> Refused:
    """Say that a deletion at the provider wins over a change."""
    return Refused("the event was deleted in the calendar meanwhile", "deleted_at_provider")
