"""A request with an Idempotency-Key is done once, however often it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bridge.access import Scope
from bridge.store import cipherkeys, keys, repeats, schema
from bridge.store.database import Database
from tests.web.site import NOW, Response, Site, site_settings

SYNC = "/resources/room-a/sync"
SPAN = {"start": "2026-11-21T00:00:00Z", "end": "2026-11-22T00:00:00Z"}
NAME = "order-66"


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """The usual two resources, on SQLite and on PostgreSQL."""
    with Site(database, site_settings()) as served:
        yield served


@pytest.fixture
def key(site: Site) -> str:
    return site.key(scopes=[scope.value for scope in Scope])


Send = Callable[..., Response]


@pytest.fixture
def send(site: Site, key: str) -> Send:
    def sent(body: Any = None, name: str = NAME, by: str = key, to: str = SYNC) -> Response:
        return site.api(to, by, {} if body is None else body, Idempotency_Key=name)

    return sent


def kept(database: Database) -> int:
    with database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(schema.repeats)).scalar_one())


def test_the_same_request_is_answered_alike_and_done_once(site: Site, send: Send) -> None:
    first = send(SPAN)
    assert first.status == 200
    site.pulled("room-a", NOW + 60)
    again = send(SPAN)
    assert (again.status, again.body) == (first.status, first.body), "though it would differ now"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(site.engine.asked) == 1


def test_another_request_with_the_key_is_refused_and_not_done(site: Site, send: Send) -> None:
    assert send(SPAN).status == 200
    for refused in (send({}), send(SPAN, to="/resources/room-b/sync"), send(SPAN | {"full": True})):
        assert refused.status == 422
        assert refused.json["errors"][0]["field"] == "Idempotency-Key"
    assert len(site.engine.asked) == 1
    assert send(SPAN, name="order-67").status == 200
    assert len(site.engine.asked) == 2


def test_without_the_header_everything_is_done_as_often_as_it_is_sent(site: Site, key: str) -> None:
    for _ in range(2):
        assert site.api(SYNC, key, {}).status == 200
    assert len(site.engine.asked) == 2
    assert kept(site.database) == 0


@pytest.mark.covers("T49")
def test_each_api_key_has_names_of_its_own(site: Site, send: Send) -> None:
    other = site.key(scopes=[scope.value for scope in Scope])
    assert send(SPAN).status == 200
    theirs = send({}, by=other)
    assert (theirs.status, "idempotency-replayed" in theirs.headers) == (200, False)
    assert len(site.engine.asked) == 2


def test_what_failed_may_be_tried_again(site: Site, send: Send) -> None:
    def fail() -> None:
        raise RuntimeError("a fault of ours")

    site.engine.pull = fail
    assert send(SPAN).status == 500
    site.engine.pull = lambda: None
    assert send(SPAN).status == 200
    assert send({"admin": True}, name="other").status == 422
    assert send({}, name="other").status == 200
    far = {"start": "2031-01-01T00:00:00Z", "end": "2031-01-02T00:00:00Z"}
    assert send(far, name="far").status == 422
    assert send({}, name="far").status == 200, "nothing was done by that name"


def test_of_two_at_the_same_time_one_is_done_whichever_process_they_reach(
    site: Site, send: Send, key: str
) -> None:
    begun, go_on = Event(), Event()

    def slowly() -> None:
        begun.set()
        assert go_on.wait(30)

    site.engine.pull = slowly
    with Site.over(site) as other, ThreadPoolExecutor(1) as pool:
        other.context.gate.key(key, NOW)
        first = pool.submit(send, SPAN)
        try:
            assert begun.wait(30)
            second = other.api(SYNC, key, SPAN, Idempotency_Key=NAME)
            assert (second.status, second.json["code"]) == (409, "conflict")
            assert second.headers["retry-after"] == "1"
            assert other.api(SYNC, key, {}, Idempotency_Key=NAME).status == 422
        finally:
            go_on.set()
        done = first.result()
        assert done.status == 200
        assert other.api(SYNC, key, SPAN, Idempotency_Key=NAME).body == done.body
        assert (len(site.engine.asked), len(other.engine.asked)) == (1, 0)


def test_what_a_killed_process_began_can_be_done_after_a_while(
    site: Site, send: Send, key: str
) -> None:
    vault, key_id = site.context.vault, keys.key_id(key, keys.API_KEY)
    assert vault is not None
    assert key_id is not None
    with site.database.write() as conn:
        name = repeats.identify(key_id, NAME)
        assert repeats.begin(conn, vault, name, "what was asked", NOW) is None
    site.now += repeats.HELD - 1
    assert send(SPAN).status == 422
    site.now += 1
    assert send(SPAN).status == 200
    assert "idempotency-replayed" in send(SPAN).headers
    assert len(site.engine.asked) == 1


def test_after_a_day_a_name_is_free_again_and_nothing_is_left(site: Site, send: Send) -> None:
    assert send(SPAN).status == 200
    site.now += repeats.KEPT - 1
    assert "idempotency-replayed" in send(SPAN).headers
    site.now += 1
    assert "idempotency-replayed" not in send({}).headers
    assert kept(site.database) == 1


def test_no_row_shows_what_was_asked_or_answered(site: Site, send: Send) -> None:
    assert send(SPAN).status == 200
    with site.database.read() as conn:
        (row,) = conn.execute(select(schema.repeats)).all()
    shown = repr(tuple(row))
    for secret in (NAME, "room-a", "2026-11-21"):
        assert secret not in shown


def test_an_answer_that_cannot_be_read_any_more_is_not_given_again(site: Site, send: Send) -> None:
    """After `keyring rotate`; who sends it again must not have it done twice."""
    assert send(SPAN).status == 200
    with site.database.write() as conn:
        conn.execute(update(schema.repeats).values(key_id="key-0"))
    refused = send(SPAN)
    assert (refused.status, refused.json["code"]) == (409, "conflict")
    with site.database.write() as conn:
        cipherkeys.use(conn, "key-1")
    assert send(SPAN, name="another").status == 200


@pytest.mark.parametrize("name", ["", "x" * 256, "two words", "\u00fc"])
def test_a_name_that_is_none_is_refused(site: Site, send: Send, name: str) -> None:
    refused = send(SPAN, name=name)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert site.engine.asked == []


def test_reading_by_post_goes_past(site: Site, send: Send) -> None:
    body = SPAN | {"resources": ["room-a"]}
    first, second = send(body, to="/free-busy"), send(SPAN | {"resources": []}, to="/free-busy")
    assert (first.status, second.json["errors"][0]["field"]) == (200, "resources")
    assert kept(site.database) == 0


def test_the_document_names_the_header_wherever_it_counts(site: Site) -> None:
    paths = site.get("/api/v1/openapi.json").json["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            named = [each["name"] for each in operation.get("parameters", [])]
            counts = method == "post" and path not in ("/api/v1/free-busy", "/api/v1/calendars/raw")
            assert named.count("Idempotency-Key") == (1 if counts else 0), (method, path)
    assert b"Idempotency-Key" in site.get("/api/v1/docs").body


@pytest.mark.covers("T49")
def test_what_was_answered_for_one_resource_is_not_said_to_who_acts_for_another(
    site: Site, key: str
) -> None:
    first = site.api(SYNC, key, SPAN, Idempotency_Key=NAME)
    assert first.status == 200
    other = site.api(SYNC, key, SPAN, Idempotency_Key=NAME, X_BusyBridge_Resource="room-b")
    assert other.status == 422
    assert "room-a" not in other.body.decode()
