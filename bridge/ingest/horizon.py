"""How far occurrences are known: whole UTC months, so that the window moves once a month."""

from __future__ import annotations

from datetime import timedelta

from bridge.config.syncing import SyncWindow
from bridge.merge import month_start, next_month_start
from bridge.model.interval import Instant, Window


def horizon(now: Instant, window: SyncWindow) -> Window:
    """Return the months that hold everything from `now - past` to `now + future`."""
    return Window(
        month_start(now - _seconds(window.past)),
        next_month_start(now + _seconds(window.future) - 1),
    )


def is_behind(stands: Window, wanted: Window) -> bool:
    """Tell whether a horizon has to move on.

    It never moves back by itself: the clocks of two hosts differ, and each would undo what the
    other did. A plan that asks for less is obeyed by the rebuild that follows its reload.
    """
    return wanted.start > stands.start or wanted.end > stands.end


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
