"""Mistakes of whoever types: one sentence with the remedy, an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.folder import PATIENCE, Folder, at

COMMANDS_INSIDE = True

# What is typed, the exit code, and what the message has to hold.
TYPED = [
    ("statsu", 2, "Did you mean 'status'?"),
    ("connections lst", 2, "Did you mean 'list'?"),
    ("busy room-a --form tomorrow", 2, "--from"),
    ("busy rom-a", 1, "did you mean room-a?"),
    ("busy room-a --from 25:00", 2, "'25:00' is not a time; write now"),
    ("explain room-a", 2, "--at TIME or --event UID"),
    ("feeds rotate room-a taem", 1, "did you mean team?"),
    ("sync room-a.fle", 1, "did you mean room-a.file or room-a?"),
    ("doctor caldv", 2, "caldav"),
    ("keys revoke abcdefgh", 1, "there are none"),
    ("keys create x --expires 0d", 2, "no time at all"),
    ("users add alice", 1, "already"),
    ("users add api", 2, "own URLs"),
    ("users add Bob", 2, "name: must be lower-case letters, digits, - and _"),
    ("users add bob --email nobody", 2, "email: 'nobody' is not a mail address"),
    ("users add bob --access room-a=wri", 2, "'wri' is not one of free-busy, read, write, manage"),
    ("users passwd alice", 2, "--stdin reads the password"),
    ("users app-password create alicia phone", 1, "did you mean alice?"),
    ("demo --interval x", 2, "is not a duration"),
    ("demo --interval 1s", 1, "at least 10s"),
    ("init busybridge.yaml", 2, "is a file"),
    ("init /proc/nowhere", 1, "/proc/nowhere: No such file or directory"),
    ("backup nowhere/copy", 1, "No such file or directory"),
    ("backup calendar.ics", 1, "is not overwritten"),
    ("restore nowhere", 1, "nowhere does not exist"),
    ("restore calendar.ics --force", 1, "calendar.ics is no backup of BusyBridge"),
    ("reload", 1, "no server runs on this database; `busybridge serve`"),
]


@pytest.mark.parametrize(("line", "code", "part"), TYPED, ids=[line for line, *_ in TYPED])
def test_a_mistake_is_answered_with_its_remedy(
    house: Folder, line: str, code: int, part: str
) -> None:
    done = house.run(*line.split())
    assert done.code == code, done.err
    assert part in done.err
    assert done.out == ""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("broken"))
    folder.run("init").ok()
    return folder


FILES = [
    ("nothing here", None, "nope.yaml: cannot be read: No such file or directory"),
    ("no YAML", "version: 1\nresources:\n  - id: a\n   name: [\n", "nope.yaml:4: this is not YAML"),
    ("no text", b"\xff\xfe\x00", "nope.yaml:1: this is not UTF-8"),
    ("no mapping", "- 1\n", "nope.yaml:1: the file must hold keys"),
    ("empty", "", "nope.yaml:1: the file is empty"),
    (
        "no key file",
        "version: 1\nstorage: {encryption_key_file: lost.key}\n",
        "lost.key: the key file cannot be read: No such file or directory (`busybridge init --key",
    ),
    (
        "another file as key file",
        "version: 1\nstorage: {encryption_key_file: busybridge.yaml}\n",
        "busybridge.yaml: this is not a BusyBridge key file",
    ),
]


@pytest.mark.parametrize(
    ("text", "part"), [case[1:] for case in FILES], ids=[it[0] for it in FILES]
)
def test_a_configuration_that_cannot_be_used_is_named(
    broken: Folder, text: str | bytes | None, part: str
) -> None:
    path = broken.path / "nope.yaml"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = broken.run("--config", "nope.yaml", "status")
    assert (done.code, done.out) == (2, "")
    assert part in done.err


DATABASES = [
    ("sqlite:///damaged.db", "is damaged and takes no more writes; restore a backup"),
    ("sqlite:///link.db", "symbolic links are refused"),
    ("sqlite:////proc/nowhere/x.db", "cannot be"),
    ("postgresql://nobody@127.0.0.1:1/x", "PostgreSQL server cannot be reached"),
]


@pytest.mark.parametrize(("url", "part"), DATABASES, ids=[url for url, _ in DATABASES])
def test_a_database_that_cannot_be_used_is_named(broken: Folder, url: str, part: str) -> None:
    (broken.path / "damaged.db").write_bytes(b"this was a database once" * 1000)
    if not (broken.path / "link.db").is_symlink():
        (broken.path / "link.db").symlink_to("damaged.db")
    (broken.path / "nope.yaml").write_text(f'version: 1\nstorage: {{database: "{url}"}}\n')
    done = broken.run("serve", "--config", "nope.yaml")
    assert (done.code, done.out) == (1, "")
    assert part in done.err


def test_a_database_of_another_key_file_is_left_alone(house: Folder, folder: Folder) -> None:
    folder.run("init").ok()
    folder.prepare(storage={"database": f"sqlite:///{house.database}"})
    done = folder.run("feeds", "rotate", "room-a", "team")
    assert done.code == 2
    assert "busybridge.key: " in done.err
    assert "instance" in done.err


def test_what_is_not_in_force_yet_is_said_with_what_puts_it_in_force(folder: Folder) -> None:
    folder.prepare()
    fresh = folder.run("status")
    assert fresh.code == 3
    assert "room-a is in the file and not in force yet" in fresh.out
    assert "`busybridge serve`" in fresh.out
    done = folder.run("busy", "room-a")
    assert done.code == 1
    assert "nothing is stored yet: `busybridge serve` begins" in done.err
    assert not folder.database.exists(), "what only reads makes no database"

    folder.run("sync").ok()
    folder.config["resources"] = [*folder.config["resources"], {"id": "room-b"}]
    folder.write()
    late = folder.run("busy", "room-b")
    assert late.code == 1
    assert "room-b is in the file and not in force yet: `busybridge reload`" in late.err
    assert folder.run("status", "--json").json["not_in_force"] == ["room-b"]
    folder.run("sync").ok()
    assert "free from" in folder.run("busy", "room-b").ok().out, "without a server, sync follows"


def test_a_reader_that_leaves_is_no_fault(house: Folder) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "busy", "room-a", "--from", at(0), "--to", at(24)],
        cwd=house.path,
        env=house.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(write)
    assert done.stderr == b""
