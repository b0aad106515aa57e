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
  one. The days and weeks of a DURATION are nominal, its hours exact (section 3.3.6).
- FREQ=HOURLY and MINUTELY have the hour that a clock shows twice twice.
- An UNTIL that is a date includes that day in the zone of DTSTART. An EXDATE matches by instant, or
  as a date every start of that day. RECURRENCE-ID, EXDATE and RDATE without a zone are in
  DTSTART's.
- An override replaces its instance wherever it was moved to. One that matches no instance stands
  for itself; one whose instance EXDATE names is gone.
- THISANDFUTURE (section 3.8.4.4) carries its shift, duration and properties to what follows it, up
  to the next one. One with a rule of its own goes on by that rule instead.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import zip_longest
from typing import TypeAlias

from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import DEFAULT, Budget, Limits, TooCostly, TooMany
from bridge.ical.details import rank
from bridge.ical.generation import generate
from bridge.ical.placed import Placed, instant_in
from bridge.ical.rules import Freq, Rule, check_rule, read_rule
from bridge.ical.values import Unreadable
from bridge.ical.wallclock import (
    DAY,
    EPOCH,
    FIRST_INSTANT,
    LAST_INSTANT,
    repeated,
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
    master = Placed(series.master, zone, day_zone)
    if not (series.overrides or series.master.is_recurring or series.master.exdates):
        start, end = master.own_start, master.own_end
        if start >= window.end or end <= window.start:
            return Expansion([])
        start, end = max(start, FIRST_INSTANT), min(end, LAST_INSTANT)
        return Expansion([Occurrence(series.master, start, start, end, master.all_day)])
    return _Expander(series, window, zone, day_zone, limits).expand(master)


class _Expander:
    """The instances of one series in one window."""

    def __init__(
        self, series: EventSeries, window: Window, zone: tzinfo, day_zone: tzinfo, limits: Limits
    ) -> None:
        self._window = window
        self._limits = limits
        self._budget = Budget(limits)
        self._overrides = [Placed(event, zone, day_zone) for event in series.overrides]
        self._found: list[Occurrence] = []
        self._notes: list[str] = []

    def stand_alone(self) -> Expansion:
        """Expand overrides whose master nobody sent."""
        for override in self._overrides:
            original = override.instant(_recurrence_id(override.event))
            self._add(override, original, override.own_start, override.own_end)
            if override.event.is_recurring:
                self._add_own(override, self._own_starts(override, None), ())
        return self._expansion()

    def expand(self, master: Placed) -> Expansion:
        """Expand a master with its overrides."""
        excluded = _Excluded(master, master.event.exdates)
        changed = self._changed(master)
        replaced = _Excluded(master, [_recurrence_id(it.event) for it, _, _ in changed])
        splits = [it for it, _, _ in changed if it.event.this_and_future]
        following = sorted((_Following(master, it) for it in splits), key=lambda it: it.since)
        for it, after in zip_longest(following, following[1:]):
            if it.override.event.is_recurring:
                it.own = self._own_starts(it.override, None if after is None else after.since)
        first, last = self._bounds(master, following)
        for start, (wall, period) in self._starts(master, first, last).items():
            if excluded.has(start, wall) or replaced.has(start, wall):
                continue
            base = _in_force(following, start)
            if base is None:
                end = master.end(wall, start) if period is None else start + period
                self._add(master, start, start, end)
            elif base.own is None:
                self._add(base.override, start, *base.times(wall))
        for it in following:
            self._add_own(it.override, it.own, (excluded, replaced))
        for override, original, wall in changed:
            if excluded.has(original, wall):
                self._notes.append("an override of an occurrence that EXDATE names was left out")
            else:
                self._add_changed(override, original, (excluded, replaced))
        return self._expansion()

    def _changed(self, master: Placed) -> list[tuple[Placed, Instant, int]]:
        """Return overrides with instant and wall of their instance; the newest of one instance.

        A RECURRENCE-ID can name one instance as a date, in UTC or by its zone. Of equals both
        stay: what blocks too much is seen, what blocks too little is not.
        """
        newest: dict[tuple[Instant, bool], list[tuple[Placed, Instant, int]]] = {}
        for override in self._overrides:
            original, wall = master.original(_recurrence_id(override.event))
            key = original, override.event.this_and_future
            others = newest.setdefault(key, [])
            if others:
                self._notes.append("an occurrence is changed twice: the highest SEQUENCE was taken")
                if rank(others[0][0].event) > rank(override.event):
                    continue
                if rank(others[0][0].event) < rank(override.event):
                    others.clear()
            others.append((override, original, wall))
        return [it for others in newest.values() for it in others]

    def _own_starts(self, override: Placed, until: Instant | None) -> dict[Instant, _Start] | None:
        """Return the starts of an override that recurs by itself; None where they are refused.

        RFC 5545 section 3.8.4.4 has no such thing; clients that split a series write it.
        """
        try:
            starts = self._starts(override, *self._bounds(override, []))
        except InvalidCalendarObject as err:
            self._notes.append(f"the recurrence of an override was left out: {err}")
            return None
        excluded = _Excluded(override, override.event.exdates)
        return {
            start: (wall, period)
            for start, (wall, period) in starts.items()
            if start != override.own_start
            and (until is None or start < until)
            and not excluded.has(start, wall)
        }

    def _add_own(
        self,
        override: Placed,
        starts: dict[Instant, _Start] | None,
        without: Sequence[_Excluded],
    ) -> None:
        for start, (wall, period) in (starts or {}).items():
            if not any(it.has(start, wall) for it in without):
                end = override.end(wall, start) if period is None else start + period
                self._add(override, start, start, end)

    def _bounds(self, master: Placed, following: Sequence[_Following]) -> tuple[int, int]:
        """Return the first and last wall whose occurrence can overlap the window."""
        periods = [it.duration for it in master.event.rdates if isinstance(it, Period)]
        longest = max(int(period.total_seconds()) for period in [*periods, timedelta()])
        reach = max(longest, master.reach(), *(it.override.reach() for it in following))
        moved = max((abs(it.shift) for it in following), default=0)
        first = self._window.start + EPOCH - reach - moved - _MARGIN
        return first, self._window.end + EPOCH + moved + _MARGIN

    def _starts(self, master: Placed, first: int, last: int) -> dict[Instant, _Start]:
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
        for rule in map(_read, event.exrules):
            for start, _ in self._instances(rule, master, first, last):
                starts.pop(start, None)
        return starts

    def _instances(
        self, rule: Rule, master: Placed, first: int, last: int
    ) -> Iterator[tuple[Instant, int]]:
        for wall in self._rule(rule, master, first, last):
            yield master.start(wall), wall
            if rule.freq < Freq.DAILY:
                again = repeated(wall, master.zone)
                if again is not None:
                    yield again, wall

    def _rule(self, rule: Rule, master: Placed, first: int, last: int) -> Iterable[int]:
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

    def _generate(self, rule: Rule, master: Placed, first: int, last: int) -> list[int]:
        only = len(master.event.rrules) == 1
        return generate(rule, master.wall, first, last, self._budget, start_counts=only)

    def _add_changed(
        self, override: Placed, original: Instant, without: Sequence[_Excluded]
    ) -> None:
        self._add(override, original, override.own_start, override.own_end)
        if override.event.is_recurring and not override.event.this_and_future:
            self._add_own(override, self._own_starts(override, None), without)

    def _add(self, placed: Placed, original: Instant, start: Instant, end: Instant) -> None:
        if start < self._window.end and end > self._window.start:
            start, end = max(start, FIRST_INSTANT), min(end, LAST_INSTANT)
            self._found.append(Occurrence(placed.event, original, start, end, placed.all_day))

    def _expansion(self) -> Expansion:
        if len(self._found) > self._limits.occurrences:
            raise TooMany(f"more than {self._limits.occurrences} occurrences in the window")
        self._found.sort(key=lambda it: (it.start, it.end))
        _tell_apart(self._found)
        return Expansion(self._found, tuple(dict.fromkeys(self._notes)))


class _Excluded:
    """Instances that EXDATE or overrides name, by instant or by day."""

    def __init__(self, master: Placed, moments: Iterable[EventTime]) -> None:
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

    def __init__(self, master: Placed, override: Placed) -> None:
        self.since, wall = master.original(_recurrence_id(override.event))
        self.override = override
        if override.zone is UTC and not (override.all_day or master.all_day):
            self.override = override.on_clock_of(master)
        self.shift = self.override.wall - wall
        """By wall clock, from the series' zone to the override's; UTC is nobody's clock."""
        self.own: dict[Instant, _Start] | None = None
        """Its starts where it recurs by itself; then the series ends where it begins."""

    def times(self, wall: int) -> tuple[Instant, Instant]:
        """Return start and end of the instance that the series has at `wall`."""
        moved = wall + self.shift
        start = self.override.start(moved)
        return start, self.override.end(moved, start)


def _in_force(following: Sequence[_Following], start: Instant) -> _Following | None:
    place = bisect_left(following, start, key=lambda it: it.since)
    return following[place - 1] if place else None


def _tell_apart(found: list[Occurrence]) -> None:
    """Give two occurrences of one original start, by which they are named, a second of their own.

    It happens where a changed occurrence is there twice, or a second series meets the first.
    """
    taken: set[Instant] = set()
    for place, it in enumerate(found):
        original = it.original_start
        while original in taken:
            original += 1
        taken.add(original)
        if original != it.original_start:
            found[place] = replace(it, original_start=original)


def _recurrence_id(event: Event) -> EventTime:
    return event.start if event.recurrence_id is None else event.recurrence_id


def _read(text: str) -> Rule:
    try:
        return read_rule(text)
    except Unreadable as err:
        raise InvalidCalendarObject(str(err)) from err


def _ended_before_start(master: Placed, rules: Sequence[Rule]) -> bool:
    """Tell whether every rule's UNTIL lies before DTSTART."""
    return bool(rules) and all(
        rule.until is not None and master.until(rule.until) < master.own_start for rule in rules
    )


__all__ = ["Expansion", "expand", "instant_in"]
