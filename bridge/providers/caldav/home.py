"""One login's calendars and addresses, found once and kept while the account is open."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import RemoteNotFound, RemoteRejected
from bridge.provider import CalendarId
from bridge.providers.caldav import discovery
from bridge.providers.caldav.client import Client
from bridge.providers.caldav.discovery import Calendar, Place

_AUTO_SCHEDULE = "calendar-auto-schedule"


class Home:
    """Finds calendars and their URLs.

    A calendar's id is the path of its collection, so that it stays when the account moves to
    another host, as iCloud's do.
    """

    def __init__(self, client: Client, server: str, owner: str) -> None:
        """Open without touching the network.

        Args:
            client: sends the requests.
            server: URL, domain or mail address to start from.
            owner: mail address whose replies count; empty asks the server for it.
        """
        self.client = client
        self._server = server
        self._owner = owner
        self._place: Place | None = None
        self._calendars: dict[CalendarId, Calendar] = {}
        self._schedules: bool | None = None

    def calendars(self) -> Sequence[Calendar]:
        """List the calendars."""
        if self._place is not None:
            try:
                return self._keep(self._place)
            except RemoteNotFound:
                self._place = None  # the homes are elsewhere now: ask from the start
        place = discovery.find(self.client, self._server)
        found = self._keep(place)
        self._place = place
        return found

    def url(self, calendar: CalendarId) -> str:
        """Return where a calendar is; RemoteNotFound where the account has none of that id."""
        if calendar not in self._calendars:
            self.calendars()
        found = self._calendars.get(calendar)
        if found is None:
            raise RemoteNotFound(
                f"the account has no calendar {calendar!r}", hint="it may have been deleted"
            )
        return found.url

    def owner(self) -> str:
        """Return the account's mail address; empty where nobody says it.

        What the server says is known once a calendar's URL was asked for.
        """
        name = self.client.login.username
        found = self._owner or (self._place.owner if self._place else "")
        return found or (name if "@" in name else "")

    def addresses(self) -> tuple[str, ...]:
        """Return all calendar user addresses of the account in lower case.

        The first is the one to invite from: the account's own, unless the server knows it only by
        others.
        """
        owner = self.owner()
        mine = f"mailto:{owner}".lower() if owner else ""
        named = [it.strip().lower() for it in (self._place.addresses if self._place else ())]
        mails = [it for it in named if it.startswith("mailto:")]
        first = mails if mails and mine not in mails else [mine]
        return tuple(filter(None, dict.fromkeys((*first, mine, *mails, *named))))

    def schedules(self, calendar: CalendarId) -> bool:
        """Tell whether the server mails guests by itself (RFC 6638 section 2)."""
        if self._schedules is None:
            url = self.url(calendar)
            try:
                features = self.client.features(url, what=f"calendar {calendar}")
            except RemoteRejected:  # one that does not know OPTIONS announces nothing
                features = frozenset()
            self._schedules = _AUTO_SCHEDULE in features
        return self._schedules

    def _keep(self, place: Place) -> Sequence[Calendar]:
        found = discovery.calendars(self.client, place)
        self._calendars = {each.info.id: each for each in found}
        return found
