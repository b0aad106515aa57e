"""The requests a CalDAV client makes, and where it may send its password."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urljoin, urlsplit, urlunsplit

from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteRejected,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Basic, Http, Response
from bridge.model.remote import ETag
from bridge.providers.caldav import refusals, wire
from bridge.providers.caldav.wire import Multistatus
from bridge.transport import may_share_credentials, raise_for_status, where
from bridge.transport.status import retry_after

_TIMEOUT = timedelta(seconds=60)
_MAX_SIZE = 32 << 20
_STRANGE_TOKEN = {400, 405, 409, 410, 412, 415, 501, 507}
"""Statuses of a sync-collection that a full listing, which has no token, does not meet."""


class ServerFailed(TemporarilyUnavailable):
    """500: perhaps over one object of those asked for."""

    code = "server_failed"


@dataclass(frozen=True, slots=True)
class Preset:
    """What is special about one provider's CalDAV."""

    trusted_sites: tuple[str, ...] = ()
    """Further hosts that may see the password, `*.icloud.com`."""
    throttles: frozenset[int] = frozenset()
    """Statuses that mean `slow down`, whatever they mean elsewhere."""
    shortest_pause: timedelta = timedelta()
    """The provider's own Retry-After is too hopeful below this."""
    has_primary: bool = True
    """Whether some calendar is the main one even where the server names none."""
    refused_code: str = "token_expired"
    refused_hint: str = "check username and password; some providers want one made for apps"


GENERIC = Preset()
# keeper.sh found the pauses of iCloud's Retry-After too short, and 403 among its throttles; an
# account that may not read a calendar does not see it there (November 2026).
ICLOUD = Preset(
    trusted_sites=("*.icloud.com",),
    throttles=frozenset({403, 429, 503}),
    shortest_pause=timedelta(seconds=2),
    has_primary=False,
    refused_code="app_password_revoked",
    refused_hint="iCloud takes only app-specific passwords, and revokes them all when the Apple "
    "ID's password changes: make a new one at account.apple.com and put it in the configuration",
)


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks."""

    username: str
    password: str = field(repr=False)
    preset: Preset = GENERIC


class Client:
    """Sends requests as one login; its password stays on the site of `home` and trusted ones."""

    def __init__(self, http: Http, login: Login, home: str) -> None:
        """Make a client without touching the network.

        Args:
            http: the transport.
            login: name, password and the provider's preset.
            home: URL that the account's owner named; the password may go to its site.
        """
        self.http = http
        self.login = login
        self._home = home
        self._auth = Basic(login.username, login.password)

    def resolve(self, base: str, href: str) -> str:
        """Return the URL that an answer of `base` means by an href.

        The same host keeps its scheme and port even where the server, unaware of a proxy before
        it, writes http.

        Raises:
            AddressRefused: it leads to a host that must not see the password (PROMISES T14).
            UnreadableAnswer: it is no URL.
        """
        try:
            parts, here = urlsplit(urljoin(base, href.strip())), urlsplit(base)
            if parts.hostname == here.hostname and parts.scheme == "http" != here.scheme:
                parts = parts._replace(scheme=here.scheme, netloc=here.netloc)
            path = wire.canonical(parts.path)
        except ValueError as err:
            raise UnreadableAnswer(f"{where(base)} names a URL that is none") from err
        url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        self._admit(url)
        return url

    def propfind(self, url: str, names: Iterable[str], *, depth: int, what: str) -> Found:
        """Ask for properties; see `Found`."""
        response = self._send("PROPFIND", url, wire.propfind(names), depth=depth)
        return self._multistatus(response, what)

    def multiget(self, url: str, hrefs: Iterable[str], *, what: str) -> Found:
        """Ask for calendar objects by the hrefs that the server gave."""
        return self._multistatus(self._send("REPORT", url, wire.multiget(hrefs), depth=1), what)

    def get(self, url: str, *, what: str) -> Response:
        """Fetch one calendar object; RemoteNotFound when it is gone."""
        response = self._send("GET", url)
        self._raise_for_status(response, what)
        return response

    def query(self, url: str, name: str, value: str, *, what: str) -> Found:
        """Ask for the calendar objects whose events have a property with that text in its value.

        Raises:
            RemoteRejected: the server cannot look for that property.
        """
        response = self._send("REPORT", url, wire.calendar_query(name, value), depth=1)
        if wire.UNSUPPORTED & wire.preconditions(response.body):
            raise RemoteRejected(f"{what}: the server cannot look for {name}")
        return self._multistatus(response, what)

    def features(self, url: str, *, what: str) -> frozenset[str]:
        """Return what a resource announces in its DAV header (RFC 4918 section 10.1)."""
        response = self._send("OPTIONS", url)
        self._raise_for_status(response, what)
        named = response.headers.get("dav", "").split(",")
        return frozenset(name.strip().lower() for name in named)

    def put(self, url: str, text: str, *, base: ETag | None = None, new: bool = False) -> Response:
        """Write one calendar object; whatever the server answers is returned.

        Args:
            url: of the object.
            text: iCalendar.
            base: the ETag that it must still have.
            new: it must not be there.
        """
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        if new:
            headers["If-None-Match"] = "*"
        elif base is not None:
            headers["If-Match"] = f'"{base}"'
        return self._send("PUT", url, text.encode(), headers=headers)

    def delete(self, url: str, *, what: str) -> None:
        """Delete one calendar object; RemoteNotFound when it is gone."""
        self._refuse(self._send("DELETE", url), what)

    def refusal(self, response: Response, what: str) -> ProviderError | None:
        """Say why something was not written; None: it was."""
        try:
            self._refuse(response, what)
        except ProviderError as err:
            return err
        return None

    def _refuse(self, response: Response, what: str) -> None:
        refusal = refusals.of_writing(response, what)
        if refusal is not None:
            raise refusal
        self._raise_for_status(response, what)

    def sync(self, url: str, token: str, *, what: str) -> Found:
        """Ask what changed since a token.

        Raises:
            SyncTokenExpired: the server does not know the token, or not any more.
        """
        # RFC 6578 section 3.2: Depth is 0, the level stands in the body.
        response = self._send("REPORT", url, wire.sync_collection(token))
        # RFC 6578 section 3.2 says 403 or 409; Radicale 3.9 sends 403, Xandikos 0.4 sends 412, and
        # 400, 410 and 507 were seen elsewhere. The precondition tells.
        if response.status >= 400 and (
            wire.VALID_SYNC_TOKEN in wire.preconditions(response.body)
            or response.status in _STRANGE_TOKEN
        ):
            raise SyncTokenExpired(f"{what}: the server does not know the sync token")
        return self._multistatus(response, what)

    def _admit(self, url: str) -> None:
        if not may_share_credentials(self._home, url, self.login.preset.trusted_sites):
            raise AddressRefused(
                f"{where(self._home)} leads to {where(url)}, which is another site",
                code="other_site",
                hint=f"if that server is yours, write server_url: {where(url)}/",
            )

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        *,
        depth: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        self._admit(url)
        xml = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        response = self.http.request(
            method,
            url,
            headers=headers or (xml if body is not None else None),
            content=body,
            auth=self._auth,
            timeout=_TIMEOUT,
            max_size=_MAX_SIZE,
            trusted_sites=self.login.preset.trusted_sites,
        )
        self._admit(response.url)
        return response

    def _multistatus(self, response: Response, what: str) -> Found:
        self._raise_for_status(response, what)
        if response.status != 207:
            raise UnreadableAnswer(
                f"{what}: {where(response.url)} does not answer as a CalDAV server",
                hint="check server_url; a proxy or login page may stand before it",
            )
        return Found(response.url, wire.read_multistatus(response.body, what))

    def _raise_for_status(self, response: Response, what: str) -> None:
        preset = self.login.preset
        place = f"{what}: {where(response.url)}"
        if response.status == 401:
            raise AuthorizationExpired(
                f"{place} refuses the login {self.login.username!r}",
                code=preset.refused_code,
                hint=preset.refused_hint,
            )
        if response.status in preset.throttles:
            pause = max(retry_after(response.headers) or timedelta(), preset.shortest_pause)
            raise RateLimited(f"{place} asks for a pause", retry_after=pause)
        if response.status == 500:
            raise ServerFailed(f"{place} failed", hint="its log may say on which object")
        raise_for_status(response, what=what)


@dataclass(frozen=True, slots=True)
class Found:
    """A multistatus and the URL that gave it, after redirects."""

    url: str
    answer: Multistatus

    @property
    def replies(self) -> Sequence[wire.Reply]:
        """What it says, resource by resource."""
        return self.answer.replies

    def own(self) -> wire.Reply | None:
        """Return what it says of the URL itself, however the server spells it."""
        replies = self.replies
        path = path_of(self.url)
        exact = [reply for reply in replies if path_of(reply.href).rstrip("/") == path.rstrip("/")]
        return exact[0] if exact else replies[0] if len(replies) == 1 else None

    def members(self, what: str) -> Iterator[tuple[str, wire.Reply]]:
        """Yield the members of a collection with their names; not itself, not collections."""
        prefix = path_of(self.url).rstrip("/") + "/"
        for reply in self.replies:
            try:
                path = wire.canonical(urljoin(prefix, urlsplit(reply.href).path))
            except ValueError as err:
                raise UnreadableAnswer(f"{what}: the server names a URL that is none") from err
            if not path.endswith("/") and path != prefix.rstrip("/"):
                yield path.removeprefix(prefix), reply


def href_of(url: str, name: str) -> str:
    """Return the href of a member by its name, see `Found.members`."""
    return name if name.startswith("/") else f"{path_of(url).rstrip('/')}/{name}"


def path_of(href: str) -> str:
    """Return the canonical path of an href, empty where it has none."""
    try:
        return wire.canonical(href)
    except ValueError:
        return ""
