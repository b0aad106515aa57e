"""The algebra of merging, against a minute-by-minute oracle that shares no code with it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.merge import clip, coalesce, merge, month_start, month_starts, next_month_start
from bridge.model.interval import BusyPeriod, FBType, Window

_BASE = int(datetime(2026, 1, 31, 23, 0, tzinfo=UTC).timestamp())  # a month start is inside
_SPAN = Window(_BASE, _BASE + 60 * 200)
_CUTS = month_starts(_SPAN)


@st.composite
def _periods(draw: st.DrawFn) -> list[BusyPeriod]:
    minutes = st.integers(0, 199)
    return [
        BusyPeriod(_BASE + 60 * start, _BASE + 60 * end, draw(st.sampled_from(FBType)))
        for start, end in draw(st.lists(st.tuples(minutes, minutes), max_size=12))
    ]


def _minutes(periods: list[BusyPeriod]) -> list[int]:
    """Give for each minute of the span the greatest type that covers it, 0 for free."""
    line = [0] * 200
    for start, end, fbtype in periods:
        for minute in range((start - _BASE) // 60, (end - _BASE) // 60):
            line[minute] = max(line[minute], int(fbtype))
    return line


@given(_periods())
def test_merging_neither_invents_nor_loses_busy_time(periods: list[BusyPeriod]) -> None:
    assert _minutes(merge(periods)) == _minutes(periods)


@given(_periods(), st.booleans())
def test_blocks_are_sorted_disjoint_and_never_empty(periods: list[BusyPeriod], cut: bool) -> None:
    blocks = merge(periods, cuts=_CUTS if cut else ())
    assert all(block.start < block.end for block in blocks)
    assert all(a.end <= b.start for a, b in pairwise(blocks))


@given(_periods())
def test_equal_neighbours_are_one_block_unless_a_cut_parts_them(periods: list[BusyPeriod]) -> None:
    blocks = merge(periods, cuts=_CUTS)
    for a, b in pairwise(blocks):
        if a.end == b.start and a.fbtype == b.fbtype:
            assert a.end in _CUTS
    assert not any(block.start < cut < block.end for block in blocks for cut in _CUTS)


@given(st.permutations(range(8)), _periods())
def test_order_does_not_matter(order: list[int], periods: list[BusyPeriod]) -> None:
    shuffled = [periods[i] for i in order if i < len(periods)] + periods[8:]
    assert merge(shuffled) == merge(periods)


@given(_periods(), _periods(), _periods())
def test_merging_is_associative(
    a: list[BusyPeriod], b: list[BusyPeriod], c: list[BusyPeriod]
) -> None:
    left = merge([*merge([*a, *b], cuts=_CUTS), *c], cuts=_CUTS)
    right = merge([*a, *merge([*b, *c], cuts=_CUTS)], cuts=_CUTS)
    assert left == right == merge([*a, *b, *c], cuts=_CUTS)


@given(_periods())
def test_merging_is_idempotent(periods: list[BusyPeriod]) -> None:
    once = merge(periods, cuts=_CUTS)
    assert merge(once, cuts=_CUTS) == once
    assert merge([*periods, *periods], cuts=_CUTS) == once


def test_unavailable_covers_busy_and_busy_covers_tentative() -> None:
    blocks = merge(
        [
            BusyPeriod(0, 100, FBType.BUSY_TENTATIVE),
            BusyPeriod(20, 80, FBType.BUSY),
            BusyPeriod(40, 60, FBType.BUSY_UNAVAILABLE),
        ]
    )
    assert [(b.start, b.end, b.fbtype.rfc) for b in blocks] == [
        (0, 20, "BUSY-TENTATIVE"),
        (20, 40, "BUSY"),
        (40, 60, "BUSY-UNAVAILABLE"),
        (60, 80, "BUSY"),
        (80, 100, "BUSY-TENTATIVE"),
    ]


def test_times_before_1970_and_in_year_9999_merge_like_others() -> None:
    old, last = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()), 253402300799
    periods = [
        BusyPeriod(old, old + 60, FBType.BUSY),
        BusyPeriod(old + 60, 0, FBType.BUSY),
        BusyPeriod(0, last, FBType.BUSY),
    ]
    assert merge(periods) == [BusyPeriod(old, last, FBType.BUSY)]


@pytest.mark.parametrize(
    ("when", "start", "following"),
    [
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
        ("2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("0001-01-15T00:00:00", "0001-01-01T00:00:00", "0001-02-01T00:00:00"),
        ("9999-12-31T23:59:59", "9999-12-01T00:00:00", "9999-12-01T00:00:00"),
    ],
)
def test_month_starts_are_those_of_utc(when: str, start: str, following: str) -> None:
    def at(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())

    assert month_start(at(when)) == at(start)
    assert next_month_start(at(when)) == at(following)


@pytest.mark.covers("F33")
def test_month_starts_of_all_time_end() -> None:
    ages = Window(-(10**12), 10**12)
    assert len(month_starts(ages)) > 100_000
    assert month_starts(Window(10**12, 10**13)) == []


@given(_periods())
def test_clipping_keeps_exactly_the_inside(periods: list[BusyPeriod]) -> None:
    window = Window(_BASE + 60 * 50, _BASE + 60 * 150)
    inside = _minutes(clip(merge(periods), window))
    assert inside[50:150] == _minutes(periods)[50:150]
    assert not any(inside[:50] + inside[150:])


def test_coalescing_joins_what_touches_or_stands_near() -> None:
    windows = [Window(50, 60), Window(0, 10), Window(10, 20), Window(25, 30)]
    assert coalesce(windows) == [Window(0, 20), Window(25, 30), Window(50, 60)]
    assert coalesce(windows, gap=5) == [Window(0, 30), Window(50, 60)]
