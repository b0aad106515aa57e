"""The HTTP API: keys, scopes, globs, strict bodies, problem details."""

from __future__ import annotations

import json
import re

import pytest
from flask import Response
from sqlalchemy import event

from bridge.access import Scope
from bridge.model.interval import FBType, rfc3339
from bridge.store import keys
from bridge.web.api.application import Api
from bridge.web.api.models import MOST_RESOURCES
from bridge.web.reading import Reader
from tests.web.site import DAY, HORIZON, NOW, TODAY, Site, basic
from tests.web.site import Response as Answer

HOUR = 3600
RANGE = "start=2026-11-21T00:00:00Z&end=2026-11-22T00:00:00Z"
BODY = {"start": "2026-11-21T00:00:00Z", "end": "2026-11-22T00:00:00Z"}


@pytest.fixture
def key(site: Site) -> str:
    site.fill("room-a", [(TODAY + DAY + 9 * HOUR, TODAY + DAY + 10 * HOUR)])
    site.fill("room-b", [(TODAY + DAY, TODAY + DAY + HOUR)], FBType.BUSY_TENTATIVE)
    return site.key()


def code(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == answer.status
    return answer.status, answer.json["code"]


@pytest.mark.covers("S4-04")
def test_busy_time_of_one_resource(site: Site, key: str) -> None:
    answer = site.api(f"/resources/room-a/busy?{RANGE}", key)
    assert answer.status == 200
    assert answer.json == {
        "resource_id": "room-a",
        "start": "2026-11-21T00:00:00Z",
        "end": "2026-11-22T00:00:00Z",
        "periods": [
            {"start": "2026-11-21T09:00:00Z", "end": "2026-11-21T10:00:00Z", "type": "BUSY"}
        ],
        "freshness": {"oldest": "2026-11-20T15:29:00Z", "stale": 0},
    }
    assert site.api(f"/resources/Room-A@example.com/busy?{RANGE}", key).json == answer.json


@pytest.mark.covers("S4-04")
def test_busy_time_of_many_resources_each_with_its_own_error(site: Site, key: str) -> None:
    answer = site.api("/free-busy", key, BODY | {"resources": ["room-a", "nobody", "room-b"]})
    assert answer.status == 200
    first, unknown, second = answer.json["resources"]
    assert [period["start"] for period in first["periods"]] == ["2026-11-21T09:00:00Z"]
    assert (unknown["resource_id"], unknown["error"]["code"]) == ("nobody", "resource_not_found")
    assert [period["type"] for period in second["periods"]] == ["BUSY-TENTATIVE"]
    assert second["freshness"]["stale"] == 0


def test_sync_true_pulls_first(site: Site, key: str) -> None:
    site.engine.pull = lambda: site.clear("room-a")
    assert site.api(f"/resources/room-a/busy?{RANGE}&sync=true", key).json["periods"] == []
    assert [asked for asked, _ in site.engine.asked] == [("room-a",)]


@pytest.mark.covers("A-38")
def test_unchanged_busy_time_is_304_and_its_tag_is_weak(site: Site, key: str) -> None:
    target = f"/resources/room-a/busy?{RANGE}"
    tag = site.api(target, key).headers["etag"]
    assert tag.startswith("W/")  # the body also says how fresh it is
    site.pulled("room-a", NOW - 5)
    answer = site.api(target, key, If_None_Match=tag)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["x-busybridge-freshness"] == "oldest=2026-11-20T15:29:55Z; stale=0"
    assert site.api(target, key).json["freshness"]["oldest"] == "2026-11-20T15:29:55Z"
    site.fill("room-a", [(TODAY + DAY, TODAY + DAY + HOUR)])
    assert site.api(target, key, If_None_Match=tag).status == 200


def test_nothing_beyond_the_horizon_is_called_free(site: Site, key: str) -> None:
    end = rfc3339(HORIZON.end + 1)
    target = f"/resources/room-a/busy?start=2026-11-21T00:00:00Z&end={end}"
    answer = site.api(target, key)
    assert code(answer) == (422, "beyond_horizon")
    assert rfc3339(HORIZON.end) in answer.json["detail"]
    many = site.api("/free-busy", key, BODY | {"end": end, "resources": ["room-a"]})
    assert many.json["resources"][0]["error"]["code"] == "beyond_horizon"
    assert site.api(target.replace(end, rfc3339(HORIZON.end)), key).status == 200


# Keys


@pytest.mark.covers("S1-13")
def test_without_a_good_key_every_route_is_401(site: Site) -> None:
    expired, revoked = site.key(expires_at=NOW), site.key()
    with site.database.write() as conn:
        revoked_id = keys.key_id(revoked, keys.API_KEY)
        assert revoked_id
        keys.revoke_api_key(conn, revoked_id, NOW)
    password = site.app_password("alice")
    for value in (
        None,
        basic("alice", password),
        f"Bearer {password}",
        f"Bearer {site.token('room-a', 'public')}",
        f"Bearer {expired}",
        f"Bearer {revoked}",
        "Bearer x",
    ):
        headers = {} if value is None else {"Authorization": value}
        for answer in (
            site.get(f"/api/v1/resources/room-a/busy?{RANGE}", **headers),
            site.get("/api/v1/free-busy", "POST", b"{}", **headers),
        ):
            assert code(answer) == (401, "key_required")
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.covers("T59", "S4-18")
def test_a_key_reaches_only_the_resources_that_its_globs_match(site: Site, key: str) -> None:
    narrow = site.key("room-b", "meeting-*")
    own = site.api(f"/resources/room-b/busy?{RANGE}", narrow)
    assert own.status == 200
    foreign = site.api(f"/resources/room-a/busy?{RANGE}", narrow)
    unknown = site.api(f"/resources/room-c/busy?{RANGE}", narrow)
    assert code(foreign) == (404, "resource_not_found")
    assert foreign.body == unknown.body
    many = site.api("/free-busy", narrow, BODY | {"resources": ["room-a", "room-b", "room-c"]})
    assert ["error" in each for each in many.json["resources"]] == [True, False, True]
    assert b"09:00:00" not in many.body


@pytest.mark.covers("T59")
def test_every_route_needs_its_scope_or_is_known_to_be_open(site: Site) -> None:
    api = Api(site.context, Reader(site.context))
    routes = list(api.routes)
    open_to_all = {path for _, path, scope in routes if scope is None}
    assert open_to_all == {"/api/v1/docs", "/api/v1/openapi.json"}
    scoped = [route for route in routes if route[2] is not None]
    assert len(scoped) >= 2
    good = {scope.value: site.key(scopes=[scope.value]) for scope in Scope}
    useless = site.key(scopes=["nothing"])
    for method, path, scope in scoped:
        target = re.sub("<[^>]+>", "room-a", path)
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        named = {"Content-Type": "application/json"}
        assert site.get(target, method, body, **named).status == 401
        for given, granted in [*good.items(), ("nothing", useless)]:
            headers = named | {"Authorization": f"Bearer {granted}"}
            answer = site.get(target, method, body, **headers)
            assert (answer.status == 403) is (given != scope.value), (method, path, given)
            assert answer.status != 401


@pytest.mark.covers("T59")
def test_a_route_without_a_scope_never_serves(site: Site) -> None:
    api = Api(site.context, Reader(site.context))
    api.app._got_first_request = False
    api.app.add_url_rule("/api/v1/forgotten", "forgotten", lambda: Response("secret"))
    with pytest.raises(RuntimeError, match="forgotten"):
        api.routes.close()


# Bodies and queries


@pytest.mark.covers("T60")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "start"),
        ("start=2026-11-21T00:00:00Z", "end"),
        (f"{RANGE}&admin=true", "admin"),
        (f"{RANGE}&sync=maybe", "sync"),
        ("start=2026-11-21&end=2026-11-22", "start"),
        ("start=0d&end=1d", "start"),
        ("start=2026-11-22T00:00:00Z&end=2026-11-21T00:00:00Z", "body"),
    ],
)
def test_a_wrong_query_is_422_and_names_the_field(
    site: Site, key: str, query: str, field: str
) -> None:
    answer = site.api(f"/resources/room-a/busy?{query}", key)
    assert code(answer) == (422, "invalid_request")
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.covers("T60")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resources": None}, "resources"),
        ({"resources": []}, "resources"),
        ({"resources": "room-a"}, "resources"),
        ({"resources": [1]}, "resources.0"),
        ({"resources": ["x" * 255]}, "resources.0"),
        ({"resources": ["room-a"] * (MOST_RESOURCES + 1)}, "resources"),
        ({"start": 5}, "start"),
        ({"role": "admin"}, "role"),
        ({"end": "2026-11-21"}, "end"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "start"),
        ({"end": "9999-12-31T23:59:59-14:00"}, "end"),
        ({"end": "9999-12-31T23:59:60Z"}, "end"),
    ],
)
def test_a_wrong_body_is_422_and_names_the_field(
    site: Site, key: str, change: dict[str, object], field: str
) -> None:
    answer = site.api("/free-busy", key, BODY | {"resources": ["room-a"]} | change)
    assert code(answer) == (422, "invalid_request")
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 50_000, 400),
        (b'{"start": NaN}', 400),
        (b'{"start": 1e999999}', 422),
        (b"9" * 100_000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'"{}"', 422),
    ],
)
def test_no_body_is_ever_5xx(site: Site, key: str, body: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = site.get("/api/v1/free-busy", "POST", body, **headers)
    assert answer.status == status
    code(answer)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "The body is not JSON."),
        (b"[]", "body: must be a mapping of keys to values"),
        (
            b'{"begin": 1}',
            "start: is missing; end: is missing; resources: is missing; begin: unknown key",
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_said_in_plain_words(
    site: Site, key: str, body: bytes, said: str
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    assert site.get("/api/v1/free-busy", "POST", body, **headers).json["detail"] == said


def test_a_post_may_leave_its_body_out(site: Site, key: str) -> None:
    answer = site.get("/api/v1/free-busy", "POST", Authorization=f"Bearer {key}")
    assert answer.status == 422
    assert answer.json["detail"].startswith("start: is missing")


def test_who_sends_a_key_that_is_not_known_is_not_asked_for_one(site: Site) -> None:
    answer = site.get("/api/v1/resources", Authorization="Bearer bbk_x")
    assert code(answer) == (401, "key_required")
    assert "no such API key" in answer.json["detail"]


def test_a_body_of_another_type_is_415(site: Site, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/plain"}
    assert code(site.get("/api/v1/free-busy", "POST", b"{}", **headers)) == (415, "not_json")


def test_too_many_periods_are_refused_and_what_follows_is_not_read(
    site: Site, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.web.api.busy.MOST_PERIODS", 2)
    site.fill("room-a", [(TODAY + DAY + n * HOUR, TODAY + DAY + n * HOUR + 60) for n in range(5)])
    statements: list[str] = []
    event.listen(
        site.database._engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    names = ["room-b", "room-a", "nobody", "room-a", "room-b"]
    answer = site.api("/free-busy", key, BODY | {"resources": names})
    assert [each.get("error", {}).get("code") for each in answer.json["resources"]] == [
        None,
        "too_many_periods",
        "resource_not_found",
        "too_many_periods",
        "too_many_periods",
    ]
    assert len([text for text in statements if "FROM blocks" in text]) == 2


def test_what_is_not_there_is_a_problem_too(site: Site, key: str) -> None:
    assert code(site.api("/nothing", key)) == (404, "not_found")
    assert code(site.get("/api")) == (404, "not_found")
    answer = site.get("/api/v1/free-busy", Authorization=f"Bearer {key}")
    assert code(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


# The document


@pytest.mark.covers("S1-60")
def test_the_document_describes_every_route_and_its_answers(site: Site, key: str) -> None:
    document = site.get("/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    api = Api(site.context, Reader(site.context))
    served = {(m, path) for m, path, scope in api.routes if scope is not None and m != "HEAD"}
    assert described == served
    for methods in document["paths"].values():
        for operation in methods.values():
            (need,) = operation["security"]
            assert set(need["key"]) < {scope.value for scope in Scope}
            assert len(need["key"]) == 1
            refused, well = {"422", "4XX", "5XX"}, set(operation["responses"])
            assert well - refused <= {"200", "201", "202"}
            assert well > refused
            for status in ("422", "4XX", "5XX"):
                assert list(operation["responses"][status]["content"]) == [
                    "application/problem+json"
                ]
    busy = document["components"]["schemas"]["Busy"]["properties"]
    answer = site.api(f"/resources/room-a/busy?{RANGE}", key).json
    assert set(answer) == set(busy)


def test_a_start_describes_nothing_and_who_asks_twice_reads_the_same(site: Site) -> None:
    api = Api(site.context, Reader(site.context))
    assert api.app.paths == {}, "describing all routes takes longer than the rest of a start"
    first, second = (site.get("/api/v1/openapi.json").body for _ in range(2))
    assert first == second


def test_every_reference_of_the_document_leads_somewhere(site: Site) -> None:
    text = site.get("/api/v1/openapi.json").body.decode()
    schemas = json.loads(text)["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in schemas


def test_the_page_loads_nothing_from_anywhere_and_runs_no_script(site: Site) -> None:
    answer = site.get("/api/v1/docs")
    assert answer.headers["content-type"].startswith("text/html")
    page = answer.body.decode()
    assert not re.search(r"https?://|//[a-z]|<script|<link|<img|\son\w+=|style=", page)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "/api/v1/free-busy" in page
    assert "busy:read" in page


@pytest.mark.covers("T1")
@pytest.mark.parametrize(
    "path",
    ["/api/v1//openapi.json", "/api//v1/openapi.json", "/api/v1/openapi.json/", "/api/v1/docs/"],
)
def test_no_path_is_redirected_to_a_host_of_the_clients_choice(site: Site, path: str) -> None:
    answer = site.get(path, Host="evil.example.net")
    assert answer.status in {200, 404}
    assert "location" not in answer.headers
    assert b"evil.example.net" not in answer.body


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/api/v1/nothing", "GET", 404),
        ("/api/v1/free-busy", "GET", 405),
        ("/api/v1/free-busy", "POST", 400),
    ],
)
def test_errors_before_any_route_say_what_is_wrong(
    site: Site, key: str, target: str, method: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = site.get(target, method, b"{" if method == "POST" else None, **headers)
    assert answer.status == status
    assert answer.json["detail"]
