"""Conditional GET and HEAD (RFC 9110 section 13), with and without a body."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from tests.dav.client import Client
from tests.dav.house import House, hours
from tests.web.site import DAY, basic

BUSY = "/bob/room-a.busy/"


@pytest.fixture(params=["object", "calendar", "free-busy", "bookings"])
def path(request: pytest.FixtureRequest, house: House, bob: Client) -> str:
    """Everything that has an ETag."""
    house.fill("room-a", hours(3), title="Chess")
    paths = {
        "object": BUSY + next(iter(bob.listing(BUSY))),
        "calendar": BUSY,
        "free-busy": f"{BUSY}?view=freebusy",
        "bookings": "/bob/room-a.bookings/",
    }
    return paths[request.param]


MATCHING: dict[str, Callable[[str], str]] = {
    "the tag": str,
    "a weak tag": "W/{}".format,
    "a list": '"other", {}, "another"'.format,
    "a list without spaces": '"other",{},"another"'.format,
    "a list with weak tags": 'W/"other", W/{}'.format,
    "a tag with a comma before it": '"a,b", {}'.format,
    "anything": lambda _: "*",
}
OTHER: dict[str, Callable[[str], str]] = {
    "another tag": lambda _: '"other"',
    "a part of it": lambda tag: f'{tag[:-2]}"',
    "without quotes": lambda tag: tag.strip('"'),
    "an empty tag": lambda _: '""',
    "a star in quotes": lambda _: '"*"',
    "half a tag": lambda tag: tag[:-1],
    "nonsense": lambda _: ",,;;\\",
}


@pytest.mark.parametrize("form", MATCHING.values(), ids=MATCHING)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_known_tag_in_any_form_is_304_without_a_body(
    bob: Client, path: str, method: str, form: Callable[[str], str]
) -> None:
    tag = bob.get(path).headers["etag"]
    answer = bob.send(method, path, If_None_Match=form(tag))
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("form", OTHER.values(), ids=OTHER)
def test_another_tag_is_answered_in_full(
    bob: Client, path: str, form: Callable[[str], str]
) -> None:
    whole = bob.get(path)
    answer = bob.get(path, If_None_Match=form(whole.headers["etag"]))
    assert (answer.status, answer.body) == (200, whole.body)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_match_holds_for_the_tag_and_for_nothing_weak(
    bob: Client, path: str, method: str
) -> None:
    tag = bob.get(path).headers["etag"]
    for held in (tag, "*", f'"other", {tag}'):
        assert bob.send(method, path, If_Match=held).status == 200
    for other in ('"other"', f"W/{tag}", f'W/"other", W/{tag}', "nonsense"):
        assert bob.send(method, path, If_Match=other).status == 412
    # Section 13.2.2: If-Match goes first.
    assert bob.send(method, path, If_Match='"other"', If_None_Match=tag).status == 412
    assert bob.send(method, path, If_Match=tag, If_None_Match=tag).status == 304


def test_a_tag_changes_with_what_it_stands_for(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    objects = bob.listing(BUSY)
    tags = {path: bob.get(path).headers["etag"] for path in (BUSY, f"{BUSY}?view=freebusy")}
    house.fill("room-a", hours(1, first=hours(3)[0][0] + DAY))
    for path, tag in tags.items():
        answer = bob.get(path, If_None_Match=tag)
        assert answer.status == 200
        assert answer.headers["etag"] != tag
    for name, tag in objects.items():
        assert bob.get(BUSY + name, If_None_Match=tag).status == 304


def test_two_windows_of_free_busy_time_have_two_tags(bob: Client) -> None:
    view = f"{BUSY}?view=freebusy&start=20261121T000000Z&end=202611{{}}T000000Z"
    assert bob.get(view.format(22)).headers["etag"] != bob.get(view.format(23)).headers["etag"]
    assert bob.get(view.format(22)).headers["etag"] == bob.get(view.format(22)).headers["etag"]


def test_head_is_get_without_its_body_and_says_no_length_that_is_not_true(
    bob: Client, path: str
) -> None:
    got = bob.get(path)
    head = bob.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers.get("content-length", str(len(got.body))) == str(len(got.body))
    unlike = {"content-length", "connection", "date", "x-request-id"}
    assert {name: value for name, value in head.headers.items() if name not in unlike} == {
        name: value for name, value in got.headers.items() if name not in unlike
    }


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_after_the_headers_of_a_head_no_octet_follows(
    house: House, bob: Client, path: str, version: str
) -> None:
    authorization = basic("bob", house.app_password("bob"))
    answer = house.raw(
        f"HEAD {path} HTTP/{version}\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n".encode()
    )
    assert answer.startswith(f"HTTP/{version} 200 ".encode())
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1
    assert b"chunked" not in answer.lower()


def test_head_of_what_is_not_there_is_404_without_a_body(bob: Client) -> None:
    for path in (f"{BUSY}{'0' * 40}.ics", "/bob/room-b.busy/", "/alice/"):
        answer = bob.send("HEAD", path)
        assert (answer.status, answer.body) == (404, b"")


def test_an_object_is_one_event_in_utc_under_the_name_of_its_uid(house: House, bob: Client) -> None:
    house.fill("room-a", hours(1), title="Chess")
    (name,) = bob.listing(BUSY)
    answer = bob.get(BUSY + name)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8; component=VEVENT"
    text = answer.body.decode()
    assert text.count("BEGIN:VEVENT") == 1
    assert f"UID:{name.removesuffix('.ics')}@busybridge\r\n" in text
    assert "SUMMARY:Chess\r\n" in text
    assert "X-BUSYBRIDGE-ORIGIN:test-instance\r\n" in text


def test_a_calendar_is_downloaded_whole_with_its_freshness(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    answer = bob.get(BUSY)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["x-busybridge-freshness"] == "oldest=2026-11-20T15:29:00Z; stale=0"
    assert answer.body.count(b"BEGIN:VEVENT") == 3
    assert answer.body.count(b"BEGIN:VCALENDAR") == 1
    assert b"\r\nX-WR-CALNAME:Room A\r\n" in answer.body


@pytest.mark.covers("T27")
def test_no_text_and_no_path_puts_a_line_into_the_headers(house: House, bob: Client) -> None:
    evil = "x\r\nX-Evil: 1\r\n\r\nX-Evil: 2"
    house.fill("room-a", hours(1), title=evil, location=evil, url=evil, categories=[evil])
    (name,) = bob.listing(BUSY)
    authorization = basic("bob", house.app_password("bob"))
    for path in (
        BUSY + name,
        BUSY,
        f"{BUSY}x%0d%0aX-Evil:%201.ics",
        f"{BUSY}?view=freebusy&start=x%0d%0aX-Evil:1",
        "/%0d%0aX-Evil:%201/",
    ):
        for method in ("GET", "PROPFIND", "PUT"):
            raw = house.raw(
                f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n"
                f'If-Match: "x%0d%0aX-Evil: 1"\r\n\r\n'.encode()
            )
            head = raw.partition(b"\r\n\r\n")[0]
            assert head.startswith(b"HTTP/1.1 ")
            assert b"evil" not in head.lower()
            assert b"\nX-Evil" not in raw


def test_an_answer_that_was_asked_for_compressed_holds_the_same_octets(
    bob: Client, path: str
) -> None:
    plain = bob.get(path)
    packed = bob.get(path, Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert int(packed.headers["content-length"]) == len(packed.body)
    tag = packed.headers["etag"]
    assert bob.get(path, If_None_Match=tag, Accept_Encoding="gzip").status == 304
