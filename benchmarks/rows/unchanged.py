"""Asking for what has not changed: 304 for a feed or free-busy URL, beside Radicale's collection.

Both servers hold the same events and are asked in turns, over HTTP, by the same client with the
same login, whose connection is kept alive where the server has it. What counts is the CPU time of
the server's process: beside other work on the machine, the wall time of a long answer grows more
than that of a short one.
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
from tests.servers.cpu import cpu_of


def rows(scale: Scale) -> Iterator[Row]:
    count = scale.of(1_000, 100)
    window = horizon()
    events = spans(count, *window)
    with TemporaryDirectory(prefix="busybridge-") as folder:
        fill_radicale(Path(folder), events)
        with radicale(Path(folder)) as peer, bridge([room(Path(folder), events)]) as served:
            served.start()
            served.sync()
            paths = {
                "free-busy": free_busy(ROOM, window),
                "feed": served.feed_url(ROOM, "all"),
            }
            assert served.process is not None
            for name, path in paths.items():
                theirs = _Asked(Client(peer.url), COLLECTION, peer.process.pid)
                ours = _Asked(Client(served.url), path, served.process.pid)
                for _ in range(scale.of(10, 2)):  # in turns: the machine's mood is that of both
                    theirs.whole(3)
                    ours.unchanged(scale.of(200, 25))
                assert theirs.found == ours.found == events
                said = f"{name} GET answered 304, {count:,} events"
                yield faster(said, ("Radicale GET", middle(theirs.taken)), middle(ours.taken), 100)


class _Asked:
    """One address, and the CPU time that its server took for an answer, turn by turn."""

    def __init__(self, client: Client, path: str, process: int) -> None:
        self._client = client
        self._path = path
        self._process = process
        self._first = client.get(path)
        self.found: Spans = spans_of(self._first.body)
        self.taken: list[float] = []

    def whole(self, times: int) -> None:
        self._ask(times, 200)

    def unchanged(self, times: int) -> None:
        self._ask(times, 304, If_None_Match=self._first.etag)

    def _ask(self, times: int, status: int, **headers: str) -> None:
        before = cpu_of(self._process)
        answers = [self._client.get(self._path, **headers) for _ in range(times)]
        self.taken.append((cpu_of(self._process) - before) / times)
        assert {answer.status for answer in answers} == {status}
