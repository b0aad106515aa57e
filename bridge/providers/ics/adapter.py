"""Reads a calendar file as a calendar with one page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from bridge.errors import InvalidCalendarObject, RemoteNotFound, SyncTokenExpired, UnreadableAnswer
from bridge.ical.parse import ParsedCalendar, parse_calendar
from bridge.model.interval import Window
from bridge.paging import pack, unpack
from bridge.provider import (
    CalendarId,
    CalendarInfo,
    Item,
    Page,
    RemoteId,
    Series,
    SyncToken,
    Unreadable,
)
from bridge.providers.ics.fetch import Feed, Fetched, Validators

CALENDAR = CalendarId("feed")
_READ_AHEAD = 10.0
"""Seconds for which a file that was read for its name serves the listing that follows."""
_HEAD_SIZE = 64 << 10
_FOLD = re.compile(rb"\r?\n[ \t]")
# The name that all clients write, and that of RFC 7986 section 5.1.
_NAME = re.compile(r"^(?:X-WR-CALNAME|NAME)(?:;[^:\n]*)?:(.*)$", re.IGNORECASE | re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)")
_COMPONENT = re.compile(r"^BEGIN:(?!VCALENDAR)", re.IGNORECASE | re.MULTILINE)


class IcsSource:
    """The one calendar of a feed; its id stays when the feed's URL changes."""

    def __init__(self, feed: Feed, *, owner: str) -> None:
        """Open without reading.

        Args:
            feed: where the file is.
            owner: mail address of the calendar's owner, whose replies count; may be empty.
        """
        self._feed = feed
        self._owner = owner
        self._name = ""
        self._ahead: tuple[float, Fetched] | None = None

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name the calendar as the file does; the file is read when it was not yet."""
        if not self._name:
            fetched = self._feed.fetch(Validators())
            if fetched is None:
                raise UnreadableAnswer(f"{self._feed.name} said unchanged without being asked")
            self._name = name_of(fetched.body) or self._feed.name
            self._ahead = time.monotonic(), fetched
        return [CalendarInfo(CALENDAR, self._name, is_primary=True)]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield one page: nothing when the file is the same, else all of it, in any window.

        Nothing is left out by the window: a file that never changes is read once, and the window
        moves on over it.
        """
        if calendar != CALENDAR:
            raise RemoteNotFound(f"an ICS feed has one calendar, {CALENDAR!r}")
        known = None if since is None else _Token.read(since, self._feed.identity)
        fetched = self._fetch(known)
        if fetched is None:
            yield Page(token=since)
            return
        token = _Token(self._feed.identity, fetched.digest, fetched.validators)
        if known is not None and known.digest == token.digest:
            yield Page(token=token.write())
            return
        self._name = name_of(fetched.body) or self._feed.name
        try:
            parsed = parse_calendar(fetched.body, owner=self._owner)
        except InvalidCalendarObject as err:
            raise UnreadableAnswer(
                f"{self._feed.name}: {err}", hint="open the address in a browser to see what it is"
            ) from err
        yield Page(
            items=_items(parsed),
            token=token.write(),
            full=True,
            time_zone=parsed.time_zone,
            notes=parsed.notes,
        )

    def _fetch(self, known: _Token | None) -> Fetched | None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and time.monotonic() - ahead[0] < _READ_AHEAD:
            return ahead[1]
        return self._feed.fetch(Validators() if known is None else known.validators)


def name_of(body: bytes) -> str:
    """Find what a calendar file calls itself, without parsing it; empty when it does not say."""
    head = _FOLD.sub(b"", body[:_HEAD_SIZE]).decode("utf-8", "replace")
    if inner := _COMPONENT.search(head):
        head = head[: inner.start()]
    found = (_ESCAPED.sub(r"\1", match[1]).strip() for match in _NAME.finditer(head))
    return next(filter(None, found), "")


def _items(parsed: ParsedCalendar) -> list[Item]:
    whole = [
        Series(RemoteId(each.series.uid), each.series, text=each.text) for each in parsed.series
    ]
    broken = [
        Unreadable(RemoteId(it.uid), it.reason, remains=it.remains.series if it.remains else None)
        for it in parsed.broken
    ]
    return [*whole, *broken]


@dataclass(frozen=True, slots=True)
class _Token:
    """The envelope: which place, which content, and what the server wants to hear."""

    identity: str
    digest: str
    validators: Validators

    def write(self) -> SyncToken:
        return SyncToken(pack({"v": 1, **asdict(self)}))

    @classmethod
    def read(cls, token: SyncToken, identity: str) -> _Token:
        """Read an envelope of this place.

        Raises:
            SyncTokenExpired: it is of another place or version, or no envelope at all.
        """
        match unpack(token):
            case {
                "v": 1,
                "identity": str(place),
                "digest": str(digest),
                "validators": {"etag": str(etag), "modified": str(modified)},
            } if place == identity:
                return cls(place, digest, Validators(etag, modified))
        raise SyncTokenExpired("the sync token is not of this feed")
