"""A client's PUT until it is settled, without the time that the provider took.

The provider is the stand-in over HTTP, with a meeting for each event. Its time is what it takes
from a request's arrival until the answer is made; the way there and back counts as ours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.row import Row, Scale, seconds, within
from benchmarks.timing import p95
from tests.e2e.bookable import ROOMS, Bookable, Client, Clock, bookable, path, text
from tests.servers.cpu import cpu_of

_TARGET = 0.1
_TITLES = {"meet": "Meet", "teams": "Teams", "zoom": "Zoom"}


def rows(scale: Scale) -> Iterator[Row]:
    clock = Clock()
    with (
        TemporaryDirectory(prefix="busybridge-") as folder,
        bookable(Path(folder), around=clock.around) as booked,
    ):
        for room in ROOMS:
            _put(booked.client(), clock, room, range(2))  # what is done once
            process = booked.served.process
            assert process is not None
            before = cpu_of(process.pid)
            taken = _put(booked.client(), clock, room, range(2, 2 + scale.of(100, 3)))
            used = (cpu_of(process.pid) - before) / len(taken)
            name = f"PUT -> settled, {_TITLES[room]}"
            whole, ours = [each[0] for each in taken], [each[1] for each in taken]
            yield Row(f"{name}, p50", f"all of it: {seconds(median(whole))}", seconds(median(ours)))
            yield within(f"{name}, p95", p95(ours), _TARGET, f"all of it: {seconds(p95(whole))}")
            yield Row(f"{name}, CPU of the server", "-", seconds(used))
            together = _at_once(booked, clock, room, scale.of(25, 1))
            at_once = f"{name}, 4 at once"
            yield Row(f"{at_once}, p50", "-", seconds(median(together)))
            yield Row(f"{at_once}, p95", "-", seconds(p95(together)))


def _put(client: Client, clock: Clock, room: str, numbers: range) -> list[tuple[float, float]]:
    """Give the seconds of each: all of them, and those in which no provider was at work."""
    start = (int(time.time()) // 86400 + 2) * 86400
    taken = []
    for number in numbers:
        uid = f"{room}-{number}"
        body = text(room, uid, start + number * 1800, hours=0.5)
        begin = time.perf_counter()
        answer = client.ask("PUT", path(room, uid), body)
        end = time.perf_counter()
        assert answer.status == 201, answer
        taken.append((end - begin, end - begin - clock.within(begin, end)))
    client.close()
    return taken


def _at_once(booked: Bookable, clock: Clock, room: str, each: int) -> list[float]:
    ranges = [range(1000 + n * each, 1000 + (n + 1) * each) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        lists = pool.map(lambda it: _put(booked.client(), clock, room, it), ranges)
        return [ours for taken in lists for _, ours in taken]
