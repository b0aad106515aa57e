"""The settings in force: one reference that a reload swaps as a whole."""

from __future__ import annotations

from bridge.config.settings import Settings


class Live:
    """Holds the current settings; a reader takes `current` once and works with that.

    Assigning a reference is atomic, so readers need no lock and see the old settings or the new
    ones, never a mixture.
    """

    def __init__(self, settings: Settings) -> None:
        self._current = settings

    @property
    def current(self) -> Settings:
        """The settings in force at this moment."""
        return self._current

    def swap(self, new: Settings) -> Settings:
        """Put `new` in force and return what it replaced."""
        old, self._current = self._current, new
        return old
