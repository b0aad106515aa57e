"""Which calendar stands at a place."""

from __future__ import annotations

from bridge.access import Principal, projection
from bridge.store.database import Transaction
from radicale_plugin.booked import BookingsCalendar
from radicale_plugin.calendars import BusyCalendar, Calendar
from radicale_plugin.ground import Ground
from radicale_plugin.places import Kind, Place


def open_calendar(
    ground: Ground, place: Place, principal: Principal, conn: Transaction
) -> Calendar:
    """Open the calendar that a place names, as a principal sees it.

    Raises:
        LookupError: it names none.
    """
    if place.kind is Kind.INBOX:
        return Calendar(ground, place)
    entry = place.entry
    if entry is None:
        raise LookupError(place.path)
    if place.kind is Kind.BOOKINGS:
        return BookingsCalendar(ground, place, entry, principal, conn)
    seen = projection(principal, entry.plan)
    if seen is None:
        raise LookupError(place.path)
    return BusyCalendar(ground, place, entry, seen, conn)
