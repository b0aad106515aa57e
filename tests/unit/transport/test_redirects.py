"""T12, T15: each hop is a request of its own, and credentials stay where they were given."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bridge.errors import AddressRefused, AuthorizationExpired
from bridge.model.http import Basic, Bearer
from bridge.transport import Transport, may_share_credentials, raise_for_status
from bridge.transport.urls import site
from tests.servers.origin import Answer, Origin, redirect
from tests.servers.tls import Authority
from tests.unit.transport.conftest import MakeTransport

LOGIN = Basic("ann", "pass:wörd")


@pytest.mark.covers("T12")
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://127.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/", "http://example.com@127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://127.0.0.1/",
        "data:text/calendar,x", "http://", "http://:1", "//", "http://%31%32%37.0.0.1:{port}/",
    ],
)  # fmt: skip
def test_a_redirect_reaches_no_forbidden_address(
    location: str, origin: Origin, trap: Origin, transport: Transport
) -> None:
    origin.routes["/"] = redirect("/again")
    origin.routes["/again"] = redirect(location.format(port=trap.port))
    with pytest.raises(AddressRefused):
        transport.request("GET", origin.url(host="cal.example.com"))
    assert trap.accepts == 0


@pytest.mark.covers("T12")
def test_five_redirects_are_followed_and_not_six(origin: Origin, transport: Transport) -> None:
    for hop in range(6):
        origin.routes[f"/{hop}"] = redirect(str(hop + 1))
    origin.routes["/6"] = Answer(body=b"end")
    answer = transport.request("GET", origin.url("/1", "cal.example.com"))
    assert answer.body == b"end"
    assert answer.url == origin.url("/6", "cal.example.com")
    with pytest.raises(AddressRefused, match="more than 5"):
        transport.request("GET", origin.url("/0", "cal.example.com"))


@pytest.mark.covers("T12", "T15")
def test_https_never_becomes_http(tmp_path: Path, make_transport: MakeTransport) -> None:
    authority = Authority(tmp_path)
    with Origin(authority.server("cal.example.com")) as secure, Origin() as plain:
        secure.routes["/"] = redirect(plain.url("/", "cal.example.com"))
        transport = make_transport(secure, plain, ca_file=authority.pem)
        with pytest.raises(AddressRefused, match="https to http"):
            transport.request("GET", secure.url(host="cal.example.com"), auth=LOGIN)
        assert plain.accepts == 0
        plain.routes["/"] = redirect(secure.url("/there", "cal.example.com"))
        transport.request("GET", plain.url(host="cal.example.com"), auth=LOGIN)
        assert "authorization" in secure.requests[-1].headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_method_body_and_headers_are_kept(
    status: int, origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = redirect("/there", status)
    origin.routes["/there"] = Answer(207, body=b"<multistatus/>")
    answer = transport.request(
        "PROPFIND", origin.url(), headers={"Depth": "1"}, content=b"<propfind/>"
    )
    assert answer.status == 207
    assert [(r.method, r.body, r.headers["depth"]) for r in origin.requests] == [
        ("PROPFIND", b"<propfind/>", "1")
    ] * 2


def test_a_303_answers_a_post_elsewhere_and_is_no_answer_to_webdav(
    origin: Origin, transport: Transport
) -> None:
    origin.routes |= {"/": redirect("/there", 303), "/there": Answer(body=b"result")}
    assert transport.request("POST", origin.url(), content=b"form").body == b"result"
    assert (origin.requests[1].method, origin.requests[1].body) == ("GET", b"")
    assert transport.request("HEAD", origin.url()).status == 200
    assert origin.requests[-1].method == "HEAD"
    with pytest.raises(AddressRefused, match="303"):
        transport.request("PROPFIND", origin.url())


def test_a_redirect_without_a_target_is_returned(origin: Origin, transport: Transport) -> None:
    origin.routes["/"] = Answer(302)
    assert transport.request("GET", origin.url()).status == 302


@pytest.mark.covers("T15")
@pytest.mark.parametrize("auth", [LOGIN, Bearer("token-of-ann")])
@pytest.mark.parametrize(
    ("home", "target", "sent"),
    [
        ("cal.example.com", "cal.example.com", True),
        ("cal.example.com", "dav.example.com", True),
        ("cal.example.com", "example.com", True),
        ("cal.example.com", "cal.example.org", False),
        ("cal.example.com", "other.test", False),
        ("a.example.co.uk", "b.example.co.uk", True),
        ("a.example.co.uk", "other.co.uk", False),
        ("ann.github.io", "bob.github.io", False),
        ("caldav.icloud.com", "p42-caldav.icloud.com", True),
        ("nas", "nas.home.arpa", False),
        ("cal.example.com", "127.0.0.1", False),
        ("127.0.0.1", "cal.example.com", False),
    ],
)
def test_credentials_stay_within_their_site(
    home: str, target: str, sent: bool, auth: Basic | Bearer, origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = redirect(origin.url("/there", target))
    transport.request("PROPFIND", origin.url(host=home), auth=auth)
    first, second = origin.requests
    assert "authorization" in first.headers
    assert ("authorization" in second.headers) is sent


@pytest.mark.covers("T15")
def test_trusted_sites_see_the_credentials_and_their_neighbours_do_not(
    origin: Origin, transport: Transport
) -> None:
    for pattern, sent in (
        ("other.test", True),
        ("*.test", True),
        ("test", False),
        ("*.other.test", False),
        ("her.test", False),
    ):
        origin.requests.clear()
        origin.routes["/"] = redirect(origin.url("/there", "other.test"))
        url = origin.url(host="cal.example.com")
        transport.request("GET", url, auth=LOGIN, trusted_sites=(pattern,))
        assert ("authorization" in origin.requests[1].headers) is sent, pattern


@pytest.mark.covers("T15")
def test_credentials_that_were_dropped_do_not_come_back(
    origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = redirect(origin.url("/stranger", "other.test"))
    origin.routes["/stranger"] = redirect(origin.url("/delete-everything", "cal.example.com"))
    transport.request("GET", origin.url(host="cal.example.com"), auth=LOGIN)
    assert ["authorization" in request.headers for request in origin.requests] == [
        True, False, False,
    ]  # fmt: skip


@pytest.mark.covers("T15")
def test_secret_headers_of_the_caller_are_dropped_as_well(
    origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = redirect(origin.url("/there", "other.test"))
    given = {"AUTHORIZATION": "Bearer x", "Cookie": "session=1", "Depth": "0"}
    transport.request("GET", origin.url(host="cal.example.com"), headers=given)
    kept = origin.requests[1].headers
    assert kept["depth"] == "0"
    assert not kept.keys() & {"authorization", "cookie"}


def test_basic_credentials_are_sent_in_utf8(origin: Origin, transport: Transport) -> None:
    transport.request("GET", origin.url(), auth=LOGIN)
    scheme, _, value = origin.requests[0].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(value).decode()) == ("Basic", "ann:pass:wörd")


@pytest.mark.covers("T15")
def test_a_digest_challenge_is_not_answered_and_named_as_unsupported(
    origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = Answer(401, {"WWW-Authenticate": 'Digest realm="r", nonce="n"'})
    answer = transport.request("GET", origin.url(), auth=LOGIN)
    assert len(origin.requests) == 1
    with pytest.raises(AuthorizationExpired) as caught:
        raise_for_status(answer, what="the feed")
    assert "Digest" in caught.value.hint


def test_cookies_are_not_kept(origin: Origin, transport: Transport) -> None:
    origin.routes["/"] = Answer(200, {"Set-Cookie": "session=1"})
    transport.request("GET", origin.url())
    transport.request("GET", origin.url())
    assert "cookie" not in origin.requests[1].headers


def test_a_site_ends_at_the_public_suffix() -> None:
    assert site("a.b.example.com") == "example.com"
    assert site("a.example.co.uk") == "example.co.uk"
    assert site("ann.github.io") == "ann.github.io"
    assert site("github.io") == "github.io"
    assert site("co.uk") == "co.uk"
    assert site("cal.corp.internal") == "corp.internal"
    assert site("nas") == "nas"
    assert site("192.0.2.1") == "192.0.2.1"
    assert site("2001:db8::1") == "2001:db8::1"


def test_credentials_move_up_to_https_and_never_down() -> None:
    assert may_share_credentials("http://example.com/", "https://cal.example.com/x")
    assert may_share_credentials("http://example.com/", "http://cal.example.com:8080/x")
    assert not may_share_credentials("https://example.com/", "http://example.com/")
    assert not may_share_credentials("https://a.test/", "http://b.test/", ("*.test",))
