"""The guard, as a pure function over the parts of a request."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidCalendarObject
from bridge.web.guard import (
    DEEPEST_XML,
    MOST_ATTRIBUTES,
    MOST_ELEMENTS,
    Inspection,
    inspect_dav,
    inspect_headers,
    inspect_target,
    inspect_xml,
)

MIB = 1 << 20
PROPFIND = (
    b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
)


def rules(max_size: int = MIB) -> Inspection:
    return Inspection(max_size=max_size, check_calendar=lambda _body: None)


def inspect(method: str, path: str, headers: dict[str, str], body: bytes, rules: Inspection):
    """Judge a request meant for CalDAV, in the order of the dispatcher."""
    return (
        inspect_target(path)
        or inspect_headers(headers, rules.max_size)
        or inspect_dav(method, headers, body, rules)
    )


def status(method: str = "PROPFIND", path: str = "/alice/", body: bytes = b"", **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = inspect(method, path, named, body, rules())
    return None if refusal is None else refusal.status


def cpu_seconds(work) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def test_an_ordinary_request_passes() -> None:
    assert status(body=PROPFIND, depth="1", content_type="application/xml; charset=utf-8") is None
    assert status("PUT", "/alice/bookings/Grüße.ics".encode().decode("latin-1"), b"x") is None
    assert status("OPTIONS", "*") is None


@pytest.mark.parametrize(
    "entity",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:1/x">',
        '<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;',
        '<!ENTITY x "harmless">',
        "",
    ],
)
def test_a_document_type_is_refused_with_or_without_entities(entity: str) -> None:
    body = f'<?xml version="1.0"?><!DOCTYPE a [{entity}]><a>&x;</a>'.encode()
    refusal = inspect_xml(body)
    assert refusal is not None
    assert refusal.status == 400
    assert "passwd" not in refusal.detail


@pytest.mark.parametrize("shape", ["billion laughs", "quadratic"])
def test_entity_bombs_cost_less_than_50_ms(shape: str) -> None:
    if shape == "quadratic":
        body = f'<!DOCTYPE a [<!ENTITY x "{"y" * 100_000}">]><a>{"&x;" * 100_000}</a>'
    else:
        entities = '<!ENTITY x0 "lol">' + "".join(
            f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10)
        )
        body = f"<!DOCTYPE a [{entities}]><a>&x9;</a>"
    spent = cpu_seconds(lambda: inspect_xml(body.encode()))
    assert inspect_xml(body.encode()).status == 400
    assert spent < 0.05


@pytest.mark.parametrize("closed", [True, False])
def test_deep_xml_is_refused_at_the_cap(closed: bool) -> None:
    depth = 100_000
    body = b"<a>" * depth + (b"</a>" * depth if closed else b"")
    assert cpu_seconds(lambda: inspect_xml(body)) < 0.05
    assert inspect_xml(body).status == 400
    assert "100" in inspect_xml(body).detail


def test_xml_at_the_caps_passes_and_one_more_does_not() -> None:
    def nested(depth: int) -> bytes:
        return b"<a>" * depth + b"</a>" * depth

    def wide(count: int) -> bytes:
        return b"<a>" + b"<b/>" * (count - 1) + b"</a>"

    def attributes(count: int) -> bytes:
        return b"<a " + b" ".join(b'x%d=""' % n for n in range(count)) + b"/>"

    for make, most in (
        (nested, DEEPEST_XML),
        (wide, MOST_ELEMENTS),
        (attributes, MOST_ATTRIBUTES),
    ):
        assert inspect_xml(make(most)) is None
        assert inspect_xml(make(most + 1)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" + b"<b/>" * 250_000 + b"</a>",
        b"<a " + b" ".join(b'x%d=""' % n for n in range(100_000)) + b"/>",
        b"<a>" + b"&#x41;" * 170_000 + b"</a>",
        b"<a>" + b"\n" * MIB + b"</a>",
        b"<" + b"a" * MIB + b"/>",
        b"<a>" + b"<!-- x -->" * 100_000 + b"</a>",
    ],
)
def test_a_mebibyte_of_any_xml_costs_well_under_a_second(body: bytes) -> None:
    assert cpu_seconds(lambda: inspect_xml(body)) < 0.5


@pytest.mark.parametrize(
    "body",
    [
        b"<a>",
        b"<a></b>",
        b"not xml",
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        b"<\x00a\x00/\x00>\x00",
        b'<?xml version="1.0" encoding="utf-8"?><a>\xff</a>',
        b"<a>\x00</a>",
        b"<a>\xed\xa0\x80</a>",
    ],
)
def test_what_is_not_well_formed_utf8_xml_is_400(body: bytes) -> None:
    assert status(body=body) == 400


def test_the_declared_encoding_cannot_choose_another_reading() -> None:
    assert inspect_xml(b'<?xml version="1.0" encoding="utf-7"?><a>+ADw-</a>') is None
    assert inspect_xml(b'<?xml version="1.0" encoding="no-such"?><a/>') is None


def test_an_empty_body_is_no_xml_to_refuse() -> None:
    assert status(body=b"") is None
    assert status(body=b" \r\n") is None


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/alice/../bob/",
        "/alice/./x",
        "/alice/..",
        "/..",
        "/alice\\..\\bob",
        "/a\x00b",
        "/a\rb",
        "/a\nSet-Cookie: x",
        "/a\x1b[31m",
        "/a\x7f",
        "/a\xc2\x85",
        "/a\xe2\x80\xa8b",
    ],
)
def test_paths_that_no_client_means_are_refused(path: str) -> None:
    assert inspect_target(path).status == 400


@pytest.mark.parametrize(
    "path", ["/\xff", "/caf\xe9", "/\xc0\xaf", "/\xed\xa0\x80", "/\xef\xbf\xbd"]
)
def test_paths_that_are_not_utf8_or_were_once_not_are_refused(path: str) -> None:
    assert inspect_target(path).status == 400


def test_names_that_no_file_could_have_are_refused() -> None:
    assert inspect_target("/alice/" + "x" * 255) is None
    assert inspect_target("/alice/" + "x" * 256).status == 414
    assert inspect_target("/" + "x/" * 1100).status == 414


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("http://host/alice/b.ics", None),
        ("/alice/b.ics", None),
        ("http://host/alice/%2e%2e/bob/x.ics", 400),
        ("http://host/alice/%ff.ics", 400),
        ("http://host/alice/%00.ics", 400),
        ("http://[::1/x", 400),
    ],
)
def test_the_destination_is_held_to_the_same_rules(destination: str, expected: int | None) -> None:
    assert status("MOVE", destination=destination) == expected


def test_propfind_of_infinite_depth_is_refused_with_its_precondition() -> None:
    refusal = inspect("PROPFIND", "/", {"depth": "infinity"}, b"", rules())
    assert (refusal.status, refusal.precondition) == (403, "propfind-finite-depth")
    assert status("DELETE", depth="infinity") is None
    assert status(depth="2") == 400


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content-length": "12"}, None),
        ({"content-length": str(MIB)}, None),
        ({"content-length": str(MIB + 1)}, 413),
        ({"content-length": "9" * 5000}, 413),
        ({"content-length": "-1"}, 400),
        ({"content-length": "1, 1"}, 400),
        ({"content-length": "\u0661"}, 400),
        ({"transfer-encoding": "chunked"}, 400),
        ({"transfer-encoding": "identity"}, 400),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "identity"}, None),
        ({"content-type": "text/xml; charset=utf-8"}, None),
        ({"content-type": 'text/xml; CHARSET="UTF-8"'}, None),
        ({"content-type": "text/xml; charset=utf-7"}, 415),
        ({"content-type": "text/xml; charset=no-such"}, 415),
        ({"content-type": "text/xml; charset="}, 415),
    ],
)
def test_framing_and_charset(headers: dict[str, str], expected: int | None) -> None:
    refusal = inspect_headers(headers, MIB)
    assert (refusal and refusal.status) == expected


def basic(raw: bytes) -> str:
    return "Basic " + b64encode(raw).decode()


@pytest.mark.parametrize(
    "value",
    [
        "Basic s3cret",
        "Basic",
        "Basic ====",
        "Basic \xff\xfe",
        basic(b"s3cret"),
        basic(b"\xff\xfe:x"),
        basic(b"a\nb:x"),
        basic(b"a:" + b"x" * 5000),
        "Bearer",
        "Bearer s3cret s3cret",
        "Bearer \xe9",
    ],
)
def test_malformed_credentials_are_400_and_never_repeated(value: str) -> None:
    refusal = inspect_headers({"authorization": value}, MIB)
    assert refusal.status == 400
    assert "s3cret" not in refusal.detail


@pytest.mark.parametrize(
    "value", [basic(b"alice:secret"), basic("zoë:pässwörd:x".encode()), "Bearer bb_x", "Digest x=1"]
)
def test_well_formed_credentials_pass(value: str) -> None:
    assert inspect_headers({"authorization": value}, MIB) is None


def test_calendar_bodies_are_judged_before_they_are_parsed() -> None:
    def refuse(_body: bytes) -> None:
        raise InvalidCalendarObject("too deep", precondition="max-resource-size")

    strict = Inspection(max_size=MIB, check_calendar=refuse)
    for method, headers in (("PUT", {}), ("POST", {"content-type": "text/calendar"})):
        refusal = inspect(method, "/a/b.ics", headers, b"BEGIN:VCALENDAR", strict)
        assert (refusal.status, refusal.precondition) == (403, "max-resource-size")


def test_a_body_that_is_longer_than_it_said_is_413() -> None:
    assert inspect("PUT", "/a", {"content-length": "1"}, b"xx", rules(max_size=1)).status == 413


@given(
    method=st.sampled_from(["PROPFIND", "PUT", "REPORT", "MOVE", "POST"]),
    path=st.text(st.characters(max_codepoint=255), max_size=60),
    headers=st.dictionaries(
        st.sampled_from(
            ["authorization", "content-type", "content-length", "depth", "destination"]
        ),
        st.text(st.characters(max_codepoint=255), max_size=60),
    ),
    body=st.binary(max_size=200),
)
def test_the_guard_has_an_opinion_on_everything(method, path, headers, body) -> None:
    refusal = inspect(method, path, headers, body, rules())
    assert refusal is None or 400 <= refusal.status < 500
