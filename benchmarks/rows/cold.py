"""The first answer after a start, beside Radicale without and with its caches.

Ours is asked with an app password, as programs are given: Radicale compares plain text here, and
the hash of a person's password alone would take longer than the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calendars import spans
from benchmarks.row import Row, Scale, faster, seconds
from benchmarks.serving import (
    COLLECTION,
    ROOM,
    Answer,
    Client,
    bridge,
    fill_radicale,
    free_busy,
    horizon,
    launch,
    radicale,
    room,
    spans_of,
)
from benchmarks.timing import middle
from tests.e2e.served import Served


def rows(scale: Scale) -> Iterator[Row]:
    count = scale.of(10_000, 30)
    window = horizon()
    events = spans(count, *window)
    with TemporaryDirectory(prefix="busybridge-") as name:
        folder = Path(name)
        fill_radicale(folder, events)
        cold, warm = _first_of_radicale(folder), _first_of_radicale(folder)
        assert spans_of(cold.body) == events
        with bridge([room(folder, events)]) as served:
            served.start()
            served.sync()
            feed = served.feed_url(ROOM, "all")
            made = served.cli("users", "app-password", "create", "ann", "benchmarks", "--json")
            served.stop()
            password = json.loads(made)["password"]
            for what, path in (("free-busy", free_busy(ROOM, window)), ("feed", feed)):
                runs = [_first(served, path, password) for _ in range(scale.of(3, 1))]
                assert all(spans_of(answer.body) == events for _, answer in runs)
                ours = middle([answer.seconds for _, answer in runs])
                said = f"first {what} after a start, {count:,} events"
                yield faster(said, ("Radicale, no cache", cold.seconds), ours, 300)
            started = middle([start for start, _ in runs])
    yield Row("the same", f"Radicale, caches kept {seconds(warm.seconds)}", seconds(ours))
    yield Row("from the command to the first connection", "-", seconds(started))


def _first_of_radicale(folder: Path) -> Answer:
    with radicale(folder) as peer:
        return Client(peer.url).get(COLLECTION)


def _first(served: Served, path: str, password: str) -> tuple[float, Answer]:
    """Start, ask at once, and end; with the seconds that starting took."""
    started = launch(served)
    answer = Client(served.url, password).get(path)
    assert answer.status == 200, answer
    served.stop()
    return started, answer
