"""The small parts of requests and answers: headers, entity tags, clients, limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.values import Rate, parse_network
from bridge.web.conditional import is_unchanged, make_etag
from bridge.web.exchange import BadQuery, Request, safe_headers
from bridge.web.limiter import Limiter
from bridge.web.proxies import Client, identify

CLIENT = Client("192.0.2.1", "http", behind_unknown_proxy=False)


def request(query: str = "", **headers: str) -> Request:
    environ = {"HTTP_" + name.upper(): value for name, value in headers.items()}
    return Request(environ | {"QUERY_STRING": query}, "GET", "/", CLIENT, "id", 1_800_000_000)


@pytest.mark.covers("T27")
@given(
    st.lists(st.tuples(st.text(max_size=20), st.text(max_size=60))),
)
def test_no_header_can_end_a_line(headers) -> None:
    for name, value in safe_headers(headers):
        line = f"{name}: {value}".encode("latin-1")
        assert not set(line) & {*range(9), *range(10, 32), 127}


TAG = make_etag("a", 1)


@pytest.mark.parametrize(
    ("wanted", "unchanged"),
    [
        (TAG, True),
        (f"W/{TAG}", True),
        (f'"other", {TAG}', True),
        (f'"other",W/{TAG} , "third"', True),
        ("*", True),
        (" * ", True),
        ('"other"', False),
        (TAG.strip('"'), False),
        ("", False),
        (f'"{TAG}"', False),
    ],
)
def test_if_none_match_takes_lists_weak_tags_and_the_star(wanted: str, unchanged: bool) -> None:
    assert is_unchanged(request(if_none_match=wanted), TAG) is unchanged
    assert is_unchanged(request(if_none_match=wanted), f"W/{TAG}") is unchanged


def test_a_date_alone_never_makes_an_answer_unchanged() -> None:
    assert not is_unchanged(request(if_modified_since="Fri, 31 Dec 9999 23:59:59 GMT"), TAG)
    both = request(if_modified_since="Fri, 31 Dec 9999 23:59:59 GMT", if_none_match='"other"')
    assert not is_unchanged(both, TAG)


def test_entity_tags_do_not_run_their_parts_together() -> None:
    assert make_etag("ab", "c") != make_etag("a", "bc")


def test_a_query_is_utf8_and_not_endless() -> None:
    assert request("a=1&b=%C3%BC&a=2&c").query == {"a": "2", "b": "ü", "c": ""}
    for bad in ("a=%FF", "&".join(f"a{n}=1" for n in range(51))):
        with pytest.raises(BadQuery):
            _ = request(bad).query


PROXIES = [parse_network("10.0.0.0/8"), parse_network("127.0.0.1/32")]


@pytest.mark.covers("T58")
@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("198.51.100.9", "203.0.113.5", [], ("198.51.100.9", True)),
        ("198.51.100.9", "203.0.113.5", PROXIES, ("198.51.100.9", True)),
        ("127.0.0.1", "203.0.113.5", PROXIES, ("203.0.113.5", False)),
        ("127.0.0.1", "6.6.6.6, 203.0.113.5", PROXIES, ("203.0.113.5", False)),
        ("127.0.0.1", "6.6.6.6, 203.0.113.5, 10.1.2.3", PROXIES, ("203.0.113.5", False)),
        ("127.0.0.1", "[2001:db8::7]:4711", PROXIES, ("2001:db8::7", False)),
        ("127.0.0.1", "203.0.113.5:4711", PROXIES, ("203.0.113.5", False)),
        ("127.0.0.1", "10.1.2.3, 127.0.0.1", PROXIES, ("10.1.2.3", False)),
        ("127.0.0.1", "nonsense", PROXIES, ("", False)),
        ("127.0.0.1", "203.0.113.5, unknown", PROXIES, ("", False)),
        ("127.0.0.1", "nonsense, 10.1.2.3", PROXIES, ("", False)),
        ("127.0.0.1", "", PROXIES, ("", False)),
        ("127.0.0.1", None, PROXIES, ("", False)),
        ("::ffff:127.0.0.1", "203.0.113.5", PROXIES, ("203.0.113.5", False)),
        ("", "203.0.113.5", PROXIES, ("", True)),
    ],
)
def test_only_a_trusted_proxy_may_name_the_client(peer, forwarded, trusted, expected) -> None:
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    client = identify(environ, trusted)
    assert (client.address, client.behind_unknown_proxy) == expected


@pytest.mark.covers("T58")
def test_only_a_trusted_proxy_may_name_the_scheme() -> None:
    environ = {
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "HTTP_X_FORWARDED_PROTO": "https",
    }
    assert identify(environ, []).scheme == "http"
    assert identify(environ, PROXIES).scheme == "https"
    assert identify(environ | {"HTTP_X_FORWARDED_PROTO": "gopher"}, PROXIES).scheme == "http"


def test_a_client_behind_a_stranger_is_in_no_network() -> None:
    loopback = [parse_network("127.0.0.0/8")]
    assert identify({"REMOTE_ADDR": "127.0.0.1"}, []).is_in(loopback)
    for sign in ("X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_REAL_IP", "FORWARDED", "VIA"):
        spoofed = {"REMOTE_ADDR": "127.0.0.1", f"HTTP_{sign}": "127.0.0.1"}
        assert not identify(spoofed, []).is_in(loopback), sign


@pytest.mark.covers("T58")
@pytest.mark.parametrize("forwarded", [None, "", "unknown", "203.0.113.5, _hidden"])
def test_whom_a_trusted_proxy_does_not_name_is_in_no_network(forwarded: str | None) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1"}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    client = identify(environ, PROXIES)
    assert not client.is_in(PROXIES)
    assert client.key not in {"127.0.0.1", "203.0.113.5"}, "limited apart from everybody else"


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    keys = {
        Client(address, "http", behind_unknown_proxy=False).key
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.1", "192.0.2.2")
    }
    assert len(keys) == 4


TEN = Rate(10, timedelta(minutes=1))


def test_the_allowance_is_given_at_once_and_comes_back_evenly() -> None:
    limiter = Limiter()
    assert [limiter.wait("a", TEN, 100.0) for _ in range(10)] == [0.0] * 10
    assert limiter.wait("a", TEN, 100.0) == pytest.approx(6.0)
    assert limiter.wait("a", TEN, 103.0) == pytest.approx(3.0)
    assert limiter.wait("a", TEN, 106.0) == 0.0
    assert limiter.wait("a", TEN, 106.0) > 0
    assert [limiter.wait("a", TEN, 400.0) for _ in range(10)] == [0.0] * 10


def test_one_client_does_not_use_up_the_allowance_of_another() -> None:
    limiter = Limiter()
    for _ in range(20):
        limiter.wait("a", TEN, 0.0)
    assert limiter.wait("b", TEN, 0.0) == 0.0


def test_a_flood_of_clients_is_forgotten_oldest_first() -> None:
    limiter = Limiter()
    for number in range(60_000):
        limiter.wait(str(number), TEN, 0.0)
    assert len(limiter._ready) == 20_000
