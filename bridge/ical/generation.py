"""The starts that one rule generates, as walls (see `wallclock`), within bounds of time and cost.

Written after the table of RFC 5545 section 3.3.10. Rules without an end, and plain daily and weekly
ones, are entered where the window begins; only a COUNT on a rule with BY parts is counted from
DTSTART. A gap or an impossible date costs steps of the budget like any other, whatever the rule.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice, product

from bridge.ical.bounds import STEP, Budget, TooMany
from bridge.ical.days import RuleDays
from bridge.ical.rules import Freq, Rule
from bridge.ical.wallclock import DAY, LAST_DAY

_LAST_WALL = LAST_DAY * DAY + DAY - 1
_UNITS = {Freq.HOURLY: 3600, Freq.MINUTELY: 60}


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
        raise TooMany(f"more than {budget.occurrences} occurrences in the window")
    return found


def matches(rule: Rule, start: int, budget: Budget) -> bool:
    """Tell whether DTSTART is one of the starts that the rule generates, COUNT and UNTIL aside.

    Raises:
        TooCostly: finding out takes more steps than the budget has.
    """
    endless = replace(rule, count=None, until=None)
    return generate(endless, start, start, start, budget) == [start]


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
    dates = RuleDays(rule, day, budget)
    place = dates.period_of(day)
    skipped = (dates.period_of(entry // DAY) - place) // rule.interval * rule.interval
    final = dates.period_of(last // DAY)
    for period in range(place + skipped, final + 1, rule.interval):
        days = dates.of_period(period)
        budget.spend(STEP + len(days) * len(times))
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
    dates = RuleDays(rule, start // DAY, budget)
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
