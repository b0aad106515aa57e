"""Free-busy URLs over HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from email.utils import formatdate
from time import monotonic

import pytest
from sqlalchemy import event

from bridge.config.settings import Settings
from bridge.model.interval import FBType, Window, rfc3339
from bridge.model.resource import ResourceId
from bridge.store import resources, schema
from bridge.store.database import Database
from tests.web.site import DAY, HORIZON, NOW, TODAY, Response, Site, basic, site_settings

HOUR = 3600
WEEK = 7 * DAY
PATIENCE = 60.0


def lines(answer: Response) -> list[str]:
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return answer.body.decode().replace("\r\n ", "").split("\r\n")


def value(answer: Response, name: str) -> str:
    (found,) = [line for line in lines(answer) if line.startswith(f"{name}:")]
    return found.partition(":")[2]


def stamp(when: int) -> str:
    return re.sub("[-:]", "", rfc3339(when))


@pytest.fixture
def room_b(site: Site) -> Site:
    """`room-b` is public; busy tomorrow from 9 to 10, tentatively from 11 to 12."""
    site.fill("room-b", [(TODAY + DAY + 9 * HOUR, TODAY + DAY + 10 * HOUR)])
    site.fill("room-b", [(TODAY + DAY + 11 * HOUR, TODAY + DAY + 12 * HOUR)], FBType.BUSY_TENTATIVE)
    return site


def test_the_answer_is_one_vfreebusy_without_method_and_every_period_names_its_type(
    room_b: Site,
) -> None:
    answer = lines(room_b.get("/freebusy/room-b.ifb"))
    assert answer.count("BEGIN:VFREEBUSY") == 1
    assert not [line for line in answer if line.startswith("METHOD")]
    day = stamp(TODAY + DAY)[:8]
    assert [line for line in answer if line.startswith("FREEBUSY")] == [
        f"FREEBUSY;FBTYPE=BUSY:{day}T090000Z/{day}T100000Z",
        f"FREEBUSY;FBTYPE=BUSY-TENTATIVE:{day}T110000Z/{day}T120000Z",
    ]


def test_six_weeks_from_now_are_covered_when_the_request_names_no_range(room_b: Site) -> None:
    answer = room_b.get("/freebusy/room-b.ifb")
    assert value(answer, "DTSTART") == stamp(TODAY)
    assert value(answer, "DTEND") >= stamp(NOW + 6 * WEEK)


@pytest.mark.parametrize(
    "target",
    [
        "/freebusy/room-b",
        "/freebusy/room-b/",
        "/freebusy/room-b.ifb",
        "/freebusy/room-b.vfb",
        "/freebusy/room-b@example.com",
        "/freebusy/room-b%40example.com.vfb",
        "/freebusy/ROOM-B@Example.COM",
        "/freebusy/mailto:room-b@example.com",
        "/freebusy?user=room-b",
        "/freebusy/?user=room-b%40example.com",
    ],
)
def test_a_resource_is_found_by_its_id_and_its_address(room_b: Site, target: str) -> None:
    assert room_b.get(target).body == room_b.get("/freebusy/room-b").body


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("start=2026-11-21T00:00:00Z&end=2026-11-22T00:00:00Z", TODAY + DAY, TODAY + 2 * DAY),
        ("start=20261121T000000Z&end=20261122T000000Z", TODAY + DAY, TODAY + 2 * DAY),
        ("start=2026-11-21T01:00:00+01:00&period=P1D", TODAY + DAY, TODAY + 2 * DAY),
        ("start=2026-11-21T01:00:00%2B01:00&period=PT24H", TODAY + DAY, TODAY + 2 * DAY),
        ("start=0d&end=60d", TODAY, TODAY + 61 * DAY),
        ("start=-2days&end=p1week", TODAY - 2 * DAY, TODAY + 8 * DAY),
        ("start=1day", TODAY + DAY, TODAY + DAY + 6 * WEEK),
        ("end=1week", TODAY, TODAY + 8 * DAY),
        ("period=P1W", TODAY, TODAY + 8 * DAY),
        ("start=-1h&end=1h", NOW - HOUR, NOW + HOUR),
        ("start=&end=&period=", TODAY, TODAY + DAY + 6 * WEEK),
    ],
)
def test_the_range_that_was_asked_for(room_b: Site, query: str, start: int, end: int) -> None:
    answer = room_b.get(f"/freebusy/room-b?{query}")
    assert (value(answer, "DTSTART"), value(answer, "DTEND")) == (stamp(start), stamp(end))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=2026-11-21", "start"),
        ("start=tomorrow", "start"),
        ("end=2026-13-01T00:00:00Z", "end"),
        ("start=2026-11-22T00:00:00Z&end=2026-11-21T00:00:00Z", "end"),
        ("start=2026-11-22T00:00:00Z&end=2026-11-22T00:00:00Z", "end"),
        ("end=1d&period=P1D", "period"),
        ("period=-P1D", "period"),
        ("period=soon", "period"),
    ],
)
def test_a_wrong_range_is_400_and_named(room_b: Site, query: str, field: str) -> None:
    answer = room_b.get(f"/freebusy/room-b?{query}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_window")
    assert answer.json["errors"][0]["field"] == field


def test_beyond_the_horizon_the_answer_ends_and_calls_nothing_free(room_b: Site) -> None:
    answer = room_b.get("/freebusy/room-b?start=-30d&end=900d")
    assert value(answer, "DTSTART") == stamp(HORIZON.start)
    assert value(answer, "DTEND") == stamp(HORIZON.end)
    for query in ("start=900d&end=901d", "start=-90d&end=-80d"):
        outside = room_b.get(f"/freebusy/room-b?{query}")
        assert (outside.status, outside.json["code"]) == (422, "beyond_horizon")
        assert rfc3339(HORIZON.end) in outside.json["detail"]


def test_a_period_that_the_range_cuts_is_clipped(room_b: Site) -> None:
    answer = room_b.get("/freebusy/room-b?start=20261121T093000Z&end=20261121T113000Z")
    assert [line for line in lines(answer) if line.startswith("FREEBUSY")] == [
        "FREEBUSY;FBTYPE=BUSY:20261121T093000Z/20261121T100000Z",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261121T110000Z/20261121T113000Z",
    ]


def test_a_resource_that_was_never_read_is_not_called_free(site: Site) -> None:
    with site.database.write() as conn:
        resources.set_horizon(conn, "room-b", Window(0, 0))
    answer = site.get("/freebusy/room-b")
    assert (answer.status, answer.json["code"]) == (503, "not_read_yet")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.covers("P4")
def test_a_resource_none_of_whose_calendars_could_be_read_is_not_called_free(site: Site) -> None:
    with site.database.write() as conn:
        conn.execute(schema.calendars.update().values(success_at=None))
    for target in ("/freebusy/room-b", f"/feeds/{site.token('room-b', 'public')}/room-b.ics"):
        answer = site.get(target)
        assert (answer.status, answer.json["code"]) == (503, "not_read_yet")


# Who may ask


def test_the_token_of_one_of_its_feeds_opens_a_resource(site: Site) -> None:
    token = site.token("room-a", "public")
    assert site.get(f"/freebusy/room-a?token={token}").status == 200
    assert site.get(f"/freebusy/room-b?token={token}").status == 200  # public anyway


def test_a_login_with_free_busy_access_opens_a_resource(site: Site) -> None:
    password = site.app_password("alice")
    assert site.get("/freebusy/room-a", Authorization=basic("alice", password)).status == 200


@pytest.mark.covers("T36")
def test_what_does_not_exist_and_what_may_not_be_seen_answer_alike(site: Site) -> None:
    stranger = {"Authorization": basic("bob", site.app_password("bob"))}
    token_b = site.token("room-b", "public")
    wrong = {"Authorization": basic("bob", "wrong")}
    for expected, query, headers in (
        (401, "", {}),
        (401, "", wrong),
        (404, "", stranger),
        (404, f"?token={token_b}", {}),
        (404, "?token=guess", {}),
        (404, "?token=", {}),
    ):
        answers = [
            site.get(f"/freebusy/{name}{query}", **headers)
            for name in ("room-a", "room-c", "room-a@example.com", "nobody@example.com")
        ]
        assert {answer.status for answer in answers} == {expected}
        assert len({answer.body for answer in answers}) == 1
        assert len({frozenset(stable(answer.headers).items()) for answer in answers}) == 1


def stable(headers) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name not in ("date", "x-request-id")}


def test_a_missing_login_is_asked_for(site: Site) -> None:
    answer = site.get("/freebusy/room-a")
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize("value", ["Basic abc", "Basic", "Basic \xff", "Bearer", "Digest x"])
def test_malformed_credentials_are_never_5xx(site: Site, value: str) -> None:
    assert site.get("/freebusy/room-a", Authorization=value).status in {400, 401}
    assert site.get("/freebusy/room-b", Authorization=value).status in {200, 400}


def test_too_many_wrong_passwords_are_told_to_wait(sqlite_database: Database) -> None:
    settings = site_settings(server={"rate_limit": {"login_failures": "3/min"}})
    with Site(sqlite_database, settings) as site:
        wrong = {"Authorization": basic("alice", "wrong")}
        answers = [site.get("/freebusy/room-a", **wrong) for _ in range(5)]
    assert answers[0].status == 401
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) > 0


def test_a_resource_that_left_the_file_is_gone(site: Site) -> None:
    site.live.swap(site_settings(resources=[{"id": "room-c", "freebusy": {"public": True}}]))
    assert site.get("/freebusy/room-b").status == 401


# Formats and headers


def test_json_shows_the_same_periods(room_b: Site) -> None:
    for name in ("application/json", "json"):
        answer = room_b.get(f"/freebusy/room-b?format={name}&start=1d&end=1d")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json == {
            "resource_id": "room-b",
            "start": "2026-11-21T00:00:00Z",
            "end": "2026-11-22T00:00:00Z",
            "periods": [
                {
                    "start": "2026-11-21T09:00:00Z",
                    "end": "2026-11-21T10:00:00Z",
                    "type": "BUSY",
                },
                {
                    "start": "2026-11-21T11:00:00Z",
                    "end": "2026-11-21T12:00:00Z",
                    "type": "BUSY-TENTATIVE",
                },
            ],
            "freshness": {"oldest": "2026-11-20T15:29:00Z", "stale": 0},
        }
    assert lines(room_b.get("/freebusy/room-b?fmt=ifb"))
    assert room_b.get("/freebusy/room-b?format=text/html").status == 406


def test_every_answer_says_how_fresh_it_is_and_stays_private(room_b: Site) -> None:
    headers = room_b.get("/freebusy/room-b").headers
    assert headers["x-busybridge-freshness"] == "oldest=2026-11-20T15:29:00Z; stale=0"
    assert "private" in headers["cache-control"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_head_is_get_without_the_body(room_b: Site) -> None:
    got = room_b.get("/freebusy/room-b")
    head = room_b.get("/freebusy/room-b", "HEAD")
    assert head.body == b""
    assert stable(head.headers) == stable(got.headers)
    assert head.headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "BREW"])
def test_other_methods_are_told_which_are_understood(site: Site, method: str) -> None:
    answer = site.get("/freebusy/room-b", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


# Unchanged


@pytest.mark.covers("A-38")
def test_unchanged_busy_time_is_304_all_day_and_after_a_restart(room_b: Site) -> None:
    first = room_b.get("/freebusy/room-b.ifb")
    tag = first.headers["etag"]
    for room_b.now in (TODAY, NOW, TODAY + DAY - 1):
        for wanted in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = room_b.get("/freebusy/room-b.ifb", If_None_Match=wanted)
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["etag"] == tag
            assert "x-busybridge-freshness" in answer.headers
    restarted = Site.over(room_b)
    with restarted:
        assert restarted.get("/freebusy/room-b.ifb", If_None_Match=tag).status == 304
    room_b.now = TODAY + DAY
    assert room_b.get("/freebusy/room-b.ifb", If_None_Match=tag).status == 200


def test_a_relative_range_is_304_all_day_too(room_b: Site) -> None:
    target = "/freebusy/room-b?start=0d&end=60d"
    tag = room_b.get(target).headers["etag"]
    room_b.now = TODAY + DAY - 1
    assert room_b.get(target, If_None_Match=tag).status == 304


def test_a_change_is_200_with_another_tag(room_b: Site) -> None:
    before = room_b.get("/freebusy/room-b")
    room_b.fill("room-b", [(TODAY + 3 * DAY, TODAY + 3 * DAY + HOUR)], at=NOW - 10)
    after = room_b.get("/freebusy/room-b", If_None_Match=before.headers["etag"])
    assert after.status == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert value(after, "DTSTAMP") == stamp(NOW - 10)


def test_an_answer_that_a_reload_changed_is_never_304(room_b: Site) -> None:
    """Nothing but the ETag decides: a date would not know of the reload."""
    before = room_b.get("/freebusy/room-b")
    assert "last-modified" not in before.headers
    settings = room_b.live.current.model_copy(deep=True)
    room, other = settings.resources[1], settings.resources[0]
    renamed = room.model_copy(update={"name": "Another name"})
    room_b.live.swap(settings.model_copy(update={"resources": (other, renamed)}))
    room_b.now += 3600
    since = {"If_Modified_Since": formatdate(room_b.now, usegmt=True)}
    for headers in (since, {"If_None_Match": before.headers["etag"]}):
        after = room_b.get("/freebusy/room-b", **headers)
        assert after.status == 200
        assert b"Another name" in after.body


def test_free_time_that_never_changed_is_stamped_with_the_beginning_of_what_is_known(
    site: Site,
) -> None:
    answer = site.get("/freebusy/room-b")
    assert value(answer, "DTSTAMP") == stamp(HORIZON.start)
    with site.database.write() as conn:
        moved = Window(HORIZON.start + DAY, HORIZON.end)
        resources.set_horizon(conn, ResourceId("room-b"), moved)
    tag = answer.headers["etag"]
    after = site.get("/freebusy/room-b", If_None_Match=tag)
    assert (after.status, value(after, "DTSTAMP")) == (200, stamp(moved.start))


@pytest.mark.covers("T50")
def test_a_hidden_detail_that_changes_does_not_move_the_tag_of_the_times(site: Site) -> None:
    span = [(TODAY + DAY, TODAY + DAY + HOUR)]
    token = site.token("room-a", "public")
    details = f"/feeds/{site.token('room-a', 'team')}/room-a.ics"
    urls = (f"/freebusy/room-a?token={token}", f"/feeds/{token}/room-a.ics")
    site.fill("room-a", span, at=NOW - 60, title="secret merger")
    before = [site.get(url) for url in urls]
    detailed = site.get(details)
    site.fill("room-a", span, at=NOW - 40, title="secret divorce")
    assert [site.get(url).body for url in urls] == [answer.body for answer in before]
    for url, answer in zip(urls, before, strict=True):
        again = site.get(url, If_None_Match=answer.headers["etag"])
        assert again.status == 304
    assert site.get(details, If_None_Match=detailed.headers["etag"]).status == 200


@pytest.mark.covers("P12")
def test_what_no_worker_reads_any_more_is_called_stale(room_b: Site) -> None:
    read_at = NOW - 60
    for room_b.now, stale in ((read_at + 6 * HOUR - 1, 0), (read_at + 6 * HOUR, 1)):
        answer = room_b.get("/freebusy/room-b")
        expected = f"oldest={rfc3339(read_at)}; stale={stale}"
        assert answer.headers["x-busybridge-freshness"] == expected


def test_a_304_reads_no_blocks(room_b: Site) -> None:
    tag = room_b.get("/freebusy/room-b").headers["etag"]
    statements: list[str] = []
    room_b.database.close()
    event.listen(
        room_b.database._engine,
        "connect",
        lambda driver, _: driver.set_trace_callback(statements.append),
    )
    assert room_b.get("/freebusy/room-b", If_None_Match=tag).status == 304
    selects = [text for text in statements if text.startswith("SELECT")]
    assert len(selects) == 2
    assert not [text for text in selects if "FROM blocks" in text]


# Just in time


@pytest.mark.covers("S4-04")
def test_sync_true_pulls_first_and_shows_what_came(site: Site) -> None:
    site.engine.pull = lambda: site.fill("room-b", [(TODAY + DAY, TODAY + DAY + HOUR)])
    assert "FREEBUSY;" not in site.get("/freebusy/room-b").body.decode()
    assert "FREEBUSY;" in site.get("/freebusy/room-b?sync=true").body.decode()
    assert [asked for asked, _ in site.engine.asked] == [("room-b",)]


def test_sync_is_only_for_those_who_may_see(site: Site) -> None:
    assert site.get("/freebusy/room-a?sync=true").status == 401
    assert site.engine.asked == []


def test_sync_can_be_switched_off(sqlite_database: Database) -> None:
    settings = site_settings(sync={"just_in_time": {"enabled": False}})
    with Site(sqlite_database, settings) as site:
        assert site.get("/freebusy/room-b?sync=true").status == 200
        assert site.engine.asked == []


@pytest.fixture
def stuck(sqlite_database: Database) -> Iterator[tuple[Site, threading.Event]]:
    """A site of eight threads whose engine does not come back before the event."""
    settings: Settings = site_settings(server={"threads": 8})
    done = threading.Event()
    with Site(sqlite_database, settings) as site:
        site.engine.pull = lambda: bool(done.wait(2 * PATIENCE))
        yield site, done
        done.set()


def test_waiting_requests_leave_three_quarters_of_the_threads_to_others(
    stuck: tuple[Site, threading.Event],
) -> None:
    site, done = stuck
    answers: list[int] = []
    waiting = [
        threading.Thread(
            target=lambda: answers.append(site.get("/freebusy/room-b?sync=true").status)
        )
        for _ in range(20)
    ]
    for each in waiting:
        each.start()
    assert site.get("/freebusy/room-b").status == 200
    ends, pause = monotonic() + PATIENCE, threading.Event()
    while len(answers) < 18:
        assert monotonic() < ends
        pause.wait(0.02)
    assert len(site.engine.asked) == 2
    assert answers == [200] * 18
    done.set()
    for each in waiting:
        each.join(PATIENCE)
    assert answers == [200] * 20
