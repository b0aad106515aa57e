"""What servers may send us, hostile ones among them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import UnreadableAnswer
from bridge.providers.caldav.wire import (
    GETETAG,
    BrokenXml,
    canonical,
    multiget,
    preconditions,
    read_multistatus,
)
from tests.servers.faultproxy import answering
from tests.unit.providers.caldav.conftest import Site

_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
_LAUGHS = f'<!DOCTYPE m [<!ENTITY e0 "ha">{_ENTITIES}]><multistatus xmlns="DAV:">&e9;</multistatus>'
_HOSTILE = {
    "billion-laughs": _LAUGHS.encode(),
    "quadratic": b'<!DOCTYPE m [<!ENTITY a "%s">]><m>%s</m>' % (b"a" * 50_000, b"&a;" * 50_000),
    "file": b'<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><m>&x;</m>',
    "http": b'<!DOCTYPE m SYSTEM "http://127.0.0.1:1/x.dtd"><multistatus xmlns="DAV:"/>',
    "deep": b"<a>" * 100_000,
    "deep-and-closed": b"<a>" * 100_000 + b"</a>" * 100_000,
    "long-namespace": b'<multistatus xmlns="DAV:" xmlns:x="%s">' % (b"x" * 800_000)
    + b"".join(b"<x:p%d/>" % n for n in range(15_000))
    + b"</multistatus>",
    "attributes": b"<multistatus xmlns='DAV:' " + b"".join(b"a%d='' " % n for n in range(9)),
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><m/>',
    "nonsense-encoding": b'<?xml version="1.0" encoding="nonsense"?><m/>',
    "not-utf-8": b"<multistatus xmlns='DAV:'>\xff</multistatus>",
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>Sign in<br></body></html>",
    "nul": b"<multistatus xmlns='DAV:'>\x00</multistatus>",
    "other": b"<multistatus/>",
}


@pytest.mark.covers("T20")
@pytest.mark.parametrize("body", _HOSTILE.values(), ids=_HOSTILE)
def test_a_hostile_multistatus_is_refused_at_once(body: bytes) -> None:
    before = time.thread_time()
    with pytest.raises(UnreadableAnswer):
        read_multistatus(body, "the calendar")
    assert time.thread_time() - before < 0.2


@pytest.mark.covers("T20")
@pytest.mark.parametrize("name", ["billion-laughs", "deep", "file"])
def test_a_hostile_server_costs_one_refused_pull(site: Site, name: str) -> None:
    with site.proxy.fault(answering(207, _HOSTILE[name])), pytest.raises(UnreadableAnswer):
        site.open().list_calendars()


def test_half_a_million_elements_are_too_many() -> None:
    body = b'<multistatus xmlns="DAV:">' + b"<a/>" * 500_001 + b"</multistatus>"
    with pytest.raises(UnreadableAnswer, match="too deep or too large"):
        read_multistatus(body, "the calendar")


def test_ten_thousand_members_are_read_in_a_moment() -> None:
    member = (
        '<response><href>/c/{0}.ics</href><propstat><prop><getetag>"{0}"</getetag></prop>'
        "<status>HTTP/1.1 200 OK</status></propstat></response>"
    )
    members = "".join(member.format(number) for number in range(10_000))
    body = f'<multistatus xmlns="DAV:">{members}</multistatus>'.encode()
    before = time.thread_time()
    found = read_multistatus(body, "the calendar")
    assert time.thread_time() - before < 2
    assert found.replies[9_999].text(GETETAG) == '"9999"'


def test_text_that_breaks_the_xml_is_told_from_an_answer_that_is_cut() -> None:
    whole = b"<multistatus xmlns='DAV:'>\x0b</multistatus>\n"
    with pytest.raises(BrokenXml):
        read_multistatus(whole, "the calendar")
    with pytest.raises(UnreadableAnswer) as cut:
        read_multistatus(whole[:-8], "the calendar")
    assert not isinstance(cut.value, BrokenXml)


def test_one_status_may_stand_for_several_hrefs() -> None:
    body = (
        b'<multistatus xmlns="DAV:"><response><href>/a</href><href>/b</href>'
        b"<status>HTTP/1.1 404 Not Found</status></response></multistatus>"
    )
    replies = read_multistatus(body, "the calendar").replies
    assert [(reply.href, reply.status) for reply in replies] == [("/a", 404), ("/b", 404)]


@pytest.mark.parametrize("body", [b"", b"no xml", b"<html/>", b"<error/>", _LAUGHS.encode()])
def test_a_body_that_is_no_dav_error_names_no_precondition(body: bytes) -> None:
    assert preconditions(body) == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/c/ann@x.ics", "/c/ann%40x.ics"),
        ("/c/%c3%a9.ics", "/c/%C3%A9.ics"),
        ("/c/é.ics", "/c/%C3%A9.ics"),
        ("/c/two words.ics", "/c/two%20words.ics"),
        ("https://host/c/a.ics", "/c/%61.ics"),
        ("/c/a+b.ics", "/c/a%2Bb.ics"),
        ("/c/%7Ea.ics", "/c/~a.ics"),
    ],
)
def test_two_spellings_of_one_href_are_the_same(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("/c/a%2Fb.ics", "/c/a/b.ics"), ("/c/a%20b", "/c/a+b"), ("/c/A", "/c/a")],
)
def test_two_hrefs_are_not_the_same(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_canonical_spelling_is_a_fixed_point(text: str) -> None:
    try:
        once = canonical("/" + text.replace("%", "%25"))
    except ValueError:
        return
    assert canonical(once) == once
    assert once.isascii()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_hrefs_are_escaped_in_what_we_write(text: str) -> None:
    assert len(re.findall(rb"<(?:\w+:)?href", multiget([text]))) == 1
