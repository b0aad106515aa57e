"""Links that admins and applications hand to owners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.config.live import Live
from bridge.config.settings import Settings
from bridge.errors import BridgeError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import connections, links, resources
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.links import Link
from bridge.store.resources import ResourceState


class RedirectNotAllowed(BridgeError):
    """An address that the configuration does not list, letter by letter."""


def check_redirect(settings: Settings, url: str) -> None:
    """Look whether an address is listed (T1): the same letters, nothing like them.

    Raises:
        RedirectNotAllowed: it is not.
    """
    if url not in settings.auth.oauth.allowed_redirects:
        raise RedirectNotAllowed("the address is not in auth.oauth.allowed_redirects")


@dataclass(frozen=True, slots=True)
class Invitations:
    """Makes links, and tells who may use them."""

    database: Database
    live: Live
    identity: bytes
    clock: Callable[[], Instant]

    def page(self, resource_id: ResourceId, actor: str) -> tuple[str, Instant]:
        """Make a link to the page of a resource's accounts.

        Returns:
            Its URL, and when it ends.
        """
        token, ends = self._make(Link("", resource_id, None, actor, "", 0))
        return f"{self._url}/connect/{token}", ends

    def direct(
        self,
        resource_id: ResourceId,
        connection: tuple[ConnectionId, str],
        actor: str,
        redirect_url: str = "",
        *,
        popup: bool = False,
        replaces: bool = False,
    ) -> tuple[str, Instant]:
        """Make a link that goes to the provider of one account at once.

        Args:
            resource_id: whose.
            connection: its id and its provider.
            actor: who asks.
            redirect_url: where the browser goes afterwards; empty: a page of ours.
            popup: it stays on a page of ours, which tells the one at `redirect_url`.
            replaces: another account may take the place of the connected one.

        Raises:
            RedirectNotAllowed: that is not listed in `auth.oauth.allowed_redirects`.
        """
        self.check(redirect_url)
        connection_id, provider = connection
        link = Link("", resource_id, connection_id, actor, redirect_url, 0, popup, replaces)
        token, ends = self._make(link)
        return f"{self._url}/oauth/{provider}/start?token={token}", ends

    def check(self, redirect_url: str) -> None:
        """Look whether a browser may be sent there (T1); empty means a page of ours.

        Raises:
            RedirectNotAllowed: it may not.
        """
        if redirect_url:
            check_redirect(self.live.current, redirect_url)

    def look(self, token: str, browser: str) -> tuple[Link, list[ConnectionRow]] | None:
        """Find what a link shows; None when it is none, has ended, or is another browser's."""
        with self.database.read() as conn:
            link = links.find(conn, self.identity, token, self.clock())
            if link is None or not links.belongs(conn, link, browser):
                return None
            resource = resources.get(conn, link.resource_id)
            if resource is None or resource.state is not ResourceState.ACTIVE:
                return None
            rows = connections.of_resource(conn, link.resource_id)
        wanted = link.connection_id
        return link, [row for row in rows if wanted in (None, row.id)]

    def claim(self, link: Link, browser: str) -> bool:
        """Make a link a browser's own."""
        with self.database.write() as conn:
            return links.claim(conn, link.id, browser)

    def _make(self, link: Link) -> tuple[str, Instant]:
        now = self.clock()
        ends = now + int(self.live.current.auth.oauth.link_ttl.total_seconds())
        with self.database.write() as conn:
            made = links.add(conn, self.identity, link._replace(expires_at=ends), now)
        return made, ends

    @property
    def _url(self) -> str:
        return self.live.current.server.public_url
