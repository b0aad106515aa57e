"""Commands beside a running server: both work on one database, and each says what came of it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.folder import CALENDAR, ROOM, Folder, Serving, at, calendar, event
from tests.servers.origin import Answer, Origin, Request

SPAN = ("--from", at(0), "--to", at(24))
SECRET_PATH = "/private-canary-1f7a/basic.ics"
SECRET_QUERY = "token=canary-2b9c"
DAV_PASSWORD = "canary-3c0d"


class Source:
    """A calendar behind a secret URL; counts how many read it at once."""

    def __init__(self, origin: Origin) -> None:
        self.text = CALENDAR
        self.reads = 0
        self.together = 0
        self.most_together = 0
        self.open = threading.Event()
        self.open.set()
        self._lock = threading.Lock()
        self.url = f"{origin.url(SECRET_PATH)}?{SECRET_QUERY}"
        origin.routes[SECRET_PATH] = self._answer

    def _answer(self, _: Request) -> Answer:
        with self._lock:
            self.reads += 1
            self.together += 1
            self.most_together = max(self.most_together, self.together)
        self.open.wait(60)
        with self._lock:
            self.together -= 1
        return Answer(200, {"Content-Type": "text/calendar"}, self.text.encode())


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with Origin() as origin:
        yield Source(origin)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, source: Source) -> Iterator[Serving]:
    folder = Folder(tmp_path_factory.mktemp("served"), environ={"DAV_PASSWORD": DAV_PASSWORD})
    private = {"id": "private", "provider": "ics", "url": "${PRIVATE_URL}"}
    folder.environ["PRIVATE_URL"] = source.url
    dav = {
        "id": "dav",
        "provider": "caldav",
        "server_url": "http://127.0.0.1:1/",
        "username": "ann",
        "password_env": "DAV_PASSWORD",
        "paused": True,
    }
    folder.prepare(
        outbound={"allow_networks": ["127.0.0.1/32"]},
        resources=[ROOM | {"connections": [private, dav]}],
        sync={"just_in_time": {"min_interval": "1s"}},
        logging={"level": "debug"},
    )
    with folder.serve() as serving:
        serving.until(lambda: source.reads, "a pull")
        folder.run("sync", "room-a.private").ok()
        yield serving


@pytest.fixture
def home(served: Serving) -> Iterator[Folder]:
    """The server's folder; its configuration is in force again after the test."""
    folder = served.folder
    before = (folder.path / "busybridge.yaml").read_text()
    yield folder
    if (folder.path / "busybridge.yaml").read_text() != before:
        (folder.path / "busybridge.yaml").write_text(before)
        folder.run("reload").ok()


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"}


def open_url(folder: Folder) -> str:
    """The free-busy URL that works without a header."""
    return folder.json("urls", "room-a")["feeds"][0]["free_busy"]


def rewrite(folder: Folder, old: str, new: str) -> None:
    path = folder.path / "busybridge.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.covers("F64")
def test_reload_prints_the_verdict_of_the_server(served: Serving, home: Folder) -> None:
    rewrite(home, "resources:\n", "resources:\n- id: room-b\n")
    done = home.run("reload").ok()
    assert done.out.startswith("reloaded: 1 added (room-b)")

    rewrite(home, "- id: room-b\n", "- id: room-b\n  tpye: room\n")
    refused = home.run("reload")
    assert refused.code == 2
    assert refused.err.startswith("busybridge.yaml:")
    assert 'unknown key (did you mean "type"?)' in refused.err
    rewrite(home, "  tpye: room\n", "")
    rewrite(home, "bind: 127.0.0.1:0", "bind: 127.0.0.1:1")
    refused = home.run("reload")
    assert (refused.code, refused.out) == (2, "")
    assert "not reloaded, the old configuration stays" in refused.err
    assert "server.bind: cannot change in a running server" in refused.err
    assert served.get("/healthz").status == 200


def test_two_syncs_and_a_server_pull_one_after_the_other(
    served: Serving, home: Folder, source: Source
) -> None:
    source.text = calendar(event("moved", "Moved", 3, 4))
    source.most_together = 0
    source.open.clear()
    before = source.reads
    with ThreadPoolExecutor() as pool:
        commands = [
            pool.submit(
                subprocess.run,
                [sys.executable, "-m", "bridge", "sync", "room-a.private"],
                cwd=home.path,
                env=home.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            for _ in range(2)
        ]
        served.until(lambda: source.reads > before, "a pull by one of them")
        source.open.set()
        done = [command.result() for command in commands]
    assert [each.returncode for each in done] == [0, 0], done
    assert source.most_together == 1
    shown = served.get(f"{open_url(home)}&start={at(0)}&end={at(24)}")
    assert "T030000Z/" in shown.body, "what a command pulled, the server shows at once"
    source.text = CALENDAR
    home.run("sync", "room-a.private").ok()


@pytest.mark.covers("T35")
def test_a_rotated_feed_has_another_url_and_the_old_one_is_dead(
    served: Serving, home: Folder
) -> None:
    old, wall = [feed["url"] for feed in home.json("urls", "room-a")["feeds"]]
    assert (served.get(old).status, served.get(wall).status) == (200, 200)
    new = home.run("feeds", "rotate", "room-a", "team").ok().out.strip()
    assert served.get(old).status == 404
    assert served.get(new).status == 200
    assert home.run("feeds", "revoke", "room-a", "wall").ok().out == "room-a/wall is revoked\n"
    assert served.get(wall).status == 404
    for url in (old, new, wall):
        token = url.split("/")[-2]
        assert len(token) == 52, "256 bits"
        assert token not in served.log
        assert token.encode() not in home.database.read_bytes()


def test_a_revoked_key_opens_nothing(served: Serving, home: Folder) -> None:
    made = home.json("keys", "create", "scheduler", "--resource", "room-*", "--expires", "90d")
    target = f"/api/v1/resources/room-a/busy?start={at(0)}&end={at(24)}"
    assert served.get(target, Authorization=f"Bearer {made['key']}").status == 200
    assert home.run("keys", "revoke", made["id"]).ok().out == f"{made['id']} is revoked\n"
    assert served.get(target, Authorization=f"Bearer {made['key']}").status == 401
    again = home.run("keys", "revoke", made["id"])
    assert (again.code, "revoked already" in again.err) == (1, True)


def test_a_login_has_the_password_that_was_set(served: Serving, home: Folder) -> None:
    target = "/freebusy/room-a.ifb"
    assert served.get(target, **basic("alice", "correct horse")).status == 401
    home.run("users", "passwd", "alice", "--stdin", stdin="correct horse\n").ok()
    assert served.get(target, **basic("alice", "correct horse")).status == 200
    assert served.get(target, **basic("alice", "correct hearse")).status == 401
    made = home.json("users", "app-password", "create", "alice", "phone")
    assert served.get(target, **basic("alice", made["password"])).status == 200
    home.run("users", "app-password", "revoke", made["id"]).ok()
    assert served.get(target, **basic("alice", made["password"])).status == 401


def test_sync_does_not_read_an_account_that_is_in_the_file_and_not_in_force(home: Folder) -> None:
    rewrite(home, "url: ${PRIVATE_URL}", "url: http://127.0.0.1:1/new.ics")
    done = home.run("sync", "room-a.private")
    assert done.code == 1
    assert "the file names another account than the one in force; `busybridge reload`" in done.out


def test_a_paused_connection_keeps_its_time_and_is_not_pulled(
    served: Serving, home: Folder, source: Source
) -> None:
    target = f"{open_url(home)}&start={at(0)}&end={at(24)}"
    busy = served.get(target)
    name = "room-a.private"
    assert home.run("connections", "pause", name).ok().out == f"{name} is paused\n"
    reads = source.reads
    everything = home.run("sync").ok()
    assert "paused" in everything.out
    named = home.run("sync", name)
    assert (named.code, source.reads) == (1, reads)
    assert f"`busybridge connections resume {name}`" in named.out
    assert served.get(target) == busy
    home.run("connections", "resume", name).ok()
    served.until(lambda: source.reads > reads, "a pull by the server, at once")


@pytest.mark.covers("F37", "T68")
def test_the_restore_drill(served: Serving, home: Folder, source: Source, tmp_path: Path) -> None:
    key = home.run("keys", "create", "drill").ok().out.strip()
    phone = home.json("users", "app-password", "create", "alice", "phone")["password"]
    feed = home.json("urls", "room-a")["feeds"][0]

    copy, ended, began = tmp_path / "copy", threading.Event(), source.reads
    fresh = f"{feed['free_busy']}&sync=true&start={at(0)}&end={at(24)}"

    def read_on() -> None:
        while not ended.wait(0.05):
            assert served.get(fresh).status == 200

    with ThreadPoolExecutor() as pool:
        reader = pool.submit(read_on)
        try:
            served.until(lambda: source.reads > began, "pulls go on")
            done = home.run("backup", str(copy)).ok()
        finally:
            ended.set()
        reader.result()
    assert "the key file is not in it" in done.out
    assert copy.stat().st_mode & 0o777 == 0o600
    identity = (home.path / "busybridge.key").read_text().split()[-3]
    kept = copy.read_bytes()
    for canary in (key, phone, feed["url"].split("/")[-2], DAV_PASSWORD, identity):
        assert canary.encode() not in kept
    for canary in ("private-canary", "canary-2b9c"):
        assert canary.encode() not in kept, "nor the secret URL that the calendar is read from"

    refused = home.run("restore", str(copy), "--force")
    assert (refused.code, "stop it first" in refused.err) == (1, True)

    place = Folder(tmp_path / "place", environ=home.environ)
    for name in ("busybridge.yaml", "busybridge.key"):
        shutil.copy(home.path / name, place.path / name)
    expected = home.run("busy", "room-a", *SPAN).ok().out
    assert "goes on with it" in place.run("restore", str(copy)).ok().out
    assert place.run("busy", "room-a", *SPAN).ok().out == expected

    with place.database.open("r+b") as file:
        file.write(b"\0" * 4096)
    damaged = place.run("users", "add", "bob")
    assert (damaged.code, "damaged" in damaged.err, "restore" in damaged.err) == (1, True, True)
    place.run("restore", str(copy), "--force").ok()
    with place.serve() as again:
        shown = again.get(fresh.replace("&sync=true", ""))
    assert shown.status == 200
    assert "FBTYPE=BUSY-UNAVAILABLE" in shown.body


@pytest.mark.covers("T39")
def test_secrets_are_shown_where_they_are_made_and_nowhere_else(
    served: Serving, home: Folder
) -> None:
    key = home.run("keys", "create", "canary").ok().out.strip()
    phone = home.json("users", "app-password", "create", "alice", "phone")["password"]
    token = home.json("urls", "room-a")["feeds"][0]["url"].split("/")[-2]
    secrets = (key, phone, token, DAV_PASSWORD, "private-canary", "canary-2b9c")
    for line in (
        "keys list --json",
        "users app-password list alice --json",
        "doctor --json",
    ):
        done = home.run(*line.split())
        assert done.out
        for secret in secrets:
            assert secret not in done.out + done.err, f"{line} shows {secret}"
    for secret in secrets:
        assert secret not in served.log
