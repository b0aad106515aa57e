"""Pairing is algebra: whatever stands and whatever is wanted, one becomes the other."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bridge.merge import merge
from bridge.mirror.blocks import Block, Wanted, wanted_blocks
from bridge.mirror.pairing import Standing, pair
from bridge.model.interval import FBType, Window
from bridge.model.remote import RemoteId
from bridge.sink import Written
from bridge.store.mirrored import SpanRow
from tests.engine.house import make_series

KINDS = st.sampled_from([FBType.BUSY, FBType.BUSY_TENTATIVE])
BLOCKS = st.builds(
    lambda start, length, kind: Block(start, start + length, kind),
    st.integers(0, 12),
    st.integers(1, 3),
    KINDS,
)
SERIES = make_series()


@st.composite
def standings(draw: st.DrawFn) -> list[Standing]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        there = draw(st.booleans())
        made.append(
            Standing(
                token=str(number),
                written=Written(remote_id=RemoteId(str(number)), etag=None, series=SERIES)
                if there
                else None,
                actual=draw(st.none() | BLOCKS) if there else None,
                told=draw(BLOCKS) if not there else draw(st.none() | BLOCKS),
                exact=draw(st.booleans()) if there else False,
                may_go=draw(st.booleans()),
            )
        )
    return made


@given(st.sets(BLOCKS, max_size=8), standings())
def test_what_stands_becomes_what_is_wanted(blocks: set[Block], standing: list[Standing]) -> None:
    wanted = [Wanted(each, "") for each in sorted(blocks)]
    steps = pair(wanted, standing)
    # Each wanted block comes of exactly one step, each standing one is in exactly one.
    got = [it for _, it in (*steps.kept, *steps.moved)] + steps.made
    assert Counter(got) == Counter(wanted)
    used = [it.token for it, _ in (*steps.kept, *steps.moved)]
    used += [it.token for it in (*steps.dropped, *steps.held)]
    assert Counter(used) == Counter(it.token for it in standing)
    # Nothing is deleted where something is made anew, and nothing goes that may not.
    assert not (steps.made and steps.dropped)
    assert all(it.may_go for it in steps.dropped)
    assert not any(it.may_go for it in steps.held)
    # What is as it should be is left alone, and what may not go is moved no further than back.
    for it, block in steps.kept:
        assert it.exact
        assert it.actual == block.block
    for it, block in steps.moved:
        assert it.may_go or block.block in (it.actual, it.told)
    exact = Counter(it.actual for it in standing if it.exact and it.actual in blocks)
    assert len(steps.kept) == len(exact)


@given(st.sets(BLOCKS, max_size=8), standings())
def test_once_it_was_done_nothing_is_left_to_do(
    blocks: set[Block], standing: list[Standing]
) -> None:
    wanted = [Wanted(each, "") for each in sorted(blocks)]
    steps = pair(wanted, standing)
    after = [it for it, _ in steps.kept] + steps.held
    for number, block in enumerate([it for _, it in steps.moved] + steps.made):
        after.append(Standing(token=f"n{number}", actual=block.block, told=block.block, exact=True))
    again = pair(wanted, after)
    assert len(again.kept) == len(wanted)
    assert (again.moved, again.made, again.dropped) == ([], [], [])


@given(st.lists(BLOCKS, max_size=10), st.integers(0, 10))
def test_blocks_are_the_merged_time_that_a_window_shows(found: list[Block], start: int) -> None:
    spans = [
        SpanRow(each.start, each.end, each.fbtype, f"room-a.{number % 3}")
        for number, each in enumerate(found)
    ]
    window = Window(start, start + 4)
    blocks = wanted_blocks(spans, window)
    merged = [it for it in merge(found) if window.overlaps(it.start, it.end)]
    assert [tuple(it.block) for it in blocks] == [tuple(it) for it in merged]
    for it in blocks:
        begin, end, _ = it.block
        of = {each.connection_id for each in spans if each.start < end and each.end > begin}
        assert set(it.sources.split()) == of
    assert blocks == wanted_blocks(reversed(spans), window)


def test_pairs_are_made_nearest_first() -> None:
    def stands(token: str, start: int) -> Standing:
        block = Block(start, start + 1, FBType.BUSY)
        return Standing(token=token, actual=block, told=block, exact=True)

    wanted = [Wanted(Block(at, at + 1, FBType.BUSY), "") for at in (10, 100)]
    steps = pair(wanted, [stands("far", 60), stands("near", 12), stands("last", 500)])
    assert {it.token: block.block.start for it, block in steps.moved} == {"near": 10, "far": 100}
    assert [it.token for it in steps.dropped] == ["last"]


def test_thousands_of_blocks_are_paired_in_the_order_of_time() -> None:
    moments = [Block(at * 10, at * 10 + 5, FBType.BUSY) for at in range(1200)]
    standing = [
        Standing(token=str(number), actual=it, told=it, exact=True)
        for number, it in enumerate(moments)
    ]
    later = [Wanted(Block(it.start + 1, it.end + 1, it.fbtype), "") for it in moments]
    steps = pair(later, standing)
    assert len(steps.moved) == 1200
    assert all(block.block.start - it.actual.start == 1 for it, block in steps.moved if it.actual)
