"""Instants, half-open windows and busy periods.

An instant is an `int`: seconds since 1970-01-01T00:00:00Z. Occurrences, merging, the store and
publishing work on instants, since the database does and since sorting integers is what makes a
merge of 10,000 intervals cheap; wall clocks and zones end where `ical` expands an event.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

Instant: TypeAlias = int


def instant(moment: datetime) -> Instant:
    """Convert an aware datetime; fractions of a second are dropped."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs an aware datetime")
    return int(moment.timestamp())


def utc(when: Instant) -> datetime:
    """Convert back to an aware datetime in UTC."""
    return datetime.fromtimestamp(when, UTC)


_DAY = 86400
_MINUTES = [f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60)]
_SECONDS = [f"{second:02}Z" for second in range(60)]


def rfc3339(when: Instant) -> str:
    """Write an instant in UTC, `2026-03-01T10:00:00Z`; large answers hold thousands of them."""
    day, second = divmod(when, _DAY)
    return _date(day) + _MINUTES[second // 60] + _SECONDS[second % 60]


@lru_cache(maxsize=2048)
def _date(day: int) -> str:
    return utc(day * _DAY).date().isoformat()


class FBType(IntEnum):
    """RFC 5545 section 3.2.9, in the order of precedence: the greater covers the smaller."""

    BUSY_TENTATIVE = 1
    BUSY = 2
    BUSY_UNAVAILABLE = 3

    @property
    def rfc(self) -> str:
        """The RFC's spelling, `BUSY-TENTATIVE`."""
        return self.name.replace("_", "-")


class Window(NamedTuple):
    """The half-open span [start, end)."""

    start: Instant
    end: Instant

    def overlaps(self, start: Instant, end: Instant) -> bool:
        """Tell whether [start, end) shares a second with the window."""
        return start < self.end and end > self.start


class BusyPeriod(NamedTuple):
    """One busy span [start, end) of one type."""

    start: Instant
    end: Instant
    fbtype: FBType
