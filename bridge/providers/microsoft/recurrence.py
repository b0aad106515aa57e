"""Outlook's recurrences to RRULE and back. Pure.

https://learn.microsoft.com/graph/api/resources/recurrencepattern, .../recurrencerange

| Outlook says | RRULE |
|---|---|
| daily | FREQ=DAILY |
| weekly, `firstDayOfWeek` | FREQ=WEEKLY;BYDAY=..;WKST; also FREQ=DAILY;BYDAY |
| absoluteMonthly, the 1st to 28th | FREQ=MONTHLY;BYMONTHDAY=n |
| absoluteMonthly, the 29th and 30th | FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1 |
| absoluteMonthly, the 31st | FREQ=MONTHLY;BYMONTHDAY=-1 |
| relativeMonthly of one weekday | FREQ=MONTHLY;BYDAY=2TH, also BYDAY=TH;BYSETPOS=2 |
| relativeMonthly of several | FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 |
| absoluteYearly, relativeYearly | FREQ=YEARLY;BYMONTH=n and the same |
| endDate, the day included | UNTIL, the end of that day in the zone of the series |
| numbered | COUNT |

In a month that is too short Outlook takes the last day, where RFC 5545 section 3.3.10 skips it:
https://learn.microsoft.com/exchange/client-developer/web-service-reference/absolutemonthlyrecurrence.
Of several weekdays, relativeMonthly means one day: the first, or last, of any of them.

What Outlook cannot say is refused, never said nearly: several times a day, other times than that of
the start, BYWEEKNO, BYYEARDAY, a list of months or of days of a month, days counted from its end
but for the last, the 29th to 31st where a month is to be skipped, 29 February, a weekday's fifth or
next to last, all of them in a month, several with a number each, a weekday of the year, a set cut
by BYSETPOS anywhere else, RDATE, EXRULE, a second RRULE, UNTIL beside COUNT, numbers beyond its own
limits, and a start that is off the rule (Outlook moves it to the first day that is on it, RFC 5545
counts it).
EXDATE is not in a recurrence: those occurrences are deleted one by one.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from typing import NamedTuple

from bridge.errors import InvalidCalendarObject
from bridge.ical.foreign import Unclear, is_on
from bridge.ical.repair import ONE_DAY
from bridge.ical.rules import Freq, Rule, read_rule
from bridge.ical.values import Unreadable
from bridge.ical.zones import windows_name
from bridge.model.event import Event, EventTime, Floating
from bridge.model.interval import instant
from bridge.providers.microsoft import wire

_DAYS = {
    "monday": "MO",
    "tuesday": "TU",
    "wednesday": "WE",
    "thursday": "TH",
    "friday": "FR",
    "saturday": "SA",
    "sunday": "SU",
}
_NAMES = tuple(_DAYS)
_INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_WORDS = {place: word for word, place in _INDEXES.items()}
_FEBRUARY = 2
_EVERY_MONTH_HAS = 28
_LEAP_YEAR = 2000
_LAST_DAY = 31
"""As a day of every month it is the last one."""
_END_OF_DAY = time(23, 59, 59)

# https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence
_MOST_OCCURRENCES = 999
_LONGEST_INTERVAL = {Freq.DAILY: 999}
_LONGEST_INTERVAL_ELSE = 99


class CannotBeSaid(InvalidCalendarObject):
    """A series that Outlook has no words for; the text is for the one who wants it."""


class _InMonth(NamedTuple):
    """Which day of a month: by its number, or by weekdays and which of them."""

    day: int = 0
    weekdays: Sequence[str] = ()
    which: str = ""


def read(told: wire.Recurrence, start: EventTime) -> str:
    """Read a recurrence as the value of an RRULE.

    Args:
        told: what Graph says; what the type of a pattern does not use is filler there.
        start: of the series, on the clock that its rule counts by.

    Raises:
        Unclear: it uses a word that nobody knows, or lacks one that it needs.
    """
    return ";".join([*_pattern(told.pattern, start), *_range(told.range, start)])


# Pattern


def _pattern(pattern: wire.Pattern, start: EventTime) -> Iterator[str]:
    if pattern.interval < 1:
        raise Unclear("its recurrence says not how often")
    repeated = [f"INTERVAL={pattern.interval}"] if pattern.interval > 1 else []
    match pattern.type:
        case "daily":
            yield from ("FREQ=DAILY", *repeated)
        case "weekly":
            yield from ("FREQ=WEEKLY", *repeated)
            days = _weekdays(pattern) or [_weekday_of(start)]
            yield f"BYDAY={','.join(days)}"
            yield f"WKST={_day(pattern.first_day_of_week or 'sunday')}"
        case "absoluteMonthly":
            yield from ("FREQ=MONTHLY", *repeated, *_day_of_month(pattern.day_of_month, 0))
        case "relativeMonthly":
            yield from ("FREQ=MONTHLY", *repeated, *_weekday_of_month(pattern))
        case "absoluteYearly":
            month = _month(pattern)
            yield from ("FREQ=YEARLY", *repeated, f"BYMONTH={month}")
            yield from _day_of_month(pattern.day_of_month, month)
        case "relativeYearly":
            yield from ("FREQ=YEARLY", *repeated, f"BYMONTH={_month(pattern)}")
            yield from _weekday_of_month(pattern)
        case _:
            raise Unclear(f"its recurrence is of an unknown kind: {pattern.type[:40]!r}")


def _day_of_month(day: int, month: int) -> Iterator[str]:
    """Say a day of one month of the year, or of every one (0)."""
    if not 1 <= day <= _LAST_DAY:
        raise Unclear("its recurrence names a day that no month has")
    if day <= _always_has(month):
        yield f"BYMONTHDAY={day}"
    elif day == _LAST_DAY or month not in (0, _FEBRUARY):
        yield "BYMONTHDAY=-1"
    else:
        days = range(_EVERY_MONTH_HAS, day + 1)
        yield f"BYMONTHDAY={','.join(map(str, days))}"
        yield "BYSETPOS=-1"


def _weekday_of_month(pattern: wire.Pattern) -> Iterator[str]:
    place = _INDEXES.get(pattern.index or "first")
    days = _weekdays(pattern)
    if place is None or not days:
        raise Unclear("its recurrence does not say which day of a month")
    if len(days) == 1:
        yield f"BYDAY={place}{days[0]}"
        return
    yield f"BYDAY={','.join(days)}"
    yield f"BYSETPOS={place}"


def _weekdays(pattern: wire.Pattern) -> Sequence[str]:
    named = {_day(name) for name in pattern.days_of_week}
    return [day for day in _DAYS.values() if day in named]


def _day(name: str) -> str:
    try:
        return _DAYS[name]
    except KeyError:
        raise Unclear(f"its recurrence names an unknown day: {name[:40]!r}") from None


def _month(pattern: wire.Pattern) -> int:
    if not 1 <= pattern.month <= 12:
        raise Unclear("its recurrence names a month that no year has")
    return pattern.month


def _weekday_of(start: EventTime) -> str:
    day = start.wall if isinstance(start, Floating) else start
    return [*_DAYS.values()][day.weekday()]


def _always_has(month: int) -> int:
    """Return the last day that a month has in every year; 0 stands for all of the months."""
    short = month in (0, _FEBRUARY)
    return _EVERY_MONTH_HAS if short else monthrange(_LEAP_YEAR, month)[1]


# Range


def _range(span: wire.Range, start: EventTime) -> Iterator[str]:
    match span.type:
        case "noEnd":
            return
        case "numbered":
            if span.number_of_occurrences < 1:
                raise Unclear("its recurrence says not how many times")
            yield f"COUNT={span.number_of_occurrences}"
        case "endDate":
            yield from _until(span.end_date, start)
        case _:
            raise Unclear(f"its recurrence ends in an unknown way: {span.type[:40]!r}")


def _until(text: str, start: EventTime) -> Iterator[str]:
    """Say the last day, which counts, however late on it an occurrence begins."""
    try:
        last = date.fromisoformat(text[:10])
    except ValueError:
        last = date.min
    if last.year == 1:
        raise Unclear("its recurrence does not say when it ends")
    if not isinstance(start, datetime):
        yield f"UNTIL={last:%Y%m%d}"
        return
    try:
        end = datetime.combine(last, _END_OF_DAY, start.tzinfo).astimezone(UTC)
    except OverflowError:
        return  # it lasts as long as time can be told
    yield f"UNTIL={end:%Y%m%dT%H%M%SZ}"


# RRULE to Outlook


def write(event: Event, zone: tzinfo) -> wire.Recurrence | None:
    """Write the rule of a series; None where there is none.

    Args:
        event: whose EXDATE are for the caller to delete.
        zone: of floating times, the calendar's.

    Raises:
        CannotBeSaid: Outlook would have other occurrences.
    """
    if event.exrules:
        raise CannotBeSaid("Outlook cannot leave out dates by a rule (EXRULE)")
    if event.rdates:
        raise CannotBeSaid("Outlook cannot add single dates to a series (RDATE)")
    if len(event.rrules) > 1:
        raise CannotBeSaid("Outlook cannot combine several rules (RRULE) in one series")
    text = next(iter(event.rrules), None)
    if text is None:
        return None
    start = event.start
    if isinstance(start, Floating):
        start = start.wall.replace(tzinfo=zone)
    try:
        rule = read_rule(text)
    except Unreadable as err:
        raise CannotBeSaid(str(err)) from err
    _check(rule, start)
    pattern = _said(rule, start)
    if not is_on(text, start):
        raise CannotBeSaid(
            "Outlook begins a series on a day that its rule names; DTSTART is on none of them"
        )
    return wire.Recurrence(pattern=pattern, range=_span(rule, start, zone))


def _check(rule: Rule, start: date) -> None:
    """Refuse what no kind of pattern has."""
    if rule.freq < Freq.DAILY:
        raise CannotBeSaid(f"Outlook cannot repeat within a day (FREQ={rule.freq.name})")
    clock = start if isinstance(start, datetime) else None
    for name, values, own in (
        ("BYHOUR", rule.by_hour, clock and clock.hour),
        ("BYMINUTE", rule.by_minute, clock and clock.minute),
        ("BYSECOND", rule.by_second, clock and clock.second),
    ):
        if clock and values not in ((), (own,)):
            raise CannotBeSaid(f"Outlook repeats at the time of the start alone ({name})")
    for name, numbers in (("BYWEEKNO", rule.by_week), ("BYYEARDAY", rule.by_year_day)):
        if numbers:
            raise CannotBeSaid(f"Outlook cannot count weeks or days of a year ({name})")
    most = _LONGEST_INTERVAL.get(rule.freq, _LONGEST_INTERVAL_ELSE)
    if rule.interval > most:
        raise CannotBeSaid(f"Outlook cannot repeat less often than INTERVAL={most}")
    if rule.count is not None and rule.count > _MOST_OCCURRENCES:
        raise CannotBeSaid(f"Outlook cannot repeat more often than COUNT={_MOST_OCCURRENCES}")


def _said(rule: Rule, start: date) -> wire.Pattern:
    if rule.freq <= Freq.WEEKLY:
        return _by_weeks(rule, start)
    yearly = rule.freq is Freq.YEARLY
    if len(rule.by_month) > (1 if yearly else 0):
        raise CannotBeSaid("Outlook cannot repeat in some months of the year (BYMONTH)")
    if yearly and not rule.by_month and (rule.by_day or rule.by_month_day):
        raise CannotBeSaid("Outlook repeats each year in one month alone (BYMONTH is missing)")
    month = max(rule.by_month, default=start.month) if yearly else 0
    found = _in_month(rule, start, month)
    return wire.Pattern(
        type=("relative" if found.which else "absolute") + ("Yearly" if yearly else "Monthly"),
        interval=rule.interval,
        month=month,
        day_of_month=found.day,
        days_of_week=list(found.weekdays),
        index=found.which,
    )


def _by_weeks(rule: Rule, start: date) -> wire.Pattern:
    name = rule.freq.name
    if rule.by_position:
        raise CannotBeSaid(f"Outlook cannot choose among the days of FREQ={name} (BYSETPOS)")
    if rule.by_month or rule.by_month_day:
        raise CannotBeSaid(f"Outlook cannot leave out days of FREQ={name} (BYMONTH, BYMONTHDAY)")
    days = [_NAMES[weekday] for _, weekday in rule.by_day]
    if rule.freq is Freq.DAILY and not days:
        return wire.Pattern(type="daily", interval=rule.interval)
    if rule.freq is Freq.DAILY and rule.interval > 1:
        raise CannotBeSaid("Outlook cannot leave out weekdays of every other day (BYDAY)")
    return wire.Pattern(
        type="weekly",
        interval=rule.interval,
        days_of_week=days or [_NAMES[start.weekday()]],
        first_day_of_week=_NAMES[rule.week_start],
    )


def _in_month(rule: Rule, start: date, month: int) -> _InMonth:
    """Find the one day of a month that a rule names; month 0 stands for every one."""
    if rule.by_day and rule.by_month_day:
        raise CannotBeSaid("Outlook cannot combine weekdays and days of a month (BYMONTHDAY)")
    if rule.by_day:
        return _InMonth(0, [_NAMES[day] for _, day in rule.by_day], _which(rule))
    days = rule.by_month_day or (start.day,)
    last = days[-1]
    if rule.by_position:
        if rule.by_position != (-1,) or days != tuple(range(_EVERY_MONTH_HAS, last + 1)):
            raise CannotBeSaid("Outlook cannot choose among days of a month (BYSETPOS)")
    elif len(days) > 1:
        raise CannotBeSaid("Outlook cannot repeat on several days of a month (BYMONTHDAY)")
    elif last < -1:
        raise CannotBeSaid("Outlook cannot count days from the end of a month (BYMONTHDAY)")
    elif last == -1:
        last = _LAST_DAY
    elif last > _always_has(month):
        raise CannotBeSaid(
            f"in a month without day {last} Outlook takes the last one, where the rule has none"
        )
    return _InMonth(min(last, monthrange(_LEAP_YEAR, month)[1]) if month else last)


def _which(rule: Rule) -> str:
    """Name which of some weekdays of a month is meant."""
    numbers = {number for number, _ in rule.by_day}
    if numbers == {0}:
        if not rule.by_position:
            raise CannotBeSaid("Outlook cannot repeat on every such weekday of a month (BYDAY)")
        numbers = set(rule.by_position)
    elif len(rule.by_day) > 1 or rule.by_position:
        raise CannotBeSaid("Outlook cannot repeat on several weekdays of a month (BYDAY)")
    if len(numbers) > 1:
        raise CannotBeSaid("Outlook cannot choose several days of a month (BYSETPOS)")
    word = _WORDS.get(numbers.pop())
    if word is None:
        raise CannotBeSaid("of a month Outlook knows the first four and the last of a weekday")
    return word


def _span(rule: Rule, start: date, zone: tzinfo) -> wire.Range:
    name = windows_name(start.tzinfo) if isinstance(start, datetime) else "UTC"
    if not name:
        raise CannotBeSaid("the time zone of the series has no name that Outlook knows")
    first = start.date() if isinstance(start, datetime) else start
    span = wire.Range(type="noEnd", start_date=first.isoformat(), recurrence_time_zone=name)
    if rule.until is not None and rule.count is not None:
        raise CannotBeSaid("Outlook cannot end a series twice (UNTIL and COUNT)")
    if rule.until is not None:
        last = _last_day(rule.until, start, zone)
        if last < first:
            raise CannotBeSaid("the rule ends before it begins (UNTIL)")
        span.type, span.end_date = "endDate", last.isoformat()
    if rule.count is not None:
        span.type, span.number_of_occurrences = "numbered", rule.count
    return span


def _last_day(until: EventTime, start: date, zone: tzinfo) -> date:
    """Find the last day that UNTIL leaves, on the clock of the series."""
    if isinstance(until, Floating):
        until = until.wall.replace(tzinfo=start.tzinfo if isinstance(start, datetime) else UTC)
    if not isinstance(until, datetime):
        return until
    if not isinstance(start, datetime):
        # Clients write the midnight of their own zone, or the end of the day as it is written.
        own = until.time() in (time(), _END_OF_DAY)
        return until.date() if own else until.astimezone(zone).date()
    day = until.astimezone(start.tzinfo).date()
    begins = datetime.combine(day, start.time(), start.tzinfo)
    return day if instant(begins) <= instant(until) else day - ONE_DAY
