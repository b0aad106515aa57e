"""A change in somebody's calendar until every output shows it: told by push, and found by a poll.

The stand-in for the provider posts its notification as it commits the change; from then on the
clock runs until the free-busy URL, the feed, JSON and both CalDAV reports all show it. Between two
changes a moment passes, as with people.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, Protocol

from benchmarks.row import Row, Scale, seconds, within
from benchmarks.timing import p95
from bridge.model.interval import utc
from bridge.sandbox.microsoft import scenario as microsoft
from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from tests.connecting import outlook
from tests.connecting.owner import ANN, Browser
from tests.e2e.reports import FREE_BUSY_QUERY
from tests.e2e.served import Periods, Served, feed_periods, freebusy_periods, get, json_periods

_ROOM = "room-a"
_PEER = "keeper.sh polls every 60 s"
_TARGET = 2.0
_INTERVAL, _JITTER = 10, 0.2
_LOOK = 0.02
"""Seconds between two looks at an output that does not show the change yet."""


def rows(scale: Scale) -> Iterator[Row]:
    for provider in (_GOOGLE, _MICROSOFT):
        with _bridge(provider, {}) as home:
            taken = home.changes(scale.of(60, 3), pause=0 if scale.quick else 2)
        name = f"change at {provider.title} -> every output"
        yield Row(f"{name}, p50", _PEER, seconds(median(taken)))
        yield within(f"{name}, p95", p95(taken), _TARGET, _PEER)
    polls = {"push": "off", "interval": f"{_INTERVAL}s", "jitter": f"{_JITTER:.0%}"}
    with _bridge(_GOOGLE, polls) as home:
        taken = home.changes(scale.of(12, 2), pause=0 if scale.quick else 2)
    limit = _INTERVAL * (1 + _JITTER) + 1  # and the pull itself
    yield within(f"the same, polled every {_INTERVAL} s: the longest", max(taken), limit, _PEER)


class _Person(Protocol):
    """Somebody in front of a calendar."""

    def create(self, summary: str, start: datetime, /) -> str: ...
    def move(self, event: str, start: datetime, /) -> None: ...


@dataclass(frozen=True)
class _Provider:
    name: str
    title: str
    world: Mapping[str, Any]
    section: Callable[[Sandbox], dict[str, str]]
    person: Callable[[Sandbox], _Person]
    consent: Callable[[Browser, str], str]
    """Agrees on the provider's page; gives the address that the browser is sent to."""


class _Home:
    """A bridge, and the calendar of somebody who moves one event about."""

    def __init__(self, served: Served, ann: _Person) -> None:
        self._served = served
        self._ann = ann
        start = (int(time.time()) // 86400 + 2) * 86400
        self._window = (start, start + 30 * 86400)
        self._hours = itertools.cycle(range(0, 29 * 24, 2))
        self._event = self._ann.create("Talk", utc(start))
        next(self._hours)
        self._feed = served.feed_url(_ROOM, "all")
        self._until([(start, start + 3600, "BUSY")])

    def changes(self, count: int, pause: float) -> list[float]:
        """Give the seconds that each change took."""
        random, waiting = Random(1), Event()
        taken = []
        for _ in range(count):
            waiting.wait(pause * random.uniform(0.5, 1.5))
            start = self._window[0] + next(self._hours) * 3600
            before = time.perf_counter()
            self._ann.move(self._event, utc(start))
            self._until([(start, start + 3600, "BUSY")])
            taken.append(time.perf_counter() - before)
        return taken

    def _until(self, wanted: Periods) -> None:
        ends, pause = time.monotonic() + 120, Event()
        for output in self._outputs():
            while output() != wanted:
                assert time.monotonic() < ends, self._served.log[-4000:]
                pause.wait(_LOOK)

    def _outputs(self) -> list[Callable[[], Periods]]:
        served, window = self._served, self._window
        return [
            lambda: freebusy_periods(served.freebusy(_ROOM, *window).body),
            lambda: feed_periods(get(self._feed).body),
            lambda: json_periods(served.busy(_ROOM, *window).body),
            lambda: freebusy_periods(served.report(_ROOM, FREE_BUSY_QUERY, *window).body),
            lambda: served.calendar(_ROOM, *window),
        ]


@contextmanager
def _bridge(provider: _Provider, sync: dict[str, Any]) -> Iterator[_Home]:
    """Serve a room whose calendar is Ann's, and is watched unless `sync` says otherwise."""
    with (
        TemporaryDirectory(prefix="busybridge-") as folder,
        Sandbox(dict(provider.world)) as sandbox,
        Served(Path(folder), _config(provider, sandbox, sync)) as served,
    ):
        browser = Browser()
        page = browser.get(served.cli("auth", "url", _ROOM).strip())
        agreed = browser.press(page).headers["Location"]
        assert browser.get(provider.consent(browser, agreed)).status_code == 200
        wanted = "off" if sync.get("push") == "off" else "on"
        served.wait(lambda: served.connection("room-a.work")["push"]["state"] == wanted, wanted)
        yield _Home(served, provider.person(sandbox))


def _config(provider: _Provider, sandbox: Sandbox, sync: dict[str, Any]) -> dict[str, Any]:
    return {
        "server": {"rate_limit": {"per_client": "1000000/min"}},
        "allow_inline_secrets": True,
        "outbound": {"allow_networks": ["127.0.0.1/32"]},
        "sync": sync,
        "providers": {provider.name: provider.section(sandbox)},
        "resources": [
            {
                "id": _ROOM,
                "freebusy": {"public": True},
                "feeds": [{"name": "all", "window": {"past": "1d", "future": "60d"}}],
                "connections": [{"id": "work", "provider": provider.name}],
            }
        ],
    }


def _google(sandbox: Sandbox) -> dict[str, str]:
    return replace(CLIENT, secret="secret").section(sandbox.url)


def _microsoft(sandbox: Sandbox) -> dict[str, str]:
    return {
        "client_id": microsoft.CLIENT_ID,
        "client_secret": microsoft.CLIENT_SECRET,
        "sandbox_url": sandbox.url,
    }


_GOOGLE = _Provider(
    "google",
    "Google",
    {
        "accounts": [{"email": ANN}],
        "clients": [{"id": CLIENT.id, "secret": "secret", "installed": True}],
    },
    _google,
    lambda sandbox: sandbox.person(ANN),
    lambda browser, url: browser.consent(url),
)
_MICROSOFT = _Provider(
    "microsoft",
    "Microsoft",
    {"microsoft": {"accounts": [{"email": ANN}]}},
    _microsoft,
    lambda sandbox: sandbox.microsoft.person(ANN),
    outlook.consent,
)
