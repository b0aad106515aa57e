"""The `bookings` calendar of a resource: what clients wrote, as each login may see it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2s
from typing import NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from bridge.access import Principal
from bridge.access.directory import Entry
from bridge.bookings import shelf
from bridge.bookings.shelf import Seen
from bridge.bookings.words import Viewer
from bridge.ical import expanded
from bridge.ical.bounds import TooMany
from bridge.merge import clip, merge
from bridge.model.interval import BusyPeriod, Instant, Window
from bridge.model.resource import Projection
from bridge.store import bookings, busy, standing
from bridge.store.bookings import BookedRow, BookingRow, State
from bridge.store.database import Transaction
from radicale_plugin import xml
from radicale_plugin.calendars import Changes, InvalidSyncToken, ResourceCalendar, Row, Since
from radicale_plugin.filters import Filter, compile_filters
from radicale_plugin.ground import Ground
from radicale_plugin.places import Place
from radicale_plugin.refusals import Refused, forbidden

FORM = "1"
"""Of what others are shown of private bookings; raised with every change to it."""
_MOST = 24 << 20
"""Characters that one answer may take to be expanded into."""
_EACH = 16 << 10
"""What it takes to expand an object, half a millisecond, in these characters."""
_ALWAYS = (-62135596800, 253402300799)
_INVITES = re.compile(r"^(?:ATTENDEE|ORGANIZER)[;:]", re.MULTILINE | re.IGNORECASE)


class Booking(NamedTuple):
    """One object."""

    seen: Seen

    @property
    def uid(self) -> str:
        """Of its event."""
        return self.seen.booking.uid if self.seen.whole else ""

    @property
    def etag(self) -> str:
        """Of what this login sees; without quotes."""
        return self.seen.etag

    @property
    def changed_at(self) -> Instant:
        """When it came to be."""
        return self.seen.booking.changed_at


def viewer(principal: Principal) -> Viewer:
    """Say who looks: an admin may see everything, others what is private only of their own."""
    return Viewer(principal.name, sees_all=principal.is_admin)


def invites(text: str) -> bool:
    """Tell whether an object is a scheduling object (RFC 6638 section 3.1)."""
    return _INVITES.search(text) is not None


class BookingsCalendar(ResourceCalendar):
    """The bookings of a resource."""

    invites = True

    def __init__(
        self, ground: Ground, place: Place, entry: Entry, principal: Principal, conn: Transaction
    ) -> None:
        super().__init__(ground, place, entry)
        self.viewer = viewer(principal)
        self._room = _MOST
        # What is private looks different to each login, so that no token of one is another's.
        whose = "" if self.viewer.sees_all else self.viewer.login
        name = blake2s(f"{FORM}\0{whose}".encode(), digest_size=6).hexdigest()
        self.version = f"{place.kind.value}-{name}"
        state = standing.look(conn, entry.plan.id, Projection.TIMES)
        if state is not None:
            self.epoch, self.horizon = state.epoch, state.horizon
            self.seq, changed_at = shelf.last_change(conn, entry.plan.id)
            self.changed_at = changed_at or state.horizon.start

    def periods(self, conn: Transaction, window: Window) -> list[BusyPeriod]:
        """Give the time that is booked."""
        rows = self._booked(conn, window)
        return clip(merge((row.start, row.end, row.fbtype) for row in rows if row.fbtype), window)

    def objects(self, conn: Transaction, window: Window | None = None) -> Sequence[Booking]:
        """List the bookings that overlap a window, or all of them."""
        found = [Booking(each) for each in shelf.listing(conn, self.entry.plan.id, self.viewer)]
        if window is None or not found:
            return found
        rows = self._booked(conn, window)
        settled = {row.booking_id for row in rows if not row.proposal_id}
        changing = {row.booking_id for row in rows if row.proposal_id}

        def overlaps(booking: BookingRow, text: str) -> bool:
            if booking.state is State.CANCELLED:  # it takes no time, and is shown all the same
                return bool(expanded.occurrences(text, window, self._zone))
            # What is shown as tentative is seen when it shall be; its old time is only held.
            return booking.id in (changing if booking.state is State.TENTATIVE else settled)

        return [each for each in found if overlaps(each.seen.booking, each.seen.text)]

    def compile(self, asked: Iterable[Element]) -> Filter:
        """Compile the filters of a report: clients write what they like."""
        return compile_filters(asked, plain=False)

    def marks(self, conn: Transaction) -> Sequence[Booking]:
        """List what tells the state of each booking."""
        return self.objects(conn)

    def named(self, conn: Transaction, names: Collection[str]) -> Mapping[str, Booking]:
        """Give those of the named bookings that exist."""
        found = shelf.several(conn, self.entry.plan.id, names, self.viewer)
        return {name: Booking(each) for name, each in found.items()}

    def changes(
        self, conn: Transaction, token: str, limit: int | None = None, *, texts: bool = True
    ) -> Changes:
        """Tell what changed since a sync token; of an empty one, everything that is there."""
        del texts
        if not token and limit is None:
            return Changes(self.token, self.objects(conn), [])
        since = self.since(conn, token) if token else Since(0, self.seq)
        if since.seq == self.seq:
            return Changes(self.token, [], [])
        most = None if limit is None else limit + 1
        logged = shelf.changes_since(conn, self.entry.plan.id, since.seq, most=most)
        truncated = limit is not None and len(logged) > limit
        logged = logged[:limit]
        rows = self.named(conn, [row.uid for row in logged])
        gone = [
            row.uid
            for row in logged
            if row.uid not in rows and (row.seq > since.begun or not since.begun)
        ]
        told = self._token(logged[-1].seq, since.begun) if truncated else self.token
        return Changes(told, list(rows.values()), gone, truncated)

    def since(self, conn: Transaction, token: str) -> Since:
        """Read a sync token; one from before what the change log remembers cannot be continued."""
        since = super().since(conn, token)
        if max(since) < shelf.floor(conn, self.entry.plan.id):
            raise InvalidSyncToken(token)
        return since

    def name(self, row: Row) -> str:
        """Name an object, as its client did; percent-encoded."""
        return quote(_booking(row).seen.name)

    def object_etag(self, row: Row) -> str:
        """Give the entity tag of an object, quoted."""
        return f'"{row.etag}"'

    def schedule_tag(self, row: Row) -> str:
        """Give the schedule tag (RFC 6638 section 3.2.10); empty where nobody is invited."""
        seen = _booking(row).seen
        if not seen.whole or not invites(seen.text):
            return ""
        return f'"{seen.booking.schedule_tag}"'

    def text(self, row: Row) -> str:
        """Give an object as it was written, or as it became."""
        return _booking(row).seen.text

    def span(self, row: Row) -> tuple[Instant, Instant]:
        """Say nothing about when a booking takes place: whoever needs it asks by a filter."""
        del row
        return _ALWAYS

    def stream(self, conn: Transaction) -> bytes:
        """Write the whole calendar."""
        texts = [each.seen.text for each in self.objects(conn)]
        return expanded.joined(texts, name=self.title).encode("utf-8", "replace")

    def expand(self, text: str, window: Window) -> str:
        """Write the occurrences of an object in a window, in UTC.

        Raises:
            Refused: 403 with DAV:number-of-matches-within-limits; it would be too much.
        """
        try:
            found = expanded.expanded(text, window, self._zone, most=self._room)
        except TooMany as err:
            raise _too_much() from err
        self._spend(len(found))
        return found

    def limit(self, text: str, window: Window) -> str:
        """Leave out what was changed of a series outside of a window.

        Raises:
            Refused: as `expand`.
        """
        self._spend(len(text))
        return expanded.limited(text, window, self._zone)

    def _spend(self, characters: int) -> None:
        self._room -= characters + _EACH
        if self._room < 0:
            raise _too_much()

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(str(self.entry.plan.timezone))

    def _booked(self, conn: Transaction, window: Window) -> list[BookedRow]:
        longest = busy.extents(conn, self.entry.plan.id).occurrence
        return bookings.published_at(conn, self.entry.plan.id, window, longest=longest)


def _too_much() -> Refused:
    return forbidden(
        xml.dav("number-of-matches-within-limits"),
        "so many occurrences; ask for a shorter time",
    )


def _booking(row: Row) -> Booking:
    if not isinstance(row, Booking):
        raise TypeError("a bookings calendar shows bookings")
    return row
