"""A-27: a Google account's permission ends, and its owner connects it again, days later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bridge.app.bridge import Bridge
from bridge.model.interval import utc
from bridge.model.resource import ConnectionStatus
from bridge.scheduler.pulls import Pulls
from bridge.store import calendars
from tests.app.running import in_file
from tests.builders import NOW
from tests.connecting.home import ROOM, WORK, Home, opened
from tests.connecting.owner import ANN
from tests.notify.desk import HOUR, MINUTE, SECRET
from tests.servers.origin import Answer, Origin

TALK, SECOND = (utc(NOW + days * 86400).replace(minute=0, second=0) for days in (3, 4))


class Operation:
    """One process that pulls and tells; a restart makes another one of the same database."""

    def __init__(self, home: Home, origin: Origin) -> None:
        self.home = home
        self.origin = origin
        self.bridge = home.bridge
        self._restarted: list[Bridge] = []

    def restart(self) -> None:
        home = self.home
        self.bridge = Bridge(
            home.bridge.config_path, environ={}, clock=lambda: home.now, kinds=home.bridge.kinds
        )
        self.bridge.open()
        self._restarted.append(self.bridge)

    def close(self) -> None:
        for bridge in self._restarted:
            bridge.close()

    def runs(self, seconds: int = 0, every: int = 20 * MINUTE) -> list[str]:
        """Let time pass as the scheduler does; say what the admin was told meanwhile."""
        before, end = len(self.origin.requests), self.home.now + seconds
        while True:
            pulls = Pulls(self.bridge.ground, self.bridge.ingest)
            for job in pulls.claim(10):
                pulls.run(job)
            self.bridge.ingest.check_staleness(self.home.now)
            self.bridge.notifier.look()
            self.bridge.notifier.deliver()
            if self.home.now >= end:
                break
            self.home.now = min(end, self.home.now + every)
        bodies = [request.body.decode() for request in self.origin.requests[before:]]
        return [_short(body) for body in bodies]

    def busy(self) -> tuple[list[str], int]:
        """Periods of the free-busy URL, and how many sources it calls stale."""
        answer = httpx2.get(f"{self.home.url}/freebusy/room-a.ifb", trust_env=False)
        assert answer.status_code == 200, answer.text
        unfolded = re.sub(r"\r\n[ \t]", "", answer.text)
        periods = re.findall(r"^FREEBUSY;FBTYPE=BUSY:(\S+)", unfolded, re.MULTILINE)
        stale = re.search(r"stale=(\d+)", answer.headers["X-BusyBridge-Freshness"])
        assert stale is not None
        return [each for line in periods for each in line.split(",")], int(stale[1])

    def calendar_ids(self) -> list[str]:
        with self.bridge.database.read() as conn:
            return [row.id for row in calendars.of_resource(conn, ROOM)]


def _short(body: str) -> str:
    kind = re.search(r'"type": "alert\.(\w+)"', body)
    troubles = re.search(r'"troubles": \[([^]]*)\]', body)
    assert kind is not None
    assert troubles is not None
    return f"{kind[1]} {troubles[1].replace(chr(34), '').replace(',', '')}"


@contextmanager
def operation(folder: Path, url: str, on_stale: str) -> Iterator[Operation]:
    with Origin() as origin:
        origin.routes["/alerts"] = Answer(204)
        room: dict[str, Any] = {
            "id": "room-a",
            "name": "Room A",
            "freebusy": {"public": True},
            "availability": {"on_stale": on_stale},
            "connections": [{"id": "work", "provider": "google", "read_calendars": ["primary"]}],
        }
        notify = {"webhook": {"url": origin.url("/alerts"), "secret": SECRET}}
        storage = {
            "database": in_file(url),
            "encryption_key_file": str(folder / "busybridge.key"),
        }
        with opened(folder, notify=notify, storage=storage, resources=[room]) as home:
            made = Operation(home, origin)
            try:
                yield made
            finally:
                made.close()


@pytest.mark.covers("A-27", "F12", "S0-49")
@pytest.mark.parametrize("on_stale", ["keep_last", "busy", "free"])
def test_a_permission_that_ends_is_told_once_and_all_resumes_when_it_is_given_again(
    database_url: str, tmp_path: Path, on_stale: str
) -> None:
    with operation(tmp_path, database_url, on_stale) as run:
        home, ann = run.home, run.home.google.sandbox.person(ANN)
        ann.create("CANARY-title", TALK)
        assert home.connect().status_code == 200
        assert run.runs(10 * MINUTE) == []
        ids, (busy, stale) = run.calendar_ids(), run.busy()
        assert (len(busy), stale) == (1, 0)

        home.google.fault("invalid_grant")
        asked = len(home.google.calls)
        assert run.runs(2 * HOUR) == ["opened token_expired"]
        assert home.status() is ConnectionStatus.TOKEN_EXPIRED
        since = home.row().error_since
        ann.create("Another", SECOND)
        run.restart()
        assert run.runs(2 * HOUR) == []
        assert run.busy() == (busy, 1), "what was known stays, and is said to be old"
        assert len(home.google.calls) - asked <= 4, "at most one question an hour"

        assert run.runs(5 * HOUR) == ["opened stale"]
        assert (home.status(), home.row().error_since) == (ConnectionStatus.TOKEN_EXPIRED, since)
        left, stale = run.busy()
        assert stale == 1
        match on_stale:
            case "keep_last":
                assert left == busy
            case "free":
                assert left == []
            case "busy":
                assert left[0].startswith("20260921T150320Z/"), "since it was last read"
        assert len(home.google.calls) - asked <= 9

        home.google.fault("invalid_grant", value=False)
        assert home.connect().status_code == 200
        assert run.runs() == ["resolved token_expired stale"]
        assert home.status() is ConnectionStatus.ACTIVE
        assert home.row().id == WORK
        assert run.calendar_ids() == ids
        again, stale = run.busy()
        assert (len(again), stale) == (2, 0), "what happened meanwhile is read at once"
        assert busy[0] in again
        assert run.runs(30 * HOUR, every=2 * HOUR) == []
        sent = b"".join(each.body for each in run.origin.requests)
        assert b"CANARY" not in sent
        for secret in home.google.secrets:
            assert secret.encode() not in sent


def test_while_it_lasts_it_is_told_again_each_day(sqlite_url: str, tmp_path: Path) -> None:
    with operation(tmp_path, sqlite_url, "keep_last") as run:
        assert run.home.connect().status_code == 200
        run.runs(10 * MINUTE)
        run.home.google.fault("invalid_grant")
        days = int(timedelta(days=3).total_seconds())
        assert run.runs(days + 2 * HOUR, every=HOUR) == [
            "opened token_expired",
            "opened stale",
            "repeated token_expired stale",
            "repeated token_expired stale",
        ]
