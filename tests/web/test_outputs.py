"""All outputs together, on both databases: the same periods, to whom they may be shown, in time."""

from __future__ import annotations

import logging
import random
import re
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.model.interval import FBType, rfc3339
from bridge.store.database import Database
from bridge.web.times import parse_instant
from tests.web.site import DAY, HORIZON, TODAY, Response, Site, basic, site_settings

HOUR = 3600
START, END = TODAY - DAY, TODAY + 60 * DAY
"""The window of the feeds."""
RANGE = f"start={rfc3339(START)}&end={rfc3339(END)}"
Periods = list[tuple[int, int, str]]
SHOWN = {"BUSY": "BUSY", "TENTATIVE": "BUSY-TENTATIVE", "OOF": "BUSY-UNAVAILABLE"}


@pytest.fixture
def either(database: Database) -> Iterator[Site]:
    with Site(database, site_settings()) as served:
        yield served


def of_freebusy(answer: Response) -> Periods:
    found = re.findall(r"FREEBUSY;FBTYPE=([A-Z-]+):(\w+)/(\w+)\r\n", answer.body.decode())
    return [(parse_instant(start), parse_instant(end), kind) for kind, start, end in found]


def of_json(periods: list[dict[str, str]]) -> Periods:
    return [
        (parse_instant(each["start"]), parse_instant(each["end"]), each["type"]) for each in periods
    ]


def of_feed(answer: Response) -> Periods:
    return [
        (
            parse_instant(re.search(r"DTSTART:(\w+)", event)[1]),
            parse_instant(re.search(r"DTEND:(\w+)", event)[1]),
            SHOWN[re.search(r"BUSYSTATUS:(\w+)", event)[1]],
        )
        for event in answer.body.decode().split("BEGIN:VEVENT")[1:]
    ]


@pytest.mark.parametrize("seed", range(3))
def test_every_output_gives_the_same_periods(either: Site, seed: int) -> None:
    chance = random.Random(seed)
    for fbtype in FBType:
        starts = [chance.randrange(START, END - 3 * DAY, 300) for _ in range(40)]
        spans = [(start, start + chance.randrange(300, 2 * DAY, 300)) for start in starts]
        either.fill("room-a", spans, fbtype)
    token, key = either.token("room-a", "public"), either.key()
    body = {"resources": ["room-a"], "start": rfc3339(START), "end": rfc3339(END)}
    answers = [
        of_freebusy(either.get(f"/freebusy/room-a?token={token}&{RANGE}")),
        of_json(either.get(f"/freebusy/room-a?token={token}&{RANGE}&format=json").json["periods"]),
        of_feed(either.get(f"/feeds/{token}/room-a.ics")),
        of_json(either.api(f"/resources/room-a/busy?{RANGE}", key).json["periods"]),
        of_json(either.api("/free-busy", key, body).json["resources"][0]["periods"]),
    ]
    assert len(answers[0]) > 20
    assert {kind for _, _, kind in answers[0]} == set(SHOWN.values())
    assert all(answer == answers[0] for answer in answers)
    for one, two in zip(answers[0], answers[0][1:], strict=False):
        assert one[1] <= two[0]


def test_a_database_of_either_kind_answers_304(either: Site) -> None:
    either.fill("room-b", [(TODAY, TODAY + HOUR)])
    tag = either.get("/freebusy/room-b").headers["etag"]
    assert either.get("/freebusy/room-b", If_None_Match=tag).status == 304
    either.clear("room-b")
    assert either.get("/freebusy/room-b", If_None_Match=tag).status == 200


# Who sees what

CANARY = "canary-of"
RESOURCES = ["room-a", "room-b", "room-c", "nobody"]


def private_settings() -> Any:
    """`room-a` and `room-c` are closed, `room-b` is public."""
    feeds = [{"name": "public"}, {"name": "team", "detail": "full"}]
    return site_settings(
        auth={
            "users": [
                {"name": "alice", "access": {"room-a": "free-busy"}},
                {"name": "bob", "access": {"*": "read", "room-a": "free-busy"}},
                {"name": "root", "role": "admin"},
            ]
        },
        resources=[
            {"id": name, "feeds": feeds, "freebusy": {"public": name == "room-b"}}
            for name in RESOURCES[:3]
        ],
    )


@pytest.mark.covers("T49")
def test_nobody_gets_more_than_they_were_granted(sqlite_database: Database) -> None:
    with Site(sqlite_database, private_settings()) as site:
        for name in RESOURCES[:3]:
            site.fill(name, [(TODAY + HOUR, TODAY + 2 * HOUR)], title=f"{CANARY} {name}")
        narrow, wide = site.key("room-a"), site.key("*")
        logins = {name: basic(name, site.app_password(name)) for name in ("alice", "bob", "root")}
        keys = {"narrow": f"Bearer {narrow}", "wide": f"Bearer {wide}", "none": "Bearer x"}
        granted = {
            "freebusy": {
                "anonymous": {"room-b"},
                "alice": {"room-a", "room-b"},
                "bob": {"room-a", "room-b", "room-c"},
                "root": {"room-a", "room-b", "room-c"},
                "narrow": {"room-b"},
                "wide": {"room-b"},
                "none": {"room-b"},
            },
            "api": {
                "anonymous": set(),
                **{name: set() for name in logins},
                "narrow": {"room-a"},
                "wide": {"room-a", "room-b", "room-c"},
                "none": set(),
            },
        }
        principals = {"anonymous": None, **logins, **keys}
        for who, value in principals.items():
            headers = {} if value is None else {"Authorization": value}
            for name in RESOURCES:
                for route, target in (
                    ("freebusy", f"/freebusy/{name}"),
                    ("api", f"/api/v1/resources/{name}/busy?{RANGE}"),
                ):
                    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "REPORT"):
                        answer = site.get(target, method, **headers)
                        allowed = method in ("GET", "HEAD") and name in granted[route][who]
                        assert (answer.status == 200) is allowed
                        assert CANARY.encode() not in answer.body
        tokens = {
            (name, feed): site.token(name, feed)
            for name in RESOURCES[:3]
            for feed in ("public", "team")
        }
        for (owner, feed), token in tokens.items():
            for name in RESOURCES:
                answer = site.get(f"/feeds/{token}/{name}.ics")
                assert (answer.status == 200) is (name == owner)
                seen = re.findall(rf"{CANARY} [\w-]+", answer.body.decode())
                assert seen == ([f"{CANARY} {owner}"] if (name, feed) == (owner, "team") else [])
                looked = site.get(f"/freebusy/{name}?token={token}")
                assert (looked.status == 200) is (name in {owner, "room-b"})
                assert CANARY.encode() not in looked.body


@pytest.mark.covers("A-36")
def test_secret_texts_appear_in_no_busy_output_no_error_and_no_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = dict.fromkeys(("title", "description", "location", "url", "conference_url"), CANARY)
    site.fill("room-a", [(TODAY + HOUR, TODAY + 2 * HOUR)], **texts)
    token, key = site.token("room-a", "public"), site.key()
    body = {"resources": ["room-a"], "start": rfc3339(START), "end": rfc3339(END)}
    answers = [
        site.get(f"/feeds/{token}/room-a.ics"),
        site.get(f"/freebusy/room-a?token={token}"),
        site.get(f"/freebusy/room-a?token={token}&format=json"),
        site.get(f"/freebusy/room-a?token={token}&start=900d&end=901d"),
        site.api(f"/resources/room-a/busy?{RANGE}", key),
        site.api("/free-busy", key, body),
        site.api(f"/resources/room-a/busy?{RANGE}&x=1", key),
        site.get("/metrics"),
        site.get("/readyz"),
    ]
    for answer in answers:
        assert CANARY not in answer.body.decode() + str(answer.headers)
    assert CANARY not in caplog.text


# In time


@pytest.mark.covers("A-39")
def test_a_calendar_of_20000_events_is_read_warm_in_less_than_50_ms_of_work(
    sqlite_database: Database,
) -> None:
    with Site(sqlite_database, site_settings()) as site:
        site.fill("room-b", [(TODAY + n * 1600, TODAY + n * 1600 + 900) for n in range(20_000)])
        first, _ = work(site, "/freebusy/room-b.ifb?start=0d&end=390d")
        assert first.status == 200
        assert len(of_freebusy(first)) == 20_000
        again, warm = work(site, "/freebusy/room-b.ifb?start=0d&end=390d")
        assert again.body == first.body
        assert warm < 0.05


@pytest.mark.covers("T53")
def test_the_widest_ranges_cost_a_bounded_time_and_memory(sqlite_database: Database) -> None:
    """The most that one request can ask for, answered cold each time."""
    with Site(sqlite_database, site_settings()) as site:
        site.fill("room-b", [(TODAY + n * 1600, TODAY + n * 1600 + 900) for n in range(20_000)])
        everything = "start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z"
        known = f"start={rfc3339(HORIZON.start)}&end={rfc3339(HORIZON.end)}"
        key = {"authorization": f"Bearer {site.key()}"}
        asked: list[tuple[str, dict[str, str], int]] = [
            (f"/freebusy/room-b.ifb?{everything}", {}, 200),
            (f"/freebusy/room-b?{everything}&format=json", {}, 200),
            (f"/feeds/{site.token('room-b', 'public')}/room-b.ics", {}, 200),
            (f"/api/v1/resources/room-b/busy?{everything}", key, 422),
            (f"/api/v1/resources/room-b/busy?{known}", key, 200),
        ]
        for target, headers, status in asked:
            answer, spent = work(Site.over(site), target, **headers)
            assert answer.status == status, target
            assert spent < 1, target
            cold = Site.over(site)
            tracemalloc.start()
            try:
                work(cold, target, **headers)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak < 100 << 20, target
        span = {"start": rfc3339(HORIZON.start), "end": rfc3339(HORIZON.end)}
        many = site.api("/free-busy", site.key(), {"resources": ["room-b"] * 100, **span})
        assert many.status == 200
        assert len(many.body) < 10 << 20
        codes = {each["error"]["code"] for each in many.json["resources"] if "error" in each}
        assert codes == {"too_many_periods"}


def work(site: Site, target: str, **headers: str) -> tuple[Response, float]:
    """Answer in this thread, and measure what it takes."""
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "192.0.2.1",
    } | {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    told: list[Any] = []
    started = time.thread_time()
    body = b"".join(site.wsgi(environ, lambda *args: told.extend(args)))
    spent = time.thread_time() - started
    named = {name.lower(): value for name, value in told[1]}
    return Response(int(told[0].split()[0]), named, body), spent


@pytest.fixture(scope="module")
def quiet(sqlite_databases, tmp_path_factory) -> Iterator[Site]:
    """One site for many examples; nothing is served, nothing is changed."""
    from tests.databases import closing_database

    url = sqlite_databases.url(tmp_path_factory.mktemp("quiet") / "data")
    with closing_database(url) as database:
        yield Site(database, site_settings())


AREAS = ["", "freebusy", "feeds", "api", "api/v1", "healthz", "metrics", "hooks", ".well-known"]
PARAMETERS = ["start", "end", "period", "format", "token", "sync", "user", "x"]
WORDS = st.one_of(
    st.sampled_from(["room-a", "room-b", "0d", "60d", "-9999y", "P1W", "true", "docs", "*", ".."]),
    st.text(max_size=30),
)


@pytest.mark.covers("P9")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    area=st.sampled_from(AREAS),
    segments=st.lists(WORDS, max_size=3),
    query=st.dictionaries(st.sampled_from(PARAMETERS), WORDS, max_size=4),
    headers=st.dictionaries(
        st.sampled_from(["authorization", "if_none_match", "if_modified_since", "depth"]),
        st.text(st.characters(max_codepoint=255), max_size=40),
        max_size=3,
    ),
)
@example(
    area="freebusy",
    segments=["room-b"],
    query={"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"},
    headers={},
)
@example(area="freebusy", segments=["room-b"], query={"period": "P999999999D"}, headers={})
def test_no_request_is_5xx_or_takes_a_second(quiet, area, segments, query, headers) -> None:
    path = "/" + "/".join([area, *segments]).encode("utf-8", "surrogatepass").decode("latin-1")
    pairs = "&".join(
        f"{name}={quote(value, errors='surrogatepass')}" for name, value in query.items()
    )
    answer, spent = work(quiet, f"{path.replace('?', '')}?{pairs}", **headers)
    assert answer.status < 500
    assert spent < 1
