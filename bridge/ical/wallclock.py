"""Wall-clock seconds, days and instants: the arithmetic under recurrence.

A *wall* is an `int`: seconds since 0001-01-01T00:00 minus one day, on the clock of some zone, so
that `wall // DAY` is `date.toordinal()`. Times that a clock skips take the offset before the gap,
times that it shows twice are the first (RFC 5545 section 3.3.5).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from bridge.ical.repair import wall_clock
from bridge.model.event import EventTime
from bridge.model.interval import Instant

DAY = 86400
LAST_DAY = date.max.toordinal()
EPOCH = date(1970, 1, 1).toordinal() * DAY
FIRST_INSTANT = DAY - EPOCH
LAST_INSTANT = LAST_DAY * DAY + DAY - 1 - EPOCH
"""Years 1 and 9999 in UTC: beyond, no `datetime` can say it."""


def wall_of(moment: EventTime) -> int:
    """Return what the moment's own clock shows."""
    naive = wall_clock(moment)
    return naive.toordinal() * DAY + naive.hour * 3600 + naive.minute * 60 + naive.second


def instant_of(wall: int, zone: tzinfo) -> Instant:
    """Return when the zone's clock shows the wall."""
    if zone is UTC:
        return wall - EPOCH
    if isinstance(zone, ZoneInfo):
        offset = _offset_of_day(zone, wall // DAY)
        if offset is not None:
            return wall - EPOCH - offset
    return wall - EPOCH - _offset(zone, wall)


def repeated(wall: int, zone: tzinfo) -> Instant | None:
    """Return when the zone's clock shows the wall for the second time, None where it does not."""
    if zone is UTC or (
        isinstance(zone, ZoneInfo) and _offset_of_day(zone, wall // DAY) is not None
    ):
        return None
    second = _offset(zone, wall, fold=1)
    return wall - EPOCH - second if second < _offset(zone, wall) else None


def midnight_of(day: int, zone: tzinfo) -> Instant:
    """Return the first instant of a day, given as ordinal, also where its midnight is skipped."""
    wall = day * DAY
    start = instant_of(wall, zone)
    if isinstance(zone, ZoneInfo) and _offset_of_day(zone, day) is not None:
        return start
    gap = _offset(zone, wall, fold=1) - _offset(zone, wall)
    while gap > 0 and wall_at(start - 1, zone) // DAY >= day:  # the day begins when the clock jumps
        start -= 1
        gap -= 1
    return start


def wall_at(when: Instant, zone: tzinfo) -> int:
    """Return what the zone's clock shows at an instant."""
    sayable = min(max(when, FIRST_INSTANT + DAY), LAST_INSTANT - DAY)
    offset = datetime.fromtimestamp(sayable, UTC).astimezone(zone).utcoffset()
    return when + EPOCH + (0 if offset is None else round(offset.total_seconds()))


def _offset(zone: tzinfo, wall: int, fold: int = 0) -> int:
    day, second = divmod(wall, DAY)
    day = min(max(day, 1), LAST_DAY)
    naive = datetime.fromordinal(day) + timedelta(seconds=second)
    offset = zone.utcoffset(naive.replace(tzinfo=zone, fold=fold))
    return 0 if offset is None else round(offset.total_seconds())


@lru_cache(maxsize=1 << 15)
def _offset_of_day(zone: ZoneInfo, day: int) -> int | None:
    """Return the offset that holds all day, None where it changes within the day."""
    first = _offset(zone, day * DAY)
    return first if first == _offset(zone, day * DAY + DAY - 1) else None
