"""The way back: what becomes of a booking's event in its calendar becomes of the booking.

The event of a booking is an echo of what we wrote: it is no source of busy time. Where it is not as
it was written, somebody changed it there. What they changed, and no more, is taken into the
client's text; replies of guests are another revision under the same schedule tag. An event that is
gone, cancelled or declined cancels its booking, where the connection says so.

A write of ours that is under way, or was settled after the pull began, is newer than what was
pulled: its booking is left alone until the next pull.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge.bookings import desired, draft, linking, place, showing, times
from bridge.bookings.following import followed
from bridge.bookings.ledger import Ledger
from bridge.bookings.merging import Side
from bridge.bookings.owed import Owed
from bridge.bookings.place import Place
from bridge.bookings.showing import UNTAKEN
from bridge.errors import InvalidCalendarObject
from bridge.ical.parse import parse_calendar
from bridge.model.event import Event, EventSeries, PartStat, Status
from bridge.model.interval import Instant, Window
from bridge.publish import Publisher
from bridge.sink import Written
from bridge.store import bookings, events, outbox
from bridge.store.bookings import BookedRow, BookingRow, State
from bridge.store.database import Transaction
from bridge.store.events import EventRow
from bridge.store.resources import ResourceRow

DELETED = "its event was deleted in the calendar"
DECLINED = "its event was declined in the calendar"
CANCELLED = "its event was cancelled in the calendar"
_ACTOR = "calendar"
"""Who asked for what follows from it."""
_DAY = 86400
_READ = "read"
"""In the place of a digest, where no pull has told of an event yet."""
_UNREAD = ("", "?")
"""Digests of events that are not expanded yet, or could not be read."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar that was pulled, and receives bookings."""

    connection_id: str
    remote_id: str
    key: str
    """Its id in the store."""
    cancels: bool
    """`cancel_if_declined_or_deleted`."""
    window: Window
    """What the pull speaks of: providers leave out what was over before, or begins after."""
    full: bool
    """What takes place in the window and is not named is gone."""
    removed: Collection[str]
    """What the pull says is gone, whenever it was."""


def heed(
    conn: Transaction,
    publisher: Publisher,
    resource: ResourceRow,
    calendar: Calendar,
    began: Instant,
) -> None:
    """Bring the bookings of a calendar in line with what was pulled of it.

    Args:
        conn: the pull's transaction, which holds the resource's lock and has written the events.
        publisher: publishes the time that changes.
        resource: the locked row.
        calendar: the one that was pulled.
        began: when the pull began.
    """
    found = _found(conn, calendar)
    if not found:
        return
    ledger = Ledger(conn, publisher, resource.id, began)
    heeding = _Heeding(ledger, place.of(conn, resource), calendar, began, publisher.instance)
    for booking, event in found:
        heeding.one(booking, event)
    ledger.close()


def is_behind(conn: Transaction, calendar: Calendar) -> bool:
    """Tell whether something was left alone, of which no pull will tell again."""
    return any(
        booking.echoed if event is None else event.digest not in _UNREAD
        for booking, event in _found(conn, calendar)
    )


def heed_read(
    conn: Transaction,
    publisher: Publisher,
    resource: ResourceRow,
    calendar: Calendar,
    found: tuple[BookingRow, Written | None],
    now: Instant,
) -> None:
    """Bring one booking in line with its event, which was read by itself just now.

    Args:
        conn: holds the resource's lock, and a claim of the booking: nothing else is written of it.
        publisher: publishes the time that changes.
        resource: the locked row.
        calendar: where it stands.
        found: the booking, and its event; None: that is gone.
        now: the present.
    """
    booking, written = found
    event = None if written is None else _as_pulled(booking, written, now)
    if event is not None:
        booking = booking._replace(remote_id=event.remote_id)
    ledger = Ledger(conn, publisher, resource.id, now)
    # What settled in this very second settled before it was read.
    heeding = _Heeding(ledger, place.of(conn, resource), calendar, now + 1, publisher.instance)
    heeding.one(booking, event)
    ledger.close()


def _as_pulled(booking: BookingRow, written: Written, now: Instant) -> EventRow:
    """Give what was read as a pull would; the next one says by its own digest that it is so."""
    return EventRow(
        "",
        written.remote_id,
        written.series.uid,
        written.etag,
        desired.written_text(written.series),
        booking.echoed or _READ,
        "",
        "[]",
        now,
    )


def _found(conn: Transaction, calendar: Calendar) -> list[tuple[BookingRow, EventRow | None]]:
    """Give the bookings whose events changed, or are gone."""
    where = calendar.connection_id, calendar.remote_id
    # Whether an event lies in the window at its very edges, a provider decides by its own zone.
    window = Window(calendar.window.start + _DAY, calendar.window.end - _DAY)
    found = bookings.unheeded(conn, *where, calendar.key, window)
    known = {booking.id for booking, _ in found}
    for booking in bookings.written_to(conn, *where, calendar.removed):
        if booking.id not in known and booking.state not in (State.REMOVED, State.CANCELLED):
            found.append((booking, None))
    return found


@dataclass(frozen=True, slots=True)
class _Heeding:
    """Brings bookings in line, in the transaction of a pull."""

    ledger: Ledger
    here: Place
    calendar: Calendar
    began: Instant
    instance: str

    def one(self, booking: BookingRow, event: EventRow | None) -> None:
        if self._is_newer(booking):
            return
        if event is None and (event := self._renamed(booking)) is not None:
            booking = booking._replace(remote_id=event.remote_id)
        if event is None:
            told = self.calendar.full or booking.remote_id in self.calendar.removed
            if booking.echoed or told:
                self._lost(booking, DELETED, "")
        elif event.digest not in _UNREAD and event.text:
            self._changed(booking, event)

    def _renamed(self, booking: BookingRow) -> EventRow | None:
        """Find its event under another name; an invitation to it does not have our mark."""
        conn, key = self.ledger.conn, self.calendar.key
        for event in events.by_uid(conn, [key], booking.remote_uid or booking.uid):
            with suppress(InvalidCalendarObject):
                for found in parse_calendar(event.text).series:
                    if any(it.origin == self.instance for it in found.series.events()):
                        return event
        return None

    def _is_newer(self, booking: BookingRow) -> bool:
        """Tell whether what we write, or wrote, is newer than what was pulled."""
        if booking.state in (State.LEAVING, State.TENTATIVE):
            return True
        history = outbox.of_booking(self.ledger.conn, booking.id)
        return any(
            (not it.kind.is_errand and it.state.is_open)
            or (it.state is outbox.State.SETTLED and (it.settled_at or 0) >= self.began)
            for it in history
        )

    def _changed(self, booking: BookingRow, event: EventRow) -> None:
        account = self.here.accounts.get(booking.connection_id, "")
        try:
            found = parse_calendar(event.text, owner=account).series
        except InvalidCalendarObject:
            return
        seen = booking._replace(echoed=event.digest)
        if not found or booking.state is State.CANCELLED:
            self.ledger.save(booking, seen)
            return
        series = found[0].series
        if why := _ended(series):
            self._lost(booking, why, event.digest)
            return
        seen = seen._replace(remote_etag=event.etag)
        base = desired.base_of(booking)
        if base is None or booking.reason == UNTAKEN:
            self._times(booking, seen._replace(written=desired.written_text(series)), series)
            return
        series = _with_what_pulls_leave_out(base.series, series)
        seen = seen._replace(written=desired.written_text(series))
        try:
            self._follow(booking, seen, Side(base.series, series), account)
        except InvalidCalendarObject:  # it cannot be written into the client's text
            self._times(booking, seen, series)

    def _times(self, booking: BookingRow, seen: BookingRow, theirs: EventSeries) -> None:
        """Let the times of an event count although its client's text stays as it is."""
        before = bookings.booked_of(self.ledger.conn, booking.id, 0)
        ours, found = self._rows(booking, None), self._rows(booking, theirs)
        if found is None:  # what stood stays, and so does what is known of it without its rules
            known = {it.id: it for it in [*before, *(self._rows(booking, _plain(theirs)) or ())]}
            ours, found = None, list(known.values())
        if ours is not None and _spans(ours) == _spans(found):
            self.ledger.times(booking.id, [0], ours)
            reason = "" if booking.reason == UNTAKEN else booking.reason
            self.ledger.save(booking, seen._replace(reason=reason))
            return
        self.ledger.times(booking.id, [0], found)
        after = self.ledger.save(booking, seen._replace(reason=UNTAKEN))
        if booking.reason != UNTAKEN or _spans(before) != _spans(found):
            self.ledger.tell("failed", after, reason=UNTAKEN)

    def _rows(self, booking: BookingRow, series: EventSeries | None) -> list[BookedRow] | None:
        """Expand its event, or its text; None where that cannot be done."""
        try:
            series = series or draft.parse(booking.text, self.here.plan).series
            return times.of(series, self.here, booking).rows
        except InvalidCalendarObject:
            return None

    def _follow(self, booking: BookingRow, seen: BookingRow, theirs: Side, account: str) -> None:
        """Take over what was changed of an event, and what its guests replied."""
        ours = draft.parse(booking.text, self.here.plan)
        mine = Side(ours.series, ours.series)
        text = followed(booking.text, mine, theirs, account=account, sequence=booking.sequence + 1)
        changed = text != booking.text
        text = linking.with_replies(text, linking.replies_of(theirs.after))
        if text == booking.text:
            self.ledger.save(booking, seen)
            return
        after = showing.revised(seen, text, booking.state, reason=booking.reason)
        if not changed:
            # RFC 6638 section 3.2.10: replies do not change it.
            self.ledger.save(booking, after._replace(schedule_tag=booking.schedule_tag))
            return
        new = draft.parse(text, self.here.plan)
        self.ledger.times(booking.id, [0], times.of(new.series, self.here, booking).rows)
        after = self.ledger.save(booking, after)
        self.ledger.tell("updated", after)
        self._meeting(after, "update")

    def _lost(self, booking: BookingRow, why: str, digest: str) -> None:
        """Cancel a booking, or only tell that its event is gone."""
        seen = booking._replace(echoed=digest)
        if booking.state is State.CANCELLED or booking.reason == why:
            if seen != booking:
                self.ledger.save(booking, seen)
            return
        if not self.calendar.cancels:
            after = self.ledger.save(booking, seen._replace(reason=why))
            self.ledger.tell("failed", after, reason=why)
            return
        # Its meeting goes, made by itself or with the event: nobody is to follow a dead link.
        text = linking.without_link(booking.text, booking.meeting_url)
        after = linking.met(showing.cancelled(seen, text, why), None)
        after = self.ledger.save(booking, after)
        self.ledger.clear(booking.id)
        self.ledger.tell("cancelled", after, reason=why)
        self._meeting(booking, "cancel")

    def _meeting(self, booking: BookingRow, what: str) -> None:
        """Have a meeting that was made by itself follow."""
        owed = Owed.of(booking)
        if owed is not None:
            outbox.owe(
                self.ledger.conn,
                booking.id,
                self.ledger.now,
                actor=_ACTOR,
                name=booking.name,
                progress={what: str(owed)},
            )


def _spans(rows: Sequence[BookedRow]) -> list[tuple[Instant, Instant]]:
    return sorted((it.start, it.end) for it in rows)


def _plain(series: EventSeries) -> EventSeries:
    """Leave of a series what needs no rule."""
    master = series.master
    if master is not None:
        master = replace(master, rrules=(), exrules=())
    return replace(series, master=master)


def _ended(series: EventSeries) -> str:
    """Say how an event ended that is still there; empty while it goes on."""
    event = next(iter(series.events()))
    if event.status is Status.CANCELLED:
        return CANCELLED
    return DECLINED if event.self_partstat is PartStat.DECLINED else ""


def _with_what_pulls_leave_out(before: EventSeries, now: EventSeries) -> EventSeries:
    """Keep alarms and attachments, of which a pull says nothing, as they were written."""
    known: Mapping[object, Event] = {it.recurrence_id: it for it in before.events()}

    def kept(event: Event) -> Event:
        was = known.get(event.recurrence_id, before.master)
        if was is None or event.alarms is not None or event.attachments:
            return event
        return replace(event, alarms=was.alarms, attachments=was.attachments)

    return now.each(kept)
