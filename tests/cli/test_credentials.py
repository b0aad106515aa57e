"""Credentials and their keys as an admin meets them: rotation, loss, backups, removal."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import KeyRing
from bridge.model.resource import ConnectionId
from bridge.store import credentials
from bridge.store.credentials import Credential
from bridge.store.database import Database
from bridge.store.vault import Vault
from tests.builders import NOW
from tests.cli.folder import CALENDAR, ROOM, Folder

COMMANDS_INSIDE = True

FILE = ConnectionId("room-a.file")
CANARIES = ("CANARY-access-5e2b", "CANARY-refresh-c0d1")


class Home:
    """A folder that was served once, and one account that was connected."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder.prepare(logging={"level": "debug"})
        self.key_file = folder.path / "busybridge.key"
        with folder.serve():
            pass
        self.vault = Vault(KeyRing(self.key_file).find)
        with self.database() as database, database.write() as conn:
            secrets = {
                "access_token": SecretStr(CANARIES[0]),
                "refresh_token": SecretStr(CANARIES[1]),
            }
            given = Credential(FILE, "oauth", secrets, subject="CANARY-subject")
            assert credentials.save(conn, self.vault, given, NOW)

    def database(self) -> closing[Database]:
        return closing(Database(f"sqlite:///{self.folder.database}"))

    def readable(self) -> bool:
        vault = Vault(KeyRing(self.key_file).find)
        with self.database() as database, database.read() as conn:
            found = credentials.load(conn, vault, FILE, "oauth")
        return found is not None and found.secret("access_token") == CANARIES[0]

    def where(self, text: bytes) -> list[str]:
        """Name the files that hold a text."""
        files = [each for each in self.folder.path.rglob("*") if each.is_file()]
        return [each.name for each in files if text in each.read_bytes()]

    def in_database(self, text: bytes) -> bool:
        """Whether the database's files, its log included, hold a text."""
        return any(name.startswith(self.folder.database.name) for name in self.where(text))


@pytest.fixture
def home(folder: Folder) -> Home:
    return Home(folder)


@pytest.mark.covers("T38", "T39")
def test_a_key_is_rotated_while_the_server_runs_and_nothing_secret_is_shown(home: Home) -> None:
    folder, old = home.folder, KeyFile.read(home.key_file)
    (before,) = folder.json("keyring", "list")
    assert before == {"id": old.key_id, "in_file": True, "in_force": True, "credentials": 1}
    with folder.serve() as server:
        done = folder.run("keyring", "rotate").ok()
        assert "1 credential encrypted anew" in done.out
        assert "the key file of before" in done.err
        assert home.readable()
        assert folder.run("reload").ok()
        again = folder.json("keyring", "rotate")
        assert (again["credentials"], again["resumed"]) == (1, False)
        log = server.log
    new = KeyFile.read(home.key_file)
    (after,) = folder.json("keyring", "list")
    assert (after["id"], after["credentials"]) == (new.key_id, 1)
    shown = log + done.out + done.err + str(folder.json("status"))
    for secret in (*CANARIES, old.key.hex(), new.key.hex(), new.identity.hex()):
        assert secret not in shown
    assert home.where(old.key.hex().encode()) == []
    assert home.readable()
    assert new.instance == old.instance


@pytest.mark.covers("T38", "T68", "P10")
def test_a_server_without_the_key_does_not_start_and_says_what_helps(
    home: Home, tmp_path: Path
) -> None:
    folder, old = home.folder, KeyFile.read(home.key_file)
    shutil.copy2(home.key_file, tmp_path / "old.key")
    folder.run("backup", "copy").ok()
    assert [home.where(each.encode()) for each in CANARIES] == [[], []]
    folder.run("keyring", "rotate").ok()

    folder.run("restore", "copy", "--force").ok()  # needs the key that was dropped
    refused = folder.run("serve")
    assert refused.code == 2
    assert old.key_id in refused.err
    assert "put back the key file" in refused.err
    assert "keyring forget" in refused.err
    assert old.key.hex() not in refused.err
    needed = {row["id"]: row for row in folder.json("keyring", "list")}
    assert needed[old.key_id]["in_file"] is False

    new = home.key_file.read_bytes()
    shutil.copy2(tmp_path / "old.key", home.key_file)
    with folder.serve():
        assert home.readable(), "with the key file of its time a backup is whole"

    home.key_file.write_bytes(new)
    refused = folder.run("keyring", "forget")
    assert (refused.code, "1 credential would be gone" in refused.err) == (1, True)
    assert folder.run("keyring", "forget", "--force").ok().out == "connect again: room-a.file\n"
    (connection,) = folder.json("connections", "list")
    assert connection["status"] == "token_expired"
    assert connection["error"]["hint"] == "connect the account again"
    assert connection["error"]["since"]
    with folder.serve():
        assert folder.json("keyring", "list")[0]["credentials"] == 0


@pytest.mark.covers("T69")
def test_a_connection_that_leaves_the_file_leaves_no_trace_in_the_database(home: Home) -> None:
    folder = home.folder
    (folder.path / "other.ics").write_text(CALENDAR, newline="")
    other = {"id": "other", "provider": "ics", "path": "other.ics"}
    with folder.serve() as server:
        read = lambda: home.in_database(b"Think about the garden")  # noqa: E731
        server.until(read, "the calendar is read")
        assert home.in_database(b"CANARY-subject")
        folder.config["resources"] = [ROOM | {"connections": [other]}]
        (folder.path / "other.ics").write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR")
        (folder.path / "calendar.ics").unlink()
        folder.write()
        assert "removed (room-a.file)" in folder.run("reload").ok().out
        for trace in (b"CANARY-subject", b"Think about the garden"):
            assert home.where(trace) == []
    for trace in (b"CANARY-subject", b"Think about the garden"):
        assert home.where(trace) == []
