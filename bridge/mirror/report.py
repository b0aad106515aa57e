"""What the scheduler and the commands are told of a round."""

from __future__ import annotations

from typing import NamedTuple

from bridge.errors import BridgeError, ProviderError
from bridge.mirror.pairing import Steps
from bridge.model.interval import Instant
from bridge.store.mirrors import MirrorRow

_STUCK = "block_refused"


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
    claimed: MirrorRow,
    problem: ProviderError | None,
    steps: Steps,
    now: Instant,
    *,
    resting: int,
) -> dict[str, object]:
    """Say what is wrong after a round in which not everything was refused."""
    told: dict[str, str] | None = None
    if problem is not None:
        told = {"code": problem.code, "message": str(problem), "hint": problem.hint}
    elif resting:
        if claimed.error_code not in ("", _STUCK) and not claimed.failures:
            return {"failures": 0}  # it was said why, and is still true
        told = {
            "code": "block_not_taken",
            "message": f"{resting} of its blocks are refused by the calendar",
            "hint": "the log says why; they are tried again every 15 minutes",
        }
    elif steps.stuck:
        told = stuck(steps)
    if told is None:
        return WELL
    return WELL | {
        "error_code": told["code"],
        "error_message": told["message"],
        "error_hint": told["hint"],
        "error_since": claimed.error_since or now,
    }


def stuck(steps: Steps) -> dict[str, str]:
    """Say which blocks a person has to delete."""
    return {
        "message": f"{len(steps.stuck)} of its events should go and cannot be deleted",
        "code": _STUCK,
        "hint": "delete them in the calendar",
    }
