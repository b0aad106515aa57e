"""A login at a real Radicale or Xandikos, through the fault proxy, by plain HTTP or by names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from bridge.config.settings import Outbound
from bridge.provider import Account, CalendarId, EventSource, Provider
from bridge.providers.caldav import (
    APPLE,
    KIND,
    AppleConnection,
    AppleDefaults,
    CaldavConnection,
    CaldavDefaults,
)
from bridge.transport import Transport
from tests.contract.provider_contract import Mirror, Planned
from tests.servers.dav import Dav
from tests.servers.faultproxy import FaultProxy
from tests.servers.names import Names
from tests.servers.radicale import radicale_account, shared_radicale
from tests.servers.tls import Authority
from tests.servers.xandikos import shared_xandikos, xandikos_account

HOSTS = (
    *("example.com", "dav.example.com", "p01.example.com", "evil.example.net"),
    *("caldav.icloud.com", "p42-caldav.icloud.com"),
)


@dataclass
class Site:
    """One server, one login, and calendars that end with the test."""

    dav: Dav
    proxy: FaultProxy
    http: Transport
    calendars: list[str] = field(default_factory=list)

    def open(
        self, server_url: str = "", *, username: str = "ann", password: str = ""
    ) -> EventSource:
        options = {"server_url": server_url or self.proxy.url(), "username": username}
        settings = CaldavConnection.model_validate({**options, "password": password or "secret"})
        return _source(KIND.open(Account("r.c", settings, CaldavDefaults(), self.http)))

    def open_apple(self, server_url: str = "") -> EventSource:
        settings = AppleConnection.model_validate({"username": "ann", "password": "secret"})
        defaults = AppleDefaults(server_url=server_url or self.proxy.url())
        return _source(APPLE.open(Account("r.c", settings, defaults, self.http)))

    def calendar(self, *, name: str = "", props: str = "") -> CalendarId:
        path = self.dav.make_calendar(f"c{uuid4().hex}", displayname=name, props=props)
        self.calendars.append(path)
        return CalendarId(path)

    def close(self) -> None:
        for calendar in self.calendars:
            with suppress(AssertionError):  # the test itself deleted it
                self.dav.delete(calendar)

    def mirror(self, **plans: Planned) -> SiteMirror:
        """Make a calendar with events and a mirror that has seen them."""
        made = SiteMirror(self, self.calendar())
        for uid, plan in plans.items():
            made.put(uid, plan)
        made.pull()
        return made


class SiteMirror(Mirror):
    """The contract's mirror, of a calendar at a `Site`."""

    def __init__(self, site: Site, calendar: CalendarId) -> None:
        self.source: Callable[[], EventSource] = site.open
        self.site = site
        super().__init__(self, calendar)

    def open(self, _calendar: CalendarId) -> Provider:
        return Provider(source=self.source())

    def put(self, uid: str, plan: Planned) -> None:
        self.site.dav.put(self.calendar, f"{uid}.ics", plan.ics(uid))

    def delete(self, uid: str) -> None:
        self.site.dav.delete(self.calendar, f"{uid}.ics")


def _source(provider: Provider) -> EventSource:
    assert provider.source is not None
    return provider.source


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def connect(authority: Authority) -> Iterator[Callable[..., Transport]]:
    """Make transports for which every name of the tests is this machine; with SRV, TXT records."""

    def make(**records: Mapping[str, Sequence[Any]]) -> Transport:
        outbound = Outbound.model_validate(
            {"allow_networks": ["127.0.0.1/32"], "ca_file": str(authority.pem)}
        )
        names = Names({host: ["127.0.0.1"] for host in HOSTS}, **records)
        transport = Transport(outbound, resolver=names, user_agent="BusyBridge/test")
        stack.callback(transport.close)
        return transport

    with ExitStack() as stack:
        yield make


@pytest.fixture
def make_site(
    connect: Callable[..., Transport],
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Site]]:
    base = tmp_path_factory.getbasetemp()
    sites: list[Site] = []

    def make(server: str = "radicale", *, tls: bool = False) -> Site:
        if server == "radicale":
            dav = radicale_account(shared_radicale(base / "radicale"))
        else:
            dav = xandikos_account(shared_xandikos(base / "xandikos"))
        context = authority.server(*HOSTS) if tls else None
        proxy = stack.enter_context(FaultProxy(dav.url, context=context))
        sites.append(Site(dav, proxy, connect()))
        return sites[-1]

    with ExitStack() as stack:
        yield make
        for site in sites:
            site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Radicale, without TLS."""
    return make_site()


@pytest.fixture
def secure(make_site: Callable[..., Site]) -> Site:
    """Radicale behind TLS, under the names of `HOSTS`."""
    return make_site(tls=True)


@pytest.fixture(params=["radicale", "xandikos"])
def each(request: pytest.FixtureRequest, make_site: Callable[..., Site]) -> Site:
    """Radicale, then Xandikos."""
    return make_site(request.param)
