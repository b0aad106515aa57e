"""The first answer after a start, beside Radicale without and with its caches."""

from __future__ import annotations

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
    count = scale.of(10_000, 200)
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
            served.stop()
            for what, path in (("free-busy", free_busy(ROOM, window)), ("feed", feed)):
                runs = [_first(served, path) for _ in range(scale.of(3, 1))]
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


def _first(served: Served, path: str) -> tuple[float, Answer]:
    """Start, ask at once, and end; with the seconds that starting took."""
    started = launch(served)
    answer = Client(served.url).get(path)
    assert answer.status == 200, answer
    served.stop()
    return started, answer
