"""What listings share: they end, or are not believed; what the next one goes on from. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from bridge.errors import UnreadableAnswer

_IDLE = 100
"""Pages in a row that name nothing new: a listing that goes on so is not believed to end."""

_Item = TypeVar("_Item")


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


def each_once(
    pages: Iterable[Sequence[_Item]], name: Callable[[_Item], str], what: str
) -> Iterator[_Item]:
    """Give what the pages of a listing name, each thing once.

    Args:
        pages: asked for as they are needed.
        name: by which things are told apart.
        what: that is listed, for the message.

    Raises:
        UnreadableAnswer: the pages do not end.
    """
    progress, seen = Progress(what), set[str]()
    before: Sequence[_Item] | None = None
    for page in pages:
        if before is not None:
            progress.follow(map(name, before))
        for item in page:
            if name(item) not in seen:
                seen.add(name(item))
                yield item
        before = page


def pack(content: Mapping[str, object]) -> str:
    """Write an envelope."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def unpack(text: str) -> object:
    """Read an envelope; None where it is none at all."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
