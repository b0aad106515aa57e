"""Asking for what has not changed: 304 for a feed or free-busy URL, beside Radicale's collection.

Both servers hold the same events and are asked by the same client with the same login; each
client's connection is kept alive where the server has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calendars import spans
from benchmarks.row import Row, Scale, faster
from benchmarks.serving import (
    COLLECTION,
    ROOM,
    Client,
    Spans,
    bridge,
    fill_radicale,
    free_busy,
    horizon,
    radicale,
    room,
    spans_of,
)
from benchmarks.timing import middle


def rows(scale: Scale) -> Iterator[Row]:
    count = scale.of(1_000, 100)
    window = horizon()
    events = spans(count, *window)
    with TemporaryDirectory(prefix="busybridge-") as folder:
        fill_radicale(Path(folder), events)
        with radicale(Path(folder)) as peer, bridge([room(Path(folder), events)]) as served:
            served.start()
            served.sync()
            theirs, expected = _collection(Client(peer.url), scale)
            paths = {
                "free-busy": free_busy(ROOM, window),
                "feed": served.feed_url(ROOM, "all"),
            }
            for name, path in paths.items():
                ours, found = _unchanged(Client(served.url), path, scale)
                assert found == expected == events
                said = f"{name} GET answered 304, {count:,} events"
                yield faster(said, ("Radicale GET", theirs), ours, 100)


def _collection(client: Client, scale: Scale) -> tuple[float, Spans]:
    body = client.get(COLLECTION).body
    answers = [client.get(COLLECTION) for _ in range(scale.of(20, 3))]
    assert {answer.status for answer in answers} == {200}
    client.close()
    return middle([answer.seconds for answer in answers]), spans_of(body)


def _unchanged(client: Client, path: str, scale: Scale) -> tuple[float, Spans]:
    first = client.get(path)
    assert first.status == 200, first
    answers = [client.get(path, If_None_Match=first.etag) for _ in range(scale.of(1000, 50))]
    assert {answer.status for answer in answers} == {304}
    client.close()
    return middle([answer.seconds for answer in answers]), spans_of(first.body)
