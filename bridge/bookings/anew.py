"""The times of bookings made anew: another horizon, other rules of zones or of availability."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bridge.bookings import draft, place, showing, times
from bridge.bookings.place import Place
from bridge.config.plan import ResourcePlan
from bridge.errors import InvalidCalendarObject
from bridge.model.interval import Window
from bridge.store import bookings, outbox
from bridge.store.bookings import BookedRow, BookingRow, State
from bridge.store.database import Database, Transaction
from bridge.store.outbox import ProposalRow
from bridge.store.resources import ResourceRow


class Overtaken(Exception):
    """A booking was changed meanwhile: work it out again."""


@dataclass(frozen=True, slots=True)
class Anew:
    """What stands of the bookings of a resource, and the rows that they are to have."""

    resource_id: str
    seen: tuple[object, ...]
    rows: list[tuple[str, int, list[BookedRow]]] = field(default_factory=list)
    """Booking, revision as in `booked.proposal_id`, rows."""

    def write(self, conn: Transaction) -> list[Window]:
        """Write the rows; the caller holds the resource's lock and publishes the spans.

        Raises:
            Overtaken: something changed since it was worked out.
        """
        if _seen(conn, self.resource_id) != self.seen:
            raise Overtaken
        return [
            span
            for booking_id, revision, rows in self.rows
            for span in times.replace_rows(conn, booking_id, [revision], rows)
        ]


def work_out(
    database: Database, resource: ResourceRow, plan: ResourcePlan, horizon: Window
) -> Anew:
    """Expand every booking of a resource up to a horizon; no transaction is open meanwhile."""
    with database.read() as conn:
        here = place.of(conn, resource)
        seen = _seen(conn, resource.id)
        living = bookings.living(conn, resource.id)
        holding = outbox.holding(conn, resource.id)
    here = replace(here, resource=resource._replace(horizon=horizon), plan=plan)
    made = Anew(resource.id, seen)
    for booking in living:
        of_it = [it for it in holding if it.booking_id == booking.id and it.text]
        for revision, text in _texts(booking, of_it):
            rows = None if text is None else _rows(here, booking, revision, text)
            if rows is not None:
                made.rows.append((booking.id, revision, rows))
    return made


def _texts(booking: BookingRow, holding: list[ProposalRow]) -> Iterator[tuple[int, str | None]]:
    """Give the revisions of a booking that hold time; None: nobody knows, its rows stay."""
    shown = next((it for it in holding if it.shown), None)
    if shown is not None:
        if showing.is_untaken(shown.before):
            yield 0, booking.written or None
        else:
            yield 0, json.loads(shown.before)["text"] if shown.before else ""
    elif booking.reason == showing.UNTAKEN:
        yield 0, booking.written or None
    elif booking.state is not State.CANCELLED:
        yield 0, booking.text
    for it in holding:
        yield it.id, it.text
        if it.shown:
            yield -it.id, it.text


def _rows(here: Place, booking: BookingRow, revision: int, text: str) -> list[BookedRow] | None:
    """Expand one revision; None where that cannot be done (any more): its rows stay."""
    if not text:
        return []
    try:
        rows = times.of(draft.parse(text, here.plan).series, here, booking).rows
    except InvalidCalendarObject:
        return None
    if revision == 0:
        return rows
    if revision > 0:
        return times.of_proposal(rows, revision)
    return times.as_tentative(rows, -revision)


def _seen(conn: Transaction, resource_id: str) -> tuple[object, ...]:
    return (
        [(it.id, it.state, it.etag) for it in bookings.living(conn, resource_id)],
        [(it.id, it.state, it.shown) for it in outbox.holding(conn, resource_id)],
    )
