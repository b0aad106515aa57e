"""A folder with a configuration, and `busybridge` run in it as its admin does."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fcntl import ioctl
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import yaml

from tests.databases import migrated
from tests.e2e import inside

PATIENCE = 60
within = SimpleNamespace(here=False)
"""Whether the commands of a test run in its process, see `tests.e2e.inside`."""
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
"""Midnight before the events of `CALENDAR`; the day after tomorrow, so that none is over."""


def at(hour: float) -> str:
    """A moment of the day of the events, as the command line takes it."""
    return (DAY + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(uid: str, title: str, begin: float, end: float, *lines: str) -> str:
    times = [(DAY + timedelta(hours=hour)).strftime("%Y%m%dT%H%M%S") for hour in (begin, end)]
    own = ("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"SUMMARY:{title}")
    if not any(line.startswith("DTSTART") for line in lines):
        lines = (f"DTSTART:{times[0]}Z", f"DTEND:{times[1]}Z", *lines)
    return "\r\n".join((*own, *lines, "END:VEVENT", ""))


def calendar(*events: str) -> str:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n"
    return f"{head}{''.join(events)}END:VCALENDAR\r\n"


EVIL = "Board \x1b]0;pwned\x07 \x9b2J \u202etxt.exe"
CALENDAR = calendar(
    event("board", EVIL, 9, 10),
    event("away", "At the lake", 9.5, 10.5, "X-MICROSOFT-CDO-BUSYSTATUS:OOF"),
    event("garden", "Think about the garden", 11, 12, "TRANSP:TRANSPARENT"),
    event("called-off", "Called off", 15, 16, "STATUS:CANCELLED"),
    event("perhaps", "Perhaps", 13, 14, "STATUS:TENTATIVE"),
    event(
        "nowhere",
        "Nowhere",
        17,
        18,
        f"DTSTART;TZID=Nowhere/City:{DAY:%Y%m%d}T170000",
        f"DTEND;TZID=Nowhere/City:{DAY:%Y%m%d}T180000",
    ),
)
ALICE = {"name": "alice", "email": "alice@example.com", "access": {"room-a": "read"}}
ROOM = {
    "id": "room-a",
    "name": "Room Ä",
    "email": "room-a@example.com",
    "feeds": [{"name": "team"}, {"name": "wall"}],
    "connections": [{"id": "file", "provider": "ics", "path": "calendar.ics"}],
}


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str
    cpu: float
    """Seconds of CPU time that the process took."""

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ok(self) -> Done:
        assert self.code == 0, f"exit code {self.code}: {self.out}{self.err}"
        return self


class Reply(NamedTuple):
    status: int
    body: str


def fetch(url: str, **headers: str) -> Reply:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return Reply(answer.status, answer.read().decode())
    except urllib.error.HTTPError as err:
        return Reply(err.code, err.read().decode())


def _take_terminal() -> None:
    os.setsid()
    ioctl(0, termios.TIOCSCTTY, 0)
    attributes = termios.tcgetattr(0)
    attributes[3] |= termios.NOFLSH
    termios.tcsetattr(0, termios.TCSANOW, attributes)


def _sleeps(process: int) -> bool:
    """Tell whether a process waits for something, and not for its turn on the processor."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@dataclass
class Folder:
    """A folder with a configuration of the test's own."""

    path: Path
    config: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        return self.path / "busybridge.sqlite3"

    def prepare(self, **sections: Any) -> Folder:
        """Make a key file, a calendar file and a configuration of these sections."""
        if not (self.path / "busybridge.key").exists():
            self.run("init").ok()
        (self.path / "calendar.ics").write_text(CALENDAR, newline="")
        self.config = {
            "version": 1,
            "server": {"bind": "127.0.0.1:0", "timezone": "Asia/Kolkata"},
            "auth": {"users": [ALICE]},
            "resources": [ROOM],
        } | sections
        self.write()
        return self

    def write(self) -> None:
        text = yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True)
        (self.path / "busybridge.yaml").write_text(text)

    def environment(self) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.path), "LANG": "C.UTF-8"}
        return own | self.environ

    def run(self, *arguments: str, stdin: str = "", environ: Mapping[str, str] = {}) -> Done:
        if within.here and arguments[0] in inside.QUIET and not stdin:
            done = inside.run_in(self.path, self.environment() | dict(environ), *arguments)
            assert "Traceback" not in done.stdout + done.stderr, f"{arguments}: {done.stderr}"
            return Done(done.returncode, done.stdout, done.stderr, 0)
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", *arguments],
            cwd=self.path,
            env=self.environment() | dict(environ),
            stdin=subprocess.PIPE,
            stdout=(self.path / ".out").open("wb"),
            stderr=(self.path / ".err").open("wb"),
        )
        with process.stdin, suppress(BrokenPipeError):
            process.stdin.write(stdin.encode())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out, err = ((self.path / name).read_bytes().decode() for name in (".out", ".err"))
        assert "Traceback" not in out + err, f"{arguments}: {err}"
        return Done(process.returncode, out, err, used.ru_utime + used.ru_stime)

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed, and read what it says."""
        return self.run(*arguments, "--json").ok().json

    def on_terminal(
        self, *arguments: str, columns: int = 120, answers: Mapping[str, str] = {}
    ) -> str:
        """Run a command on a terminal, which shows what is printed with its escape sequences.

        `answers` are typed once what they answer is shown. Ctrl-C is typed again when nothing comes
        of it and the command still waits, as people do: Python may be about to wait for a key, and
        see it after the next one. What is shown by then stays, which a terminal drops at Ctrl-C.
        """
        main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", *arguments],
            cwd=self.path,
            env=self.environment() | {"TERM": "xterm"},
            stdin=side,
            stdout=side,
            stderr=side,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - a few system calls, and then exec
        )
        os.close(side)
        shown, waiting, typed = b"", dict(answers), ""
        deadline = time.monotonic() + PATIENCE
        with suppress(OSError):  # EIO: the other end is closed
            while time.monotonic() < deadline:
                if not select.select([main], [], [], 2)[0]:
                    if typed == "\x03" and _sleeps(process.pid):
                        os.write(main, typed.encode())
                    continue
                if not (part := os.read(main, 65536)):
                    break
                shown += part
                for asked in [it for it in waiting if it.encode() in shown]:
                    typed = waiting.pop(asked)
                    os.write(main, typed.encode())
        os.close(main)
        process.wait(PATIENCE)
        return shown.decode()

    def serve(self) -> Serving:
        if "database" not in self.config.get("storage", {}):
            migrated(self.path)
        return Serving(self)


class Serving:
    """A running `busybridge serve`; ends with the block."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._log = (folder.path / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "serve", "--json"],
            cwd=folder.path,
            env=folder.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        said = ""
        while not said.endswith("}\n"):
            line = self.process.stdout.readline()
            assert line, self.log
            said += line
        self.url = f"http://{json.loads(said)['address']}"

    @property
    def log(self) -> str:
        return (self.folder.path / "log").read_text()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self._log.close()

    def get(self, target: str, **headers: str) -> Reply:
        path = re.sub(r"^http://[^/]+", "", target)  # printed URLs carry the port of the file: 0
        return fetch(self.url + path, **headers)

    def until(self, condition: Any, what: str) -> None:
        deadline, pause = time.monotonic() + PATIENCE, threading.Event()
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}\n{self.log[-3000:]}"
            pause.wait(0.05)
