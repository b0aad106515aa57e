"""Applications see how reading goes, have it done, and stop it for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.sandbox.google.person import Person
from bridge.store import connections, schedule
from tests.builders import NOW
from tests.connecting.document import check
from tests.connecting.home import ROOM, WORK, Home, opened
from tests.connecting.owner import ANN

STATUS = f"/connections/{WORK}/sync-status"
RESYNC = f"/connections/{WORK}/resync"
PAUSE, RESUME = f"/connections/{WORK}/pause", f"/connections/{WORK}/resume"
SYNC = "/resources/room-a/sync"
READ = "connections:read"
MINE = [{"id": "room-a", "connections": [{"id": "work", "provider": "google"}]}]
DAY = 86400


def reader(home: Home) -> str:
    """One key for all looks: making one writes, and would keep pulls from writing."""
    if "reader" not in vars(home):
        vars(home)["reader"] = home.key(scope=READ)
    return str(vars(home)["reader"])


def status(home: Home, connection: str = WORK) -> Any:
    target = f"/connections/{connection}/sync-status"
    answer = home.api(reader(home), target)
    assert answer.status_code == 200, answer.text
    return check(home, "GET", target, answer)


def post(home: Home, target: str, body: object = None, *, expect: int = 200) -> Any:
    answer = home.api(home.key(), target, {} if body is None else body)
    assert answer.status_code == expect, answer.text
    return check(home, "POST", target, answer)


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Home]:
    """A house with one connected account, whose scheduler does not run yet."""
    # A machine that stalls is no account that takes too long.
    sync = {"push": "off", "just_in_time": {"timeout": "30s"}}
    with opened(tmp_path, resources=MINE, sync=sync) as home:
        assert home.connect().status_code == 200
        yield home


@pytest.fixture
def served(ann: Home) -> Iterator[Home]:
    """The same, pulled whenever it is due."""
    ann.bridge.scheduler.start()
    try:
        ann.until(lambda: status(ann)["last_sync_at"] is not None, "the first pull")
        yield ann
    finally:
        assert ann.bridge.scheduler.stop(60)


def person(home: Home) -> Person:
    return home.google.sandbox.person(ANN)


# What is seen


def test_an_account_that_nobody_connected_is_idle(home: Home) -> None:
    shown = status(home)
    assert (shown["status"], shown["state"]) == ("pending", "idle")
    assert (shown["last_sync_at"], shown["next_sync_at"], shown["calendars"]) == (None, None, [])


@pytest.mark.covers("S0-55")
def test_after_a_pull_it_says_when_and_when_next(served: Home) -> None:
    served.until(lambda: status(served)["state"] == "idle", "the end of the pull")
    shown = status(served)
    assert (shown["status"], shown["failures"], shown["stale"]) == ("active", 0, False)
    assert shown["last_sync_at"] == shown["last_attempt_at"] == rfc3339(NOW)
    assert rfc3339(NOW + 200) < shown["next_sync_at"] < rfc3339(NOW + 400)
    (calendar,) = shown["calendars"]
    assert (calendar["name"], calendar["calendar_id"]) == ("Ann", ANN)
    assert calendar["last_sync_at"] == rfc3339(NOW)
    assert not calendar["stale"]


@pytest.mark.covers("S0-56", "A-30")
def test_a_pause_that_the_provider_asks_for_is_shown_with_its_end(served: Home) -> None:
    served.google.fault("too_many_requests")
    served.now += 3600
    post(served, RESYNC, expect=202)
    served.until(lambda: status(served)["rate_limited"], "the pause")
    shown = status(served)
    assert shown["state"] == "rate_limited"
    assert shown["rate_limit_resets_at"] > rfc3339(served.now)
    assert shown["next_sync_at"] >= shown["rate_limit_resets_at"]
    one = served.api(served.key(scope=READ), f"/connections/{WORK}").json()
    assert (one["rate_limited"], one["rate_limit_resets_at"]) == (
        True,
        shown["rate_limit_resets_at"],
    )
    served.google.fault("too_many_requests", value=False)
    served.now += DAY
    assert status(served)["rate_limited"] is False, "the pause is over, read or not"
    served.bridge.wake.notify("schedule")
    served.until(lambda: status(served)["failures"] == 0, "the next pull")
    assert status(served)["state"] == "idle"


def test_what_fails_says_why_and_goes_on_trying(served: Home) -> None:
    served.google.fault("unavailable")
    post(served, RESYNC, expect=202)
    served.until(lambda: status(served)["failures"] > 0, "a failure")
    shown = status(served)
    assert (shown["state"], shown["status"]) == ("backoff", "error")
    assert shown["error"]["code"] == "unavailable"
    assert shown["error"]["since"] == rfc3339(NOW)
    assert shown["calendars"][0]["error"]["code"] == "unavailable"
    assert shown["last_sync_at"] == rfc3339(NOW)


@pytest.mark.covers("S0-51")
def test_a_consent_that_is_over_says_what_to_do(served: Home) -> None:
    served.google.fault("invalid_grant")
    served.now += 2 * 3600
    post(served, RESYNC, expect=202)
    served.until(lambda: status(served)["status"] == "token_expired", "the end of the consent")
    assert status(served)["error"]["hint"]


# What is done


@pytest.mark.covers("S0-53")
def test_a_resync_reads_everything_or_only_what_changed(ann: Home) -> None:
    def wanted() -> bool:
        with ann.bridge.database.read() as conn:
            return WORK in schedule.full_wanted(conn, [WORK])

    shown = post(ann, RESYNC, {"full_sync": False}, expect=202)
    assert shown["next_sync_at"] == rfc3339(NOW)
    assert not wanted()
    post(ann, RESYNC, expect=202)
    assert wanted()
    ann.bridge.scheduler.start()
    try:
        ann.until(lambda: not wanted(), "the full listing")
        ann.until(lambda: status(ann)["last_sync_at"] is not None, "its end")
    finally:
        assert ann.bridge.scheduler.stop(60)


def test_what_is_not_read_cannot_be_resynced(ann: Home) -> None:
    post(ann, PAUSE)
    assert post(ann, RESYNC, expect=409)["code"] == "conflict"
    ann.bridge.connecting.disconnect(WORK)
    refused = post(ann, RESYNC, expect=409)
    assert refused["code"] == "connection_pending"
    assert "/oauth/google/start?token=" in refused["auth_url"]


def test_a_pause_lasts_until_it_is_ended_however_often_it_is_asked_for(served: Home) -> None:
    for _ in range(2):
        shown = post(served, PAUSE)
        assert (shown["status"], shown["next_sync_at"]) == ("paused", None)
    served.now += 3600
    person(served).create("Meeting", datetime.fromisoformat("2026-09-22T10:00:00+00:00"))
    assert post(served, SYNC)["fresh"] is True, "what is paused is not waited for"
    assert status(served)["last_sync_at"] == rfc3339(NOW)
    for _ in range(2):
        assert post(served, RESUME)["status"] == "active"
    served.until(lambda: status(served)["last_sync_at"] == rfc3339(served.now), "a pull")


def test_what_the_file_pauses_only_the_file_resumes(tmp_path: Path) -> None:
    paused = [{"id": "work", "provider": "google", "paused": True}]
    with opened(tmp_path, resources=[{"id": "room-a", "connections": paused}]) as home:
        for target in (PAUSE, RESUME):
            assert post(home, target, expect=409)["code"] == "managed_by_file"
        assert home.status() is ConnectionStatus.PAUSED


def test_what_was_disconnected_is_not_resumed_but_connected(ann: Home) -> None:
    ann.bridge.connecting.disconnect(WORK)
    assert post(ann, PAUSE)["status"] == "disconnected", "it is not read, and that is what counts"
    refused = post(ann, RESUME, expect=409)
    assert refused["code"] == "connection_pending"
    assert refused["auth_url"]
    assert ann.status() is ConnectionStatus.DISCONNECTED


@pytest.mark.covers("S4-30")
def test_whoever_asks_for_fresh_time_in_a_row_has_it_read_once_and_is_told_how_fresh_it_is(
    served: Home,
) -> None:
    served.now += 60
    query = "start=2026-09-22T00:00:00Z&end=2026-09-23T00:00:00Z&sync=true"
    key, read = served.key(scope="busy:read"), []
    for _ in range(3):
        answer = served.api(key, f"/resources/room-a/busy?{query}")
        assert answer.status_code == 200
        assert answer.headers["X-BusyBridge-Freshness"].endswith("; stale=0")
        read.append(answer.headers["X-BusyBridge-Freshness"].partition(";")[0])
        served.now += 10
    assert read == [f"oldest={rfc3339(NOW + 60)}"] * 3, "of the last 30 s is fresh enough"
    served.now += 10
    answer = served.api(key, f"/resources/room-a/busy?{query}")
    assert f"oldest={rfc3339(NOW + 100)}" in answer.headers["X-BusyBridge-Freshness"]


@pytest.mark.covers("S4-17")
def test_a_resource_is_read_now_and_its_busy_time_is_there(served: Home) -> None:
    begin = datetime.fromisoformat("2026-09-22T10:00:00+00:00")
    person(served).create("Meeting", begin)
    served.now += 60
    span = {"start": "2026-09-22T00:00:00Z", "end": "2026-09-23T00:00:00Z"}
    done = post(served, SYNC, span)
    assert done["fresh"] is True
    assert (done["start"], done["end"]) == (span["start"], span["end"])
    (shown,) = done["connections"]
    assert (shown["connection_id"], shown["last_sync_at"]) == (WORK, rfc3339(served.now))
    query = f"start={span['start']}&end={span['end']}"
    busy = served.api(served.key(scope="busy:read"), f"/resources/room-a/busy?{query}").json()
    assert [each["start"] for each in busy["periods"]] == ["2026-09-22T10:00:00Z"]
    again = post(served, SYNC)
    assert again["start"] < span["start"], "without a span it is all that is known"


def test_a_full_sync_of_a_resource_reads_everything_though_it_was_read_just_now(
    served: Home,
) -> None:
    assert post(served, SYNC)["fresh"] is True
    with served.bridge.database.write() as conn:
        assert schedule.full_wanted(conn, [WORK]) == frozenset()
    assert post(served, SYNC, {"full": True})["fresh"] is True
    with served.bridge.database.read() as conn:
        assert schedule.full_wanted(conn, [WORK]) == frozenset(), "it was done when it was said"


def test_a_sync_that_takes_too_long_goes_on_and_is_202(tmp_path: Path) -> None:
    sync = {"just_in_time": {"timeout": "1s"}}
    with opened(tmp_path, resources=MINE, sync=sync) as home:
        home.connect()
        done = post(home, SYNC, expect=202)
        assert done["fresh"] is False
        assert done["connections"][0]["next_sync_at"] == rfc3339(NOW), "it is due"


def test_a_sync_where_an_account_fails_says_which(served: Home) -> None:
    served.google.fault("unavailable")
    served.now += 60
    done = post(served, SYNC, expect=202)
    assert done["fresh"] is False
    assert done["connections"][0]["error"]["code"] == "unavailable"


def test_what_is_never_read_cannot_be_synced(served: Home) -> None:
    far = {"start": "2031-01-01T00:00:00Z", "end": "2031-01-02T00:00:00Z"}
    assert post(served, SYNC, far, expect=422)["code"] == "beyond_horizon"
    for wrong in (
        {"start": "2026-09-22T00:00:00Z"},
        {"start": "2026-09-22T00:00:00Z", "end": "2026-09-22T00:00:00Z"},
    ):
        assert post(served, SYNC, wrong, expect=422)["code"] == "invalid_request"


# Who may


@pytest.mark.covers("T49", "T59")
def test_only_who_may_change_an_account_acts_on_it_and_others_do_not_see_it(home: Home) -> None:
    stranger, reader = home.key("room-b"), home.key(scope=READ)
    for target in (RESYNC, PAUSE, RESUME, SYNC):
        unknown = target.replace("room-a", "room-x")
        refused = home.api(stranger, target, {})
        assert (refused.status_code, refused.json()["code"]) == (404, "resource_not_found")
        assert refused.content == home.api(stranger, unknown, {}).content
        assert home.api(reader, target, {}).status_code == 403
    foreign = home.api(home.key("room-b", scope=READ), STATUS)
    assert foreign.status_code == 404
    assert home.status() is ConnectionStatus.PENDING


@pytest.mark.covers("T60")
@pytest.mark.parametrize("target", [RESYNC, PAUSE, RESUME, SYNC])
def test_members_that_nobody_knows_are_refused_by_name(home: Home, target: str) -> None:
    refused: httpx2.Response = home.api(home.key(), target, {"status": "active"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "status")
    with home.bridge.database.read() as conn:
        row = connections.get(conn, ConnectionId(WORK))
    assert row is not None
    assert row.status is ConnectionStatus.PENDING
    assert row.resource_id == ROOM
