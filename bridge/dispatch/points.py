"""Named points of a dispatch and of a purge, see `bridge.points`."""

from __future__ import annotations

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


class PurgePoint(Enum):
    """Where a purge is."""

    HELD = "purge holds"
    """What is queued is put off, and nothing was deleted yet."""
    DELETED = "event purged"
    """An event is gone, and its booking knows nothing of it."""
    CLEARED = "calendar purged"
    """The bookings of a calendar ended, and their meetings have not."""
