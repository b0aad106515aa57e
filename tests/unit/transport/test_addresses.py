"""T9, T11, T13: whatever a URL looks like, nobody connects to an address that is not allowed."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import cycle

import pytest

from bridge.errors import AddressRefused, TemporarilyUnavailable
from bridge.transport import SystemResolver, Transport
from bridge.transport.addresses import is_public
from tests.servers.names import Names
from tests.servers.origin import Answer, Origin, side_by_side
from tests.unit.transport.conftest import MakeTransport

FORMS = (
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://cal.example.com@127.0.0.1:{port}/",
    "http://user:password@127.0.0.1:{port}/",
    "http://cal.example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@cal.example.com/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://127.0.0.1%2eexample.com:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "\nhttp://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "data:text/calendar,BEGIN:VCALENDAR",
    "javascript:alert(1)",
    "",
    "http://",
    "http://:{port}/",
    "http://.:{port}/",
    "http://a..example.com:{port}/",
    "http://cal.example.com:0/",
    "http://cal.example.com:99999/",
)
SPECIAL = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
    "100:0:0:1::/64", "2001::/32", "2001:1::1/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48",
    "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16",
    "2620:4f:8000::/48", "3ffe::/16", "3fff::/20", "4000::/3", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0",
    "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "17.253.144.10",
    "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2620:149:a44::1", "2a00:1450::1",
)  # fmt: skip


@pytest.mark.covers("T9", "T11", "P8")
@pytest.mark.parametrize("form", FORMS)
def test_no_spelling_of_a_url_reaches_an_address_that_is_not_listed(
    form: str, trap: Origin, make_transport: MakeTransport
) -> None:
    with pytest.raises(AddressRefused):
        make_transport(resolver=SystemResolver()).request("GET", form.format(port=trap.port))
    assert trap.accepts == 0


@pytest.mark.covers("T9")
@pytest.mark.parametrize("network", SPECIAL)
def test_no_special_range_is_public_whether_written_or_resolved(
    network: str, make_transport: MakeTransport
) -> None:
    span = ip_network(network)
    assert not any(map(is_public, (span[0], span[span.num_addresses // 2], span[-1])))
    address = span[1 if span.num_addresses > 1 else 0]
    transport = make_transport(resolver=Names({"cal.example.com": [str(address)]}))
    written = f"[{address}]" if address.version == 6 else str(address)
    for host in (written, "cal.example.com"):
        with pytest.raises(AddressRefused):
            transport.request("GET", f"http://{host}:8080/")


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_listed_address_is_reached_on_the_listed_port_alone(
    origin: Origin, trap: Origin, transport: Transport
) -> None:
    origin.routes["/"] = Answer(body=b"here")
    assert transport.request("GET", origin.url()).body == b"here"
    assert transport.request("GET", origin.url(host="CAL.example.com.")).body == b"here"
    with pytest.raises(AddressRefused) as caught:
        transport.request("GET", trap.url())
    assert "outbound.allow_networks" in caught.value.hint
    assert trap.accepts == 0


def test_listing_an_ipv4_address_does_not_list_its_ipv6_disguises(
    origin: Origin, transport: Transport
) -> None:
    for host in ("[::ffff:127.0.0.1]", "[::127.0.0.1]"):
        with pytest.raises(AddressRefused):
            transport.request("GET", origin.url(host=host))
    assert origin.accepts == 0


@pytest.mark.covers("T13")
def test_a_name_that_changes_its_address_a_thousand_times_never_reaches_the_forbidden_one(
    make_transport: MakeTransport,
) -> None:
    # 127.0.0.2 plays the public address, 127.0.0.1 on the same port the private one.
    with side_by_side() as (public, trap):
        public.routes["/"] = Answer(headers={"Connection": "close"}, body=b"public")
        addresses = cycle((["127.0.0.2"], ["127.0.0.1"]))
        names = Names({"cal.example.com": lambda: next(addresses)})
        transport = make_transport(public, resolver=names)
        answers = refusals = 0
        for _ in range(1000):
            try:
                answer = transport.request("GET", public.url(host="cal.example.com"))
                answers += answer.body == b"public"
            except AddressRefused:
                refusals += 1
        assert (answers, refusals) == (500, 500)
        assert trap.accepts == 0
        assert public.accepts == 500
        assert len(names.asked) == 1000, "one question for each connection"


@pytest.mark.covers("T13")
def test_a_name_with_one_forbidden_address_among_good_ones_is_refused(
    make_transport: MakeTransport,
) -> None:
    with side_by_side() as (public, trap):
        for answer in (["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]):
            transport = make_transport(public, resolver=Names({"cal.example.com": answer}))
            with pytest.raises(AddressRefused):
                transport.request("GET", public.url(host="cal.example.com"))
        assert public.accepts == trap.accepts == 0


def test_the_next_address_is_tried_when_one_does_not_answer(make_transport: MakeTransport) -> None:
    with Origin(address="127.0.0.3") as up, Origin(address="127.0.0.2", port=up.port) as down:
        transport = make_transport(up, down, resolver=Names({"a.test": ["127.0.0.2", "127.0.0.3"]}))
        down.__exit__()
        assert transport.request("GET", up.url("/x", "a.test")).status == 404
        assert up.accepts == 1


def test_the_host_header_is_the_name_and_not_the_address(
    origin: Origin, transport: Transport
) -> None:
    transport.request("GET", origin.url("/a%20b?q=1#part", "cal.example.com"))
    assert origin.requests[0].headers["host"] == f"cal.example.com:{origin.port}"
    assert origin.requests[0].target == "/a%20b?q=1"


def test_a_name_that_does_not_exist_says_so(transport: Transport) -> None:
    with pytest.raises(TemporarilyUnavailable) as caught:
        transport.request("GET", "https://nowhere.example.com/secret?token=1")
    assert caught.value.code == "dns"
    assert "secret" not in str(caught.value)


def test_a_closed_port_is_no_connection(origin: Origin, transport: Transport) -> None:
    origin.__exit__()
    with pytest.raises(TemporarilyUnavailable) as caught:
        transport.request("GET", origin.url())
    assert caught.value.code == "connect"
