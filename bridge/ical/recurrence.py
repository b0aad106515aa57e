"""Expansion of a series to occurrences, within bounds that no rule can reach past.

Rules are expanded on the wall clock of DTSTART's zone and then placed on the time line, so that a
meeting at nine stays at nine when clocks change. Where RFC 5545 leaves a choice, or is not followed
to the letter, this is what holds:

- DTSTART is the first instance and counts for COUNT, whether or not it matches the rule (section
  3.3.10: "always counts as the first occurrence"); beside a second rule it counts where it matches.
  A rule whose UNTIL lies before DTSTART has no instances at all: that is how Google writes
  a series that was cut off before its start.
- A start that the clock skips takes the offset before the gap (section 3.3.5), as clients show it.
  Section 3.3.10 would drop it from a rule; then an event that everybody sees would block nothing.
- DTEND gives every instance the same exact duration (section 3.8.5.3), and at least until the time
  that the clock of its zone shows at DTEND, as clients have it: where the two differ, the longer
  one. The days and weeks of a DURATION are nominal, the hours beside them exact (section 3.3.6).
- FREQ=HOURLY and MINUTELY have the hour that a clock shows twice twice.
- An UNTIL that is a date includes that day in the zone of DTSTART. An EXDATE matches by instant, or
  as a date every start of that day. RECURRENCE-ID, EXDATE and RDATE without a zone are in
  DTSTART's.
- An override replaces its instance wherever it was moved to. One that matches no instance stands
  for itself; one whose instance EXDATE names is gone.
- THISANDFUTURE (section 3.8.4.4) carries its shift, duration and properties to what follows it, up
  to the next one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import DEFAULT, Budget, Limits, TooCostly, TooMany
from bridge.ical.generation import generate
from bridge.ical.rules import Freq, Rule, check_rule, read_rule
from bridge.ical.values import Unreadable
from bridge.ical.wallclock import (
    DAY,
    EPOCH,
    FIRST_INSTANT,
    LAST_INSTANT,
    instant_of,
    midnight_of,
    repeated,
    wall_at,
    wall_of,
)
from bridge.model.event import Event, EventSeries, EventTime, Floating, Occurrence, Period
from bridge.model.interval import Instant, Window

_Start: TypeAlias = tuple[int, int | None]
"""Wall, and the length of its own that RDATE;VALUE=PERIOD gives."""

_MARGIN = 2 * DAY
"""More than any zone's offset, and than a gap, can move a start."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a series has in a window."""

    occurrences: list[Occurrence]
    """By start; never clipped. Cancelled ones are among them: policy judges."""
    notes: tuple[str, ...] = ()


def expand(
    series: EventSeries,
    window: Window,
    zone: tzinfo,
    *,
    day_zone: tzinfo,
    limits: Limits = DEFAULT,
) -> Expansion:
    """Return every occurrence that overlaps the window.

    Args:
        series: master and overrides of one UID.
        window: half-open.
        zone: of floating times, the calendar's.
        day_zone: whose midnights bound all-day events, the resource's.
        limits: most occurrences and steps of the series.

    Raises:
        TooCostly: a rule is refused, or has more occurrences than the limits allow.
        InvalidCalendarObject: a rule says nothing.
    """
    if series.master is None:
        return _Expander(series, window, zone, day_zone, limits).stand_alone()
    master = _Placed(series.master, zone, day_zone)
    if not (series.overrides or series.master.is_recurring or series.master.exdates):
        start, end = master.own_start, master.own_end
        if start >= window.end or end <= window.start:
            return Expansion([])
        start, end = max(start, FIRST_INSTANT), min(end, LAST_INSTANT)
        return Expansion([Occurrence(series.master, start, start, end, master.all_day)])
    return _Expander(series, window, zone, day_zone, limits).expand(master)


class _Placed:
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
        if event.duration is None:
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


class _Expander:
    """The instances of one series in one window."""

    def __init__(
        self, series: EventSeries, window: Window, zone: tzinfo, day_zone: tzinfo, limits: Limits
    ) -> None:
        self._window = window
        self._limits = limits
        self._budget = Budget(limits)
        self._overrides = [_Placed(event, zone, day_zone) for event in series.overrides]
        self._found: list[Occurrence] = []
        self._notes: list[str] = []

    def stand_alone(self) -> Expansion:
        """Expand overrides whose master nobody sent."""
        for override in self._overrides:
            self._add_override(override, override.instant(_recurrence_id(override.event)))
        return self._expansion()

    def expand(self, master: _Placed) -> Expansion:
        """Expand a master with its overrides."""
        excluded = _Excluded(master, master.event.exdates)
        replaced = _Excluded(master, [_recurrence_id(it.event) for it in self._overrides])
        following = sorted(
            (
                _Following(master, override)
                for override in self._overrides
                if override.event.this_and_future
            ),
            key=lambda it: it.since,
        )
        first, last = self._bounds(master, following)
        starts = self._starts(master, first, last)
        for rule in map(_read, master.event.exrules):
            for start, _ in self._instances(rule, master, first, last):
                starts.pop(start, None)
        for start, (wall, period) in starts.items():
            if excluded.has(start, wall) or replaced.has(start, wall):
                continue
            base = _in_force(following, start)
            if base is not None:
                self._add(base.override, start, *base.times(wall))
            else:
                end = master.end(wall, start) if period is None else start + period
                self._add(master, start, start, end)
        for override in self._overrides:
            original, wall = master.original(_recurrence_id(override.event))
            if excluded.has(original, wall):
                self._notes.append("an override of an occurrence that EXDATE names was left out")
            else:
                self._add_override(override, original)
        return self._expansion()

    def _bounds(self, master: _Placed, following: Sequence[_Following]) -> tuple[int, int]:
        """Return the first and last wall whose occurrence can overlap the window."""
        periods = [it.duration for it in master.event.rdates if isinstance(it, Period)]
        longest = max(int(period.total_seconds()) for period in [*periods, timedelta()])
        reach = max(longest, master.reach(), *(it.override.reach() for it in following))
        moved = max((abs(it.shift) for it in following), default=0)
        first = self._window.start + EPOCH - reach - moved - _MARGIN
        return first, self._window.end + EPOCH + moved + _MARGIN

    def _starts(self, master: _Placed, first: int, last: int) -> dict[Instant, _Start]:
        event = master.event
        if len(event.rrules) + len(event.exrules) > self._limits.rules:
            raise TooCostly(f"more than {self._limits.rules} rules")
        starts: dict[Instant, _Start] = {}
        rules = [_read(text) for text in event.rrules]
        if not _ended_before_start(master, rules):
            starts[master.own_start] = (master.wall, None)
        for rule in rules:
            for start, wall in self._instances(rule, master, first, last):
                starts.setdefault(start, (wall, None))
        if len(event.rdates) + len(event.exdates) > self._limits.dates:
            raise TooCostly(f"more than {self._limits.dates} dates in RDATE and EXDATE")
        for extra in event.rdates:
            moment = extra.start if isinstance(extra, Period) else extra
            start, wall = master.original(moment)
            length = int(extra.duration.total_seconds()) if isinstance(extra, Period) else None
            if length is not None or start not in starts:
                starts[start] = (wall, length)
        return starts

    def _instances(
        self, rule: Rule, master: _Placed, first: int, last: int
    ) -> Iterator[tuple[Instant, int]]:
        for wall in self._rule(rule, master, first, last):
            yield master.start(wall), wall
            if rule.freq < Freq.DAILY:
                again = repeated(wall, master.zone)
                if again is not None:
                    yield again, wall

    def _rule(self, rule: Rule, master: _Placed, first: int, last: int) -> Iterable[int]:
        check_rule(rule, self._limits, all_day=master.all_day)
        if master.all_day:
            # RFC 5545 section 3.3.10: BYSECOND, BYMINUTE and BYHOUR of a DATE "MUST be ignored"
            rule = replace(rule, by_hour=(), by_minute=(), by_second=())
        if rule.until is None:
            return self._generate(rule, master, first, last)
        until = master.until(rule.until)
        last = min(last, until + EPOCH + _MARGIN)
        walls = self._generate(rule, master, first, last)
        return (wall for wall in walls if master.start(wall) <= until)

    def _generate(self, rule: Rule, master: _Placed, first: int, last: int) -> list[int]:
        only = len(master.event.rrules) == 1
        return generate(rule, master.wall, first, last, self._budget, start_counts=only)

    def _add_override(self, override: _Placed, original: Instant) -> None:
        self._add(override, original, override.own_start, override.own_end)

    def _add(self, placed: _Placed, original: Instant, start: Instant, end: Instant) -> None:
        if start < self._window.end and end > self._window.start:
            start, end = max(start, FIRST_INSTANT), min(end, LAST_INSTANT)
            self._found.append(Occurrence(placed.event, original, start, end, placed.all_day))

    def _expansion(self) -> Expansion:
        if len(self._found) > self._limits.occurrences:
            raise TooMany(f"more than {self._limits.occurrences} occurrences in the window")
        self._found.sort(key=lambda it: (it.start, it.end))
        return Expansion(self._found, tuple(dict.fromkeys(self._notes)))


class _Excluded:
    """Instances that EXDATE or overrides name, by instant or by day."""

    def __init__(self, master: _Placed, moments: Iterable[EventTime]) -> None:
        self._instants: set[Instant] = set()
        self._days: set[int] = set()
        for moment in moments:
            if isinstance(moment, datetime | Floating) or master.all_day:
                self._instants.add(master.original(moment)[0])
            else:
                self._days.add(moment.toordinal())

    def has(self, start: Instant, wall: int) -> bool:
        """Tell whether the instance is among them."""
        return start in self._instants or wall // DAY in self._days


class _Following:
    """An override with RANGE=THISANDFUTURE, for the instances after its own."""

    def __init__(self, master: _Placed, override: _Placed) -> None:
        self.override = override
        self.since, wall = master.original(_recurrence_id(override.event))
        self.shift = override.wall - wall
        """By wall clock, from the series' zone to the override's."""

    def times(self, wall: int) -> tuple[Instant, Instant]:
        """Return start and end of the instance that the series has at `wall`."""
        moved = wall + self.shift
        start = self.override.start(moved)
        return start, self.override.end(moved, start)


def _in_force(following: Sequence[_Following], start: Instant) -> _Following | None:
    place = bisect_left(following, start, key=lambda it: it.since)
    return following[place - 1] if place else None


def _recurrence_id(event: Event) -> EventTime:
    return event.start if event.recurrence_id is None else event.recurrence_id


def _read(text: str) -> Rule:
    try:
        return read_rule(text)
    except Unreadable as err:
        raise InvalidCalendarObject(str(err)) from err


def _ended_before_start(master: _Placed, rules: Sequence[Rule]) -> bool:
    """Tell whether every rule's UNTIL lies before DTSTART."""
    return bool(rules) and all(
        rule.until is not None and master.until(rule.until) < master.own_start for rule in rules
    )
