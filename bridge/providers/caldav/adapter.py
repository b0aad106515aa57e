"""An account on a CalDAV server as an event source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.errors import RemoteNotFound
from bridge.model.interval import Window
from bridge.provider import Account, CalendarId, CalendarInfo, Page, Provider, SyncToken
from bridge.providers.caldav import discovery
from bridge.providers.caldav.client import Client, Login
from bridge.providers.caldav.discovery import Calendar, Place
from bridge.providers.caldav.envelope import Envelope
from bridge.providers.caldav.pull import Pull


def open_account(account: Account, server: str, login: Login) -> Provider:
    """Open an account without touching the network.

    Args:
        account: as the kind was given it.
        server: URL, domain or mail address to start from.
        login: who asks.
    """
    client = Client(account.http, login, discovery.home_of(server))
    return Provider(source=CaldavSource(client, server, account.owner))


class CaldavSource:
    """Reads calendars by sync-collection (RFC 6578), or by ctag and ETags where that is missing.

    A calendar's id is the path of its collection, so that it stays when the account moves to
    another host, as iCloud's do. An object's id is its name inside the collection. Both are in the
    one spelling of `wire.canonical`.
    """

    def __init__(self, client: Client, server: str, owner: str) -> None:
        """Open without touching the network.

        Args:
            client: sends the requests.
            server: URL, domain or mail address to start from.
            owner: mail address whose replies count; empty asks the server for it.
        """
        self._client = client
        self._server = server
        self._owner = owner
        self._place: Place | None = None
        self._calendars: dict[CalendarId, Calendar] = {}

    def list_calendars(self) -> Sequence[CalendarInfo]:
        """Name the calendars that can hold events; see `EventSource`."""
        return [each.info for each in self._list()]

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        """Yield what changed in a calendar; see `EventSource`.

        Nothing is left out by the window, so that it may move without a full listing. Neither is
        the server asked to filter by time: several get recurrences wrong there, and an object that
        is missed frees its time.
        """
        known = None if since is None else Envelope.read(since, calendar)
        pull = Pull(self._client, calendar, self._url(calendar), self._owner_address())
        if known is None:
            yield from pull.everything()
        elif known.sync_token:
            yield from pull.since(known)
        else:
            yield from pull.by_etags(known)

    def _list(self) -> Sequence[Calendar]:
        if self._place is not None:
            try:
                return self._keep(self._place)
            except RemoteNotFound:
                self._place = None  # the homes are elsewhere now: ask from the start
        place = discovery.find(self._client, self._server)
        found = self._keep(place)
        self._place = place
        return found

    def _keep(self, place: Place) -> Sequence[Calendar]:
        found = discovery.calendars(self._client, place)
        self._calendars = {each.info.id: each for each in found}
        return found

    def _url(self, calendar: CalendarId) -> str:
        if calendar not in self._calendars:
            self._list()
        found = self._calendars.get(calendar)
        if found is None:
            raise RemoteNotFound(
                f"the account has no calendar {calendar!r}", hint="it may have been deleted"
            )
        return found.url

    def _owner_address(self) -> str:
        name = self._client.login.username
        found = self._owner or (self._place.owner if self._place else "")
        return found or (name if "@" in name else "")
