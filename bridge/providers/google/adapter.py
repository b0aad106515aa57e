"""A Google account as an event source, and as a busy source for calendars that share no events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bridge.errors import UnreadableAnswer
from bridge.ical.foreign import once
from bridge.model.event import ShowAs
from bridge.model.interval import Instant, Window, instant, rfc3339
from bridge.provider import (
    Account,
    CalendarId,
    CalendarInfo,
    Item,
    Page,
    Provider,
    Shown,
    SyncToken,
)
from bridge.providers.google import translate
from bridge.providers.google.client import Client
from bridge.providers.google.envelope import Envelope
from bridge.providers.google.listing import Listing
from bridge.providers.google.push import GoogleChannels
from bridge.providers.google.sink import GoogleSink

_LISTED: Mapping[str, str] = {"singleEvents": "false"}
"""Parameters of every listing; a sync token is good with these alone.

No timeMin and timeMax: a token would keep them for ever, and what an occurrence that was moved out
of the window leaves behind would look busy. The window is applied here.
"""
_PAGE_SIZE: Mapping[str, str] = {"maxResults": "2500"}
"""The only parameter that may change from one listing to the next."""
_MOST_SERIES = 50
"""So many changed series are read again one by one; of more a full listing costs less."""
_LONGEST_QUESTION = 90 * 86400
"""Seconds that one free-busy question may span; Google refuses some three months and more."""


def open_account(account: Account, api_url: str) -> Provider:
    """Open an account without touching the network."""
    client = Client(account.http, api_url)
    return Provider(
        source=GoogleSource(client),
        busy=GoogleBusy(client),
        notifier=GoogleChannels(client),
        sink=GoogleSink(client),
    )


class GoogleSource:
    """Reads calendars by incremental listings of masters and exceptions; expansion is ours."""

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name the calendars in the account's list that are not hidden; see `EventSource`."""
        found = (translate.calendar(entry) for entry in self._client.calendars())
        return [info for info in found if info is not None]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield what changed in a calendar; see `EventSource`.

        A full listing leaves out single events that were over when the window began, so that a
        window that begins earlier needs another one.
        """
        if since is None:
            yield from self._everything(calendar, window.start)
            return
        known = Envelope.read(since, calendar, _LISTED, window.start)
        yield from self._since(known, window.start)

    def _everything(self, calendar: CalendarId, since: Instant) -> Iterator[Page]:
        listing = Listing(calendar, since=since)
        token = ""
        for page in self._client.events(calendar, {**_LISTED, **_PAGE_SIZE}):
            token = page.next_sync_token
            yield Page(listing.page(page), full=True, time_zone=listing.time_zone)
        envelope = _envelope(calendar, token, since)
        yield Page(listing.rest(), envelope.write(), full=True, notes=once(listing.notes))

    def _since(self, known: Envelope, since: Instant) -> Iterator[Page]:
        calendar = known.calendar
        listing = Listing(calendar)
        pages: list[Page] = []
        token = ""
        query = {**_LISTED, **_PAGE_SIZE, "syncToken": known.sync_token}
        for page in self._client.events(calendar, query):
            token = page.next_sync_token
            pages.append(Page(listing.page(page), time_zone=listing.time_zone))
        if len(listing.recurring) > _MOST_SERIES:
            yield from self._everything(calendar, since)
            return
        for series, uid in list(listing.recurring.items()):
            if not uid:
                continue
            items = self._again(listing, series, uid)
            if items is None:
                yield from self._everything(calendar, since)
                return
            pages.append(Page(items))
        envelope = _envelope(calendar, token, known.since)
        yield from pages
        yield Page(listing.rest(), envelope.write(), notes=once(listing.notes))

    def _again(self, listing: Listing, series: str, uid: str) -> list[Item] | None:
        """Read a series whose master changed with all its exceptions.

        An incremental listing names only what changed, and a master alone would stand for a series
        without exceptions. Those that the listing names and this does not are kept. Google does
        not say whether cancelled occurrences are among those of one UID; where they are not, they
        are busy until the next full listing, which names them.

        Returns:
            None where it is not found: it may be gone since the listing, or not be found by its
            UID; a full listing tells.
        """
        query = {**_LISTED, **_PAGE_SIZE, "iCalUID": uid, "showDeleted": "true"}
        whole = Listing(listing.calendar, listing.time_zone)
        items: list[Item] = []
        for page in self._client.events(listing.calendar, query):
            items += whole.page(page)
        items = [item for item in items if _of(item) == series]
        listing.notes.extend(whole.notes)
        if not items:
            return None
        listing.parts |= {
            name: (of, part) for name, (of, part) in whole.parts.items() if of == series
        }
        if series in whole.single:
            listing.recurring.pop(series, None)
            listing.single[series] = whole.single[series]
        return items


class GoogleBusy:
    """Reads the busy time of calendars that share nothing else."""

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def busy(self, calendar: CalendarId, window: Window) -> Sequence[Shown]:
        """Return the spans that overlap the window; see `BusySource`."""
        periods: list[Shown] = []
        for start in range(window.start, window.end, _LONGEST_QUESTION):
            end = min(start + _LONGEST_QUESTION, window.end)
            for each in self._client.busy(calendar, rfc3339(start), rfc3339(end)):
                period = _period(calendar, each.start, each.end)
                if period.end <= period.start:
                    continue
                if periods and periods[-1].end >= period.start:
                    # One that reaches over the end of a question comes in two pieces.
                    first = periods.pop()
                    period = first._replace(end=max(first.end, period.end))
                periods.append(period)
        return periods


def _envelope(calendar: CalendarId, token: str, since: Instant) -> Envelope:
    if not token:
        raise UnreadableAnswer(f"calendar {calendar!r}: the last page has no sync token")
    return Envelope(calendar, token, _LISTED, since)


def _of(item: Item) -> str:
    return getattr(item, "remote_id", "") or getattr(item, "series_id", "")


def _period(calendar: CalendarId, start: str, end: str) -> Shown:
    try:
        first, last = (datetime.fromisoformat(each) for each in (start, end))
        return Shown(instant(first), instant(last), ShowAs.BUSY)
    except ValueError as err:
        raise UnreadableAnswer(
            f"the busy time of calendar {calendar!r}: a time that is none"
        ) from err
