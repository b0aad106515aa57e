"""A Microsoft account: a source and a sink of events, and of busy time where no events are shared.

What Graph has of incremental listings is of one window for ever. The window of a link reaches
further than the one that was asked for, so that the link lasts while the horizon moves on; it is
given up a month before it would have to be, on another day for each calendar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from bridge.errors import RemoteNotFound, UnreadableAnswer
from bridge.ical.foreign import once
from bridge.model.interval import Instant, Window, instant, rfc3339
from bridge.provider import (
    AccessRole,
    Account,
    CalendarId,
    CalendarInfo,
    Item,
    Page,
    Provider,
    Series,
    SyncToken,
    Unchanged,
)
from bridge.providers.microsoft import standing, translate, wire
from bridge.providers.microsoft.busy import MicrosoftBusy
from bridge.providers.microsoft.client import Client, Span
from bridge.providers.microsoft.editing import Editor
from bridge.providers.microsoft.envelope import VIEW, Envelope, Names, Parts
from bridge.providers.microsoft.listing import Listing
from bridge.providers.microsoft.push import MicrosoftSubscriptions
from bridge.providers.microsoft.refusals import TooSlow
from bridge.providers.microsoft.sink import MicrosoftSink
from bridge.providers.microsoft.views import States

_DAY = 86400
_BEFORE = 3 * _DAY
"""By which the window of a link begins earlier: nobody is sure what belongs to its very ends."""
_AFTER = 123 * _DAY
"""By which it ends later: three days as above, a month by which the horizon moves at once, two in
which the link is used, and the last one, in which it is not."""
_USED = 59 * _DAY
_SPREAD = 29 * _DAY
"""Of these, in which every calendar has another moment at which it begins anew."""
_LONGEST = 1825 * _DAY
"""That Graph lists at once."""
_VIEWED = 900
"""Seconds that everything is listed before a link is asked for again; four times as many after each
time that it takes too long, a day at most."""
_NEVER = 1 << 40
"""When something has no end."""
_READ = (Series, Unchanged)
_MOST_SERIES = 50
"""So many changed series are read again one by one; of more a full listing costs less."""


def open_account(account: Account, api_url: str) -> Provider:
    """Open an account without touching the network."""
    client = Client(account.http, api_url, account.acts_for)
    return Provider(
        source=MicrosoftSource(client),
        busy=MicrosoftBusy(client),
        notifier=MicrosoftSubscriptions(client),
        sink=MicrosoftSink(client, account.acts_for or account.owner),
    )


class MicrosoftSource:
    """Reads calendars by delta rounds over a window; expansion is ours."""

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name the calendars of the mailbox, shared ones among them; see `EventSource`.

        What others share with it is tried, for the list does not say how much it is.
        """
        entries = list(self._client.calendars())
        owners = (each.owner for each in entries if each.is_default_calendar)
        mailbox = next((owner.address for owner in owners if owner), "")
        return [
            replace(info, role=AccessRole.FREE_BUSY)
            if _is_doubtful(entry) and not self._client.may_read(entry.id)
            else info
            for entry in entries
            if (info := translate.calendar(entry, mailbox)) is not None
        ]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield what changed in a calendar; see `EventSource`.

        Everything wholly outside the link's window is left out, so that one that is asked for and
        not inside it needs another link.
        """
        if since is None:
            yield from self._everything(calendar, window)
            return
        known = Envelope.read(since, calendar, window)
        if known.link == VIEW and known.until:
            yield from self._view(known)
        elif known.link == VIEW:
            yield from self._everything(calendar, window, known)
        else:
            try:
                yield from self._next_round(known, window)
            except TooSlow:  # nothing was told yet; a round from the beginning may be given
                yield from self._everything(calendar, window)

    def _everything(
        self, calendar: CalendarId, asked: Window, viewed: Envelope | None = None
    ) -> Iterator[Page]:
        """List a calendar anew.

        Args:
            calendar: which.
            asked: the window that matters.
            viewed: what is known of it, where it was listed without a link before.
        """
        window = Window(asked.start - _BEFORE, asked.end + _AFTER)
        if asked.end - window.start > _LONGEST:
            yield from self._view(Envelope(calendar, VIEW, window, _NEVER))
            return
        window = window._replace(end=min(window.end, window.start + _LONGEST))
        try:
            yield from self._first_round(calendar, window)
        except TooSlow:  # nothing was told yet
            known = viewed or Envelope(calendar, VIEW, window, 0)
            yield from self._view(replace(known, tries=known.tries + 1))

    def _first_round(self, calendar: CalendarId, window: Window) -> Iterator[Page]:
        listing = Listing(calendar, window)
        link, made = "", 0
        for page in self._client.first_round(calendar, _span(window)):
            link, made = page.delta_link, _answered(page.date)
            yield Page(listing.page(page), full=True)
        if not link:
            raise _no_link(calendar)
        items = [item for name in listing.lacking() for item in self._again(listing, name)]
        until = made + _USED - _share(calendar, made) if made else _NEVER
        names, parts = Names.of(listing.named), Parts().changed(listing.parts(), ())
        envelope = Envelope(calendar, link, window, until, names, parts)
        yield Page(
            [*items, *self._rest(listing)], envelope.write(), full=True, notes=once(listing.notes)
        )

    def _view(self, known: Envelope) -> Iterator[Page]:
        """List everything without a link to go on from.

        Of some calendars with a series that has no end Graph cannot give a round, and answers 504
        to every question for one; and windows can be longer than those of its rounds. Of series
        that are listed as they were the masters are not asked for.
        """
        calendar, window = known.calendar, known.window
        listing, states = Listing(calendar, window), States()
        now = 0
        for start in range(window.start, window.end, _LONGEST):
            part = Window(start, min(start + _LONGEST, window.end))
            for page in self._client.view(calendar, _span(part)):
                now = _answered(page.date)
                states.take(page.value)
                yield Page(listing.page(page), full=True)
        items: list[Item] = []
        for name in listing.lacking():
            if states.of(name) in known.known:
                items.append(listing.keep(name))
            else:
                event = self._client.event(calendar, name)
                items += listing.not_found(name) if event is None else listing.take(event)
        items += self._rest(listing)
        names = Names.of(states.of(it.remote_id) for it in items if isinstance(it, _READ))
        until = known.until or now + min(_VIEWED * 4 ** (known.tries - 1), _DAY)
        envelope = replace(known, until=until if now < until else 0, known=names)
        yield Page(items, envelope.write(), full=True, notes=once(listing.notes))

    def _next_round(self, known: Envelope, asked: Window) -> Iterator[Page]:
        calendar = known.calendar
        listing = Listing(calendar, known.window)
        link, now = "", 0
        pages: list[Page] = []
        for page in self._client.next_round(calendar, known.link):
            link, now = page.delta_link, _answered(page.date)
            pages.append(Page(listing.page(page)))
        if not link:
            raise _no_link(calendar)
        again = listing.partial()
        cut = [
            name
            for name in known.parts.holders(listing.strangers(known.known))
            if not listing.is_told(name)
        ]
        if len(again) + len(cut) > _MOST_SERIES:
            yield from self._everything(calendar, asked)
            return
        pages.extend([Page(self._again(listing, name)) for name in [*again, *cut]])
        if any(name in listing.gone for name in cut):  # and nobody said so
            yield from self._everything(calendar, asked)
            return
        names = known.known.changed(listing.named, listing.gone)
        single = listing.named.difference(listing.groups)
        parts = known.parts.changed(listing.parts(), [*single, *listing.gone])
        # The pull after this one begins anew, with a window of its own.
        link = link if now < known.until else ""
        envelope = Envelope(calendar, link, known.window, known.until, names, parts)
        yield from pages
        yield Page(self._rest(listing), envelope.write(), notes=once(listing.notes))

    def _rest(self, listing: Listing) -> list[Item]:
        """Give the series; of bookings with all that differs in them, in the window and beyond.

        What was written of a booking is compared with what is pulled of it: an occurrence that is
        deleted must not seem to be back because the window has moved on.
        """
        return [
            self._booked(listing, item)
            if isinstance(item, Series) and standing.is_cut(item.series, listing.window)
            else item
            for item in listing.rest()
        ]

    def _booked(self, listing: Listing, item: Series) -> Series:
        master = listing.groups[item.remote_id].master
        assert master is not None  # noqa: S101 - it is what the item was read from
        try:
            told = Editor(self._client, listing.calendar).occurrences(item.remote_id)
        except RemoteNotFound:  # it went while it was read
            return item
        try:
            there = standing.read(master, *told)
        except UnreadableAnswer:  # what was listed of it stands
            return item
        return Series(item.remote_id, there.pulled(item.series.notes), there.etag)

    def _again(self, listing: Listing, series: str) -> list[Item]:
        """Read a series as a whole, of which a part alone was named."""
        calendar = listing.calendar
        event = self._client.event(calendar, series)
        if event is None:
            return listing.not_found(series)
        before = listing.begin(series)
        items = listing.take(event)
        if series in listing.groups:
            try:
                for page in self._client.instances(calendar, series, _span(listing.window)):
                    listing.page(page)
            except RemoteNotFound:  # it went while it was read
                return listing.not_found(series, before)
        return items


def _is_doubtful(entry: wire.Calendar) -> bool:
    """Tell whether a calendar is somebody else's, who may not share its events."""
    return not (entry.can_edit or entry.can_view_private_items)


def _span(window: Window) -> Span:
    return Span(rfc3339(window.start), rfc3339(window.end))


def _answered(date: str) -> Instant:
    """Read when a page was answered, by Graph's clock; 0 where it does not say."""
    try:
        moment = parsedate_to_datetime(date)
        return instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return 0


def _share(calendar: str, made: Instant) -> int:
    """Give a calendar its moment within `_SPREAD`, the same whenever it is asked for."""
    name = f"{calendar}\n{made}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest()) % _SPREAD


def _no_link(calendar: str) -> UnreadableAnswer:
    return UnreadableAnswer(f"calendar {calendar!r}: the last page has no link to go on from")
