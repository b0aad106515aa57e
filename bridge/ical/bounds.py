"""How much of a calendar is read and expanded.

Two measures hold (PROMISES T21, T22). A request body is small and is refused whole. A pulled file
is as large as `ics.max_size` lets it be; there the limits hold for each event, and one event beyond
them costs the others nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import InvalidCalendarObject


class TooCostly(InvalidCalendarObject):
    """A recurrence that would take more than its share of time or space."""


class TooMany(TooCostly):
    """More occurrences in the window than one series may have; a shorter window has fewer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, precondition="max-instances")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes and counts; the defaults are those of INTERFACE section 3 and PROMISES T22."""

    body_size: int = 1 << 20
    """Bytes of a request body."""
    components: int = 1000
    """Components of a request body."""
    depth: int = 8
    """Nesting of components, VCALENDAR being 1."""
    property_size: int = 64 << 10
    """Characters of one property after unfolding: a request is refused, a pulled text is cut."""
    properties: int = 5000
    """Properties of one component."""
    dates: int = 20_000
    """Values of RDATE and EXDATE in one event."""
    rules: int = 20
    """RRULE and EXRULE of one event."""
    occurrences: int = 10_000
    """Occurrences of one series in one window (`sync.limits.occurrences_per_series`)."""
    steps: int = 25_000
    """Periods and candidates that the expansion of one series may look at; a few us each."""


DEFAULT = Limits()
STEP = 8
"""How many days of a set cost as much as one period."""


class Budget:
    """What one series may still cost."""

    def __init__(self, limits: Limits) -> None:
        self.left = limits.steps * STEP
        """In days of a set: `STEP` of them are one step."""
        self.occurrences = limits.occurrences

    def spend(self, days: int = STEP) -> None:
        """Take one step, or as much as looking at so many days costs.

        Raises:
            TooCostly: there is nothing left.
        """
        self.left -= days
        if self.left < 0:
            raise TooCostly("the rule takes too many steps to expand")
