"""Merging busy intervals with precedence, beside portion."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

import portion

from benchmarks.calendars import DAY, NOW
from benchmarks.row import Row, Scale, faster
from benchmarks.timing import best
from bridge.merge import merge
from bridge.model.interval import FBType

_MEETINGS = (900, 1800, 2700, 3600)
_MIXED = (900, 1800, 3600, 7200, DAY)
Period = tuple[int, int, int]


def rows(scale: Scale) -> Iterator[Row]:
    count = scale.of(10_000, 500)
    for name, lengths in (("meetings", _MEETINGS), ("meetings and whole days", _MIXED)):
        periods = _periods(count, lengths)
        (theirs, expected), (ours, merged) = best(
            scale.of(5, 1), partial(_by_portion, periods), partial(merge, periods)
        )
        assert merged == expected
        yield faster(f"merge of {count:,} intervals, {name}", ("portion", theirs), ours, 10)


def _periods(count: int, lengths: tuple[int, ...]) -> list[Period]:
    """Make up the time of many calendars over the default horizon, in no order."""
    draw = random.Random(1)
    found = []
    for _ in range(count):
        start = NOW + draw.randrange(400 * 96) * 900
        kind = draw.choices([1, 2, 3], [2, 7, 1])[0]
        found.append((start, start + draw.choice(lengths), kind))
    return found


def _by_portion(periods: list[Period]) -> list[Period]:
    spans: dict[int, list[portion.Interval]] = {1: [], 2: [], 3: []}
    for start, end, kind in periods:
        spans[kind].append(portion.closedopen(start, end))
    covered, found = portion.empty(), []
    for kind in sorted(FBType, reverse=True):
        whole = portion.Interval(*spans[kind])
        found += [(span.lower, span.upper, int(kind)) for span in whole - covered if span]
        covered |= whole
    return sorted(found)
