"""The starts that one rule generates, as walls (see `wallclock`), within bounds of time and cost.

Written after the table of RFC 5545 section 3.3.10. Rules without an end, and plain daily and weekly
ones, are entered where the window begins; only a COUNT on a rule with BY parts is counted from
DTSTART. A gap or an impossible date costs steps of the budget like any other, whatever the rule.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain, islice, product
from typing import TypeAlias

from bridge.ical.bounds import Limits, TooCostly
from bridge.ical.rules import Freq, Rule
from bridge.ical.wallclock import DAY, LAST_DAY

_Span: TypeAlias = tuple[int, int]
"""First day and number of days."""

_LAST_WALL = LAST_DAY * DAY + DAY - 1
_UNITS = {Freq.HOURLY: 3600, Freq.MINUTELY: 60}


_STEP = 8
"""How many days of a set cost as much as one period."""


class Budget:
    """What one series may still cost."""

    def __init__(self, limits: Limits) -> None:
        self._left = limits.steps * _STEP
        self.occurrences = limits.occurrences

    def spend(self, days: int = _STEP) -> None:
        """Take one step, or as much as looking at so many days costs.

        Raises:
            TooCostly: there is nothing left.
        """
        self._left -= days
        if self._left < 0:
            raise TooCostly("the rule takes too many steps to expand")


def generate(
    rule: Rule, start: int, first: int, last: int, budget: Budget, *, start_counts: bool = True
) -> list[int]:
    """Return the rule's starts from `first` to `last`, both included, in order.

    Args:
        rule: with its COUNT; UNTIL is for the caller to turn into `last`.
        start: DTSTART; it is returned only if it matches.
        first: no earlier than DTSTART is returned in any case.
        last: of the window.
        budget: what the expansion may still cost.
        start_counts: a DTSTART that does not match uses up one of COUNT.

    Raises:
        TooCostly: more occurrences or steps than the budget has.
    """
    first, last = max(first, start), min(last, _LAST_WALL)
    if _is_plain(rule):
        if rule.count is not None:
            last = min(last, _last_plain(rule, rule.count, start, start_counts=start_counts))
        found = _plain(rule, start, first, last, budget.occurrences + 1)
    else:
        walls = _walls(rule, start, (first if rule.count is None else start), last, budget)
        if rule.count is not None:
            walls = _counted(walls, rule.count, start if start_counts else None)
        found = list(islice((wall for wall in walls if wall >= first), budget.occurrences + 1))
    if len(found) > budget.occurrences:
        raise TooCostly(f"more than {budget.occurrences} occurrences in the window")
    return found


def recurs(rule: Rule, start: int, within: int, budget: Budget) -> bool:
    """Tell whether the rule has an instance after DTSTART within so many seconds.

    Raises:
        TooCostly: finding out takes more steps than the budget has.
    """
    last = start + within
    if last > _LAST_WALL:
        return True  # so few periods are left that no parser is kept busy
    return any(wall > start for wall in _walls(rule, start, start, last, budget))


def _counted(walls: Iterator[int], count: int, start: int | None) -> Iterator[int]:
    """Yield as many as COUNT says, one less where `start` is given and is not the first."""
    for wall in walls:
        left = count if start in (None, wall) else count - 1
        yield from islice(chain((wall,), walls), max(left, 0))
        return


# Plain rules: day arithmetic alone


def _is_plain(rule: Rule) -> bool:
    if rule.freq not in (Freq.DAILY, Freq.WEEKLY) or (rule.freq is Freq.DAILY and rule.by_day):
        return False
    return not (
        rule.by_month
        or rule.by_week
        or rule.by_year_day
        or rule.by_month_day
        or rule.by_hour
        or rule.by_minute
        or rule.by_second
        or rule.by_position
    )


def _plain(rule: Rule, start: int, first: int, last: int, most: int) -> list[int]:
    """Expand FREQ=DAILY without BY parts, or FREQ=WEEKLY with BYDAY at most."""
    if rule.freq is Freq.DAILY:
        step = rule.interval * DAY
        entry = start - (start - first) // step * step  # the first one not before `first`
        return list(islice(range(entry, last + 1, step), most))
    week, step, offsets = _weekly(rule, start)
    entry = week + (first - week) // step * step
    weeks = range(entry, last + 1, step)
    found = [monday + offset for monday in weeks[:most] for offset in offsets]
    return found[bisect_left(found, first) : bisect_right(found, last)]


def _weekly(rule: Rule, start: int) -> tuple[int, int, list[int]]:
    """Return the start of DTSTART's week, the step from week to week, and the days in it."""
    back = (start // DAY - 1 - rule.week_start) % 7 * DAY
    offsets = sorted((weekday - rule.week_start) % 7 * DAY for _, weekday in rule.by_day) or [back]
    return start - back, rule.interval * 7 * DAY, offsets


def _last_plain(rule: Rule, count: int, start: int, *, start_counts: bool) -> int:
    """Return the wall of the last start of a plain rule with COUNT."""
    if rule.freq is Freq.DAILY:
        return start + (count - 1) * rule.interval * DAY
    week, step, offsets = _weekly(rule, start)
    left = count - 1 if start_counts and start - week not in offsets else count
    skipped = bisect_left(offsets, start - week)  # weekdays of the first week before DTSTART
    weeks, place = divmod(skipped + left - 1, len(offsets))
    return week + weeks * step + offsets[place] if left > 0 else start - 1


# All other rules: the candidates of each period


def _walls(rule: Rule, start: int, entry: int, last: int, budget: Budget) -> Iterator[int]:
    """Yield the starts from DTSTART on, from the period of `entry` to that of `last`."""
    unit = _UNITS.get(rule.freq)
    sets = _dated(rule, start, entry, last, budget)
    if unit is not None:
        sets = _within_days(rule, start, entry, last, budget)
    for candidates in sets:
        for wall in _positions(rule.by_position, candidates) if rule.by_position else candidates:
            if wall > last:
                return
            if wall >= start:
                yield wall


def _positions(positions: tuple[int, ...], candidates: list[int]) -> list[int]:
    """Pick by BYSETPOS out of one period."""
    size = len(candidates)
    places = {place - 1 if place > 0 else size + place for place in positions}
    return [candidates[place] for place in sorted(places) if 0 <= place < size]


def _dated(rule: Rule, start: int, entry: int, last: int, budget: Budget) -> Iterator[list[int]]:
    """Yield the candidates of each day, week, month or year."""
    day, second = divmod(start, DAY)
    hour, minute, second = second // 3600, second // 60 % 60, second % 60
    times = sorted(
        h * 3600 + m * 60 + s
        for h, m, s in product(
            rule.by_hour or (hour,), rule.by_minute or (minute,), rule.by_second or (second,)
        )
    )
    dates = _Dates(rule, day, budget)
    place = dates.period_of(day)
    skipped = (dates.period_of(entry // DAY) - place) // rule.interval * rule.interval
    final = dates.period_of(last // DAY)
    for period in range(place + skipped, final + 1, rule.interval):
        days = dates.of_period(period)
        budget.spend(_STEP + len(days) * len(times))
        if days:
            yield [day * DAY + time for day in days for time in times]


def _within_days(
    rule: Rule, start: int, entry: int, last: int, budget: Budget
) -> Iterator[list[int]]:
    """Yield the candidates of each hour or minute, stepping over days and hours that fail."""
    unit = _UNITS[rule.freq]
    seconds = rule.by_second or (start % 60,)
    minutes = (rule.by_minute or (start // 60 % 60,)) if rule.freq is Freq.HOURLY else (0,)
    times = sorted(minute * 60 + second for minute, second in product(minutes, seconds))
    dates = _Dates(rule, start // DAY, budget)
    origin, interval = start // unit, rule.interval
    period = origin + (entry // unit - origin) // interval * interval
    while period * unit <= last:
        wall = period * unit
        budget.spend()
        if not dates.allows(wall // DAY):
            beyond = (wall // DAY + 1) * DAY // unit
        elif rule.by_hour and wall // 3600 % 24 not in rule.by_hour:
            beyond = (wall // 3600 + 1) * 3600 // unit
        else:
            if unit == 3600 or not rule.by_minute or wall // 60 % 60 in rule.by_minute:
                budget.spend(len(times))
                yield [wall + time for time in times]
            beyond = period + 1
        period += -(-(beyond - period) // interval) * interval


class _Dates:
    """The days of one rule: what its date parts name, and what they leave out."""

    def __init__(self, rule: Rule, start: int, budget: Budget) -> None:
        self._rule = rule
        self._start = date.fromordinal(start)
        self._budget = budget
        self._month_days = frozenset(rule.by_month_day)
        self._year_days = frozenset(rule.by_year_day)
        self._weekdays = frozenset(weekday for _, weekday in rule.by_day)
        self._allowed: tuple[int, bool] = (0, False)
        self._year_of_weeks = 0
        self._days_of_weeks: set[int] = set()

    def period_of(self, day: int) -> int:
        """Return the number of the period of FREQ that a day lies in."""
        match self._rule.freq:
            case Freq.YEARLY:
                return date.fromordinal(day).year
            case Freq.MONTHLY:
                of = date.fromordinal(day)
                return of.year * 12 + of.month - 1
            case Freq.WEEKLY:
                return (day - 1 - self._rule.week_start) // 7
            case _:
                return day

    def of_period(self, period: int) -> list[int]:
        """Return the days of one period, in order."""
        match self._rule.freq:
            case Freq.YEARLY:
                return sorted(self._of_year(period))
            case Freq.MONTHLY:
                return sorted(self._of_month(period // 12, period % 12 + 1))
            case Freq.WEEKLY:
                return self._of_week(period * 7 + 1 + self._rule.week_start)
            case _:
                return [period] if self.allows(period) else []

    def allows(self, day: int) -> bool:
        """Tell whether a day passes every date part, where these can only leave out."""
        if self._allowed[0] != day:
            self._allowed = (day, self._passes(day))
        return self._allowed[1]

    def _passes(self, day: int) -> bool:
        rule = self._rule
        if self._weekdays and (day - 1) % 7 not in self._weekdays:
            return False
        if not (rule.by_month or rule.by_month_day or rule.by_year_day or rule.by_week):
            return True
        of = date.fromordinal(day)
        if rule.by_month and of.month not in rule.by_month:
            return False
        if rule.by_month_day and not _is_among(
            self._month_days, of.day, monthrange(of.year, of.month)[1]
        ):
            return False
        first, size = _year(of.year)
        if rule.by_year_day and not _is_among(self._year_days, day - first + 1, size):
            return False
        return not rule.by_week or day in self._weeks(of.year)

    def _of_week(self, first: int) -> list[int]:
        rule = self._rule
        self._budget.spend()
        days: Iterable[int] = range(max(first, 1), min(first + 7, LAST_DAY + 1))
        if not (rule.by_day or rule.by_month_day or rule.by_year_day or rule.by_week):
            days = (day for day in days if (day - 1) % 7 == self._start.weekday())
        return [day for day in days if self._passes(day)]

    def _of_month(self, year: int, month: int) -> set[int]:
        rule = self._rule
        if rule.by_month and month not in rule.by_month:
            return set()
        span = _month(year, month)
        named = self._named(year, [span])
        if rule.by_day:
            named.append(_weekdays(rule.by_day, [span]))
        return self._common(named or [_numbered((self._start.day,), [span])])

    def _of_year(self, year: int) -> set[int]:
        rule = self._rule
        months = [_month(year, month) for month in rule.by_month or range(1, 13)]
        named = self._named(year, months)
        if rule.by_week and not rule.by_day and not (rule.by_month_day or rule.by_year_day):
            # "Information, not contained in the rule, ... is derived from DTSTART": the weekday
            named.append(_weekdays(((0, self._start.weekday()),), [_year(year)]))
        elif rule.by_day and rule.by_week:
            # BYDAY "MUST NOT be specified with a numeric value ... when BYWEEKNO is specified"
            named.append(_weekdays(tuple((0, day) for _, day in rule.by_day), [_year(year)]))
        elif rule.by_day:
            named.append(_weekdays(rule.by_day, months if rule.by_month else [_year(year)]))
        if not named:
            inherited = months if rule.by_month else [_month(year, self._start.month)]
            named.append(_numbered((self._start.day,), inherited))
        elif rule.by_month and (rule.by_week or rule.by_year_day):
            named.append({day for first, size in months for day in range(first, first + size)})
        return self._common(named)

    def _named(self, year: int, months: list[_Span]) -> list[set[int]]:
        """Return the days of BYMONTHDAY, BYYEARDAY and BYWEEKNO, each where the rule has it."""
        rule = self._rule
        named = []
        if rule.by_month_day:
            named.append(_numbered(rule.by_month_day, months))
        if rule.by_year_day:
            named.append(_numbered(rule.by_year_day, [_year(year)]))
        if rule.by_week:
            named.append(self._weeks(year))
        return named

    def _common(self, named: list[set[int]]) -> set[int]:
        self._budget.spend(sum(map(len, named)))
        return set.intersection(*named)

    def _weeks(self, year: int) -> set[int]:
        """Return the days of a calendar year that lie in the weeks of BYWEEKNO."""
        if self._year_of_weeks != year:
            self._year_of_weeks = year
            span = range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
            self._days_of_weeks = {
                day
                for of in (year - 1, year, year + 1)
                for first in self._numbered_weeks(of)
                for day in range(first, first + 7)
                if day in span
            }
            self._budget.spend(len(self._days_of_weeks))
        return self._days_of_weeks

    def _numbered_weeks(self, year: int) -> Iterator[int]:
        """Yield the first days of the weeks that BYWEEKNO names in a year of weeks."""
        first = self._first_week(year)
        count = (self._first_week(year + 1) - first) // 7
        for number in self._rule.by_week:
            place = number - 1 if number > 0 else count + number
            if 0 <= place < count:
                yield first + place * 7

    def _first_week(self, year: int) -> int:
        """Return the first day of week 1, the first to have four days of the year."""
        fourth = _first_of_year(year) + 3
        return fourth - (fourth - 1 - self._rule.week_start) % 7


def _first_of_year(year: int) -> int:
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 + 1


def _year(year: int) -> _Span:
    return _first_of_year(year), 365 + isleap(year)


def _month(year: int, month: int) -> _Span:
    return date(year, month, 1).toordinal(), monthrange(year, month)[1]


def _is_among(numbers: frozenset[int], number: int, size: int) -> bool:
    """Tell whether a span's n-th day is named, from the start or from the end."""
    return number in numbers or number - size - 1 in numbers


def _numbered(numbers: tuple[int, ...], spans: Iterable[_Span]) -> set[int]:
    """Return the days with these numbers in each span, from its end where negative."""
    return {
        first + (number - 1 if number > 0 else size + number)
        for first, size in spans
        for number in numbers
        if abs(number) <= size
    }


def _weekdays(named: tuple[tuple[int, int], ...], spans: Iterable[_Span]) -> set[int]:
    """Return the n-th weekdays of each span, all of them where n is 0."""
    days: set[int] = set()
    for first, size in spans:
        for place, weekday in named:
            all_of_it = range(first + (weekday - first + 1) % 7, first + size, 7)
            if place == 0:
                days.update(all_of_it)
            elif abs(place) <= len(all_of_it):
                days.add(all_of_it[place - 1 if place > 0 else place])
    return days
