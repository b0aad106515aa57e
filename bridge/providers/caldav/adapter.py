"""An account on a CalDAV server as an event source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.model.interval import Window
from bridge.provider import Account, CalendarId, CalendarInfo, Page, Provider, SyncToken
from bridge.providers.caldav import discovery
from bridge.providers.caldav.client import Client, Login
from bridge.providers.caldav.envelope import Envelope
from bridge.providers.caldav.home import Home
from bridge.providers.caldav.pull import Pull
from bridge.providers.caldav.sink import CaldavSink


def open_account(account: Account, server: str, login: Login) -> Provider:
    """Open an account without touching the network.

    Args:
        account: as the kind was given it.
        server: URL, domain or mail address to start from.
        login: who asks.
    """
    client = Client(account.http, login, discovery.home_of(server))
    home = Home(client, server, account.owner)
    return Provider(source=CaldavSource(home), sink=CaldavSink(home))


class CaldavSource:
    """Reads calendars by sync-collection (RFC 6578), or by ctag and ETags where that is missing.

    A calendar's id is the path of its collection, an object's id its name inside the collection.
    Both are in the one spelling of `wire.canonical`.
    """

    def __init__(self, home: Home) -> None:
        """Open without touching the network."""
        self._home = home

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name the calendars that can hold events; see `EventSource`."""
        return [each.info for each in self._home.calendars()]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield what changed in a calendar; see `EventSource`.

        Nothing is left out by the window, so that it may move without a full listing. Neither is
        the server asked to filter by time: several get recurrences wrong there, and an object that
        is missed frees its time.
        """
        known = None if since is None else Envelope.read(since, calendar)
        url = self._home.url(calendar)
        pull = Pull(self._home.client, calendar, url, self._home.owner())
        if known is None:
            yield from pull.everything()
        elif known.sync_token:
            yield from pull.since(known)
        else:
            yield from pull.by_etags(known)
