"""Reading bookings, as each viewer sees them.

Whoever made a booking gets the stored text. Others get of a private one when it is, and no more:
another text, with another ETag, under a UID that says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import NamedTuple

from bridge.bookings import revising
from bridge.bookings.ledger import PROJECTION, tag
from bridge.bookings.words import Viewer
from bridge.ical.contentline import fold
from bridge.model.interval import Instant
from bridge.store import bookings, busy
from bridge.store.bookings import BookingRow
from bridge.store.busy import ChangeRow
from bridge.store.database import Transaction

_TIMES = frozenset(
    {
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE",
        "EXRULE",
        "RDATE",
        "EXDATE",
        "RECURRENCE-ID",
        "SEQUENCE",
        "DTSTAMP",
        "LAST-MODIFIED",
        "STATUS",
        "TRANSP",
        "CLASS",
    }
)
_HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//BusyBridge//EN\n"


class Seen(NamedTuple):
    """A booking as one viewer sees it."""

    booking: BookingRow
    text: str
    etag: str
    """Without quotes."""
    whole: bool
    """False: no more than when it is."""

    @property
    def name(self) -> str:
        """Of its object in the collection."""
        return self.booking.name


def get(conn: Transaction, resource_id: str, name: str, viewer: Viewer) -> Seen | None:
    """Find a booking by the name of its object."""
    return several(conn, resource_id, [name], viewer).get(name)


def several(
    conn: Transaction, resource_id: str, names: Collection[str], viewer: Viewer
) -> dict[str, Seen]:
    """Give those of the named bookings that there are."""
    found = bookings.shown(conn, resource_id, names)
    return {name: seen(row, viewer) for name, row in found.items()}


def listing(conn: Transaction, resource_id: str, viewer: Viewer) -> list[Seen]:
    """List the bookings of a resource, by name."""
    return [seen(row, viewer) for row in bookings.visible(conn, resource_id)]


def changes_since(
    conn: Transaction, resource_id: str, seq: int, *, most: int | None = None
) -> list[ChangeRow]:
    """List each object's last change after a number, ascending; `uid` is the object's name.

    A number below `floor` cannot be continued.
    """
    return busy.changes_since(conn, resource_id, PROJECTION, seq, most=most)


def floor(conn: Transaction, resource_id: str) -> int:
    """Return the number of the last change that may have been forgotten."""
    return busy.floor(conn, resource_id, PROJECTION)


def last_change(conn: Transaction, resource_id: str) -> tuple[int, Instant]:
    """Give number and instant of the last change, with the floor as the least; 0 for none."""
    found = busy.last_change(conn, resource_id, PROJECTION)
    return max(found[0], floor(conn, resource_id)), found[1]


def seen(row: BookingRow, viewer: Viewer) -> Seen:
    """Show a booking to somebody."""
    if not row.private or viewer.sees_all or row.login == viewer.login:
        return Seen(row, row.text, row.etag, whole=True)
    text = _times_only(row)
    return Seen(row, text, tag(text), whole=False)


def _times_only(row: BookingRow) -> str:
    uid = sha256(f"{row.token}\n{row.id}".encode()).hexdigest()[:40]
    kept: list[str] = []
    for line in revising.lines(row.text):
        if line.depth[:2] == ("VCALENDAR", "VTIMEZONE") or revising.bounds(line, "VTIMEZONE"):
            kept.append(f"{line.head}:{line.value}\n")
        elif revising.bounds(line, "VEVENT"):
            kept.append(f"{line.head}:{line.value}\n")
            if line.name == "BEGIN":
                kept.append(f"UID:{uid}@busybridge\nSUMMARY:Busy\n")
        elif line.depth == revising.EVENT and line.name in _TIMES:
            kept.append(f"{line.head}:{line.value}\n")
    return fold(f"{_HEAD}{''.join(kept)}END:VCALENDAR\n")
