"""Named moments of a dispatch, at each of which a process may die without harm.

They do nothing. A test that kills processes has its own begin with `arm`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Point(Enum):
    """Where a dispatch is."""

    CLAIMED = "claimed"
    """Nothing was done yet."""
    MEETING_WANTED = "meeting wanted"
    """A meeting is about to be made."""
    MEETING_MADE = "meeting made"
    """It is made, and we have not noted it."""
    MEETING_NOTED = "meeting noted"
    EVENT_WANTED = "event wanted"
    """The event is about to be written or deleted."""
    EVENT_WRITTEN = "event written"
    """It is, and what belongs to it is about to follow: its meeting is moved or cancelled."""
    MEETING_FOLLOWED = "meeting followed"
    """All is done at the providers, and nothing of it is visible."""
    UNDOING = "undoing"
    """It is refused, and what was done for it is about to be undone."""
    SETTLED = "settled"
    """It is visible, and nobody was told."""


_act: Callable[[Point], object] | None = None


def arm(act: Callable[[Point], object] | None) -> None:
    """Have something happen at every point, in this process."""
    global _act  # noqa: PLW0603 - of the whole process, as its death is
    _act = act


def reached(point: Point) -> None:
    """Say where a dispatch is."""
    if _act is not None:
        _act(point)
