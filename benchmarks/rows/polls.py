"""Polls of slow sources at the same time: what comes through, beside concurrency / latency.

A whole poll is counted: claim, conditional GET through the guarded transport, what is recorded in
the database, release. The sources live in another process and answer after 200 ms.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Condition
from typing import Any

from benchmarks.engine import engine
from benchmarks.row import Row, Scale
from benchmarks.slow_origin import addresses
from bridge.app.bridge import Bridge
from bridge.ingest import Ingest, PullReport
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.scheduler.ground import read_clock
from bridge.store import schedule

_LATENCY = 0.2
_HOSTS = 8
_SHARE = 0.8


def rows(scale: Scale) -> Iterator[Row]:
    for concurrency in (20,) if scale.quick else (20, 50, 100):
        rate = _rate(concurrency, scale.of(20, 2) * concurrency)
        ceiling = concurrency / _LATENCY
        row = Row(
            f"polls at {_LATENCY * 1e3:.0f} ms latency, {concurrency} at a time",
            f"ceiling {ceiling:.0f}/s",
            f"{rate:.0f}/s",
            f"{rate / ceiling:.0%}",
            f">= {_SHARE:.0%}",
            missed=rate / ceiling < _SHARE,
        )
        # The last one shows the most that one process does, whatever the ceiling.
        yield row if concurrency < 100 else replace(row, target="-", missed=False)


def _rate(concurrency: int, count: int) -> float:
    """Poll so many connections once, all due at the same time; give polls per second."""
    hosts = addresses(_HOSTS)
    with _sources() as port:
        resources = [
            {"id": f"room-{n}", "connections": [_feed(hosts[n % _HOSTS], port, n)]}
            for n in range(count)
        ]
        sync = {"interval": "1h", "concurrency": concurrency}
        reach = {"allow_networks": ["127.0.0.0/24"]}
        with engine(resources, clock=read_clock, sync=sync, outbound=reach) as bridge:
            counting = Counting(bridge.ingest)
            vars(bridge)["ingest"] = counting  # where the scheduler will find it
            bridge.scheduler.start()
            try:
                counting.wait_for(count)  # whole calendars, once
                return _polled(bridge, counting, count)
            finally:
                bridge.scheduler.stop()


def _feed(host: str, port: int, number: int) -> dict[str, Any]:
    return {"id": "work", "provider": "ics", "url": f"http://{host}:{port}/{number}.ics"}


def _polled(bridge: Bridge, counting: Counting, count: int) -> float:
    ids = [ConnectionId(f"room-{n}.work") for n in range(count)]
    before = time.perf_counter()
    with bridge.database.write() as conn:
        schedule.mark(conn, ids, read_clock())
    bridge.wake.notify("schedule")
    counting.wait_for(2 * count)
    assert counting.failures == 0
    return count / (time.perf_counter() - before)


class Counting:
    """The engine, with a count of the pulls that ended."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._changed = Condition()
        self._ended = 0
        self.failures = 0

    def pull(self, connection_id: ConnectionId, now: Instant, *, full: bool = False) -> PullReport:
        failed = 1
        try:
            report = self._ingest.pull(connection_id, now, full=full)
            failed = int(report.error is not None)
            return report
        finally:
            with self._changed:
                self._ended += 1
                self.failures += failed
                self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended >= count, 300)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ingest, name)


@contextmanager
def _sources() -> Iterator[int]:
    """Run the origin; give its port."""
    command = [sys.executable, "-m", "benchmarks.slow_origin", str(_LATENCY), str(_HOSTS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate()  # closes its input, which ends it
