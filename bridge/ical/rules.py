"""RRULE values of RFC 5545 section 3.3.10: reading and judging them, before any expansion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from bridge.ical.bounds import Limits, TooCostly
from bridge.ical.values import Unreadable, event_time
from bridge.model.event import EventTime


class Freq(IntEnum):
    """How often, the most often first."""

    SECONDLY = 0
    MINUTELY = 1
    HOURLY = 2
    DAILY = 3
    WEEKLY = 4
    MONTHLY = 5
    YEARLY = 6


_DAYS = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_RANGES = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 60, False),
    "BYSETPOS": (1, 366, True),
}
_ENDLESS = 100_000
"""A COUNT from here on is never reached within any horizon that its DTSTART allows to expand."""
_SPOTS_A_DAY = 1440
_LONGEST = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One RRULE or EXRULE; lists are sorted and free of doubles."""

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: EventTime | None = None
    week_start: int = 0
    """0 = Monday."""
    by_month: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    """(n, weekday): the n-th of them, every one where n is 0."""
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()


def read_rule(text: str) -> Rule:
    """Read the value of an RRULE.

    Raises:
        Unreadable: FREQ is missing, INTERVAL is 0, a part says nothing, or it is longer than any
            rule needs to be. Parts with names that RFC 5545 does not know are left out.
    """
    if len(text) > _LONGEST:
        raise Unreadable(f"the rule {text[:80]!r} is longer than {_LONGEST} characters")
    return _read(text)


@lru_cache(maxsize=2048)
def _read(text: str) -> Rule:
    parts: dict[str, str] = {}
    for part in text.upper().replace(" ", "").split(";"):
        name, _, value = part.partition("=")
        if value:
            parts.setdefault(name, value)
    try:
        freq = Freq[parts["FREQ"]]
    except KeyError:
        raise Unreadable(f"the rule {text[:80]!r} has no FREQ that is known") from None
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise Unreadable(f"the rule {text[:80]!r} is for another calendar than the Gregorian")
    interval = _number(parts.get("INTERVAL", "1"), text)
    if interval < 1:
        raise Unreadable(f"the rule {text[:80]!r} has an INTERVAL below 1")
    count = _number(parts["COUNT"], text) if "COUNT" in parts else None
    if count is not None and not 0 < count < _ENDLESS:
        count = None  # clients write -1 and 0 for "no end"
    by = {name: _numbers(parts[name], name, text) for name in _RANGES if name in parts}
    return Rule(
        freq=freq,
        interval=interval,
        count=count,
        until=event_time(parts["UNTIL"], lambda _tzid: None) if "UNTIL" in parts else None,
        week_start=_DAYS.get(parts.get("WKST", "MO"), 0),
        by_month=by.get("BYMONTH", ()),
        by_week=by.get("BYWEEKNO", ()),
        by_year_day=by.get("BYYEARDAY", ()),
        by_month_day=by.get("BYMONTHDAY", ()),
        by_day=_days(parts.get("BYDAY", ""), freq, text),
        by_hour=by.get("BYHOUR", ()),
        by_minute=by.get("BYMINUTE", ()),
        by_second=tuple(sorted({min(second, 59) for second in by.get("BYSECOND", ())})),
        by_position=by.get("BYSETPOS", ()),
    )


def check_rule(rule: Rule, limits: Limits, *, all_day: bool = False) -> None:
    """Refuse a rule whose cost shows without expanding it.

    Raises:
        TooCostly: it is SECONDLY, has more times a day than minutes, or repeats within a day an
            event that lasts all day.
    """
    if rule.freq is Freq.SECONDLY:
        raise TooCostly("a rule may not repeat every second (FREQ=SECONDLY)")
    if rule.freq < Freq.DAILY and all_day:
        raise TooCostly(f"an all-day event cannot repeat {rule.freq.name}")
    spots = 1
    for values in (rule.by_hour, rule.by_minute, rule.by_second):
        spots *= len(values) or 1
    if spots > min(_SPOTS_A_DAY, limits.occurrences):
        raise TooCostly(f"a rule names {spots} times of one day")


def _number(text: str, rule: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text) is None:
        if re.fullmatch(r"[0-9]+", text):
            return 10**9
        raise Unreadable(f"the rule {rule[:80]!r} has a number that is none: {text[:20]!r}")
    return int(text)


def _numbers(text: str, name: str, rule: str) -> tuple[int, ...]:
    low, high, negative = _RANGES[name]
    found = set()
    for part in filter(None, text.split(",")):
        number = _number(part.removesuffix("L") if name == "BYMONTH" else part, rule)
        if not low <= (abs(number) if negative else number) <= high:
            raise Unreadable(f"the rule {rule[:80]!r} has a {name} out of range: {number}")
        found.add(number)
    return tuple(sorted(found))


def _days(text: str, freq: Freq, rule: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for part in filter(None, text.split(",")):
        match = _DAY.fullmatch(part)
        if match is None:
            raise Unreadable(f"the rule {rule[:80]!r} has a BYDAY that is none: {part[:20]!r}")
        # RFC 5545 section 3.3.10: no number with any other FREQ than MONTHLY or YEARLY
        place = int(match[1] or 0) if freq >= Freq.MONTHLY else 0
        found.add((place, _DAYS[match[2]]))
    return tuple(sorted(found))
