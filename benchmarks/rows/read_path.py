"""What calendar clients ask all day, beside Radicale's own storage with the same events.

Both servers are asked the same by the same client with the same login, and what they answer is
compared. What counts is the CPU time of the server that answers, all of its threads together; the
time that the client waits depends on who else uses the machine, and is printed for comparison.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calendars import DAY, spans
from benchmarks.reads import GETCTAG, INITIAL, LISTING, UNCHANGED, Read, of_window, sync_token
from benchmarks.row import Row, Scale, faster, seconds, times
from benchmarks.serving import (
    COLLECTION,
    ROOM,
    Client,
    Spans,
    bridge,
    fill_radicale,
    horizon,
    launch,
    radicale,
    room,
)
from benchmarks.timing import middle
from bridge.model.interval import Window
from tests.e2e.served import Served
from tests.servers.cpu import cpu_of

_OURS = f"/ann/{ROOM}.busy/"
_LARGE = 10_000
_DAYS = 30
_ROUND = 0.1
"""Seconds that a round of requests takes at least, so that small times can be told apart."""
_MOST = 50


@dataclass
class _Side:
    """One of the two servers."""

    client: Client
    pid: int
    collection: str
    token: str = ""

    def ask(self, read: Read) -> tuple[float, float, bytes]:
        """Give the server's CPU seconds, those that passed here, and the answer."""
        before = cpu_of(self.pid)
        body = read.body.replace("{token}", self.token)
        answer = self.client.ask(read.method, self.collection, body, Depth=read.depth)
        assert answer.status in {200, 207}, answer
        return cpu_of(self.pid) - before, answer.seconds, answer.body

    def round(self, read: Read, times: int) -> tuple[float, float]:
        """Give both times of one request, taken over several in a row."""
        asked = [self.ask(read) for _ in range(times)]
        cpu, wall, _ = zip(*asked, strict=True)
        return sum(cpu) / times, middle(list(wall))


def rows(scale: Scale) -> Iterator[Row]:
    for count in scale.events or ((60,) if scale.quick else (1_000, _LARGE)):
        yield from _of_size(count, scale)


def _of_size(count: int, scale: Scale) -> Iterator[Row]:
    events = spans(count, *horizon())
    said = f"{count:,} events"
    with TemporaryDirectory(prefix="busybridge-") as name:
        folder = Path(name)
        fill_radicale(folder, events)
        with radicale(folder) as server, bridge([room(folder, events)]) as served:
            peer = _Side(Client(server.url), server.process.pid, COLLECTION)
            *theirs, expected = peer.ask(GETCTAG)
            assert GETCTAG.says(expected) == 1
            password = _prepare(served)
            ours = _middles(_first(served, password) for _ in range(scale.of(3, 1)))
            goal = 300 if count >= _LARGE else 0
            yield from _beside(f"first getctag after a start, {said}", theirs, ours, goal)
            launch(served)
            yield from _warm(peer, _side(served, password), events, scale)


def _prepare(served: Served) -> str:
    """Have the events pulled, and make the password that a calendar client is given."""
    served.start()
    served.sync()
    made = served.cli("users", "app-password", "create", "ann", "benchmarks", "--json")
    served.stop()
    return str(json.loads(made)["password"])


def _first(served: Served, password: str) -> tuple[float, float]:
    launch(served)
    cpu, wall, body = _side(served, password).ask(GETCTAG)
    assert GETCTAG.says(body) == 1
    served.stop()
    return cpu, wall


def _side(served: Served, password: str) -> _Side:
    assert served.process is not None
    return _Side(Client(served.url, password), served.process.pid, _OURS)


def _warm(peer: _Side, ours: _Side, events: Spans, scale: Scale) -> Iterator[Row]:
    """Ask each thing of both in turns; what comes first is asked once before, for its caches."""
    for side in (peer, ours):
        side.token = sync_token(side.ask(INITIAL)[2])
    for read in (GETCTAG, UNCHANGED, *of_window(_window(events)), LISTING, INITIAL):
        sides = [(side, side.ask(read)) for side in (peer, ours)]
        found, expected = (read.says(asked[2]) for _, asked in reversed(sides))
        assert found == expected, (read.name, found, expected)
        turns = [
            [side.round(read, _often(warm[1], scale)) for side, warm in sides]
            for _ in range(scale.of(5, 1))
        ]
        theirs, mine = map(_middles, zip(*turns, strict=True))
        goal = read.large if len(events) >= _LARGE else read.small
        yield from _beside(f"{read.name}, {len(events):,} events", theirs, mine, goal)


def _middles(taken: Iterable[tuple[float, float]]) -> list[float]:
    return [middle(list(each)) for each in zip(*taken, strict=True)]


def _often(expected: float, scale: Scale) -> int:
    return 1 if scale.quick else max(1, min(_MOST, int(_ROUND / expected)))


def _window(events: Spans) -> Window:
    """Choose a window that cuts no event: how much of one is told is another question."""
    start = events[len(events) // 2][0]
    end = next(begin for begin, _ in events if begin >= start + _DAYS * DAY)
    return Window(start, end)


def _beside(
    said: str, theirs: Sequence[float], ours: Sequence[float], goal: float
) -> Iterator[Row]:
    """Write the row of the CPU time, with its goal if there is one, and that of waiting."""
    if goal:
        yield faster(said, ("Radicale", theirs[0]), ours[0], goal)
    else:
        yield _row(said, theirs[0], ours[0])
    yield _row("  until the client has it", theirs[1], ours[1])


def _row(said: str, theirs: float, ours: float) -> Row:
    return Row(said, f"Radicale {seconds(theirs)}", seconds(ours), times(theirs / ours))
