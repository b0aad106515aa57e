"""Dates, times, durations, periods and offsets of RFC 5545 section 3.3."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

from bridge.ical import repair
from bridge.model.event import EventTime, Floating, Period

ZoneOf = Callable[[str], tzinfo | None]
"""TZID to zone; None for one that nobody knows, which makes the time floating."""

_DURATION = re.compile(r"([+-]?)P((?:T?\d+[WDHMS])*)T?")
_OFFSET = re.compile(r"([+-]?)(\d{2}):?(\d{2}):?(\d{2})?")
_UNITS = {"W": 7 * 86400, "D": 86400, "H": 3600, "M": 60, "S": 1}


class Unreadable(ValueError):
    """A value that says nothing; the text is for the owner of the calendar."""


def event_time(text: str, zone_of: ZoneOf, tzid: str = "") -> EventTime:
    """Read a DATE or DATE-TIME; what the value looks like counts, not its VALUE parameter.

    A `Z` beats a TZID, which RFC 5545 section 3.3.5 does not allow beside it.

    Raises:
        Unreadable: it is neither.
    """
    size = len(text)
    try:
        if size >= 15 and text[8] == "T" and text[:8].isdigit() and text[9:15].isdigit():
            if size == 15:
                return _placed(datetime.fromisoformat(text), zone_of, tzid)
            if text[15:] == "Z":
                return datetime.fromisoformat(text)
        elif size == 8 and text.isdigit():
            return date.fromisoformat(text)
    except ValueError:
        pass  # looks like one, with a field out of range
    return _repaired(text, zone_of, tzid)


def _placed(wall: datetime, zone_of: ZoneOf, tzid: str) -> EventTime:
    zone = zone_of(tzid) if tzid else None
    return Floating(wall) if zone is None else wall.replace(tzinfo=zone)


def _repaired(text: str, zone_of: ZoneOf, tzid: str) -> EventTime:
    plain = repair.short_time(repair.dashes_and_colons(text.strip().upper().replace(" ", "T")))
    plain, later = repair.hour_24(repair.leap_second(plain))
    try:
        if re.fullmatch(r"[0-9]{8}", plain):
            return date.fromisoformat(plain)
        if re.fullmatch(r"[0-9]{8}T[0-9]{6}Z?", plain):
            wall = datetime.fromisoformat(plain.rstrip("Z"))
            moment = wall.replace(tzinfo=UTC) if plain[-1] == "Z" else _placed(wall, zone_of, tzid)
            return repair.shift(moment, later)
    except ValueError as err:
        raise Unreadable(f"{text[:40]!r} is not a date or time: {err}") from err
    raise Unreadable(f"{text[:40]!r} is not a date or time")


def duration(text: str) -> tuple[timedelta, bool]:
    """Read a DURATION: its length, and whether weeks or days are in it.

    RFC 5545 section 3.3.6 keeps weeks apart, wants a `T` before hours and something after `P`;
    `P1W2D`, `PT1D` and a bare `P` are written all the same, and mean one thing only.

    Raises:
        Unreadable: it is none, or longer than time can be told.
    """
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None:
        raise Unreadable(f"{text[:40]!r} is not a duration")
    parts = re.findall(r"(\d{1,18})([WDHMS])", match[2])
    try:
        length = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError as err:
        raise Unreadable(f"{text[:40]!r} is too long a duration") from err
    nominal = any(unit in "WD" and int(number) for number, unit in parts)
    return (-length if match[1] == "-" else length), nominal


def period(text: str, zone_of: ZoneOf, tzid: str = "") -> Period:
    """Read a PERIOD, RFC 5545 section 3.3.9, with an end or a duration.

    Raises:
        Unreadable: a part of it is.
    """
    first, _, second = text.partition("/")
    start = event_time(first, zone_of, tzid)
    if second.lstrip("+-").upper().startswith("P"):
        length, _ = duration(second)
        return Period(start, abs(length))
    end = event_time(second, zone_of, tzid)
    length = elapsed(start, end)
    return Period(start, max(length, timedelta()))


def elapsed(start: EventTime, end: EventTime) -> timedelta:
    """Return the time from one to the other: exact where both have zones, else by wall clock.

    A start that the clock skips can come to lie behind its end: then the wall clock counts as well.
    """
    by_clock = repair.wall_clock(end) - repair.wall_clock(start)
    if isinstance(start, datetime) and isinstance(end, datetime):
        exact = timedelta(seconds=end.timestamp() - start.timestamp())
        return exact if exact > timedelta() or start.tzinfo != end.tzinfo else by_clock
    return by_clock


def utc_offset(text: str) -> timedelta:
    """Read a UTC-OFFSET, RFC 5545 section 3.3.14; seconds are allowed (local mean times).

    Raises:
        Unreadable: it is none, or not less than a day.
    """
    match = _OFFSET.fullmatch(repair.short_offset(text.strip()))
    if match is None:
        raise Unreadable(f"{text[:40]!r} is not a UTC offset")
    sign, hours, minutes, seconds = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    if offset >= timedelta(days=1):
        raise Unreadable(f"{text[:40]!r} is not a UTC offset")
    return -offset if sign == "-" else offset
