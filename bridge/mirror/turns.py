"""In which order new blocks are asked for: what was refused for itself keeps nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bridge.mirror.blocks import Block, Wanted
from bridge.model.interval import Instant

PAUSE = 900
"""Seconds after which is tried again what was refused, where the rest was not."""


class Turns(NamedTuple):
    """New blocks."""

    first: list[Wanted]
    """Not refused yet, in the order of time."""
    last: list[Wanted]
    """Refused before, the one that waits longest first."""
    resting: list[Wanted]
    """Refused a moment ago: not asked for in this round."""
    until: Instant | None = None
    """When the first of those is to be asked for again."""


def in_turn(
    made: Iterable[Wanted], refused: Mapping[Block, Instant], now: Instant, *, rest: bool = True
) -> Turns:
    """Say which blocks are asked for, and in which order.

    Args:
        made: those that are to be made.
        refused: when a provider last refused to make a block.
        now: the present.
        rest: leave those alone that were refused a moment ago; else they come last.
    """
    turns = Turns([], [], [])
    for each in made:
        at = refused.get(each.block)
        if at is None:
            turns.first.append(each)
        elif rest and abs(now - at) < PAUSE:
            turns.resting.append(each)
        else:
            turns.last.append(each)
    turns.last.sort(key=lambda it: refused[it.block])
    until = min((refused[each.block] for each in turns.resting), default=None)
    # One that a clock noted that ran ahead rests for no longer than others.
    return turns._replace(until=None if until is None else min(until, now) + PAUSE)
