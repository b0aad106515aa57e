"""What is set by API through one process comes into force in all that share its database."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from bridge.store import keys
from tests.app.running import BUSY, PATIENCE, Running, configuration, in_file
from tests.servers.origin import Answer

SCOPES = ["busy:read", "connections:write", "connections:read", "resources:write", "resources:read"]
SECRET = "CANARY-feed"


def make_key(process: Running) -> str:
    with closing(process.database()) as database, database.write() as conn:
        made = keys.create_api_key(
            conn, "tests", scopes=SCOPES, resources=["*"], now=int(time.time())
        )
    return made[1]


def call(
    process: Running, key: str, method: str, target: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"http://{process.address}/api/v1{target}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as err:
        return err.code, json.loads(err.read())


def busy(process: Running) -> int:
    status, text = process.get("/freebusy/room-x.ifb")
    return text.count("\nFREEBUSY") if status == 200 else -status


def test_other_processes_and_the_next_start_follow_what_one_was_told(
    origin, run, postgresql_url: str
) -> None:
    origin.routes[f"/{SECRET}.ics"] = Answer(200, {"Content-Type": "text/calendar"}, BUSY.encode())
    shared = {"storage": {"database": in_file(postgresql_url)}}
    web = run(configuration(server={"role": "web"}, **shared), name="web").start()
    other = run(configuration(server={"role": "web"}, **shared), name="other").start()
    worker = run(configuration(server={"role": "worker"}, **shared), name="worker").start()
    key = make_key(web)

    made = {"id": "room-x", "freebusy": {"public": True}}
    assert call(web, key, "POST", "/resources", made)[0] == 201
    feed = {"provider": "ics", "url": origin.url(f"/{SECRET}.ics"), "resource_id": "room-x"}
    status, connection = call(web, key, "POST", "/connections", feed)
    assert (status, connection["id"]) == (201, "room-x.ics"), connection
    for process in (web, other):
        process.until(lambda it=process: busy(it) > 0, "the worker pulls, and both publish")
    assert SECRET not in web.log + other.log + worker.log

    assert worker.stop() == 0
    worker.start()
    quiet = {"validate_availability": False}
    assert call(other, key, "PATCH", "/connections/room-x.ics", quiet)[0] == 200
    for process in (web, other):
        process.until(lambda it=process: busy(it) == 0, "what blocks nothing is nowhere")
    pulls = len(origin.requests)
    loud = {"validate_availability": None, "sync": {"interval": "10s"}}
    assert call(web, key, "PATCH", "/connections/room-x.ics", loud)[0] == 200
    worker.until(lambda: len(origin.requests) > pulls, "the worker that was started anew pulls")
    other.until(lambda: busy(other) > 0, "it counts again")

    status, same = call(other, key, "PATCH", "/connections/room-x.ics", {"direction": "inbound"})
    assert (status, same["direction"]) == (200, "inbound"), "each can change what the other made"
    assert call(web, key, "DELETE", "/connections/room-x.ics")[0] == 200
    assert (busy(web), busy(other)) == (0, 0), "gone from every output when the answer comes"
    assert call(other, key, "DELETE", "/resources/room-x")[0] == 200
    for process in (web, other):
        process.until(lambda it=process: busy(it) < 0, "the resource is gone")


def test_changes_at_the_same_time_are_all_kept(origin, run, postgresql_url: str) -> None:
    shared = {"storage": {"database": in_file(postgresql_url)}}
    processes = [
        run(configuration(server={"role": "web"}, **shared), name=name).start()
        for name in ("one", "two")
    ]
    key = make_key(processes[0])
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda n: call(processes[n % 2], key, "POST", "/resources", {"id": f"room-{n}"})[0],
            range(12),
        )
        assert list(answers) == [201] * 12
    for process in processes:
        items = call(process, key, "GET", "/resources")[1]["items"]
        assert len(items) == 12


@pytest.mark.covers("S2-16")
def test_one_deduplication_key_is_one_connection_however_many_ask_at_once(
    origin, run, postgresql_url: str
) -> None:
    origin.routes["/a.ics"] = Answer(200, {"Content-Type": "text/calendar"}, BUSY.encode())
    shared = {"storage": {"database": in_file(postgresql_url)}}
    processes = [
        run(configuration(server={"role": "web"}, **shared), name=name).start()
        for name in ("one", "two")
    ]
    key = make_key(processes[0])
    assert call(processes[0], key, "POST", "/resources", {"id": "room-x"})[0] == 201
    feed = {
        "provider": "ics",
        "url": origin.url("/a.ics"),
        "resource_id": "room-x",
        "deduplication_key": "one",
    }
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda n: call(processes[n % 2], key, "POST", "/connections", feed), range(6))
        )
    assert sorted(status for status, _ in answers) == [200] * 5 + [201]
    assert {answer["id"] for _, answer in answers} == {"room-x.ics"}
