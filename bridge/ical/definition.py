"""The VTIMEZONE of an IANA zone (RFC 5545 section 3.6.5), for calendars that others read.

Onsets that repeat by one rule to the end are written as an RRULE, all others as RDATEs, so that the
definition holds whatever program reads it; `vtimezone` reads it back into the same offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bridge.ical.serialize import escape_text

_LAST_YEAR = 2100
_STEP = 7 * 86400
"""Seconds: no clock is put forward and back again within a week."""
_TYPICAL = 28
"""Onsets that show a rule: a calendar's weekdays repeat after so many years."""
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class _State(NamedTuple):
    """What a zone's clock is like."""

    offset: timedelta
    name: str
    daylight: bool


class _Kind(NamedTuple):
    """What an observance changes."""

    before: timedelta
    after: _State


class _Rule(NamedTuple):
    """Once a year: a month, a weekday, the days of the month that it can be, the time."""

    month: int
    weekday: int
    first: int
    """Day of the month; 0: the last one of that weekday."""
    time: str

    def fits(self, wall: datetime) -> bool:
        """Tell whether it names that moment of its year."""
        if (wall.month, wall.weekday(), f"{wall:%H%M%S}") != (self.month, self.weekday, self.time):
            return False
        return self.first <= wall.day < self.first + 7 if self.first else _is_last(wall)

    def text(self) -> str:
        """Write its RRULE."""
        day = _DAYS[self.weekday]
        place, rest = divmod(self.first - 1, 7)
        if self.first == 0:
            which = f"BYDAY=-1{day}"
        elif rest == 0:
            which = f"BYDAY={place + 1}{day}"
        else:
            days = ",".join(str(self.first + number) for number in range(7))
            which = f"BYMONTHDAY={days};BYDAY={day}"
        return f"FREQ=YEARLY;BYMONTH={self.month};{which}"


@lru_cache(maxsize=256)
def zone_definition(key: str, since: int) -> str:
    """Write the VTIMEZONE of an IANA key, unfolded.

    Args:
        key: `Europe/Berlin`.
        since: year of the first moment that is told in it.
    """
    zone = ZoneInfo(key)
    begin = int(datetime(max(since - 1, 1), 1, 1, tzinfo=UTC).timestamp())
    onsets = list(_onsets(zone, begin))
    kinds: dict[_Kind, list[datetime]] = {}
    if not onsets or onsets[0][1].year > since - 1:
        state = _state(zone, begin)
        kinds[_Kind(state.offset, state)] = [datetime(max(since - 1, 1), 1, 1)]  # noqa: DTZ001
    for kind, wall in onsets:
        kinds.setdefault(kind, []).append(wall)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{escape_text(key)}"]
    for kind, walls in kinds.items():
        lines += _observances(kind, walls)
    return "\n".join([*lines, "END:VTIMEZONE"])


def _state(zone: ZoneInfo, when: int) -> _State:
    moment = datetime.fromtimestamp(when, zone)
    offset = moment.utcoffset() or timedelta()
    return _State(offset, moment.tzname() or "", bool(moment.dst()))


def _onsets(zone: ZoneInfo, begin: int) -> Iterator[tuple[_Kind, datetime]]:
    """Yield the changes of a zone's offset, with the wall clock just before each."""
    end = int(datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
    known = _state(zone, begin)
    for when in range(begin + _STEP, end, _STEP):
        state = _state(zone, when)
        if state.offset == known.offset:
            known = state
            continue
        low, high = when - _STEP, when
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (middle, high) if _state(zone, middle).offset == known.offset else (low, middle)
            )
        wall = datetime.fromtimestamp(high, UTC).replace(tzinfo=None) + known.offset
        yield _Kind(known.offset, _state(zone, high)), wall
        known = state


def _observances(kind: _Kind, walls: Sequence[datetime]) -> Iterator[str]:
    rule = _rule(walls)
    start = len(walls)
    if rule is not None:
        while start and rule.fits(walls[start - 1]) and _follows(walls, start):
            start -= 1
    if walls[:start]:
        first, *others = (f"{wall.year:04}{wall:%m%dT%H%M%S}" for wall in walls[:start])
        yield from _observance(kind, first, f"RDATE:{','.join(others)}" if others else "")
    if rule is not None and walls[start:]:
        wall = walls[start]
        yield from _observance(kind, f"{wall.year:04}{wall:%m%dT%H%M%S}", f"RRULE:{rule.text()}")


def _follows(walls: Sequence[datetime], place: int) -> bool:
    return place == len(walls) or walls[place].year == walls[place - 1].year + 1


def _rule(walls: Sequence[datetime]) -> _Rule | None:
    """Find the rule by which onsets go on to the end; None where there is none."""
    typical = walls[-_TYPICAL:]
    last = typical[-1]
    if last.year < _LAST_YEAR or len(typical) < 2:
        return None
    first = min(wall.day for wall in typical)
    day = 0 if all(map(_is_last, typical)) else first
    rule = _Rule(last.month, last.weekday(), day, f"{last:%H%M%S}")
    return rule if all(map(rule.fits, typical)) else None


def _is_last(wall: datetime) -> bool:
    return (wall + timedelta(days=7)).month != wall.month


def _observance(kind: _Kind, start: str, onsets: str) -> Iterator[str]:
    name = "DAYLIGHT" if kind.after.daylight else "STANDARD"
    yield f"BEGIN:{name}"
    yield f"TZOFFSETFROM:{_offset(kind.before)}"
    yield f"TZOFFSETTO:{_offset(kind.after.offset)}"
    yield f"TZNAME:{escape_text(kind.after.name)}"
    yield f"DTSTART:{start}"
    if onsets:
        yield onsets
    yield f"END:{name}"


def _offset(offset: timedelta) -> str:
    total = round(offset.total_seconds())
    hours, rest = divmod(abs(total), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{'-' if total < 0 else '+'}{hours:02}{minutes:02}{f'{seconds:02}' if seconds else ''}"
