"""What the scheduler and the commands are told of a round."""

from __future__ import annotations

from typing import NamedTuple

from bridge.errors import BridgeError, ProviderError
from bridge.mirror.pairing import Steps
from bridge.model.interval import Instant
from bridge.store.mirrors import MirrorRow


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


WELL: dict[str, object] = {
    "failures": 0,
    "error_code": "",
    "error_message": "",
    "error_hint": "",
    "error_since": None,
}


def wrong(
    claimed: MirrorRow, problem: ProviderError | None, steps: Steps, now: Instant
) -> dict[str, object]:
    """Say what is wrong after a round in which not everything was refused."""
    since = claimed.error_since or now
    if problem is not None:
        return {
            "failures": claimed.failures + 1,
            "error_code": problem.code,
            "error_message": str(problem),
            "error_hint": problem.hint,
            "error_since": since,
        }
    if steps.stuck:
        told = stuck(steps)
        return WELL | {
            "error_code": told["code"],
            "error_message": told["message"],
            "error_hint": told["hint"],
            "error_since": since,
        }
    return WELL


def stuck(steps: Steps) -> dict[str, str]:
    """Say which blocks a person has to delete."""
    return {
        "message": f"{len(steps.stuck)} of its events should go and cannot be deleted",
        "code": "block_refused",
        "hint": "delete them in the calendar",
    }
