"""RRULE to the recurrences that Zoom has. Pure.

https://developers.zoom.us/docs/api/references/recurrence-object-definitions

| RRULE | Zoom |
|---|---|
| FREQ=DAILY | 1, `repeat_interval` to 90 |
| FREQ=WEEKLY;BYDAY=.. | 2, `weekly_days`, to 12 |
| FREQ=MONTHLY;BYMONTHDAY=n, the 1st to 28th | 3, `monthly_day`, to 3 |
| FREQ=MONTHLY;BYDAY=2TH, also BYDAY=TH;BYSETPOS=2 | 3, `monthly_week`, `monthly_week_day` |
| COUNT, and UNTIL, which is counted | `end_times`, to 60 |

Of what differs from one edition of the documentation to the next the least is taken. What Zoom has
no words for is not said nearly: its meeting has one link and no fixed times (type 3). That is all
else, among it what recurs yearly, without end or more than 60 times, from the 29th to the 31st,
with RDATE, EXDATE, or an occurrence at another time, and every second week of several days unless
weeks begin on Sunday, as they do at Zoom.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import Limits
from bridge.ical.recurrence import expand
from bridge.ical.rules import Freq, Rule, read_rule
from bridge.ical.values import Unreadable
from bridge.model.event import EventSeries
from bridge.model.interval import Instant, Window, instant
from bridge.providers.zoom import wire

MOST = 60
"""Occurrences of a meeting."""
_LONGEST = {Freq.DAILY: 90, Freq.WEEKLY: 12, Freq.MONTHLY: 3}
_TYPES = {Freq.DAILY: 1, Freq.WEEKLY: 2, Freq.MONTHLY: 3}
_EVERY_MONTH_HAS = 28
_PLACES = frozenset({1, 2, 3, 4, -1})
_SUNDAY = 6
_SPAN = timedelta(days=95 * (MOST + 1))
"""In which sixty occurrences are over, however rarely Zoom can repeat."""
_LIMITS = Limits(occurrences=MOST + 1)


class Recurring(NamedTuple):
    """A series as Zoom can have it."""

    recurrence: wire.Recurrence
    timezone: str
    """IANA name of the zone on whose clock it recurs."""
    starts: frozenset[Instant]
    """When it takes place."""


def recurring(series: EventSeries) -> Recurring | None:
    """Say how a series recurs; None where Zoom has no words for it."""
    master = series.master
    if master is None or not isinstance(master.start, datetime):
        return None
    zone, more = zone_name(master.start.tzinfo), master.exrules or master.rdates or master.exdates
    if not zone or more or len(master.rrules) != 1:
        return None
    try:
        rule = read_rule(master.rrules[0])
    except Unreadable:
        return None
    pattern = None if rule.count is None and rule.until is None else _pattern(rule, master.start)
    if pattern is None:
        return None
    starts = _starts(series, master.start)
    if not starts:
        return None
    pattern.end_times = len(starts)
    return Recurring(pattern, zone, starts)


def zone_name(zone: tzinfo | None) -> str:
    """Give the IANA name of a zone; empty of one that a client made up."""
    if zone is UTC:
        return "UTC"
    return zone.key if isinstance(zone, ZoneInfo) else ""


def _pattern(rule: Rule, start: datetime) -> wire.Recurrence | None:
    if rule.interval > _LONGEST.get(rule.freq, 0):
        return None
    if rule.by_month or rule.by_week or rule.by_year_day:
        return None
    if rule.by_hour or rule.by_minute or rule.by_second:
        return None
    made = wire.Recurrence(type=_TYPES[rule.freq], repeat_interval=rule.interval)
    match rule.freq:
        case Freq.WEEKLY:
            return _weekly(rule, start, made)
        case Freq.MONTHLY:
            return _monthly(rule, start, made)
        case _:
            is_plain = not (rule.by_day or rule.by_month_day or rule.by_position)
            return made if is_plain else None


def _weekly(rule: Rule, start: datetime, made: wire.Recurrence) -> wire.Recurrence | None:
    if rule.by_month_day or rule.by_position:
        return None
    days = [day for _, day in rule.by_day] or [start.weekday()]
    # A start that is off its rule counts all the same (RFC 5545), and is no occurrence at Zoom.
    if start.weekday() not in days:
        return None
    if rule.interval > 1 and len(days) > 1 and rule.week_start != _SUNDAY:
        return None
    made.weekly_days = ",".join(str(number) for number in sorted(map(_number, days)))
    return made


def _monthly(rule: Rule, start: datetime, made: wire.Recurrence) -> wire.Recurrence | None:
    if rule.by_day:
        return _monthly_by_week(rule, start, made)
    days = rule.by_month_day or (start.day,)
    if rule.by_position or days != (start.day,) or start.day > _EVERY_MONTH_HAS:
        return None
    made.monthly_day = start.day
    return made


def _monthly_by_week(rule: Rule, start: datetime, made: wire.Recurrence) -> wire.Recurrence | None:
    if rule.by_month_day or len(rule.by_day) != 1 or len(rule.by_position) > 1:
        return None
    [(place, day)] = rule.by_day
    if rule.by_position:
        if place:
            return None
        [place] = rule.by_position
    is_last = (start + timedelta(days=7)).month != start.month
    there = -1 if place == -1 and is_last else (start.day + 6) // 7
    if place not in _PLACES or there != place or start.weekday() != day:
        return None
    made.monthly_week, made.monthly_week_day = place, _number(day)
    return made


def _number(weekday: int) -> int:
    """Number a day as Zoom does: 1 is Sunday."""
    return (weekday + 1) % 7 + 1


def _starts(series: EventSeries, start: datetime) -> frozenset[Instant] | None:
    """Give when a series takes place; None where single occurrences differ, or are too many."""
    first = instant(start)
    window = Window(first, first + int(_SPAN.total_seconds()))
    alone = replace(series, overrides=())
    try:
        planned, held = (
            {
                (each.start, each.end)
                for each in expand(each, window, UTC, day_zone=UTC, limits=_LIMITS).occurrences
            }
            for each in (alone, series)
        )
    except InvalidCalendarObject:  # too many of them, too
        return None
    if planned != held or len(planned) > MOST:
        return None
    return frozenset(begin for begin, _ in planned)
