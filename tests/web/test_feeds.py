"""Feeds over HTTP."""

from __future__ import annotations

import logging
import statistics
import time

import pytest

from bridge.model.interval import FBType
from bridge.store import feeds
from bridge.store.database import Database
from tests.web.site import DAY, NOW, TODAY, Site, site_settings

HOUR = 3600
SPAN = [(TODAY + DAY + 9 * HOUR, TODAY + DAY + 10 * HOUR)]
CANARY = "xyzzy-canary"
SECRETS = {
    "title": f"{CANARY} title",
    "description": f"{CANARY} description",
    "location": f"{CANARY} location",
    "url": f"https://example.com/{CANARY}",
    "conference_url": f"https://meet.example.com/{CANARY}",
    "organizer": {"address": f"mailto:{CANARY}@example.com", "name": CANARY, "partstat": ""},
    "attendees": [{"address": f"mailto:{CANARY}@example.com", "name": CANARY, "partstat": ""}],
    "categories": [CANARY],
    "status": "CONFIRMED",
}


@pytest.fixture
def room_a(site: Site) -> Site:
    site.fill("room-a", SPAN, **SECRETS)
    return site


def url(site: Site, name: str = "public", resource: str = "room-a") -> str:
    return f"/feeds/{site.token('room-a', name)}/{resource}.ics"


def test_a_feed_is_a_calendar_of_events_that_says_when_to_come_back(room_a: Site) -> None:
    room_a.fill("room-a", [(TODAY + 2 * DAY, TODAY + 3 * DAY)], FBType.BUSY_UNAVAILABLE)
    answer = room_a.get(url(room_a))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    text = answer.body.decode()
    assert text.count("BEGIN:VEVENT") == 2
    assert "X-WR-CALNAME:Room A\r\n" in text
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in text
    assert "X-PUBLISHED-TTL:PT15M\r\n" in text
    assert "DTSTART:20261121T090000Z\r\nDTEND:20261121T100000Z\r\nSUMMARY:Busy\r\n" in text
    assert text.count("X-BUSYBRIDGE-ORIGIN:test-instance\r\n") == 2


def test_a_feed_shows_its_window_around_today(room_a: Site) -> None:
    room_a.fill("room-a", [(TODAY - 3 * DAY, TODAY - 3 * DAY + HOUR)])
    room_a.fill("room-a", [(TODAY + 60 * DAY, TODAY + 60 * DAY + HOUR)])
    assert room_a.get(url(room_a)).body.count(b"BEGIN:VEVENT") == 1
    room_a.now = NOW + DAY
    assert room_a.get(url(room_a)).body.count(b"BEGIN:VEVENT") == 2


@pytest.mark.covers("T50", "A-36")
def test_no_detail_leaves_through_a_busy_feed(room_a: Site) -> None:
    token = room_a.token("room-a", "public")
    for target in (url(room_a), f"/freebusy/room-a?token={token}"):
        answer = room_a.get(target)
        assert answer.status == 200
        assert CANARY not in answer.body.decode() + str(answer.headers)


def test_details_leave_as_far_as_the_feed_and_the_resource_allow(
    sqlite_database: Database,
) -> None:
    settings = site_settings(
        resources=[
            {
                "id": "room-a",
                "privacy": {"mode": "private", "show_title": True},
                "feeds": [
                    {"name": "all", "detail": "full"},
                    {"name": "some", "detail": "private"},
                    {"name": "none", "detail": "busy_only"},
                ],
            }
        ]
    )
    with Site(sqlite_database, settings) as site:
        site.fill("room-a", SPAN, **SECRETS)
        shown = {name: site.get(url(site, name)).body.decode() for name in ("all", "some", "none")}
    assert f"DESCRIPTION:{CANARY} description" in shown["all"]
    assert f"LOCATION:{CANARY} location" in shown["all"]
    assert f"SUMMARY:{CANARY} title" in shown["some"]
    assert "description" not in shown["some"]
    assert "location" not in shown["some"]
    assert CANARY not in shown["none"]


@pytest.mark.covers("T51")
def test_one_event_in_two_resources_or_two_views_cannot_be_linked(site: Site) -> None:
    for resource in ("room-a", "room-b"):
        site.fill(resource, SPAN)
    targets = (url(site), url(site, "team"), f"/feeds/{site.token('room-b', 'public')}/room-b.ics")
    uids = [
        line
        for target in targets
        for line in site.get(target).body.decode().split("\r\n")
        if line.startswith("UID:")
    ]
    assert len(uids) == len(set(uids)) == 3


@pytest.mark.covers("T36", "A-37")
def test_every_token_that_opens_nothing_answers_with_the_same_bytes(room_a: Site) -> None:
    good = url(room_a)
    assert room_a.get(good).status == 200
    token, other = room_a.token("room-a", "public"), room_a.token("room-b", "public")
    with room_a.database.write() as conn:
        feeds.revoke_feed(conn, "room-a", "team", NOW)
    closed = [
        f"/feeds/{other}/room-a.ics",
        f"/feeds/{token}/room-b.ics",
        f"/feeds/{token}/room-c.ics",
        f"/feeds/{token[:-1]}/room-a.ics",
        f"/feeds/{token.upper()}/room-a.ics",
        f"/feeds/{'x' * 200}/room-a.ics",
        "/feeds/%C3%BC/room-a.ics",
        url(room_a, "team"),
        url(room_a, "no-such-feed"),
        f"/feeds/{token}/room-a",
        f"/feeds/{token}",
        "/feeds/",
        "/feeds",
    ]
    answers = [room_a.get(target) for target in closed]
    room_a.rotate("room-a", "public")
    answers.append(room_a.get(good))
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    fresh = f"/feeds/{room_a.token('room-a', 'public', generation=1)}/room-a.ics"
    assert room_a.get(fresh).status == 200


@pytest.mark.covers("T36")
def test_a_wrong_token_costs_what_a_token_of_another_resource_costs(room_a: Site) -> None:
    targets = {
        "wrong": f"/feeds/{'x' * 52}/room-a.ics",
        "other": f"/feeds/{room_a.token('room-b', 'public')}/room-a.ics",
        "no resource": f"/feeds/{'x' * 52}/room-c.ics",
    }
    spent: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(80):
        for name, target in targets.items():
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": target, "REMOTE_ADDR": "192.0.2.1"}
            started = time.thread_time()
            room_a.wsgi(environ, lambda *_: print)
            spent[name].append(time.thread_time() - started)
    medians = [statistics.median(times) for times in spent.values()]
    assert max(medians) < 2 * min(medians)


@pytest.mark.covers("A-38")
def test_an_unchanged_feed_is_304_until_midnight(room_a: Site) -> None:
    tag = room_a.get(url(room_a)).headers["etag"]
    for room_a.now in (TODAY, TODAY + DAY - 1):
        answer = room_a.get(url(room_a), If_None_Match=tag)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == tag
    with Site.over(room_a) as restarted:
        assert restarted.get(url(room_a), If_None_Match=tag).status == 304
    room_a.now = TODAY + DAY
    assert room_a.get(url(room_a), If_None_Match=tag).status == 200


def test_a_feed_whose_settings_changed_is_not_304(room_a: Site) -> None:
    tag = room_a.get(url(room_a)).headers["etag"]
    room_a.live.swap(site_settings(privacy={"title": "Occupied"}))
    answer = room_a.get(url(room_a), If_None_Match=tag)
    assert "SUMMARY:Occupied" in answer.body.decode()


def test_a_feed_answers_head_and_stays_private(room_a: Site) -> None:
    head = room_a.get(url(room_a), "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert "private" in head.headers["cache-control"]
    assert head.headers["referrer-policy"] == "no-referrer"
    assert room_a.get(url(room_a), "POST").status == 405


@pytest.mark.covers("T35")
def test_no_log_line_holds_a_token(room_a: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = room_a.token("room-a", "public")
    room_a.get(url(room_a))
    room_a.get(f"/freebusy/room-a?token={token}")
    room_a.get(f"/feeds/{token}")
    room_a.raw(f"GET /feeds/{token}/room-a.ics HTTP/1.1\r\n\r\n".encode())
    room_a.database.close()
    assert room_a.database.path is not None
    room_a.database.path.unlink()
    assert room_a.get(url(room_a)).status == 503
    assert "/feeds/***/room-a.ics" in caplog.text
    assert token not in caplog.text
