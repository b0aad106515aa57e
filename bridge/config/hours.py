"""Working hours: `{mon-fri: "08:00-18:00", sat: "09:00-12:00"}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])")
_MIDNIGHT = 24 * 60

Span: TypeAlias = tuple[int, int]
"""Minutes since midnight, half-open."""


def spans(hours: Mapping[str, str]) -> tuple[tuple[Span, ...], ...]:
    """Give the working hours of each weekday, Monday first; empty where there are none at all.

    Raises:
        ValueError: they cannot be understood.
    """
    return _spans(tuple(hours.items()))


@lru_cache(maxsize=256)
def _spans(hours: tuple[tuple[str, str], ...]) -> tuple[tuple[Span, ...], ...]:
    found: list[list[Span]] = [[] for _ in _DAYS]
    for days, text in hours:
        for day in _days(days):
            found[day] += [_span(part.strip()) for part in text.split(",")]
    return tuple(tuple(sorted(each)) for each in found) if hours else ()


def _days(text: str) -> Iterator[int]:
    for part in text.lower().split(","):
        first, dash, last = (it.strip() for it in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"{text!r} names no days; write mon-fri, sat, or tue,thu")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        if end < start:
            raise ValueError(f"{text!r} goes backwards: a week begins with mon")
        yield from range(start, end + 1)


def _span(text: str) -> Span:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no span of time; write 08:00-18:00")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if not start < end <= _MIDNIGHT:
        raise ValueError(f"{text!r} does not end after it begins, by 24:00")
    return start, end


def _checked(hours: dict[str, str]) -> dict[str, str]:
    spans(hours)
    return hours


WorkingHours = Annotated[dict[str, str], AfterValidator(_checked)]
"""By days, as they are written."""
