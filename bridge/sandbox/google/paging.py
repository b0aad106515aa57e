"""Pages of a listing, well-behaved or not."""

from __future__ import annotations

from dataclasses import replace

from bridge.sandbox.faults import Faults
from bridge.sandbox.google.times import Json
from bridge.sandbox.google.tokens import Cursor, Cursors
from bridge.sandbox.world import World


def page(
    world: World, cursors: Cursors, cursor: Cursor, size: int, faults: Faults
) -> tuple[list[Json], str]:
    """Take the next page.

    Returns:
        Its items, and the token of the page after it, empty after the last one.
    """
    if faults.is_on("short_pages"):
        # Google's pages may be short or empty although more follows.
        size = 0 if cursor.page % 2 else min(size, 2)
    end = cursor.position + size
    items = list(cursor.items[cursor.position : end])
    if faults.is_on("duplicate_pages") and cursor.page:
        items = [*cursor.items[max(0, cursor.position - 2) : cursor.position], *items]
    rest = end < len(cursor.items)
    if not rest and not faults.is_on("endless_pages"):
        return items, ""
    following = replace(cursor, position=min(end, len(cursor.items)), page=cursor.page + 1)
    return items, cursors.keep(world, following)
