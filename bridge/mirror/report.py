"""What the scheduler and the commands are told of a round."""

from __future__ import annotations

from typing import NamedTuple

from bridge.errors import BridgeError
from bridge.model.interval import Instant


class Report(NamedTuple):
    """How a round ended."""

    outcome: str
    """`written`, `unchanged`, `waiting`, `gone`, `lost`, or `failed` where some was refused."""
    made: int = 0
    """Blocks that were written anew."""
    moved: int = 0
    """Blocks that were changed in place."""
    dropped: int = 0
    """Blocks that were deleted."""
    error: BridgeError | None = None
    """Why something was refused."""
    again_at: Instant | None = None
    """When to go on, where that is known already."""


class Foreseen(NamedTuple):
    """What a round would do."""

    target: str
    """`team/primary`."""
    title: str
    """Of the blocks."""
    made: int = 0
    moved: int = 0
    dropped: int = 0
    kept: int = 0
    held: int = 0
    """Blocks that stay until every source was read."""
    leaving: bool = False
    """The mirror left the settings."""
    problem: str = ""
    """Why it could not be looked at what stands in the target; the figures tell what is known."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing would be written or deleted."""
        return not (self.made or self.moved or self.dropped)
