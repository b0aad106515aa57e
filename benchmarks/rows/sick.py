"""Reading one resource while the source of another one is sick, beside the same when all is well.

The sick source is pulled again and again, as fast as just-in-time pulls allow.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from benchmarks.calendars import calendar, event, in_utc, spans
from benchmarks.row import Row, Scale, seconds, times
from benchmarks.rows.hostile import RULES
from benchmarks.serving import ROOM, Client, bridge, free_busy, horizon, room
from benchmarks.timing import p95
from tests.e2e.served import Served
from tests.servers.origin import Answer, Origin, half, html, slow

_SICK = "room-sick"
_PATH = "/calendar.ics"


def rows(scale: Scale) -> Iterator[Row]:
    window = horizon()
    events = spans(1_000, *window)
    whole = _text(events)
    states: dict[str, Callable[[], Answer]] = {
        "sends half a body": lambda: half(whole),
        "sends a login page": html,
        "sends hostile rules": _hostile(events[: len(RULES)]),
        "drips its answer": lambda: slow(whole, 0.05, 256),
    }
    with (
        TemporaryDirectory(prefix="busybridge-") as folder,
        Origin() as origin,
        _served([room(Path(folder), events), _other(origin)]) as served,
    ):
        origin.routes[_PATH] = Answer(200, {"Content-Type": "text/calendar", "ETag": '"1"'}, whole)
        served.start()
        served.sync()
        path, reads = free_busy(ROOM, window), scale.of(600, 30)
        _read(served, path, 3)  # the password is hashed once
        idle = _read(served, path, reads)
        yield Row("read p95, every source well", "-", seconds(idle))
        for state, answer in list(states.items())[: scale.of(len(states), 1)]:
            origin.routes[_PATH] = lambda _request, answer=answer: answer()
            yield _beside(state, idle, _while_pulled(served, origin, path, reads))
        origin.__exit__()
        yield _beside("is dead", idle, _while_pulled(served, None, path, reads))


def _beside(state: str, idle: float, taken: float) -> Row:
    name = f"read p95, a source {state}"
    return Row(name, f"all well {seconds(idle)}", seconds(taken), times(taken / idle))


def _text(events: list[tuple[int, int]]) -> bytes:
    return calendar(event(n, in_utc(*span)) for n, span in enumerate(events)).encode()


def _hostile(places: list[tuple[int, int]]) -> Callable[[], Answer]:
    """Make answers that are new each time, with every one of the rules."""
    numbers = itertools.count()

    def answer() -> Answer:
        number = next(numbers)
        text = calendar(
            event(number, f"{in_utc(*place)}\nRRULE:{rule}", uid=f"{rule}-{number}")
            for place, rule in zip(places, RULES, strict=True)
        )
        return Answer(200, {"Content-Type": "text/calendar"}, text.encode())

    return answer


def _other(origin: Origin) -> dict[str, Any]:
    connection = {"id": "work", "provider": "ics", "url": origin.url(_PATH)}
    return {"id": _SICK, "connections": [connection]}


@contextmanager
def _served(resources: list[dict[str, Any]]) -> Iterator[Served]:
    sync = {
        "interval": "10s",
        "just_in_time": {"min_interval": "1s", "timeout": "2s"},
        "backoff": {"initial": "1s", "max": "1s"},
    }
    outbound = {"allow_networks": ["127.0.0.1/32"]}
    with bridge(resources, sync=sync, outbound=outbound) as served:
        yield served


def _while_pulled(served: Served, origin: Origin | None, path: str, reads: int) -> float:
    """Read while another thread asks for pulls of the sick source all the time."""
    stop = Event()
    before = len(origin.requests) if origin else 0
    asking = Thread(target=_ask, args=(served, stop))
    asking.start()
    try:
        stop.wait(1.5)  # the first pull is under way
        taken = _read(served, path, reads)
    finally:
        stop.set()
        asking.join()
    assert origin is None or len(origin.requests) > before, "the sick source was not pulled"
    return taken


def _ask(served: Served, stop: Event) -> None:
    client = Client(served.url)
    while not stop.wait(0.05):
        client.get(f"/freebusy/{_SICK}.ifb?sync=true")


def _read(served: Served, path: str, reads: int) -> float:
    client, pause = Client(served.url), Event()
    answers = []
    for _ in range(reads):
        answers.append(client.get(path))
        pause.wait(0.01)
    assert {answer.status for answer in answers} == {200}
    return p95([answer.seconds for answer in answers])
