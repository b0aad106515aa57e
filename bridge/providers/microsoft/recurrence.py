"""Outlook's recurrences to RRULE and back. Pure.

https://learn.microsoft.com/graph/api/resources/recurrencepattern, .../recurrencerange

| Outlook says | RRULE |
|---|---|
| daily | FREQ=DAILY |
| weekly, `firstDayOfWeek` | FREQ=WEEKLY;BYDAY=..;WKST |
| absoluteMonthly, the 1st to 28th | FREQ=MONTHLY;BYMONTHDAY=n |
| absoluteMonthly, the 29th and 30th | FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1 |
| absoluteMonthly, the 31st | FREQ=MONTHLY;BYMONTHDAY=-1 |
| relativeMonthly of one weekday | FREQ=MONTHLY;BYDAY=2TH |
| relativeMonthly of several | FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 |
| absoluteYearly, relativeYearly | FREQ=YEARLY;BYMONTH=n and the same |
| endDate, the day included | UNTIL, the end of that day in the zone of the series |
| numbered | COUNT |

In a month that is too short Outlook takes the last day, where RFC 5545 section 3.3.10 skips it.
Of several weekdays, relativeMonthly means one day: the first, or last, of any of them.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time

from bridge.ical.foreign import Unclear
from bridge.model.event import EventTime, Floating
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
_INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_FEBRUARY = 2
_EVERY_MONTH_HAS = 28
_LEAP_YEAR = 2000
_END_OF_DAY = time(23, 59, 59)


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
    if not 1 <= day <= 31:
        raise Unclear("its recurrence names a day that no month has")
    shortest = monthrange(_LEAP_YEAR, month)[1] if month else _EVERY_MONTH_HAS
    if month == _FEBRUARY:
        shortest = _EVERY_MONTH_HAS
    if day <= shortest:
        yield f"BYMONTHDAY={day}"
    elif day == 31 or (month and month != _FEBRUARY):
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
