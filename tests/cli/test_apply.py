"""`plan` shows what the file would change, `apply` does it and ends what left at its provider."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from werkzeug.exceptions import ServiceUnavailable

from tests.app.running import in_file
from tests.cli.accounts import connect, prepare
from tests.cli.folder import DAY, PATIENCE, ROOM, Folder
from tests.connecting.home import Provider
from tests.servers.ports import free_port

COMMANDS_INSIDE = True

WORK = {"id": "work", "provider": "google"}
LEFT = {"id": "room-b", "feeds": [{"name": "team"}], "connections": [WORK]}


@pytest.fixture
def google() -> Iterator[Provider]:
    made = Provider()
    with made.sandbox:
        yield made


@pytest.fixture
def home(folder: Folder, google: Provider) -> Folder:
    """Two rooms, of which the second has a Google account that nobody connected yet."""
    return prepare(folder, google, ROOM, LEFT)


def leave(home: Folder, *resources: Any) -> None:
    home.config["resources"] = list(resources)
    home.write()


def names(home: Folder) -> set[str]:
    return {each["id"] for each in home.json("connections", "list")}


def stored(home: Folder) -> bytes:
    return b"".join(each.read_bytes() for each in home.path.glob("busybridge.sqlite3*"))


@pytest.mark.covers("S4-32", "A-44")
def test_a_room_that_left_the_file_is_parked_by_reload_and_ended_by_apply(
    home: Folder, google: Provider
) -> None:
    with home.serve() as served:
        connect(home)
        google.meet(int(DAY.timestamp()))
        assert home.json("sync", "room-b")[0]["outcome"] == "ok"
        feed = home.json("urls", "room-b")["feeds"][0]["url"]
        assert served.get(feed).body.count("BEGIN:VEVENT") == 1
        leave(home, ROOM)
        ahead = home.run("plan").ok().out.splitlines()
        assert ahead[0] == "park room-b"
        assert ahead[1:] == [
            "apply removes room-b: 1 connection, 1 busy block",
            "apply removes room-b.work: google, 1 event, what its owner permitted is given back",
        ]
        assert google.allows(), "a plan changes nothing"
        assert "room-b.work" in names(home)

        home.run("reload").ok()
        assert google.allows(), "it may return"
        assert served.get(feed).status == 404
        assert home.run("plan").ok().out.splitlines() == ahead[1:]
        refused = home.run("apply")
        assert (refused.code, "--yes" in refused.err) == (2, True)
        assert google.allows()

        done = home.run("apply", "--yes").ok()
        assert "1 removed (room-b)" in done.out
        assert not google.allows()
        assert google.sandbox.world.defects == []
        assert home.run("plan").ok().out == "nothing to do\n"
        assert "unchanged" in home.run("apply").ok().out
        assert home.run("busy", "room-b").code == 1
        assert served.get(feed).status == 404
    kept = stored(home)
    assert b"SUMMARY:Tea" not in kept
    assert [each for each in google.secrets if each.encode() in kept] == []


def test_a_connection_that_left_the_file_is_ended_with_its_room_untouched(
    home: Folder, google: Provider
) -> None:
    with home.serve():
        connect(home)
        leave(home, ROOM, LEFT | {"connections": []})
        document = home.json("plan")
        assert document["change"] == ["room-b"]
        [going] = document["disconnect"]
        assert (going["id"], going["by"], going["gives_back"]) == ("room-b.work", "reload", True)
        told = home.json("apply", "--yes")
        assert (told["ok"], told["not_given_back"]) == (True, [])
        assert not google.allows(), "it was given back before the answer came"
        assert names(home) == {"room-a.file"}


def test_the_processes_of_a_postgresql_database_do_it_together(
    home: Folder, google: Provider, postgresql_url: str
) -> None:
    home.config["storage"] = {"database": in_file(postgresql_url)}
    home.write()
    with home.serve() as first:
        home.config["server"] = {"bind": f"127.0.0.1:{free_port()}"}
        other = Folder(home.path / "other", home.config)
        other.write()
        (other.path / "calendar.ics").write_bytes((home.path / "calendar.ics").read_bytes())
        (other.path / "busybridge.key").write_bytes((home.path / "busybridge.key").read_bytes())
        (other.path / "busybridge.key").chmod(0o600)
        with other.serve() as second:
            connect(home)
            home.config["resources"] = [ROOM]
            other.write()
            home.config["server"] = {"bind": first.url.removeprefix("http://")}
            home.write()
            done = home.run("apply", "--yes").ok()
            assert "removed (room-b)" in done.out
            assert not google.allows()
            assert names(home) == {"room-a.file"}
            for served in (first, second):
                served.until(lambda served=served: "reloaded: " in served.log, "it follows")


def test_without_a_server_the_command_does_it_itself(home: Folder, google: Provider) -> None:
    assert home.run("plan").ok().out.splitlines() == [
        f"add {each}" for each in ("room-a", "room-b", "room-a.file", "room-b.work")
    ]
    assert not home.database.exists(), "a plan writes nothing"
    home.run("apply").ok()
    connect(home)
    leave(home, ROOM)
    home.run("apply", "--yes").ok()
    assert not google.allows()
    assert names(home) == {"room-a.file"}
    assert home.run("plan").ok().out == "nothing to do\n"


def test_a_person_is_asked(home: Folder, google: Provider) -> None:
    home.run("apply").ok()
    connect(home)
    leave(home, ROOM)
    question = "for good? [y/N]:"
    shown = home.on_terminal("apply", answers={question: "n\n"})
    assert "apply removes room-b.work" in shown
    assert "Remove 1 resource and 1 connection for good?" in shown
    assert google.allows()
    assert "1 removed (room-b)" in home.on_terminal("apply", answers={question: "y\n"})
    assert not google.allows()


def test_what_a_provider_does_not_take_back_is_said_and_gone_here(
    home: Folder, google: Provider
) -> None:
    home.run("apply").ok()
    connect(home)
    leave(home, ROOM)

    def down(*_: object, **__: object) -> Any:
        raise ServiceUnavailable

    google.sandbox.google.grants.revoke = down  # type: ignore[method-assign]
    done = home.run("apply", "--yes")
    assert done.code == 1
    assert "not given back: room-b.work (google" in done.err
    assert names(home) == {"room-a.file"}


@pytest.mark.covers("S4-32")
def test_who_was_killed_on_the_way_is_called_again(home: Folder, google: Provider) -> None:
    home.run("apply").ok()
    connect(home)
    leave(home, ROOM)
    asked, revoke = Event(), google.sandbox.google.grants.revoke

    def slow(*given: Any, **named: Any) -> Any:
        answer = revoke(*given, **named)
        asked.set()
        Event().wait(1)
        return answer

    google.sandbox.google.grants.revoke = slow  # type: ignore[method-assign]
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "apply", "--yes"],
        cwd=home.path,
        env=home.environment(),
        stdout=subprocess.DEVNULL,
    )
    assert asked.wait(PATIENCE)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    google.sandbox.google.grants.revoke = revoke  # type: ignore[method-assign]
    home.run("apply", "--yes").ok()
    assert not google.allows()
    assert names(home) == {"room-a.file"}


def test_a_file_that_cannot_be_used_ends_nothing(home: Folder, google: Provider) -> None:
    with home.serve():
        connect(home)
        leave(home, ROOM)
        home.config["server"] = {"bind": "127.0.0.1:1"}
        home.write()
        refused = home.run("apply", "--yes")
        assert (refused.code, "server.bind" in refused.err) == (2, True)
        assert google.allows()
        assert "room-b.work" in names(home)
