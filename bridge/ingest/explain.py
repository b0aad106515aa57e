"""Why a moment is busy or free: every source event that was considered, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.errors import InvalidCalendarObject
from bridge.ical.placed import instant_in
from bridge.ingest.expand import stored_series
from bridge.ingest.rules import Rules
from bridge.model.event import EventSeries
from bridge.model.interval import FBType, Instant, Window
from bridge.model.resource import ConnectionId, ResourceId
from bridge.publish.silence import muted
from bridge.store import bookings, busy, calendars, events
from bridge.store.bookings import BookedRow
from bridge.store.calendars import CalendarRow
from bridge.store.database import Transaction
from bridge.store.events import EventRow, OccurrenceRow

BOOKINGS = "bookings"
"""Named in place of a calendar where a booking blocks."""
_SILENCED = "the calendar is stale and on_stale is free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One occurrence, or one object that could not be understood, and the verdict on it."""

    connection_id: ConnectionId
    calendar: str
    uid: str
    summary: str
    """For admins only: privacy is not applied."""
    start: Instant | None
    """With buffers; None when the times are not known."""
    end: Instant | None
    all_day: bool
    blocks: FBType | None
    reason: str
    notes: tuple[str, ...]
    """Repairs and guesses, those of time zones among them."""


def explain(
    conn: Transaction,
    resource_id: ResourceId,
    *,
    at: Instant | None = None,
    uid: str | None = None,
) -> list[Considered]:
    """List what was considered for an instant, or of the events of a UID, in the order of time.

    Objects that could not be read are listed last, since any of them might be the one looked for.
    """
    rows = {row.id: row for row in calendars.of_resource(conn, resource_id)}
    silent = set(muted(list(rows.values())))
    found: list[OccurrenceRow] = []
    if at is not None:
        longest = busy.extents(conn, resource_id).occurrence
        found += events.at(conn, resource_id, Window(at, at + 1), longest=longest)
    if uid is not None:
        for event in events.by_uid(conn, list(rows), uid):
            found += events.occurrences_of(conn, event.calendar_id, [event.remote_id])
    found.sort(key=lambda row: (row.start, row.id))
    texts = _Texts(conn, rows)
    told = [texts.occurrence(row, silenced=row.calendar_id in silent) for row in found]
    told += _booked(conn, resource_id, at, uid)
    return told + [it for row in rows.values() for it in _problems(conn, row, uid)]


def _booked(
    conn: Transaction, resource_id: ResourceId, at: Instant | None, uid: str | None
) -> Iterator[Considered]:
    """Tell of bookings, which block by themselves wherever their events stand."""
    found: list[BookedRow] = []
    if at is not None:
        longest = busy.extents(conn, resource_id).occurrence
        found += bookings.published_at(conn, resource_id, Window(at, at + 1), longest=longest)
    if uid is not None:
        for booking in bookings.by_uid(conn, resource_id, uid):
            found += [it for it in bookings.booked_of(conn, booking.id) if it.proposal_id <= 0]
    for row in sorted(found, key=lambda it: (it.start, it.id)):
        of = bookings.get(conn, row.booking_id)
        tentative = "; not confirmed by the calendar yet" if row.proposal_id else ""
        yield Considered(
            connection_id=ConnectionId(of.connection_id if of else ""),
            calendar=BOOKINGS,
            uid=of.uid if of else "",
            summary=json.loads(row.details).get("title", ""),
            start=row.start,
            end=row.end,
            all_day=row.all_day,
            blocks=FBType(row.fbtype) if row.fbtype else None,
            reason=f"booked: {row.reason}{tentative}",
            notes=(),
        )


class _Texts:
    """Reads the stored texts of objects, each once."""

    def __init__(self, conn: Transaction, rows: dict[str, CalendarRow]) -> None:
        self._conn = conn
        self._rows = rows
        self._read: dict[tuple[str, str], tuple[EventRow | None, EventSeries | None]] = {}

    def occurrence(self, row: OccurrenceRow, *, silenced: bool) -> Considered:
        calendar = self._rows[row.calendar_id]
        rules = Rules.parse(calendar.policy)
        event, series = self._object(row, rules)
        blocks = FBType(row.fbtype) if row.fbtype and not silenced else None
        reason = f"{row.reason}; {_SILENCED}" if silenced else row.reason
        return Considered(
            connection_id=calendar.connection_id,
            calendar=calendar.name,
            uid=event.uid if event else "",
            summary=_summary(series, row.original_start, rules) if series else "",
            start=row.start,
            end=row.end,
            all_day=row.all_day,
            blocks=blocks,
            reason=_with_buffers(reason, row, rules),
            notes=_notes(event),
        )

    def _object(
        self, row: OccurrenceRow, rules: Rules
    ) -> tuple[EventRow | None, EventSeries | None]:
        key = (row.calendar_id, row.remote_id)
        if key not in self._read:
            stored = events.of_calendar(self._conn, row.calendar_id, [row.remote_id])
            event = stored.get(row.remote_id)
            series = None
            if event is not None and event.text:
                try:
                    series = stored_series(event, rules.owner).series
                except InvalidCalendarObject:
                    series = None  # the row's problem says so
            self._read[key] = (event, series)
        return self._read[key]


def _summary(series: EventSeries, original_start: Instant, rules: Rules) -> str:
    floating, day = rules.zones()
    for event in series.overrides:
        moment = event.recurrence_id
        if moment is not None and original_start in (
            instant_in(moment, floating),
            instant_in(moment, day),
        ):
            return event.summary
    return next(iter(series.events())).summary


def _with_buffers(reason: str, row: OccurrenceRow, rules: Rules) -> str:
    before, after = rules.buffers
    if not row.fbtype or not (before or after):
        return reason
    return f"{reason}; {before // 60} min before and {after // 60} min after added"


def _notes(event: EventRow | None) -> tuple[str, ...]:
    if event is None:
        return ()
    found: list[str] = json.loads(event.notes)
    return (*([event.problem] if event.problem else []), *found)


def _problems(conn: Transaction, row: CalendarRow, uid: str | None) -> Iterator[Considered]:
    for remote_id, event_uid, problem in events.with_problems(conn, row.id):
        if uid is not None and uid not in (event_uid, remote_id):
            continue
        yield Considered(
            connection_id=row.connection_id,
            calendar=row.name,
            uid=event_uid or remote_id,
            summary="",
            start=None,
            end=None,
            all_day=False,
            blocks=None,
            reason=problem,
            notes=(),
        )
