"""Reload inside one process: whole, or not at all."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.app.bridge import Bridge
from bridge.config.keyfile import KeyFile
from bridge.config.keyring import KeyRing
from bridge.errors import AuthorizationExpired, ConfigError, StoreError
from bridge.model.interval import Window
from bridge.model.resource import ResourceId
from bridge.registry import KINDS
from bridge.store import resources
from bridge.store.database import Database
from bridge.store.rotation import rotate
from tests.app.running import BUSY, in_file
from tests.builders import NOW
from tests.databases import Restless


class Installation:
    """A folder with a configuration, a key file, and one calendar file."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.config: dict[str, Any] = {
            "version": 1,
            "storage": {"database": in_file(url)},
            "resources": [self.room("room-a")],
        }
        self.now = NOW
        (folder / "busy.ics").write_text(BUSY)
        KeyFile.create(folder / "busybridge.key")
        self.write()

    def room(self, name: str, **keys: Any) -> dict[str, Any]:
        path = {"id": "work", "provider": "ics", "path": "busy.ics"}
        return {"id": name, "connections": [path]} | keys

    def write(self) -> None:
        (self.folder / "busybridge.yaml").write_text(yaml.safe_dump(self.config))

    def bridge(self) -> Bridge:
        path = self.folder / "busybridge.yaml"
        return Bridge(path, environ={}, clock=lambda: self.now, kinds=KINDS)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    return Installation(tmp_path, database_url)


@pytest.fixture
def bridge(installation: Installation) -> Iterator[Bridge]:
    made = installation.bridge()
    made.open()
    yield made
    made.close()


def names(bridge: Bridge) -> list[str]:
    with bridge.database.read() as conn:
        return [row.id for row in resources.all_active(conn)]


def busy(bridge: Bridge, name: str = "room-a") -> list[tuple[int, int]]:
    with bridge.database.read() as conn:
        row = resources.get(conn, ResourceId(name))
        assert row is not None
        window = Window(NOW, NOW + 7 * 86400)
        return [period[:2] for period in bridge.publisher.periods(conn, row.id, window)]


def test_a_good_file_is_in_force_at_once_and_the_scheduler_stays_the_one_it_was(
    installation: Installation, bridge: Bridge
) -> None:
    scheduler, accounts, http = bridge.scheduler, bridge.accounts, bridge.http
    bridge.ingest.pull("room-a.work", installation.now)
    before = busy(bridge)
    assert before
    installation.config["resources"][0]["availability"] = {"buffers": {"before": "10m"}}
    installation.config["resources"].append(installation.room("room-b"))
    installation.config["outbound"] = {"allow_networks": ["10.0.0.0/8"]}
    installation.write()
    told: list[object] = []
    bridge.followers.append(told.append)

    ok, text = bridge.reload()
    assert ok
    assert "room-b" in text
    assert names(bridge) == ["room-a", "room-b"]
    assert busy(bridge) == [(start - 600, end) for start, end in before], "published anew"
    assert told == [bridge.settings]
    assert bridge.scheduler is scheduler
    assert bridge.accounts is accounts
    assert bridge.http is http


@pytest.mark.covers("F64")
@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"resources": "none"}, "resources"),
        ({"outbound": {"ca_file": "missing.pem"}}, "missing.pem"),
        ({"outbound": {"ca_file": "x" * 300}}, "there is no file"),
        ({"auth": {"htpasswd_file": "x" * 300}}, "there is no file"),
        ({"server": {"bind": "127.0.0.1:1"}}, "server.bind"),
        ({"server": {"role": "everything"}}, "server.role"),
        ({"storage": {"database": "sqlite:///other.sqlite3"}}, "storage.database"),
        ({"storage": {"encryption_key_file": "other.key"}}, "storage.encryption_key_file"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    installation: Installation, bridge: Bridge, broken: dict[str, Any], named: str
) -> None:
    before = bridge.settings
    good = dict(installation.config)
    installation.config["resources"] = [installation.room("room-b")]
    for section, value in broken.items():
        known = installation.config.get(section)
        merged = known | value if isinstance(known, dict) and isinstance(value, dict) else value
        installation.config[section] = merged
    installation.write()
    ok, text = bridge.reload()
    assert not ok
    assert named in text
    assert "the old configuration stays" in text
    assert bridge.settings is before
    assert names(bridge) == ["room-a"]

    installation.config = good | {"resources": [installation.room("room-c")]}
    installation.write()
    assert bridge.reload().ok
    assert names(bridge) == ["room-c"]


@pytest.mark.covers("F10")
def test_a_database_that_cannot_be_written_leaves_the_old_configuration_in_force(
    tmp_path: Path, sqlite_url: str
) -> None:
    installation = Installation(tmp_path, sqlite_url)
    with closing(installation.bridge()) as bridge:
        bridge.open()
        before = bridge.settings
        installation.config["resources"] = [installation.room("room-b")]
        installation.write()
        with closing(Database(sqlite_url)) as other, other.write():
            ok, text = bridge.reload()
        assert not ok
        assert "locked" in text
        assert bridge.settings is before
        assert names(bridge) == ["room-a"]
        assert bridge.reload().ok
        assert names(bridge) == ["room-b"]


@pytest.mark.covers("F64")
def test_a_fault_of_ours_in_a_reload_is_a_refusal_and_the_server_goes_on(
    installation: Installation, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bridge.settings
    with monkeypatch.context() as broken:
        broken.setattr(bridge, "read_settings", lambda: 1 // 0)
        ok, text = bridge.reload()
    assert not ok
    assert "ZeroDivisionError" in text
    assert "the old configuration is in force" in text
    assert bridge.settings is before
    assert bridge.reload().ok


@pytest.mark.covers("F10")
def test_whoever_sees_new_settings_goes_through_the_new_transport(
    installation: Installation, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    replace, swap = bridge.http.replace, bridge.live.swap
    monkeypatch.setattr(bridge.http, "replace", lambda new: (order.append("way"), replace(new)))
    monkeypatch.setattr(bridge.live, "swap", lambda new: (order.append("settings"), swap(new)))
    installation.config["outbound"] = {"allow_networks": ["10.0.0.0/8"]}
    installation.write()
    assert bridge.reload().ok
    assert order == ["way", "settings"]


def test_a_paused_account_that_cannot_be_opened_does_not_hold_up_a_reload(
    installation: Installation, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_account: object) -> None:
        raise AuthorizationExpired("no such login")

    kinds = dict(bridge.kinds)
    kinds["ics"] = dataclasses.replace(kinds["ics"], open=refuse)
    monkeypatch.setattr(bridge, "kinds", kinds)
    ok, text = bridge.reload()
    assert not ok
    assert "no such login" in text
    installation.config["resources"][0]["connections"][0]["paused"] = True
    installation.write()
    assert bridge.reload().ok


@pytest.mark.covers("F10")
def test_readers_see_the_old_configuration_or_the_new_never_a_mixture(
    installation: Installation, bridge: Bridge
) -> None:
    def variant(number: int) -> dict[str, Any]:
        rooms = [installation.room(f"{letter}-{number}") for letter in "abc"]
        return {**installation.config, "environment": f"e{number}", "resources": rooms}

    seen: list[tuple[str, tuple[str, ...]]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            current = bridge.live.current
            ids = tuple(resource.id for resource in current.resources)
            seen.append((current.environment, ids))
            with bridge.database.read() as conn:
                rows = tuple(row.id for row in resources.all_active(conn))
            assert len({name.partition("-")[2] for name in rows}) == 1, rows

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(12):
        installation.config = variant(number)
        installation.write()
        assert bridge.reload().ok
    stop.set()
    for reader in readers:
        reader.join()
    expected = {(f"e{n}", (f"a-{n}", f"b-{n}", f"c-{n}")) for n in range(12)}
    assert set(seen) <= expected | {("production", ("room-a",))}


@pytest.mark.covers("F10")
@pytest.mark.parametrize("by", ["the next start", "a regular job"])
def test_a_change_whose_publishing_was_cut_short_is_published_by(
    installation: Installation, bridge: Bridge, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full", full=True)

    bridge.ingest.pull("room-a.work", installation.now)
    before = busy(bridge)
    installation.config["resources"][0]["availability"] = {"buffers": {"before": "10m"}}
    installation.write()
    with monkeypatch.context() as broken:
        broken.setattr(type(bridge.ingest), "rebuild", fail)
        assert bridge.reload().ok
    assert busy(bridge) == before
    if by == "a regular job":
        bridge.scheduler._jobs.run("rebuilds")
    else:
        with closing(installation.bridge()) as other:
            other.open()
    assert busy(bridge) == [(start - 600, end) for start, end in before]
    with bridge.database.read() as conn:
        assert resources.rebuilds(conn) == {}


def test_a_reload_that_pulls_overtake_each_time_succeeds_and_is_published_later(
    installation: Installation, bridge: Bridge
) -> None:
    room = installation.config["resources"][0]
    room["connections"].append({"id": "still", "provider": "ics", "path": "still.ics"})
    (installation.folder / "still.ics").write_text(BUSY.replace("T09", "T15"))
    installation.write()
    assert bridge.reload().ok
    for name in ("work", "still"):
        bridge.ingest.pull(f"room-a.{name}", installation.now)
    before = busy(bridge)
    wanted = [(start - 600, end) for start, end in before]

    def pull(**_: bool) -> None:
        installation.now += 60
        bridge.ingest.pull("room-a.work", installation.now)

    with closing(installation.bridge()) as slow:
        vars(slow)["database"] = restless = Restless(bridge.database.url, pull)
        room["availability"] = {"buffers": {"before": "10m"}}
        installation.write()
        assert slow.reload().ok
        assert before != busy(bridge) != wanted, "what was pulled follows, the rest waits"
        restless.meanwhile = lambda **_: None
        slow.scheduler._jobs.run("rebuilds")
        assert busy(bridge) == wanted
        with slow.database.read() as conn:
            assert resources.rebuilds(conn) == {}


def test_a_pull_between_the_two_halves_of_a_reload_does_not_read_the_old_account(
    installation: Installation, bridge: Bridge
) -> None:
    bridge.ingest.pull("room-a.work", installation.now)
    before = busy(bridge)
    (installation.folder / "new.ics").write_text(BUSY.replace("T09", "T15"))
    installation.config["resources"][0]["connections"][0]["path"] = "new.ics"
    installation.write()
    bridge.apply(bridge.read_settings())  # the rows are written, the settings not swapped yet
    report = bridge.ingest.pull("room-a.work", installation.now + 60)
    assert report.calendars == ()
    assert busy(bridge) == before
    assert bridge.reload().ok
    bridge.ingest.pull("room-a.work", installation.now + 120)
    assert {start % 86400 // 3600 for start, _ in busy(bridge)} == {15}


def test_after_a_reload_to_more_threads_as_many_use_postgresql_at_once(
    tmp_path: Path, postgresql_url: str
) -> None:
    installation = Installation(tmp_path, postgresql_url)
    installation.config |= {"server": {"threads": 2}, "sync": {"concurrency": 1}}
    installation.write()
    with closing(installation.bridge()) as bridge, ExitStack() as held:
        bridge.open()
        running = held.enter_context(bridge.database.read())
        installation.config |= {"server": {"threads": 10}, "sync": {"concurrency": 20}}
        installation.write()
        assert bridge.reload().ok
        for _ in range(30):
            held.enter_context(bridge.database.read())
        assert resources.count(running), "what runs goes on"


def test_two_reloads_at_once_follow_each_other(installation: Installation, bridge: Bridge) -> None:
    installation.config["resources"].append(installation.room("room-b"))
    installation.write()
    verdicts: list[bool] = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(bridge.reload().ok)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [True] * 4
    assert names(bridge) == ["room-a", "room-b"]


def test_a_database_of_another_key_file_is_refused(
    installation: Installation, bridge: Bridge
) -> None:
    (installation.folder / "busybridge.key").unlink()
    KeyFile.create(installation.folder / "busybridge.key")
    with closing(installation.bridge()) as other, pytest.raises(ConfigError) as caught:
        other.open()
    text = str(caught.value)
    assert bridge.keyfile.instance in text
    assert "busybridge.key" in text
    assert names(bridge) == ["room-a"]
    with closing(installation.bridge()) as other:
        assert bridge.keyfile.identity.hex() not in repr(other.keyfile)


def test_a_reload_takes_the_keys_that_a_rotation_left_and_no_foreign_ones(
    installation: Installation, bridge: Bridge
) -> None:
    path = installation.folder / "busybridge.key"
    seen: list[KeyFile] = []
    bridge.keyring.followers.append(seen.append)
    rotated = rotate(bridge.database, KeyRing(path))
    assert bridge.reload().ok
    assert bridge.keyfile.key_id == rotated.key_id
    assert [file.key_id for file in seen] == [rotated.key_id], "so that the log hides it"
    path.unlink()
    KeyFile.create(path)
    verdict = bridge.reload()
    assert not verdict.ok
    assert "of another instance" in verdict.text
    assert bridge.keyfile.key_id == rotated.key_id


def test_a_command_makes_only_the_parts_that_it_needs(installation: Installation) -> None:
    with closing(installation.bridge()) as bridge:
        assert bridge.publisher is bridge.publisher
        assert not {"database", "http", "scheduler", "wsgi"} & set(vars(bridge))
