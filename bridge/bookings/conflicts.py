"""Whether a booking lies over busy time: decided on occurrences, under the resource's lock.

- What counts: the kinds of `conflict_with`, of other events as they are stored, with their buffers.
  A booking that is not settled yet holds its time like any other. What the booking itself does not
  block (transparent, cancelled) meets nothing.
- What does not: the booking's own event in whatever calendar it is seen, by its UID, its
  provider's UID or its id.
- A calendar that was not read for `max_source_age` counts as its `on_stale` says: as it was last
  seen, as busy throughout, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from bridge.bookings.place import Place
from bridge.bookings.times import Timed
from bridge.bookings.words import Clash
from bridge.config.policy import OnStale
from bridge.merge import coalesce
from bridge.model.interval import FBType, Instant, Window, utc
from bridge.publish.silence import on_stale
from bridge.store import bookings, busy, calendars, clashes
from bridge.store.bookings import BookedRow, BookingRow
from bridge.store.clashes import Obstacle, Own
from bridge.store.database import Transaction

UNREAD = "?"
"""In place of a calendar, where it is not known what stands in one."""
_NAMED = 3
"""How many clashes are told."""
_GAP = 7 * 86400
"""Occurrences closer together are looked at with one query."""
_KINDS = {
    "busy": FBType.BUSY,
    "busy_unavailable": FBType.BUSY_UNAVAILABLE,
    "busy_tentative": FBType.BUSY_TENTATIVE,
}


def clash(
    conn: Transaction, place: Place, booking: BookingRow, wanted: Timed, now: Instant
) -> Clash | None:
    """Find what a booking's occurrences lie over; None where they may be.

    Args:
        conn: a transaction that holds the resource's lock.
        place: the resource.
        booking: it, however far it is.
        wanted: its occurrences as they are to be.
        now: the present; what ended before does not matter.
    """
    spans = [
        Window(it.start, it.end) for it, _ in wanted.spans if it.end > it.start and it.end > now
    ]
    if not spans:
        return None
    mine = [booking, *bookings.by_uid(conn, place.resource.id, booking.uid)]
    own = Own(
        {it.id for it in mine},
        {uid for it in mine for uid in (it.uid, it.remote_uid) if uid},
        {it.remote_id for it in mine if it.remote_id},
    )
    sight = _Sight.of(conn, place, now)
    met = [
        each
        for window in coalesce(spans, gap=_GAP)
        for each in _met(spans, sight.obstacles(conn, window, own))
    ]
    met += [unseen for it in spans if (unseen := sight.unseen(it)) is not None]
    if not met:
        return None
    first = tuple(coalesce(met)[:_NAMED])
    return Clash(_told(first, place.zone), first)


def standing(conn: Transaction, place: Place, window: Window, now: Instant) -> list[Obstacle]:
    """List what a booking of this window would lie over, in the order of time.

    A calendar that counts as busy throughout while it is not read shows as one of no name.
    """
    sight = _Sight.of(conn, place, now)
    met = sight.obstacles(conn, window, Own((), (), ()))
    unseen = sight.unseen(window)
    if unseen is not None:
        met.append(Obstacle(unseen.start, unseen.end, int(FBType.BUSY), UNREAD, ""))
    return sorted(met)


def moved(place: Place, wanted: Timed, standing: Sequence[BookedRow]) -> Timed:
    """Leave out what is booked already: whatever came over it since, it may stay.

    What held its time only loosely, so that others could book it, is no more than that: to hold it
    more firmly it has to be free.
    """
    before = {(it.original_start, it.start, it.end): it.fbtype for it in standing if it.fbtype}
    firm = _kinds(place)
    kept: set[Instant] = set()
    for row in wanted.rows:
        was = before.get((row.original_start, row.start, row.end))
        if was is not None and (was in firm or was == row.fbtype):
            kept.add(row.original_start)
    return Timed([it for it in wanted.spans if it[0].original_start not in kept], wanted.rows)


@dataclass(frozen=True, slots=True)
class _Sight:
    """How well a resource's time is known at a moment, and what of it counts."""

    place: Place
    longest: int
    """Length of its longest occurrence, seconds."""
    silent: set[str]
    """Calendars that do not count."""
    blind: Instant | None
    """Since when a calendar is missing that blocks everything."""

    @classmethod
    def of(cls, conn: Transaction, place: Place, now: Instant) -> _Sight:
        longest = busy.extents(conn, place.resource.id).occurrence
        return cls(place, longest, *_unread(conn, place, now))

    def obstacles(self, conn: Transaction, window: Window, own: Own) -> list[Obstacle]:
        """List what is busy in a window, in the order of time."""
        found = clashes.obstacles(
            conn,
            self.place.resource.id,
            window,
            _kinds(self.place),
            longest=self.longest,
            own=own,
        )
        return [it for it in found if it.calendar_id not in self.silent]

    def unseen(self, window: Window) -> Window | None:
        """Give the part of a window that counts as busy since nobody knows what is in it."""
        if self.blind is None or window.end <= self.blind:
            return None
        if int(FBType.BUSY) not in _kinds(self.place):
            return None
        return Window(max(window.start, self.blind), window.end)


def _kinds(place: Place) -> list[int]:
    """Give the kinds of time that nothing may be booked over."""
    return [int(_KINDS[name]) for name in place.plan.bookings.conflict_with]


def _met(spans: Sequence[Window], found: Sequence[Obstacle]) -> list[Window]:
    """Give the obstacles that overlap any of the spans; both are in the order of time."""
    ordered = sorted(spans)
    met: list[Window] = []
    at = 0
    for it in found:
        while at < len(ordered) and ordered[at].end <= it.start:
            at += 1
        # Spans may overlap one another, and an obstacle may lie over many of them.
        if any(window.overlaps(it.start, it.end) for window in _beside(ordered, at, it.end)):
            met.append(Window(it.start, it.end))
    return met


def _beside(ordered: Sequence[Window], at: int, end: Instant) -> Sequence[Window]:
    last = at
    while last < len(ordered) and ordered[last].start < end:
        last += 1
    return ordered[at:last]


def _unread(conn: Transaction, place: Place, now: Instant) -> tuple[set[str], Instant | None]:
    """Tell which calendars do not count, and since when one is missing that blocks everything."""
    oldest = now - int(place.plan.bookings.max_source_age.total_seconds())
    silent: set[str] = set()
    blind: Instant | None = None
    for row in calendars.of_resource(conn, place.resource.id):
        if not row.reads or (row.success_at is not None and row.success_at >= oldest):
            continue
        how = on_stale(row)
        if how is OnStale.FREE:
            silent.add(row.id)
        elif how is OnStale.BUSY:
            since = place.horizon.start if row.success_at is None else row.success_at
            blind = since if blind is None else min(blind, since)
    return silent, blind


def _told(periods: Sequence[Window], zone: tzinfo) -> str:
    """Name clashes by their times; what the others are is nobody's business here."""
    return f"busy {', '.join(_span(it, zone) for it in periods)}"


def _span(window: Window, zone: tzinfo) -> str:
    start, end = utc(window.start).astimezone(zone), utc(window.end).astimezone(zone)
    same_day = start.date() == end.date()
    until = f"{end:%H:%M}" if same_day else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {until} ({start.tzname()})"
