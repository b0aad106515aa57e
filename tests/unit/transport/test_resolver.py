"""The system's resolver: addresses by the system, SRV and TXT by its name servers, in time."""

from __future__ import annotations

import time
from ipaddress import ip_address

import pytest

from bridge.config.settings import Outbound
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Service
from bridge.transport import SystemResolver, Transport
from tests.servers.dns import NameServer


def asking(server: NameServer) -> Transport:
    resolver = SystemResolver(servers=["127.0.0.1"], port=server.port)
    return Transport(Outbound(), resolver=resolver, user_agent="BusyBridge/test")


def test_services_come_by_priority_then_weight() -> None:
    name = "_caldavs._tcp.example.com"
    with NameServer(
        f"{name}. 60 IN SRV 20 0 443 backup.example.com.",
        f"{name}. 60 IN SRV 10 5 8443 light.example.com.",
        f"{name}. 60 IN SRV 10 50 443 heavy.example.com.",
        "_caldav._tcp.example.com. 60 IN SRV 0 0 0 .",
        "other.example.com. 60 IN A 192.0.2.1",
    ) as server:
        transport = asking(server)
        assert [*transport.services(name)] == [
            Service("heavy.example.com", 443),
            Service("light.example.com", 8443),
            Service("backup.example.com", 443),
        ]
        assert [*transport.services("_caldav._tcp.example.com")] == [], "decidedly not there"
        assert [*transport.services("other.example.com")] == [], "no records of this type"
        assert [*transport.services("_caldavs._tcp.example.org")] == [], "no such name"


def test_the_strings_of_a_text_record_are_joined() -> None:
    name = "_caldavs._tcp.example.com"
    with NameServer(f'{name}. 60 IN TXT "path=/cal" "dav/"') as server:
        assert [*asking(server).texts(name)] == ["path=/caldav/"]
        assert [*asking(server).texts("example.org")] == []


@pytest.mark.covers("F70")
def test_a_name_server_that_is_silent_costs_bounded_time() -> None:
    with NameServer(silent=("_caldavs._tcp.example.com",)) as server:
        resolver = SystemResolver(servers=["127.0.0.1"], port=server.port)
        began = time.monotonic()
        with pytest.raises(TemporarilyUnavailable) as caught:
            resolver.services("_caldavs._tcp.example.com", 0.5)
        assert caught.value.code == "dns"
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["a" * 64 + ".example.com", "..", ".".join(["long"] * 80)])
def test_a_name_that_cannot_be_asked_for_is_an_error_of_dns(name: str) -> None:
    for ask in (SystemResolver().services, SystemResolver().texts, SystemResolver().addresses):
        with pytest.raises(TemporarilyUnavailable) as caught:
            ask(name, 2.0)
        assert caught.value.code == "dns"


def test_addresses_come_from_the_system() -> None:
    assert ip_address("127.0.0.1") in SystemResolver().addresses("localhost", 60.0)


@pytest.mark.covers("F70")
def test_a_lookup_that_takes_longer_than_its_time_is_given_up() -> None:
    with pytest.raises(TemporarilyUnavailable) as caught:
        SystemResolver().addresses("nowhere.invalid", 0.0)
    assert caught.value.code == "dns"
