"""When bookings take place: the rows that hold their time, and that publish it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from bridge.availability import verdict
from bridge.bookings.place import Place
from bridge.ical.bounds import Limits
from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries, Occurrence
from bridge.model.interval import FBType, Window
from bridge.privacy import details
from bridge.store import bookings, busy
from bridge.store.bookings import BookedRow, BookingRow
from bridge.store.database import Transaction


def occurrences(series: EventSeries, place: Place) -> list[Occurrence]:
    """Expand a booking up to the horizon.

    Raises:
        TooCostly: a rule is refused, or `TooMany`: it has more occurrences than the plan allows.
        InvalidCalendarObject: a rule says nothing.
    """
    limits = Limits(occurrences=place.plan.limits.occurrences_per_series)
    zone = place.zone
    return expand(series, place.horizon, zone, day_zone=zone, limits=limits).occurrences


@dataclass(frozen=True, slots=True)
class Timed:
    """The occurrences of one revision, and what each does to the resource's time."""

    spans: list[tuple[Occurrence, FBType]]
    """Of those that block: as they are, without buffers."""
    rows: list[BookedRow]


def timed(found: Sequence[Occurrence], place: Place, booking_id: str, connection_id: str) -> Timed:
    """Judge occurrences as those of any other event of the calendar that they are written to.

    The rows are those of the visible revision; `of_proposal` makes them a proposal's.
    """
    policy = place.policy(connection_id)
    buffers = policy.availability.buffers
    before, after = int(buffers.before.total_seconds()), int(buffers.after.total_seconds())
    shown: dict[int, str] = {}
    made = Timed([], [])
    for it in found:
        fbtype, reason = verdict(it.event, all_day=it.all_day, policy=policy.availability)
        if fbtype:
            made.spans.append((it, fbtype))
        if id(it.event) not in shown:
            shown[id(it.event)] = _details(it.event, place, connection_id)
        made.rows.append(
            BookedRow(
                row_id(booking_id, 0, it.original_start),
                place.resource.id,
                booking_id,
                0,
                it.original_start,
                it.start - (before if fbtype else 0),
                it.end + (after if fbtype else 0),
                fbtype or 0,
                it.all_day,
                reason,
                shown[id(it.event)] if fbtype else "{}",
            )
        )
    return made


def of(series: EventSeries, place: Place, booking: BookingRow) -> Timed:
    """Expand a revision of a booking, and judge its occurrences.

    Raises:
        InvalidCalendarObject: as `occurrences` does.
    """
    return timed(occurrences(series, place), place, booking.id, booking.connection_id)


def of_proposal(rows: Iterable[BookedRow], proposal_id: int) -> list[BookedRow]:
    """Give rows to a proposal: they hold their time, and no reader sees them."""
    return [
        row._replace(
            id=row_id(row.booking_id, proposal_id, row.original_start), proposal_id=proposal_id
        )
        for row in rows
    ]


def as_tentative(rows: Iterable[BookedRow], proposal_id: int) -> list[BookedRow]:
    """Show rows of a proposal as tentative, beside those of the revision before."""
    return [
        row._replace(
            id=row_id(row.booking_id, -proposal_id, row.original_start),
            proposal_id=-proposal_id,
            fbtype=min(row.fbtype, FBType.BUSY_TENTATIVE),
        )
        for row in rows
    ]


def replace_rows(
    conn: Transaction, booking_id: str, gone: Sequence[int], rows: Sequence[BookedRow]
) -> list[Window]:
    """Put rows of a booking in the place of those of some revisions.

    Returns:
        The spans in which the published time may have changed.
    """
    before = [row for it in gone for row in bookings.booked_of(conn, booking_id, it)]
    bookings.clear_booked(conn, booking_id, gone)
    bookings.save_booked(conn, rows)
    longest = max((row.end - row.start for row in rows), default=0)
    if rows:
        extents = busy.extents(conn, rows[0].resource_id)
        if longest > extents.occurrence:
            widest = extents._replace(occurrence=longest)
            busy.set_extents(conn, rows[0].resource_id, widest)
    return list(_dirty(before, rows))


def _dirty(before: Sequence[BookedRow], after: Sequence[BookedRow]) -> Iterator[Window]:
    old = {row.id: row for row in before if row.proposal_id <= 0 and row.fbtype}
    for row in after:
        if row.proposal_id > 0 or not row.fbtype:
            continue
        same = old.pop(row.id, None)
        if same is None:
            yield Window(row.start, row.end)
        elif (same.start, same.end, same.fbtype, same.details) != (
            row.start,
            row.end,
            row.fbtype,
            row.details,
        ):
            yield Window(same.start, same.end)
            yield Window(row.start, row.end)
    for row in old.values():
        yield Window(row.start, row.end)


def row_id(booking_id: str, proposal_id: int, original_start: int) -> str:
    """Name an occurrence: the same through every revision that readers see."""
    name = f"{booking_id}\n{proposal_id}\n{original_start}".encode()
    return blake2b(name, digest_size=16).hexdigest()


def _details(event: Event, place: Place, connection_id: str) -> str:
    shown = details(event, place.plan.name, place.policy(connection_id).privacy)
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
