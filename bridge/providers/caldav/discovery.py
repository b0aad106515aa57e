"""From what an owner knows of a server to calendars: RFC 6764, RFC 5397, RFC 4791 section 6.2.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Http
from bridge.provider import AccessRole, CalendarId, CalendarInfo
from bridge.providers.caldav import translate
from bridge.providers.caldav.client import Client, Found, path_of
from bridge.providers.caldav.wire import APPLE, CALDAV, DAV, RESOURCETYPE, Reply
from bridge.transport import where

CALENDAR = f"{CALDAV}calendar"
_PRINCIPAL = f"{DAV}current-user-principal"
_HOMES = f"{CALDAV}calendar-home-set"
_ADDRESSES = f"{CALDAV}calendar-user-address-set"
_DEFAULT = f"{CALDAV}schedule-default-calendar-URL"  # RFC 6638 section 9.2, on the inbox
_INBOX = f"{CALDAV}schedule-inbox-URL"
_NAME = f"{DAV}displayname"
_COMPONENTS = f"{CALDAV}supported-calendar-component-set"
_PRIVILEGES = f"{DAV}current-user-privilege-set"
_COLOR = f"{APPLE}calendar-color"
_ZONE = f"{CALDAV}calendar-timezone"
_ZONE_ID = f"{CALDAV}calendar-timezone-id"  # RFC 7809 section 5.2
_TRANSP = f"{CALDAV}schedule-calendar-transp"  # RFC 6638 section 9.1
_START = (RESOURCETYPE, _PRINCIPAL, _HOMES)
_PERSON = (_HOMES, _ADDRESSES, _INBOX)
_CALENDAR = (
    *(RESOURCETYPE, _NAME, _COMPONENTS, _PRIVILEGES, _COLOR),
    *(_ZONE, _ZONE_ID, _TRANSP, _DEFAULT),
)
_WELL_KNOWN = "/.well-known/caldav"
_WHAT = "finding the calendars"
_NOT_HERE = (RemoteNotFound, RemoteRejected, UnreadableAnswer, AddressRefused)
"""What one possible place may answer while another is still worth asking."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar and where it is."""

    info: CalendarInfo
    url: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account's calendars are listed."""

    homes: tuple[str, ...]
    """URLs whose members are calendars; with `single`, the one calendar itself."""
    owner: str = ""
    """Mail address of the principal, empty where the server does not say."""
    addresses: tuple[str, ...] = ()
    """All its calendar user addresses (RFC 6638 section 2.4.1), as the server spells them."""
    default: str = ""
    """Id of the calendar that new invitations go to, as far as the inbox said it."""
    single: bool = False


def home_of(server: str) -> str:
    """Return the URL to whose site the password may go, for a URL, a domain or a mail address."""
    return server if "://" in server else f"https://{server.rpartition('@')[2]}/"


def find(client: Client, server: str) -> Place:
    """Find the calendar homes of a login.

    Args:
        client: asks in the login's name.
        server: URL of the server, of a principal, home or calendar; or a domain or mail address.

    Raises:
        AuthorizationExpired: the login is refused.
        AddressRefused: the homes are on another site.
        ProviderError: there is no CalDAV server, or not now; the first place's error is told.
    """
    errors: list[ProviderError] = []
    silent: set[str] = set()
    for url in _places(client.http, server, errors):
        host = urlsplit(url).netloc
        if host in silent:
            continue
        try:
            place = _look(client, url)
        except TemporarilyUnavailable as err:
            # Of several servers that DNS names another may answer; one URL has no other.
            if "://" in server or isinstance(err, RateLimited):
                raise
            silent.add(host)
            errors.append(err)
            continue
        except _NOT_HERE as err:
            errors.append(err)
            continue
        if place is not None:
            return place
    if errors:
        raise errors[0]
    raise RemoteNotFound(
        f"{_WHAT}: {where(home_of(server))} names none",
        hint="write the URL of the CalDAV server or of one calendar as server_url",
    )


def calendars(client: Client, place: Place) -> Sequence[Calendar]:
    """List the calendars that can hold events, in the order of their ids."""
    found: dict[CalendarId, Calendar] = {}
    default = place.default
    for home in place.homes:
        listed = client.propfind(home, _CALENDAR, depth=0 if place.single else 1, what=_WHAT)
        _believe(listed)
        for reply in listed.replies:
            default = default or _path(reply)
            if _holds_events(reply):
                calendar = _calendar(client, listed, reply)
                found.setdefault(calendar.info.id, calendar)
    return _with_primary(
        [found[key] for key in sorted(found)], default, guess=client.login.preset.has_primary
    )


def _believe(listed: Found) -> None:
    """Refuse a listing that is none, or that leaves out what the server could not look at.

    A calendar that is not listed counts as gone.
    """
    own = listed.own()
    if own is not None and own.status is not None and own.status >= 400:
        raise RemoteNotFound(f"{_WHAT}: {where(listed.url)} does not have the place it named")
    if any(reply.fails() and not reply.has(RESOURCETYPE) for reply in listed.replies):
        raise TemporarilyUnavailable(f"{_WHAT}: the server could not look at all of them")


def _places(http: Http, server: str, errors: list[ProviderError]) -> Iterator[str]:
    """Yield the URLs to ask, the likeliest first (RFC 6764 section 6); note a failure of DNS."""
    if "://" in server:
        yield server
        if urlsplit(server).path.strip("/") == "":
            yield f"{server.rstrip('/')}{_WELL_KNOWN}"
        return
    domain = server.rpartition("@")[2]
    # Only TLS: what plain DNS says must not make us send a password in clear.
    name = f"_caldavs._tcp.{domain}"
    sites: dict[str, None] = {}
    named: list[str] = []
    try:
        for service in http.services(name):
            port = "" if service.port == 443 else f":{service.port}"
            sites[f"https://{service.host}{port}"] = None
        named = _paths_in(http.texts(name)) if sites else []
    except TemporarilyUnavailable as err:
        # Servers without these records, or without DNS at all, are found all the same.
        errors.append(err)
    for site in sites:
        for path in dict.fromkeys((*named, _WELL_KNOWN, "/")):
            yield f"{site}{path}"
    yield f"https://{domain}{_WELL_KNOWN}"
    yield f"https://{domain}/"


def _paths_in(texts: Sequence[str]) -> list[str]:
    paths = [text.partition("=")[2] for text in texts if text.lower().startswith("path=")]
    return [path for path in paths[:1] if path.startswith("/")]


def _look(client: Client, url: str) -> Place | None:
    start = client.propfind(url, _START, depth=0, what=_WHAT)
    own = start.own()
    if own is None:
        return None
    if CALENDAR in own.tags(RESOURCETYPE):
        return Place((start.url,), single=True)
    if f"{DAV}unauthenticated" in own.tags(_PRINCIPAL):
        preset = client.login.preset
        raise AuthorizationExpired(
            f"{_WHAT}: the server does not know the login {client.login.username!r}",
            code=preset.refused_code,
            hint=preset.refused_hint,
        )
    for principal in own.hrefs(_PRINCIPAL)[:1]:
        person = client.propfind(client.resolve(start.url, principal), _PERSON, depth=0, what=_WHAT)
        place = _place(client, person)
        if place is not None:
            return place
    if own.hrefs(_HOMES):
        return Place(_admitted(client, start.url, own.hrefs(_HOMES)))
    # A server that knows neither principals nor homes may still list calendars here.
    listed = client.propfind(start.url, _CALENDAR, depth=1, what=_WHAT)
    return Place((start.url,)) if any(map(_holds_events, listed.replies)) else None


def _place(client: Client, person: Found) -> Place | None:
    own = person.own()
    if own is None or not own.hrefs(_HOMES):
        return None
    homes = _admitted(client, person.url, own.hrefs(_HOMES))
    addresses = own.hrefs(_ADDRESSES)
    mails = [each for each in addresses if each.lower().startswith("mailto:")]
    inbox = next(iter(own.hrefs(_INBOX)), "")
    return Place(
        homes,
        owner=mails[0][len("mailto:") :] if mails else "",
        addresses=tuple(addresses),
        default=_default_calendar(client, homes, person.url, inbox) if inbox else "",
    )


def _admitted(client: Client, base: str, hrefs: Sequence[str]) -> tuple[str, ...]:
    """Resolve the homes; some may be on sites that must not see the password, but not all."""
    homes: list[str] = []
    refused: AddressRefused | None = None
    for href in hrefs:
        try:
            homes.append(client.resolve(base, href))
        except AddressRefused as err:
            refused = err
    if not homes and refused is not None:
        raise refused
    return tuple(dict.fromkeys(homes))


def _default_calendar(client: Client, homes: tuple[str, ...], base: str, inbox: str) -> str:
    """Ask the inbox, unless it is a member of a home and will be listed anyway."""
    try:
        url = client.resolve(base, inbox)
        if url.startswith(homes):
            return ""
        own = client.propfind(url, [_DEFAULT], depth=0, what=_WHAT).own()
    except (AddressRefused, RemoteNotFound, RemoteRejected):
        return ""  # servers announce inboxes that are not there
    return _path(own) if own else ""


def _path(reply: Reply) -> str:
    return path_of(next(iter(reply.hrefs(_DEFAULT)), ""))


def _holds_events(reply: Reply) -> bool:
    # RFC 4791 section 5.2.3: without the property any component may be stored.
    components = reply.component_names(_COMPONENTS)
    return CALENDAR in reply.tags(RESOURCETYPE) and (not components or "VEVENT" in components)


def _calendar(client: Client, listed: Found, reply: Reply) -> Calendar:
    url = client.resolve(listed.url, reply.href)
    path = urlsplit(url).path
    info = CalendarInfo(
        id=CalendarId(path),
        name=reply.text(_NAME) or translate.name_from(path),
        role=_role(reply),
        time_zone=translate.zone_name(reply.text(_ZONE_ID), reply.text(_ZONE)),
        color=translate.color(reply.text(_COLOR)),
        ignores_busy=f"{CALDAV}transparent" in reply.tags(_TRANSP),
    )
    return Calendar(info, url)


def _role(reply: Reply) -> AccessRole:
    """Read DAV:current-user-privilege-set (RFC 3744 section 5.4); without it, reading is tried."""
    granted = reply.tags(_PRIVILEGES)
    if granted & {f"{DAV}all", f"{DAV}write", f"{DAV}write-content", f"{DAV}bind"}:
        return AccessRole.WRITE
    if f"{CALDAV}read-free-busy" in granted and f"{DAV}read" not in granted:
        return AccessRole.FREE_BUSY
    return AccessRole.READ


def _with_primary(found: Sequence[Calendar], default: str, *, guess: bool) -> Sequence[Calendar]:
    """Mark the calendar that `primary` means: the server's default, else the first writable one."""
    chosen = next((each.info.id for each in found if each.info.id == default), None)
    if chosen is None and guess:
        writable = [each for each in found if each.info.role is AccessRole.WRITE]
        chosen = next((each.info.id for each in (*writable, *found)), None)
    return [
        Calendar(replace(each.info, is_primary=True), each.url) if each.info.id == chosen else each
        for each in found
    ]
