"""Named points of what a process does, at each of which it may die without harm.

They do nothing. A test that kills processes has its own begin with `arm`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

_act: Callable[[Enum], object] | None = None


def arm(act: Callable[[Enum], object] | None) -> None:
    """Have something happen at every point, in this process."""
    global _act  # noqa: PLW0603 - of the whole process, as its death is
    _act = act


def reached(point: Enum) -> None:
    """Say where something is."""
    if _act is not None:
        _act(point)
