"""One event on the time line: where its moments are, and how long each of its occurrences lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from bridge.ical.wallclock import (
    DAY,
    LAST_INSTANT,
    instant_of,
    midnight_of,
    wall_at,
    wall_of,
)
from bridge.model.event import Event, EventTime, Floating
from bridge.model.interval import Instant


class Placed:
    """One event on the time line: its clock, its first occurrence, its length."""

    __slots__ = (
        "all_day",
        "days",
        "event",
        "length",
        "nominal",
        "own_end",
        "own_start",
        "wall",
        "zone",
    )

    def __init__(self, event: Event, zone: tzinfo, day_zone: tzinfo) -> None:
        """Take an event, the zone of floating times, and the one whose midnights bound days."""
        start = event.start
        self.event = event
        self.all_day = False
        self.days = 0
        self.nominal = 0
        self.wall = wall_of(start)
        if isinstance(start, datetime):
            self.zone = start.tzinfo or UTC
            self.own_start = int(start.timestamp())
        elif isinstance(start, Floating):
            self.zone = zone
            self.own_start = instant_of(self.wall, zone)
        else:
            self.zone = day_zone
            self.all_day = True
            self.days = wall_of(event.end) // DAY - self.wall // DAY
            self.own_start = midnight_of(self.wall // DAY, day_zone)
            self.length = 0
            self.own_end = midnight_of(self.wall // DAY + self.days, day_zone)
            return
        if event.exact is not None:
            self.length = int(event.exact.total_seconds())
            self.own_end = self.own_start + self.length
        elif event.duration is None:
            self.own_end = instant_in(event.end, zone)
            self.length = self.own_end - self.own_start
            self.nominal = self._by_clock(event) - self.wall
            if self.length <= 0 < self.nominal:
                # DTSTART is skipped, and was moved behind DTEND: what is written is the length
                self.length = self.nominal
                self.own_end = self.own_start + self.length
        else:
            self.days, self.length = event.duration.days, event.duration.seconds
            self.own_end = self.end(self.wall, self.own_start)

    def on_clock_of(self, other: Placed) -> Placed:
        """Return the same event by the clock of another one, which its further instances keep."""
        start, end = (
            datetime.fromtimestamp(min(it, LAST_INSTANT - DAY), UTC).astimezone(other.zone)
            for it in (self.own_start, self.own_end)
        )
        moved = Placed(replace(self.event, start=start, end=end), other.zone, other.zone)
        moved.event = self.event
        return moved

    def _by_clock(self, event: Event) -> int:
        """Return what the clock of the start shows at the end."""
        start, end = event.start, event.end
        if isinstance(start, datetime) and isinstance(end, datetime) and end.tzinfo != start.tzinfo:
            return wall_at(self.own_end, self.zone)
        return wall_of(end)

    def start(self, wall: int) -> Instant:
        """Return the instant of another start."""
        if self.all_day:
            return midnight_of(wall // DAY, self.zone)
        return instant_of(wall, self.zone)

    def end(self, wall: int, start: Instant) -> Instant:
        """Return when the occurrence that starts there ends."""
        if self.all_day:
            return midnight_of(wall // DAY + self.days, self.zone)
        if self.days:
            return instant_of(wall + self.days * DAY, self.zone) + self.length
        if self.nominal <= 0 or self.zone is UTC:
            return start + self.length
        return max(start + self.length, instant_of(wall + self.nominal, self.zone))

    def reach(self) -> int:
        """Return the longest that an occurrence can last."""
        return self.days * DAY + max(self.length, self.nominal) + DAY

    def instant(self, moment: EventTime) -> Instant:
        """Return the instant of another moment of the series; floating ones are on its clock."""
        return self.original(moment)[0]

    def original(self, moment: EventTime) -> tuple[Instant, int]:
        """Return instant and wall of an instance that RDATE, EXDATE or RECURRENCE-ID names.

        A date of a timed series has the time of DTSTART; a time of an all-day series is a day.
        """
        if self.all_day:
            wall = self._day(moment) * DAY
        elif isinstance(moment, Floating):
            wall = wall_of(moment)
        elif isinstance(moment, datetime):
            start = int(moment.timestamp())
            same_clock = moment.tzinfo is self.zone
            return start, wall_of(moment) if same_clock else wall_at(start, self.zone)
        else:
            wall = moment.toordinal() * DAY + self.wall % DAY
        return self.start(wall), wall

    def until(self, moment: EventTime) -> Instant:
        """Return the last instant at which a rule with this UNTIL may start an instance."""
        if self.all_day:
            return self.start(self._day(moment) * DAY)
        if isinstance(moment, datetime | Floating):
            return self.instant(moment)
        return self.start(moment.toordinal() * DAY + DAY - 1)

    def _day(self, moment: EventTime) -> int:
        """Return the day that a moment of an all-day series means.

        Exchange writes the midnight of its own zone in UTC; where a time is no more than the start
        or end of the day as it is written, that day is meant.
        """
        wall = wall_of(moment)
        if isinstance(moment, datetime) and wall % DAY not in (0, DAY - 1):
            wall = wall_at(int(moment.timestamp()), self.zone)
        return wall // DAY


def instant_in(moment: EventTime, zone: tzinfo) -> Instant:
    """Return the instant of a moment; the zone places floating times, and the midnight of dates."""
    if isinstance(moment, datetime):
        return int(moment.timestamp())
    if isinstance(moment, Floating):
        return instant_of(wall_of(moment), zone)
    return midnight_of(moment.toordinal(), zone)
