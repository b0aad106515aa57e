"""Busy time by counting minutes: knows nothing of the bridge, only what a test wrote.

Times are wall clocks of a zone; each occurrence is turned into UTC on its own, so that a weekly
meeting keeps its hour across a change of the clocks.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = 60


@dataclass(frozen=True)
class Written:
    """One event as a test wrote it; `start` is naive wall time of `zone`, or a date."""

    uid: str
    start: datetime | date
    length: timedelta
    zone: str
    every: timedelta | None = None
    """A day or a week, `times` times; None for a single event."""
    times: int = 1
    skipped: frozenset[int] = frozenset()
    """Numbers of occurrences that were deleted."""
    moved: tuple[tuple[int, datetime], ...] = ()
    """Occurrences that start elsewhere."""
    tentative: bool = False
    free: bool = False

    def starts(self) -> list[datetime | date]:
        return [start for _, start in self._numbered()]

    def _numbered(self) -> list[tuple[int, datetime | date]]:
        elsewhere = dict(self.moved)
        return [
            (number, elsewhere.get(number, self.start + number * (self.every or timedelta())))
            for number in range(self.times if self.every else 1)
            if number not in self.skipped
        ]

    def spans(self, day_zone: str) -> list[tuple[int, int]]:
        """Half-open UTC seconds of each occurrence; days are those of `day_zone`."""
        first, last = self._span(self.start, day_zone)
        moved = dict(self.moved)
        found = []
        for number, start in self._numbered():
            begin, end = self._span(start, day_zone)
            if isinstance(start, datetime) and number not in moved:
                # The exact duration of the first (RFC 5545 section 3.8.5.3), or until the clock
                # shows what DTEND says, where that is longer: docs/time-zones.md.
                end = max(end, begin + last - first)
            found.append((begin, end))
        return found

    def _span(self, start: datetime | date, day_zone: str) -> tuple[int, int]:
        """From a wall clock to a wall clock, or from a midnight to a midnight."""
        zone = ZoneInfo(self.zone if isinstance(start, datetime) else day_zone)
        wall = (
            start if isinstance(start, datetime) else datetime.combine(start, datetime.min.time())
        )
        ends = (it.replace(tzinfo=zone) for it in (wall, wall + self.length))
        begin, end = (int(it.timestamp()) for it in ends)
        return begin, end

    def ics(self) -> str:
        """The calendar object, with a zone definition by name alone (IANA)."""
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//EN", *self._master()]
        for number, start in self.moved:
            original = self.start + number * (self.every or timedelta())
            lines += ["BEGIN:VEVENT", f"UID:{self.uid}", "DTSTAMP:20260101T000000Z"]
            lines += [self._time("RECURRENCE-ID", original), self._time("DTSTART", start)]
            lines += [self._time("DTEND", start + self.length), "SUMMARY:moved", *self._flags()]
            lines += ["END:VEVENT"]
        return "\r\n".join([*lines, "END:VCALENDAR", ""])

    def vevents(self) -> str:
        """Only the VEVENTs, for a file with many events."""
        return self.ics().split("PRODID:-//tests//EN\r\n")[1].removesuffix("END:VCALENDAR\r\n")

    def _master(self) -> list[str]:
        lines = ["BEGIN:VEVENT", f"UID:{self.uid}", "DTSTAMP:20260101T000000Z"]
        lines += [self._time("DTSTART", self.start), self._time("DTEND", self.start + self.length)]
        if self.every:
            frequency = "DAILY" if self.every == timedelta(days=1) else "WEEKLY"
            lines.append(f"RRULE:FREQ={frequency};COUNT={self.times}")
        for number in sorted(self.skipped):
            lines.append(self._time("EXDATE", self.start + number * (self.every or timedelta())))
        return [*lines, "SUMMARY:secret title", *self._flags(), "END:VEVENT"]

    def _flags(self) -> list[str]:
        return ["STATUS:TENTATIVE"] * self.tentative + ["TRANSP:TRANSPARENT"] * self.free

    def _time(self, name: str, when: datetime | date) -> str:
        if isinstance(when, datetime):
            return f"{name};TZID={self.zone}:{when:%Y%m%dT%H%M%S}"
        return f"{name};VALUE=DATE:{when:%Y%m%d}"


def busy_minutes(events: list[Written], start: int, end: int, *, day_zone: str) -> dict[int, str]:
    """Give every busy minute of [start, end) its FBTYPE; BUSY covers BUSY-TENTATIVE."""
    minutes: dict[int, str] = {}
    for event in sorted(events, key=lambda event: not event.tentative):
        if event.free:
            continue
        kind = "BUSY-TENTATIVE" if event.tentative else "BUSY"
        for first, last in event.spans(day_zone):
            for minute in range(max(first, start), min(last, end), MINUTE):
                minutes[minute] = kind
    return minutes


def minutes_of(periods: list[tuple[int, int, str]]) -> dict[int, str]:
    """The same for periods that an output gave; overlapping periods are an error."""
    minutes: dict[int, str] = {}
    for start, end, kind in periods:
        for minute in range(start, end, MINUTE):
            assert minute not in minutes, "an output gave one minute twice"
            minutes[minute] = kind
    return minutes


@dataclass
class Script:
    """A reproducible stream of edits: what calendar users do in a week."""

    seed: int
    today: date
    zones: tuple[str, ...] = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
    random: random.Random = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def new(self) -> Written:
        self.count += 1
        day = self.today + timedelta(days=self.random.randrange(1, 30))
        if self.random.random() < 0.15:
            length = timedelta(days=self.random.randrange(1, 4))
            return Written(f"event-{self.count}@tests", day, length, "UTC")
        quarter = self.random.randrange(0, 92)
        start = datetime.combine(day, datetime.min.time()) + quarter * timedelta(minutes=15)
        length = timedelta(minutes=15 * self.random.randrange(1, 16))
        return Written(
            f"event-{self.count}@tests",
            start,
            length,
            self.random.choice(self.zones),
            tentative=self.random.random() < 0.2,
            free=self.random.random() < 0.1,
        )

    def changed(self, event: Written) -> Written:
        """Move it, make it recurring, or change one occurrence of a series."""
        timed = isinstance(event.start, datetime)
        choice = self.random.choice(("move", "recur", "skip", "move one") if timed else ("move",))
        if choice == "recur" or (choice in ("skip", "move one") and event.every is None):
            every = self.random.choice((timedelta(days=1), timedelta(weeks=1)))
            times = self.random.randrange(2, 8)
            return replace(event, every=every, times=times, skipped=frozenset(), moved=())
        if choice == "move":
            by = timedelta(days=self.random.randrange(-1, 3))
            return replace(event, start=event.start + by, skipped=frozenset(), moved=())
        number = self.random.randrange(1, event.times)
        if choice == "skip":
            kept = tuple(pair for pair in event.moved if pair[0] != number)
            return replace(event, skipped=event.skipped | {number}, moved=kept)
        original = event.start + number * (event.every or timedelta())
        elsewhere = {**dict(event.moved), number: original + timedelta(hours=3, minutes=15)}
        return replace(
            event, skipped=event.skipped - {number}, moved=tuple(sorted(elsewhere.items()))
        )


def utc_midnight(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp())
