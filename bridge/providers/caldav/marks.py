"""What stands of ours in calendars: each is read once, and from then on what changed of it.

An account's sink looks for its marks every half an hour, and before it writes. Of the objects of a
calendar it remembers ETags, and the events that are ours; no bodies. What is not remembered is read
again, so that nothing depends on it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple

from bridge.errors import ProviderError, RemoteNotFound, UnreadableAnswer
from bridge.model.remote import CalendarId, ETag, RemoteId
from bridge.provider import Item, SeriesRemoved, SyncToken, Unreadable
from bridge.providers.caldav.envelope import Envelope
from bridge.providers.caldav.pull import Pull
from bridge.sink import Marked

_OWN_NAME = re.compile(r"[0-9a-f]{32,40}\.ics")
"""Of objects that were made for bookings or blocks, by this instance or another one."""
_MOST_KEPT = 4 << 20
"""Octets, as they came, of what is remembered of all calendars of one account."""
logger = logging.getLogger(__name__)

Reading = Callable[[RemoteId, ETag | None, str | bytes], Item]
"""As `Pull` takes it."""


class _Ours(NamedTuple):
    marked: Marked
    size: int
    """Octets of its text, which is not kept itself."""


@dataclass(frozen=True, slots=True)
class _Known:
    """One calendar, as it was when it was looked at last."""

    token: SyncToken
    """`Envelope` with the ETag of every object."""
    ours: Mapping[RemoteId, _Ours]

    @property
    def size(self) -> int:
        return len(self.token) + sum(each.size for each in self.ours.values())


class Marks:
    """Finds what an instance wrote, and remembers it; threads may share it."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        """Remember nothing yet.

        Args:
            most: octets that are remembered; the calendar looked at longest ago is forgotten first.
        """
        self._most = most
        self._lock = Lock()
        self._known: dict[tuple[CalendarId, str], _Known] = {}
        self._touched: set[tuple[CalendarId, str]] = set()

    def look(
        self,
        calendar: CalendarId,
        origin: str,
        listing: Callable[[Reading], Pull],
        read: Callable[[RemoteId, ETag | None, bytes], Marked | None],
    ) -> list[Marked]:
        """Find what an instance wrote into a calendar.

        An object that the server lists and withholds, as some do with what is not the account's
        own, counts as somebody else's unless it has a name that we give.

        Args:
            calendar: its id.
            origin: of the instance.
            listing: makes a listing of the calendar that reads objects so.
            read: tells what an object is; None: not of that instance, or cancelled.

        Raises:
            RemoteNotFound: the calendar is gone.
            ProviderError: not all of it can be read; what is remembered stays as it was.
        """
        key = calendar, origin
        with self._lock:
            before = self._known.get(key)
            is_touched = key in self._touched
            self._touched.discard(key)
        fresh: dict[RemoteId, _Ours | None] = {}

        def reading(name: RemoteId, etag: ETag | None, text: str | bytes) -> Item:
            octets = text.encode() if isinstance(text, str) else text
            marked = read(name, etag, octets)
            fresh[name] = None if marked is None else _Ours(marked, len(octets))
            return SeriesRemoved(name)

        try:
            known = Envelope.read(before.token, calendar) if before else Envelope(calendar)
            if is_touched:
                known = replace(known, ctag="")
            token, unreadable = _followed(calendar, known, listing(reading), fresh)
        except RemoteNotFound:
            self._keep(key, None)
            raise
        except ProviderError:
            if is_touched:
                self.touched(calendar)
            raise
        there = Envelope.read(token, calendar).marks
        if unreadable and len(unreadable) == len(there):
            # A server that withholds everything does not say that nothing of ours is there.
            raise UnreadableAnswer(
                f"calendar {calendar}: none of its objects can be read; {unreadable[0].reason}"
            )
        every = {**(before.ours if before else {}), **fresh}
        ours = {name: it for name, it in every.items() if it is not None and name in there}
        self._keep(key, _Known(token, ours))
        return [each.marked for each in ours.values()]

    def touched(self, calendar: CalendarId) -> None:
        """Have the next look list a calendar that we wrote to, whatever its ctag says.

        A ctag that comes late, or counts in seconds, would hide what was written.
        """
        with self._lock:
            self._touched.update(key for key in self._known if key[0] == calendar)

    def _keep(self, key: tuple[CalendarId, str], known: _Known | None) -> None:
        with self._lock:
            self._known.pop(key, None)
            if known is None or known.size > self._most:
                return
            self._known[key] = known  # the last one: it was looked at last
            total = sum(each.size for each in self._known.values())
            for oldest in list(self._known):
                if total <= self._most:
                    break
                total -= self._known.pop(oldest).size


def _followed(
    calendar: CalendarId,
    known: Envelope,
    listing: Pull,
    fresh: dict[RemoteId, _Ours | None],
) -> tuple[SyncToken, list[Unreadable]]:
    """Read what changed; by ETags, which say of each object whether it is still there."""
    unreadable: list[Unreadable] = []
    token = None
    for page in listing.by_etags(known):
        token = page.token or token
        for item in page.items:
            match item:
                case Unreadable(name, reason):
                    if _OWN_NAME.fullmatch(name):
                        raise UnreadableAnswer(f"the calendar: {name}: {reason}")
                    logger.debug("calendar %s: %s: %s", calendar, name, reason)
                    unreadable.append(item)
                    fresh[name] = None
                case SeriesRemoved(name):
                    fresh.setdefault(name, None)
                case _:
                    pass
    if token is None:
        raise TypeError("a listing without an end")
    return token, unreadable
