"""A BusyBridge process, started as its admin starts it and read as its users read it."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import bcrypt
import yaml

from bridge.store import keys
from tests.databases import closing_database, migrated
from tests.e2e import inside, reports
from tests.e2e.reports import CALENDAR_QUERY, FREE_BUSY_QUERY, Changes, objects_of
from tests.servers.ports import free_port

Periods = list[tuple[int, int, str]]


class Login(NamedTuple):
    name: str
    password: str

    def header(self) -> dict[str, str]:
        told = base64.b64encode(f"{self.name}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {told}"}


READER, INSIDER = Login("reader", "may see when"), Login("insider", "may see what")
"""Two logins of every bridge: one sees the times of all resources, the other their details too."""


def users() -> list[dict[str, Any]]:
    levels = {READER: "free-busy", INSIDER: "read"}
    return [
        {
            "name": login.name,
            "access": {"*": level},
            "password_hash": bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(4)).decode(),
        }
        for login, level in levels.items()
    ]


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def get(
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    method: str | None = None,
) -> Reply:
    """Any status is a reply; redirects are not followed by accident, since there are none."""
    request = urllib.request.Request(  # noqa: S310
        url, data=body, headers=dict(headers or {}), method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
            return Reply(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())


def instant(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())


def unfolded(body: bytes) -> list[str]:
    return body.decode().replace("\r\n ", "").split("\r\n")


def freebusy_periods(body: bytes) -> Periods:
    found = []
    for line in unfolded(body):
        if match := re.fullmatch(r"FREEBUSY;FBTYPE=([A-Z-]+):(.*)", line):
            for period in match[2].split(","):
                start, end = period.split("/")
                found.append((instant(start), instant(end), match[1]))
        else:
            assert not line.startswith("FREEBUSY"), f"a FREEBUSY without explicit type: {line}"
    return sorted(found)


_SHOWN = {"BUSY": "BUSY", "TENTATIVE": "BUSY-TENTATIVE", "OOF": "BUSY-UNAVAILABLE"}


def feed_periods(body: bytes) -> Periods:
    found = []
    for event in body.decode().replace("\r\n ", "").split("BEGIN:VEVENT")[1:]:
        start = re.search(r"^DTSTART:(\S+)\r$", event, re.MULTILINE)
        end = re.search(r"^DTEND:(\S+)\r$", event, re.MULTILINE)
        shown = re.search(r"^X-MICROSOFT-CDO-BUSYSTATUS:(\S+)\r$", event, re.MULTILINE)
        found.append((instant(start[1]), instant(end[1]), _SHOWN[shown[1]]))
    return sorted(found)


def events_of(text: str) -> Periods:
    """The times of VEVENTs in iCalendar text as a program stored it, with whichever line ends."""
    return feed_periods("\r\n".join([*text.splitlines(), ""]).encode())


def json_periods(body: bytes) -> Periods:
    return sorted(
        (
            int(datetime.fromisoformat(period["start"]).timestamp()),
            int(datetime.fromisoformat(period["end"]).timestamp()),
            period["type"],
        )
        for period in json.loads(body)["periods"]
    )


def clipped(periods: Periods, start: int, end: int) -> Periods:
    """What of the periods lies in [start, end)."""
    inside = ((max(first, start), min(last, end), kind) for first, last, kind in periods)
    return [period for period in inside if period[0] < period[1]]


def joined(periods: Periods) -> Periods:
    """One period where two of a type meet: outputs cut at UTC month starts."""
    found: Periods = []
    for start, end, kind in sorted(periods):
        if found and found[-1][1:] == (start, kind):
            found[-1] = (found[-1][0], end, kind)
        else:
            found.append((start, end, kind))
    return found


def merged(periods: Periods) -> Periods:
    """What overlapping periods come to: of each moment the strongest type."""
    edges = sorted({edge for start, end, _ in periods for edge in (start, end)})
    found = []
    for first, last in pairwise(edges):
        over = [kind for start, end, kind in periods if start <= first and last <= end]
        if over:
            found.append((first, last, max(over, key=STRENGTH.index)))
    return joined(found)


STRENGTH = ("BUSY-TENTATIVE", "BUSY", "BUSY-UNAVAILABLE")


@dataclass
class Served:
    """One `busybridge serve` with its folder, configuration and key."""

    folder: Path
    config: dict[str, Any]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    key: str = ""
    feeds: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "bridge")
    """What Python runs as the server."""

    def __post_init__(self) -> None:
        self.config.setdefault("version", 1)
        self.config.setdefault("server", {})["bind"] = f"127.0.0.1:{self.port}"
        self.config.setdefault("auth", {}).setdefault("users", []).extend(users())
        # Nobody waits a minute here; that it is waited is shown with clocks that are set.
        guard = self.config.setdefault("sync", {}).setdefault("shrink_guard", {})
        guard.setdefault("confirm_after", "0s")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cli("init")
        self.write()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config_path(self) -> Path:
        return self.folder / "busybridge.yaml"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def write(self) -> None:
        self.config_path.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        if arguments[0] in inside.QUIET:
            return inside.run(self.config_path, *arguments)
        return self.outside(*arguments)

    def outside(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own, by the program that serves."""
        return subprocess.run(
            [sys.executable, *self.program, *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def cli(self, *arguments: str) -> str:
        """Run a command that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> Served:
        self.launch()
        self.wait(self.answers, "the server answers")
        self.key = self.key or self._make_key()
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it, and wait for nothing."""
        if "database" not in self.config.get("storage", {}):
            migrated(self.folder)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "serve"],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.process

    def stop(self) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process = None
        return code

    def __enter__(self) -> Served:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _make_key(self) -> str:
        """Do what `keys create` does; that it does is shown where commands are tested."""
        url = f"sqlite:///{self.folder}/busybridge.sqlite3"
        with closing_database(url) as database, database.write() as conn:
            scopes, every = ["busy:read"], ["*"]
            return keys.create_api_key(
                conn, "tests", scopes=scopes, resources=every, now=int(time.time())
            )[1]

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return get(f"{self.url}/healthz").status == 200
        except OSError:
            return False

    def wait(self, condition: Any, what: str, seconds: float = 60) -> None:
        """Poll until the condition holds; what did not happen is named with the log."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, (
                f"not within {seconds} s: {what}\n{self.log[-4000:]}"
            )
            pause.wait(0.1)

    def sync(self, *names: str) -> None:
        """Pull now, through the command line, as an admin would."""
        self.cli("sync", *names)

    def pull(self, *names: str) -> dict[str, str]:
        """Pull now; give the outcome of each connection, which need not be good."""
        done = self.run("sync", *names, "--json")
        assert done.returncode in (0, 1), done.stderr
        return {each["connection"]: each["outcome"] for each in json.loads(done.stdout)}

    def status(self) -> Any:
        """What `busybridge status --json` says; its exit code says healthy or not."""
        done = self.run("status", "--json")
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)

    def freebusy(self, resource: str, start: int, end: int, query: str = "") -> Reply:
        span = f"start={rfc3339(start)}&end={rfc3339(end)}"
        return get(f"{self.url}/freebusy/{resource}.ifb?{span}{query}")

    def busy(self, resource: str, start: int, end: int, query: str = "") -> Reply:
        span = f"start={rfc3339(start)}&end={rfc3339(end)}"
        url = f"{self.url}/api/v1/resources/{resource}/busy?{span}{query}"
        return get(url, {"Authorization": f"Bearer {self.key}"})

    def periods(self, resource: str, start: int, end: int, *, feed: bool = True) -> Periods:
        """The periods of a resource, which all outputs must agree on.

        They are the free-busy URL, JSON, the feed `all`, and over CalDAV the free-busy-query, the
        outbox and the events of the busy calendar, for who sees times and for who sees details. To
        find a feed's URL takes a second: tests of many resources may leave some feeds out.
        """
        if feed and resource not in self.feeds:
            self.feeds[resource] = self.feed_url(resource, "all")
        found = freebusy_periods(self.freebusy(resource, start, end).body)
        assert json_periods(self.busy(resource, start, end).body) == found
        if feed:
            assert clipped(feed_periods(get(self.feeds[resource]).body), start, end) == found
        assert freebusy_periods(self.report(resource, FREE_BUSY_QUERY, start, end).body) == found
        assert freebusy_periods(self.outbox(resource, start, end)) == found
        assert self.calendar(resource, start, end) == found
        assert merged(self.calendar(resource, start, end, INSIDER)) == joined(found)
        return joined(found)

    def dav(
        self, method: str, path: str, body: str = "", login: Login = READER, **headers: str
    ) -> Reply:
        """Send a CalDAV request."""
        fields = {"Content-Type": "application/xml; charset=utf-8", **login.header(), **headers}
        return get(self.url + path, fields, body.encode() or None, method)

    def report(
        self, resource: str, body: str, start: int, end: int, login: Login = READER
    ) -> Reply:
        """Ask a busy calendar about a span."""
        span = {"start": ical(start), "end": ical(end)}
        path = f"/{login.name}/{resource}.busy/"
        return self.dav("REPORT", path, body.format(**span), login, Depth="1")

    def outbox(self, resource: str, start: int, end: int, login: Login = READER) -> bytes:
        """The VFREEBUSY that somebody gets who asks from an outbox."""
        body = reports.ASK_BUSY.format(resource=resource, start=ical(start), end=ical(end))
        path, kind = f"/{login.name}/outbox/", "text/calendar; charset=utf-8"
        answer = self.dav("POST", path, body, login, **{"Content-Type": kind})
        assert answer.status == 200, answer
        return reports.reply_of(answer.body)

    def calendar(self, resource: str, start: int, end: int, login: Login = READER) -> Periods:
        """The times of the busy calendar's events, as far as they lie in a span."""
        answer = self.report(resource, CALENDAR_QUERY, start, end, login)
        assert answer.status == 207, answer
        return sorted(clipped(events_of("".join(objects_of(answer.body).values())), start, end))

    def changes(self, resource: str, token: str = "", login: Login = READER) -> Changes:
        """What sync-collection says of a busy calendar since a token, or all of it."""
        path, body = f"/{login.name}/{resource}.busy/", reports.SYNC.format(token)
        answer = self.dav("REPORT", path, body, login)
        assert answer.status == 207, answer
        return reports.changes_of(answer.body)

    def ctag(self, resource: str, login: Login = READER) -> str:
        """The tag by which programs see that a busy calendar has changed."""
        path = f"/{login.name}/{resource}.busy/"
        return reports.ctag_of(self.dav("PROPFIND", path, reports.CTAG, login, Depth="0").body)

    def connection(self, connection_id: str) -> Any:
        """What `busybridge status --json` says of one connection."""
        return next(it for it in self.status()["connections"] if it["id"] == connection_id)

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of a series in /metrics; None where it is absent."""
        pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
        series = f"{name}{{{pairs}}} " if pairs else f"{name} "
        lines = get(f"{self.url}/metrics").body.decode().splitlines()
        return next((float(it.split()[-1]) for it in lines if it.startswith(series)), None)

    def freshness(self, resource: str) -> str:
        """What the header says, the same in all three outputs."""
        if resource not in self.feeds:
            self.feeds[resource] = self.feed_url(resource, "all")
        now = int(time.time())
        answers = [
            self.freebusy(resource, now, now + 86400),
            self.busy(resource, now, now + 86400),
            get(self.feeds[resource]),
        ]
        [said] = {answer.headers["X-BusyBridge-Freshness"] for answer in answers}
        return said

    def explain(self, resource: str, *arguments: str) -> Any:
        return json.loads(self.cli("explain", resource, *arguments, "--json"))

    def feed_url(self, resource: str, name: str) -> str:
        urls = json.loads(self.cli("urls", resource, "--json"))
        return next(feed["url"] for feed in urls["feeds"] if feed["name"] == name)


def ical(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")


def rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
