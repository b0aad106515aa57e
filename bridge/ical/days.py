"""The days that the date parts of a rule name, period by period (RFC 5545 section 3.3.10)."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TypeAlias

from bridge.ical.bounds import Budget
from bridge.ical.rules import Freq, Rule
from bridge.ical.wallclock import LAST_DAY

_Span: TypeAlias = tuple[int, int]
"""First day and number of days."""


class RuleDays:
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
