"""Named points of a mirror's round, see `bridge.points`."""

from __future__ import annotations

from enum import Enum


class Point(Enum):
    """Where a round is."""

    BLOCK_NOTED = "block noted"
    """A block is about to be made."""
    BLOCK_WRITTEN = "block written"
    """It stands, made or changed, and we have not noted it."""
    BLOCK_DELETED = "block deleted"
    """It is gone, and we know it still."""
