"""A pull of few changes: its cost follows the changes, not the size of the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.calendars import DAY, NOW, spans
from benchmarks.engine import ROOM, WORK, engine, one_room
from benchmarks.row import Row, Scale, seconds, times
from benchmarks.timing import cpu, middle
from bridge.app.bridge import Bridge
from bridge.merge import merge
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window, utc
from bridge.provider import CalendarId, CalendarInfo
from bridge.providers.memory import Memory, MemoryCalendar, kind
from bridge.registry import KINDS

_HORIZON = Window(NOW - 5 * DAY, NOW + 390 * DAY)


def rows(scale: Scale) -> Iterator[Row]:
    sizes = (100, 500) if scale.quick else (1_000, 10_000, 50_000)
    taken = {}
    for size in sizes:
        with _calendar(size) as book:
            taken[size, 10] = book.pulls(10)
            if size == sizes[1]:
                taken[size, 100] = book.pulls(100)
    small, middling, *_ = sizes
    base = taken[small, 10]
    for size in sizes[1:]:
        yield _row(f"10 changes in {size:,} events", (f"in {small:,}", base), taken[size, 10], 2)
    tens = ("10 changes", taken[middling, 10])
    yield _row(f"100 changes in {middling:,} events", tens, taken[middling, 100], 10)


def _row(name: str, base: tuple[str, float], ours: float, most: float) -> Row:
    """Say how many times as long as another pull of ours; a little is allowed for its look-ups."""
    said, before = base
    ratio = ours / before
    return Row(
        f"pull of {name}",
        f"{said} {seconds(before)}",
        seconds(ours),
        times(ratio),
        f"<= {most}x",
        missed=ratio > most,
    )


@dataclass
class _Book:
    """A calendar whose owner moves events about."""

    opened: Bridge
    calendar: MemoryCalendar
    places: list[tuple[int, int]]
    moved: int = 0
    now: int = field(default=NOW)

    def pulls(self, count: int) -> float:
        """Give the middle CPU time of pulling so many changes."""
        return middle([self._pull(count) for _ in range(9)])

    def _pull(self, count: int) -> float:
        chosen = [
            (self.moved + each * len(self.places) // count) % len(self.places)
            for each in range(count)
        ]
        self.moved += 1
        for number in chosen:
            start, end = self.places[number]
            self.places[number] = (start, end + (60 if self.moved % 2 else -60))
            self.calendar.put(str(number), _series(number, *self.places[number]))
        self.now += 60
        taken, report = cpu(lambda: self.opened.ingest.pull(WORK, self.now))
        assert not report.calendars[0].full
        with self.opened.database.read() as conn:
            found = self.opened.publisher.periods(conn, ROOM, _HORIZON)
        whole = merge(found)  # without the cuts at month starts
        assert self.places == [(start, end) for start, end, _ in whole]
        return taken


@contextmanager
def _calendar(size: int) -> Iterator[_Book]:
    memory = Memory(page_size=1000)
    store = memory.add(CalendarInfo(CalendarId("main"), "Main"))
    places = spans(size, _HORIZON.start + DAY, _HORIZON.end - DAY)
    for number, (start, end) in enumerate(places):
        store.put(str(number), _series(number, start, end))
    kinds = {**KINDS, "memory": kind({WORK: memory})}
    with engine(one_room(provider="memory"), kinds) as opened:
        opened.ingest.pull(WORK, NOW)
        yield _Book(opened, store, places)


def _series(number: int, start: int, end: int) -> EventSeries:
    uid = f"event-{number}@example.com"
    return EventSeries(uid=uid, master=Event(uid=uid, start=utc(start), end=utc(end)))
