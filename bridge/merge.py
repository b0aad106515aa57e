"""Merge the occurrences of many calendars into the busy blocks of one resource. Pure.

A merged list is sorted, disjoint and minimal: where spans overlap the greater `FBType` wins
(BUSY-UNAVAILABLE over BUSY over BUSY-TENTATIVE), equal neighbours are one block. Blocks are then
cut at the instants asked for, in practice every UTC month start, so that a block's identity, which
is made of its ends, never changes because the horizon moved.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bridge.model.interval import BusyPeriod, FBType, Instant, Window, utc

_FIRST_MONTH = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LAST_MONTH = int(datetime(9999, 12, 1, tzinfo=UTC).timestamp())

# One edge of a period is one integer, `instant << 3 | kind`, since a list of small integers sorts
# several times faster than a list of tuples. Instants count from the first period's start: within
# four years of it the integers fit into 30 bits, and Python sorts those fastest. Kinds 1-3 open a
# period of that FBType, 5-7 close it.
_SHIFT = 3
_KIND = 0b111
_CLOSE = 0b100
_TYPES = (FBType.BUSY_TENTATIVE, *FBType)  # by number; 0 is never looked up


def merge(
    periods: Iterable[tuple[Instant, Instant, int]], *, cuts: Sequence[Instant] = ()
) -> list[BusyPeriod]:
    """Return the busy time of all periods together, each second once.

    Args:
        periods: half-open spans with their FBType, in any order; an empty or reversed span is
            nothing.
        cuts: ascending instants at which no block may pass.
    """
    spans = list(periods)
    base = spans[0][0] if spans else 0
    edges: list[int] = []
    add = edges.append
    for start, end, fbtype in spans:
        if start < end:
            add(start - base << _SHIFT | fbtype)
            add(end - base << _SHIFT | _CLOSE | fbtype)
    edges.sort()
    merged = _sweep(edges, base)
    return cut(merged, cuts) if cuts else merged


def _sweep(edges: list[int], base: Instant) -> list[BusyPeriod]:
    """Walk the sorted edges; the greatest type that is open is in force.

    At one instant openings come before closings, each in ascending type. So an instant either
    raises the level or lowers it, never both, and a period that ends where an equal one begins
    makes no gap; no second pass has to join anything.
    """
    merged: list[BusyPeriod] = []
    opened = [0, 0, 0, 0]  # how many periods of each type are open
    level = since = 0  # the type in force, and from when
    for edge in edges:
        kind = edge & _KIND
        if kind < _CLOSE:
            opened[kind] += 1
            if kind <= level:
                continue
            now = kind
        else:
            kind -= _CLOSE
            opened[kind] -= 1
            if kind < level or opened[kind]:
                continue
            now = 2 if opened[2] else 1 if opened[1] else 0
        at = base + (edge >> _SHIFT)
        if level and since < at:
            merged.append(BusyPeriod(since, at, _TYPES[level]))
        level, since = now, at
    return merged


def cut(periods: Iterable[BusyPeriod], cuts: Sequence[Instant]) -> list[BusyPeriod]:
    """Split every period at the ascending instants that lie inside it."""
    pieces: list[BusyPeriod] = []
    for period in periods:
        start, end, fbtype = period
        index = bisect_right(cuts, start)
        while index < len(cuts) and cuts[index] < end:
            pieces.append(BusyPeriod(start, cuts[index], fbtype))
            start = cuts[index]
            index += 1
        pieces.append(BusyPeriod(start, end, fbtype))
    return pieces


def clip(periods: Iterable[BusyPeriod], window: Window) -> list[BusyPeriod]:
    """Keep what lies inside the window, shortened to it."""
    return [
        BusyPeriod(max(start, window.start), min(end, window.end), fbtype)
        for start, end, fbtype in periods
        if start < window.end and end > window.start
    ]


def coalesce(windows: Iterable[Window], *, gap: int = 0) -> list[Window]:
    """Join windows that overlap, touch, or stand at most `gap` seconds apart; sorted."""
    joined: list[Window] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1].end + gap:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Window(start, end))
    return joined


def month_start(when: Instant) -> Instant:
    """Return the UTC month start at or before an instant; years outside 1-9999 are clamped."""
    moment = utc(min(max(when, _FIRST_MONTH), _LAST_MONTH))
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp())


def next_month_start(when: Instant) -> Instant:
    """Return the first UTC month start after an instant; that of December 9999 is the last."""
    moment = utc(month_start(when))
    if int(moment.timestamp()) == _LAST_MONTH:
        return _LAST_MONTH
    year, month = (moment.year, moment.month + 1) if moment.month < 12 else (moment.year + 1, 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())


def month_starts(window: Window) -> list[Instant]:
    """List the UTC month starts strictly inside the window, ascending."""
    starts: list[Instant] = []
    at = next_month_start(window.start)
    while window.start < at < window.end:
        starts.append(at)
        following = next_month_start(at)
        if following == at:
            break
        at = following
    return starts
