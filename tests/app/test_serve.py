"""Real processes: how they end, reload, and share a database."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from bridge.app.presence import alone
from bridge.errors import StoreError
from bridge.model.resource import ConnectionId, SyncState
from bridge.store import leases, resources
from tests.app.running import BUSY, PATIENCE, configuration, in_file, resource
from tests.servers.origin import Answer, Origin, Request


class Gate:
    """A calendar that is answered when the test lets it."""

    def __init__(self, origin: Origin, path: str) -> None:
        self.opened, self.asked = threading.Event(), threading.Event()
        origin.routes[path] = self.answer

    def answer(self, _request: Request) -> Answer:
        self.asked.set()
        self.opened.wait(10 * PATIENCE)
        return Answer(200, {"Content-Type": "text/calendar"}, BUSY.encode())


@pytest.mark.covers("F66")
def test_sigterm_lets_pulls_end_and_exits_with_zero(origin, run) -> None:
    gate = Gate(origin, "/slow.ics")
    config = configuration(resource("room-a", origin.url("/slow.ics")))
    served = run(config, grace=PATIENCE).start()
    assert gate.asked.wait(PATIENCE)
    served.signal(signal.SIGTERM)
    served.until(lambda: "SIGTERM: ending" in served.log, "the end begins")
    gate.opened.set()
    assert served.wait() == 0
    assert served.pulled(), "what was begun was finished"
    assert len(origin.requests) == 1, "and done once"
    assert "ended" in served.log


@pytest.mark.covers("F66")
def test_a_source_that_hangs_holds_the_end_for_ten_seconds_at_most(origin, run) -> None:
    gate = Gate(origin, "/slow.ics")
    served = run(configuration(resource("room-a", origin.url("/slow.ics")))).start()
    assert gate.asked.wait(PATIENCE)
    began = time.monotonic()
    assert served.stop() == 0, "although it still hangs"
    assert time.monotonic() - began < 15, "ten seconds, and what a busy machine adds"
    assert "not finished in time, given back: room-a.work" in served.log
    with closing(served.database()) as database, database.read() as conn:
        due = leases.due_at(conn, ConnectionId("room-a.work"))
    assert due is not None
    assert due <= time.time(), "given back: the next process need not wait for the lease"
    gate.opened.set()


@pytest.mark.covers("F66")
def test_a_request_under_way_is_answered_and_no_new_one_is_taken(origin, run) -> None:
    config = configuration(
        resource("room-a", origin.url("/busy.ics")),
        sync={"just_in_time": {"min_interval": "1s", "timeout": "30s"}},
    )
    served = run(config, grace=PATIENCE).start()
    served.until(served.pulled, "the first pull")
    gate = Gate(origin, "/busy.ics")
    first = served.rows()["room-a.work"].success_at
    served.until(lambda: time.time() > first + 2, "it is no longer fresh")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(served.get, "/freebusy/room-a.ifb?sync=true")
        assert gate.asked.wait(PATIENCE)
        served.signal(signal.SIGTERM)
        served.until(lambda: not _answers(served.address), "it stops listening")
        gate.opened.set()
        status, body = waiting.result(PATIENCE)
    assert (status, body.count("END:VCALENDAR")) == (200, 1)
    assert served.wait() == 0


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.covers("F64")
def test_sighup_with_a_bad_file_names_the_line_and_changes_nothing(origin, run) -> None:
    served = run(configuration(resource("room-a", origin.url("/busy.ics")))).start()
    served.until(served.pulled, "the first pull")
    served.path.write_text("version: 1\nserver:\n  tiemzone: Europe/Berlin\n")
    served.signal(signal.SIGHUP)
    served.until(lambda: "not reloaded" in served.log, "a verdict")
    assert "busybridge.yaml:3" in served.log
    assert "timezone" in served.log, "the nearest key is named"
    assert served.get("/freebusy/room-a.ifb")[0] == 200

    served.config["resources"].append(resource("room-b", origin.url("/busy.ics")))
    served.write()
    served.signal(signal.SIGHUP)
    served.until(lambda: "reloaded: " in served.log, "the other verdict")
    served.until(lambda: served.pulled("room-b.work"), "the new resource is pulled")
    assert served.get("/freebusy/room-b.ifb")[0] == 200
    assert served.stop() == 0


@pytest.mark.covers("F64")
def test_a_reload_by_command_is_answered_by_the_serving_process(origin, run) -> None:
    served = run(configuration(resource("room-a", origin.url("/busy.ics")))).start()
    assert served.reload() == (True, "reloaded: 1 resource unchanged")

    served.config["resources"][0]["nmae"] = "Room A"
    served.write()
    ok, verdict = served.reload()
    assert not ok
    assert "busybridge.yaml:" in verdict
    assert "nmae" in verdict

    del served.config["resources"][0]["nmae"]
    served.config["server"]["bind"] = "127.0.0.1:1"
    served.config["resources"][0]["name"] = "Renamed"
    served.write()
    ok, verdict = served.reload()
    assert not ok
    assert "server.bind" in verdict
    assert "restart" in verdict
    with closing(served.database()) as database, database.read() as conn:
        (row,) = resources.all_active(conn)
    assert "Renamed" not in row.plan, "nothing of a refused file is in force"


@pytest.mark.covers("F10")
def test_a_process_killed_during_a_reload_leaves_the_old_resources_or_the_new(origin, run) -> None:
    url = origin.url("/busy.ics")
    sets = {
        letter: [resource(f"{letter}-{number}", url) for number in range(12)] for letter in "ab"
    }
    served = run(configuration(*sets["a"]))
    seen = set()
    for turn, delay in enumerate((0.0, 0.02, 0.05, 0.1, 0.4)):
        served.start()
        letter = "ba"[turn % 2]
        served.config["resources"] = sets[letter]
        served.write()
        served.signal(signal.SIGHUP)
        threading.Event().wait(delay)
        served.kill()
        with closing(served.database()) as database, database.read() as conn:
            active = {row.id for row in resources.all_active(conn)}
        assert active in ({each["id"] for each in group} for group in sets.values())
        seen |= {name[0] for name in active}
    assert seen


@pytest.mark.covers("F67")
def test_two_servers_on_one_database_share_the_work(origin, run, database_url) -> None:
    rooms = [resource(f"room-{number}", origin.url(f"/{number}.ics")) for number in range(12)]
    for number in range(12):
        origin.routes[f"/{number}.ics"] = origin.routes["/busy.ics"]
    config = configuration(*rooms, storage={"database": in_file(database_url)})
    first, second = run(config), run(config, name="second")
    first.start()
    second.start()
    first.until(lambda: all(row.success_at for row in first.rows().values()), "all are pulled")
    paths = [request.path for request in origin.requests]
    assert sorted(paths) == sorted(f"/{number}.ics" for number in range(12)), "each once"
    for served in (first, second):
        assert served.get("/freebusy/room-0.ifb")[0] == 200
    assert first.stop() == 0
    assert second.stop() == 0


def test_nobody_replaces_a_database_while_a_server_runs(origin, run) -> None:
    served = run(configuration(resource("room-a", origin.url("/busy.ics")))).start()
    path = served.database().path
    assert path is not None
    with pytest.raises(StoreError, match="a server runs"), alone(path):
        pass
    served.kill()
    with alone(path):
        assert served.launch().wait() == 1
        assert "being restored" in served.log


def test_a_web_process_answers_and_leaves_pulling_to_a_worker(origin, run, postgresql_url) -> None:
    room = resource("room-a", origin.url("/busy.ics"))
    shared = {
        "sync": {"just_in_time": {"min_interval": "1s", "timeout": "30s"}},
        "storage": {"database": in_file(postgresql_url)},
    }
    web = run(configuration(room, server={"role": "web"}, **shared)).start()
    worker = run(configuration(room, server={"role": "worker"}, **shared), name="worker").start()
    assert worker.address == ""
    worker.until(worker.pulled, "the worker pulls")
    before = len(origin.requests)
    first = worker.rows()["room-a.work"].success_at
    worker.until(lambda: time.time() > first + 2, "it is no longer fresh")
    assert web.get("/freebusy/room-a.ifb?sync=true")[0] == 200
    assert len(origin.requests) == before + 1
    assert worker.stop() == web.stop() == 0


def test_an_address_in_use_is_said_plainly(origin, run) -> None:
    bind = origin.url("/").removeprefix("http://").rstrip("/")
    served = run(configuration(server={"bind": bind})).launch()
    assert served.wait() == 1
    assert f"cannot listen on {bind}" in served.log
    assert "server.bind" in served.log
    assert "Traceback" not in served.log


@pytest.mark.covers("P11")
def test_a_killed_process_needs_no_repair(origin, run) -> None:
    gate = Gate(origin, "/busy.ics")
    served = run(configuration(resource("room-a", origin.url("/busy.ics")))).start()
    assert gate.asked.wait(PATIENCE)
    served.kill()
    assert served.rows()["room-a.work"].sync_state is SyncState.SYNCING
    gate.opened.set()
    served.start()
    assert served.get("/healthz")[0] == 200
    assert served.stop() == 0


@pytest.mark.covers("T31", "T35", "T39")
def test_at_debug_no_secret_reaches_the_log_and_no_request_forges_a_line(origin, run) -> None:
    canaries = {
        "password": "canary-dav-password-1",
        "query": "canary-query-secret-2",
        "user": "canary-user-hash-unused",
    }
    config = configuration(
        resource("room-a", origin.url(f"/busy.ics?key={canaries['query']}"), feeds=[{"name": "f"}]),
        logging={"level": "debug"},
    )
    config["resources"][0]["connections"].append(
        {
            "id": "dav",
            "provider": "caldav",
            "server_url": origin.url("/dav/"),
            "username": "ann",
            "password_env": "DAV_PASSWORD",
        }
    )
    served = run(config, environ={"DAV_PASSWORD": canaries["password"]}).start()
    served.until(served.pulled, "the first pull")
    token = "canaryfeedtoken" * 4
    served.get(f"/feeds/{token}/room-a.ics")
    served.get(f"/freebusy/room-a.ifb?token={token}")
    served.get("/api/v1/resources/room-a/busy", Authorization="Bearer bbk_aaaaaaaa_" + "b" * 32)
    served.get("/freebusy/room-a.ifb", Authorization="Basic Y2FuYXJ5OmNhbmFyeQ==")
    served.get("/freebusy/x%0a2026-01-01T00:00:00.000Z%20INFO%20forged%0d%1b%5b31m")
    served.signal(signal.SIGHUP)
    served.until(lambda: "reloaded" in served.log, "a reload")
    assert served.stop() == 0
    log = served.log
    key = (served.folder / "busybridge.key").read_text().split()
    secrets = [*canaries.values(), token, "b" * 32, "Y2FuYXJ5OmNhbmFyeQ==", key[5], key[7]]
    assert [secret for secret in secrets if secret in log] == []
    assert "/feeds/***" in log
    assert not [line for line in log.splitlines() if line.startswith("2026-01-01T00:00:00")]
    assert "\x1b" not in log
    assert all(line[:2] == "20" or line.startswith("  | ") for line in log.splitlines())
