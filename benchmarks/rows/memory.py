"""What all processes of a serving bridge hold together: proportional set size, from the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calendars import spans
from benchmarks.row import Row, Scale
from benchmarks.serving import (
    COLLECTION,
    Client,
    bridge,
    fill_radicale,
    free_busy,
    horizon,
    radicale,
    room,
    spans_of,
)
from tests.e2e.served import Served

_MIB = 1 << 20


def rows(scale: Scale) -> Iterator[Row]:
    rooms = scale.of(10, 1)
    yield _row(f"{rooms} resources idle", 120, _radicale(), _held(rooms, 100))
    if not scale.quick:
        yield _row("100,000 events served", 300, "-", _held(rooms, 10_000))


def _row(what: str, limit: int, peer: str, held: float) -> Row:
    name, said = f"memory of all processes, {what}", f"{held:.0f} MiB"
    return Row(name, peer, said, "-", f"<= {limit} MiB", missed=held > limit)


def _held(rooms: int, each: int) -> float:
    """Give the most MiB held after the pulls, and after everything was read by two clients."""
    window = horizon()
    events = spans(each, *window)
    names = [f"room-{number}" for number in range(rooms)]
    with TemporaryDirectory(prefix="busybridge-") as folder:
        resources = [room(Path(folder), events, name) for name in names]
        with bridge(resources) as served:
            served.start()
            served.sync()
            pulled = _of(served)
            clients = Client(served.url), Client(served.url)
            for name in names:
                feed = served.feed_url(name, "all")
                for client in clients:
                    assert spans_of(client.get(free_busy(name, window)).body) == events
                    assert spans_of(client.get(feed).body) == events
            return max(pulled, _of(served))


def _of(served: Served) -> float:
    assert served.process is not None
    return pss(served.process.pid)


def _radicale() -> str:
    """Say what a fresh Radicale holds that has answered once."""
    with TemporaryDirectory(prefix="busybridge-") as folder:
        fill_radicale(Path(folder), spans(100, *horizon()))
        with radicale(Path(folder)) as peer:
            assert Client(peer.url).get(COLLECTION).status == 200
            return f"Radicale, 1 collection {pss(peer.process.pid):.0f} MiB"


def pss(pid: int) -> float:
    """Add up a process and all its descendants, MiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)
    assert found is not None
    children = Path(f"/proc/{pid}/task").glob("*/children")
    below = [int(child) for path in children for child in path.read_text().split()]
    return int(found[1]) * 1024 / _MIB + sum(map(pss, below))
