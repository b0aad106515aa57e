"""A serving process, started with a configuration of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bridge.app.serve import GRACE
from bridge.config.keyfile import KeyFile
from bridge.store import commands, connections
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from tests.databases import migrated

PATIENCE = 60.0

_PROGRAM = """
import sys
from bridge.app.bridge import Bridge
from bridge.app.serve import Process, serve
from bridge.errors import BridgeError
Process.stop.__defaults__ = (float(sys.argv[2]),)
try:
    sys.exit(serve(Bridge(sys.argv[1]), ready=lambda address: print(address, flush=True)))
except BridgeError as err:
    sys.exit(f"refused: {err}")
"""

BUSY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:standup
DTSTAMP:20260101T000000Z
DTSTART:20260105T090000Z
DTEND:20260105T093000Z
RRULE:FREQ=DAILY
SUMMARY:Standup
END:VEVENT
END:VCALENDAR
"""


def in_file(url: str) -> str:
    """A database URL as a configuration file takes it: without a place for a password."""
    return url.replace(":@", "@", 1)


def resource(resource_id: str, url: str, **keys: Any) -> dict[str, Any]:
    """A resource with the connection `work`, which reads an ICS URL."""
    return {
        "id": resource_id,
        "freebusy": {"public": True},
        "connections": [{"id": "work", "provider": "ics", "url": url}],
    } | keys


def configuration(*resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A file that listens on any free port and may read from loopback."""
    server = {"bind": "127.0.0.1:0"} | sections.pop("server", {})
    outbound = {"allow_networks": ["127.0.0.1/32"]}
    return {
        "version": 1,
        "server": server,
        "outbound": outbound,
        "resources": list(resources),
    } | sections


@dataclass
class Running:
    """One process; `stop` and `kill` end it."""

    folder: Path
    config: dict[str, Any]
    environ: Mapping[str, str] = field(default_factory=dict)
    name: str = "busybridge"
    address: str = ""
    process: subprocess.Popen[str] | None = None
    grace: float = GRACE
    """Seconds that requests and pulls have to end."""
    wrapper: Sequence[str] = ()
    """A command that runs the process."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "busybridge.key").exists():
            KeyFile.create(self.folder / "busybridge.key")
        self.write()

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.yaml"

    @property
    def log_path(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def write(self) -> None:
        self.path.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def launch(self) -> Running:
        """Start the process without waiting for it."""
        if "database" not in self.config.get("storage", {}):
            migrated(self.folder)
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, sys.executable, "-c", _PROGRAM, str(self.path), str(self.grace)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)} | dict(self.environ),
            )
        return self

    def start(self) -> Running:
        """Start the process and wait until it answers."""
        self.launch()
        assert self.process is not None
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.process.poll() is None, self.log
        return self

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(PATIENCE)
            if self.process.stdout is not None:
                self.process.stdout.close()

    def get(self, target: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"http://{self.address}{target}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline, pause = time.monotonic() + PATIENCE, threading.Event()
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}\n{self.log[-3000:]}"
            pause.wait(0.05)

    def database(self) -> Database:
        url = self.config.get("storage", {}).get("database")
        return Database(url or f"sqlite:///{self.folder}/busybridge.sqlite3")

    def rows(self) -> dict[str, ConnectionRow]:
        with closing(self.database()) as database, database.read() as conn:
            return {row.id: row for row in connections.every(conn)}

    def pulled(self, connection_id: str = "room-a.work") -> bool:
        row = self.rows().get(connection_id)
        return row is not None and row.success_at is not None

    def reload(self) -> tuple[bool, str]:
        """Ask as the command line does, by a row, and wait for the verdict."""
        with closing(self.database()) as database:
            with database.write() as conn:
                number = commands.submit(conn, "reload", "{}", int(time.time()))
            answer: list[commands.CommandRow] = []

            def answered() -> bool:
                with database.read() as conn:
                    row = commands.get(conn, number)
                assert row is not None
                answer[:] = [row]
                return row.done_at is not None

            self.until(answered, "a verdict")
        return answer[0].ok, answer[0].verdict
