"""What every listing that comes in pages shares: it ends, or it is not believed. No I/O."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from bridge.errors import UnreadableAnswer

_IDLE = 100
"""Pages in a row that name nothing new: a listing that goes on so is not believed to end."""


class Progress:
    """Watches that the pages of one listing go on naming something."""

    __slots__ = ("_idle", "_last", "_what")

    def __init__(self, what: str) -> None:
        """Begin with the first page.

        Args:
            what: that is listed, for the message.
        """
        self._what = what
        self._idle = 0
        self._last: frozenset[Hashable] = frozenset()

    def follow(self, named: Iterable[Hashable]) -> None:
        """Take what a page names, after which another one is to follow.

        Raises:
            UnreadableAnswer: for a long time nothing came that the page before had not.
        """
        names = frozenset(named)
        self._idle = 0 if names - self._last else self._idle + 1
        self._last = names
        if self._idle >= _IDLE:
            raise UnreadableAnswer(
                f"{self._what}: {self._idle} pages in a row name nothing new, and more follow"
            )
