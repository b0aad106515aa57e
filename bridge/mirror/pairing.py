"""Which block becomes which: what stands stays, what differs is changed in place. Pure.

Blocks are not deleted and made anew where one can be changed: its event keeps its id, and whoever
looks at the calendar sees it move. Those that have to be paired are paired nearest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bridge.mirror.blocks import Block, Wanted
from bridge.model.interval import Instant
from bridge.sink import Written

_MANY = 250_000
"""So many pairs are compared; of more, blocks are paired in the order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A block that stands in the target, or may."""

    token: str
    written: Written | None = None
    """None: it was asked for, and nobody knows what came of it."""
    actual: Block | None = None
    """What it blocks; None when that is not known, or it is no block any more."""
    told: Block | None = None
    """What it was to block when it was written; None when that is not known."""
    exact: bool = False
    """Beside its time, it is as it was written."""
    may_go: bool = True
    """It may be changed or deleted: every source that it may be of was read."""
    written_at: Instant = 0
    """When it was last asked for, as far as that is known."""
    refused_at: Instant = 0
    """When its provider last refused to change or delete it."""
    stuck: bool = False
    """That was lately: it is not asked for the same again."""

    @property
    def at(self) -> Block | None:
        """Where it is, as far as that is known."""
        return self.actual or self.told


@dataclass(frozen=True, slots=True)
class Steps:
    """What makes the standing blocks the wanted ones."""

    kept: list[tuple[Standing, Wanted]] = field(default_factory=list)
    moved: list[tuple[Standing, Wanted]] = field(default_factory=list)
    """Changed in place; one that is not known to stand is written under its name."""
    made: list[Wanted] = field(default_factory=list)
    dropped: list[Standing] = field(default_factory=list)
    held: list[Standing] = field(default_factory=list)
    """They stay although nothing that was read says so."""
    stuck: list[Standing] = field(default_factory=list)
    """They would go, and cannot be changed or deleted."""

    @property
    def writes(self) -> int:
        """How many requests for changes this takes."""
        return len(self.moved) + len(self.made) + len(self.dropped)


def pair(wanted: Iterable[Wanted], standing: Iterable[Standing]) -> Steps:
    """Work out what is to be done; no two wanted blocks are equal, nor two tokens."""
    steps = Steps()
    left, rest = list(wanted), list(standing)
    for place in ("actual", "told"):
        left, rest = _in_place(steps, left, rest, place)
    free = [each for each in rest if each.may_go and not each.stuck]
    steps.stuck.extend(each for each in rest if each.may_go and each.stuck)
    steps.held.extend(each for each in rest if not each.may_go)
    pairs = _nearest(left, free)
    steps.moved.extend(pairs)
    used = {each.token for each, _ in pairs}
    met = {block for _, block in pairs}
    steps.made.extend(block for block in left if block not in met)
    steps.dropped.extend(each for each in free if each.token not in used)
    return steps


def _in_place(
    steps: Steps, wanted: list[Wanted], standing: list[Standing], place: str
) -> tuple[list[Wanted], list[Standing]]:
    """Take what is where it is wanted, or was when it was written."""
    there: defaultdict[Block, list[Standing]] = defaultdict(list)
    for each in standing:
        block = getattr(each, place)
        if each.stuck and (place == "told" or not each.exact):
            continue  # it cannot be put right
        if block is not None:
            there[block].append(each)
    left: list[Wanted] = []
    taken: set[int] = set()
    for block in wanted:
        found = there.get(block.block)
        if not found:
            left.append(block)
            continue
        each = max(found, key=lambda it: it.exact)
        found.remove(each)
        taken.add(id(each))
        stays = each.exact and each.actual == block.block
        (steps.kept if stays else steps.moved).append((each, block))
    return left, [each for each in standing if id(each) not in taken]


def _nearest(
    wanted: Sequence[Wanted], standing: Sequence[Standing]
) -> list[tuple[Standing, Wanted]]:
    """Pair as many as there are on both sides, the nearest first."""
    if len(wanted) * len(standing) > _MANY:
        ordered = sorted(standing, key=lambda it: it.at or (0, 0))
        return list(zip(ordered, sorted(wanted), strict=False))
    every = sorted(
        (_distance(each.at, block.block), place, number)
        for number, each in enumerate(standing)
        for place, block in enumerate(wanted)
    )
    pairs: list[tuple[Standing, Wanted]] = []
    places: set[int] = set()
    numbers: set[int] = set()
    for _, place, number in every:
        if place not in places and number not in numbers:
            places.add(place)
            numbers.add(number)
            pairs.append((standing[number], wanted[place]))
    return pairs


def _distance(at: Block | None, block: Block) -> Instant:
    if at is None:
        return 1 << 62
    return abs(at.start - block.start) + abs(at.end - block.end)
