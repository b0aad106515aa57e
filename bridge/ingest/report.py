"""What a pull ended with, for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import ProviderError
from bridge.model.resource import ConnectionId


@dataclass(frozen=True, slots=True)
class CalendarPull:
    """One calendar of a pull."""

    name: str
    objects: int = 0
    """Objects that were added, changed or removed."""
    blocks: int = 0
    """Published blocks that changed."""
    full: bool = False
    error: ProviderError | None = None
    """Why it could not be read; what was known of it stays."""


@dataclass(frozen=True, slots=True)
class PullReport:
    """One pull of one connection, of which at least a part could be read."""

    connection_id: ConnectionId
    calendars: tuple[CalendarPull, ...] = ()

    @property
    def error(self) -> ProviderError | None:
        """The first thing that went wrong; no reason to pull the other calendars less often."""
        return next((calendar.error for calendar in self.calendars if calendar.error), None)

    @property
    def objects(self) -> int:
        """Objects that were added, changed or removed."""
        return sum(calendar.objects for calendar in self.calendars)

    @property
    def blocks(self) -> int:
        """Published blocks that changed."""
        return sum(calendar.blocks for calendar in self.calendars)
