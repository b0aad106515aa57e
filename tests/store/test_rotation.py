"""Another key for every credential, in the middle of whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.errors import ConfigError, StoreError
from bridge.model.resource import ConnectionId
from bridge.store import cipherkeys, credentials
from bridge.store.credentials import Credential
from bridge.store.database import Database
from bridge.store.rotation import rotate
from bridge.store.schema import credentials as table
from bridge.store.vault import Vault
from tests.builders import NOW, store_resource

NAMES = [f"c{number}" for number in range(7)]
IDS = [ConnectionId(f"room-a.{name}") for name in NAMES]


class Kept:
    """Seven credentials, and the key file that they are encrypted with."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.path = folder / "busybridge.key"
        KeyFile.create(self.path)
        self.ring = KeyRing(self.path)
        self.vault = Vault(self.ring.find)
        store_resource(database, names=tuple(NAMES))
        with database.write() as conn:
            cipherkeys.pin(conn, self.ring.current.ring(CREDENTIALS))
            for connection_id in IDS:
                secrets = {"refresh_token": SecretStr(f"of {connection_id}")}
                given = Credential(connection_id, "oauth", secrets)
                assert credentials.save(conn, self.vault, given, NOW)

    def readable(self, ring: KeyRing | None = None) -> bool:
        """Whether every credential opens, with the file as it is now unless another is given."""
        vault = Vault((ring or KeyRing(self.path)).find)
        with self.database.read() as conn:
            found = [credentials.load(conn, vault, each, "oauth") for each in IDS]
        return [each.secret("refresh_token") for each in found if each] == [
            f"of {each}" for each in IDS
        ]

    def keys(self) -> dict[str, int]:
        with self.database.read() as conn:
            return dict(cipherkeys.uses(conn))


@pytest.fixture
def kept(database: Database, tmp_path: Path) -> Kept:
    return Kept(database, tmp_path)


@pytest.mark.covers("T38")
def test_after_a_rotation_everything_is_under_a_new_key_and_the_old_one_is_gone(
    kept: Kept,
) -> None:
    before, old = kept.ring.current, kept.path.read_text()
    told: list[int] = []
    done = rotate(kept.database, KeyRing(kept.path), batch=3, progress=told.append)
    after = KeyFile.read(kept.path)
    assert (done.key_id, done.credentials, done.resumed) == (after.key_id, 7, False)
    assert told == [3, 3, 1]
    assert (after.instance, after.identity) == (before.instance, before.identity)
    assert before.key.hex() in old
    assert before.key.hex() not in kept.path.read_text()
    assert kept.keys() == {after.key_id: 7}
    assert kept.readable()


def test_a_process_that_serves_reads_and_writes_on_through_a_rotation(kept: Kept) -> None:
    serving = KeyRing(kept.path)
    rotate(kept.database, KeyRing(kept.path))
    assert kept.readable(serving)
    vault = Vault(serving.find)
    with kept.database.write() as conn:
        held = credentials.load(conn, vault, IDS[0], "oauth")
        assert held is not None
        assert credentials.save(conn, vault, replace(held, subject="changed"), NOW)
    assert list(kept.keys()) == [KeyFile.read(kept.path).key_id]


def test_a_process_that_read_the_file_long_ago_never_writes_with_a_dropped_key(
    kept: Kept,
) -> None:
    """Writers and a rotation at the same time, each with a key file of its own memory."""
    stop = threading.Event()
    problems: list[Exception] = []

    def refresh(which: ConnectionId) -> None:
        vault = Vault(KeyRing(kept.path).find)
        try:
            while not stop.is_set():
                with kept.database.write() as conn:
                    held = credentials.load(conn, vault, which, "oauth")
                    assert held is not None
                    assert credentials.save(conn, vault, held, NOW)
        except Exception as err:  # noqa: BLE001 - told at the end
            problems.append(err)

    threads = [threading.Thread(target=refresh, args=[each]) for each in IDS[:3]]
    for thread in threads:
        thread.start()
    for _ in range(5):
        rotate(kept.database, KeyRing(kept.path), batch=2)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(kept.keys()) == [KeyFile.read(kept.path).key_id]
    assert kept.readable()


def test_what_was_damaged_is_named_and_the_old_key_stays_until_it_is_gone(kept: Kept) -> None:
    with kept.database.write() as conn:
        stolen = conn.execute(
            select(table.c.nonce, table.c.ciphertext).where(table.c.connection_id == IDS[5])
        ).one()
        statement = update(table).where(table.c.connection_id == IDS[2])
        conn.execute(statement.values(**stolen._asdict()))
    with pytest.raises(StoreError, match=r"room-a\.c2 was changed .*connect it again"):
        rotate(kept.database, KeyRing(kept.path), batch=2)
    old = kept.ring.current.key_id
    assert kept.keys() == {old: 1, KeyFile.read(kept.path).key_id: 6}
    with kept.database.write() as conn:
        credentials.erase(conn, IDS[2])
    done = rotate(kept.database, KeyRing(kept.path))
    assert (done.resumed, done.credentials) == (True, 0)
    assert len(KeyFile.read(kept.path).keys) == 1


def test_a_key_file_that_lacks_a_key_is_not_rotated(kept: Kept, tmp_path: Path) -> None:
    KeyFile.create(tmp_path / "another")
    with pytest.raises(ConfigError, match="lacks a key"):
        rotate(kept.database, KeyRing(tmp_path / "another"))
    assert kept.readable()


DRIVER = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from bridge.config.keyring import KeyRing
from bridge.store import rotation, vault
from bridge.store.database import Database

def rotate_until(left):
    def passed(*_):
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def step(name, args):
        if name in ("open", "os.rename", "os.remove", "os.chmod") and folder in str(args[0]):
            passed()

    ring, database = KeyRing(Path(sys.argv[2])), Database(sys.argv[1])
    for moment in ("begin", "commit", "before_cursor_execute"):
        event.listen(Engine, moment, passed)
    sys.addaudithook(step)
    rotation.rotate(database, ring, batch=2)

folder = os.path.dirname(sys.argv[2])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        rotate_until(int(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.timeout(240)
@pytest.mark.covers("F9", "T38")
def test_killed_at_any_step_every_credential_is_readable_and_the_next_run_ends_it(
    kept: Kept,
) -> None:
    """Real processes, killed before each statement, commit and change of the file in turn."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, kept.database.url, str(kept.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    steps = ended = 0
    with driver:
        while True:
            kept.ring.refresh()
            driver.stdin.write(f"{steps}\n")
            driver.stdin.flush()
            ended = int(driver.stdout.readline())
            assert kept.readable(), f"killed before step {steps}"
            assert kept.readable(kept.ring), "and for a process that served all the time"
            if ended != -signal.SIGKILL:
                break
            rotate(kept.database, KeyRing(kept.path), batch=2)
            assert kept.readable()
            assert list(kept.keys()) == [KeyFile.read(kept.path).key_id]
            assert len(KeyFile.read(kept.path).keys) == 1
            steps += 1
        driver.stdin.close()
    assert ended == 0
    assert steps > 30
