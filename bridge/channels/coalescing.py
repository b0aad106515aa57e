"""How many notifications become how few pulls.

A lone notification has its connection pulled at once. All those that follow it closely become one
pull, which is put off for as long as they go on, up to a minute: what a person does shows at once,
and ten thousand notifications in a row are two pulls.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId

_CLOSE = 0.25
"""Seconds after another one within which a notification follows closely."""
_MOST_AHEAD = 30.0
"""A connection has so many pulls to spare, and..."""
_REFILL = 1.0
"""...gets so many of them back a second."""
_NEXT = 1
_LATER = 4
"""Seconds by which the pull is put off while notifications go on."""
_LONGEST = 60
"""Seconds after the first of them in which it happens for sure."""
_MOST_CHANNELS = 1000
"""Of one connection whose numbers are remembered."""
_MOST_KNOWN = 10_000
"""Connections that are remembered; of those forgotten, the next notification counts as lone."""


class Wish(NamedTuple):
    """What has to be written for a notification."""

    at: Instant
    """When the connection is to be pulled."""
    instead_of: Instant | None = None
    """The mark that this one replaces, if nothing has answered it yet."""


@dataclass(slots=True)
class _Known:
    heard: float
    spare: float = _MOST_AHEAD
    pending: Instant = 0
    """A mark that was set; a pull from then on answers it."""
    since: Instant = 0
    """When the first notification came that the mark stands for."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Of the last notification of each channel."""


class Coalescing:
    """Remembers what was heard lately; any number of threads may ask."""

    def __init__(self) -> None:
        self._known: OrderedDict[ConnectionId, _Known] = OrderedDict()
        self._lock = Lock()

    def hear(
        self,
        connection_id: ConnectionId,
        numbered: tuple[str, int | None],
        now: Instant,
        tick: float,
    ) -> Wish | None:
        """Count a notification.

        Args:
            connection_id: whom it speaks of.
            numbered: its channel, and its number there; copies and stragglers change nothing.
            now: the present.
            tick: seconds on a clock that never goes back.

        Returns:
            What to write; None when a pull that is still to come answers this one, too.
        """
        with self._lock:
            known = self._known.get(connection_id)
            if known is None:
                known = self._known[connection_id] = _Known(heard=tick - 1)
            self._known.move_to_end(connection_id)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
            if not _is_news(known, *numbered):
                return None
            passed, known.heard = tick - known.heard, tick
            known.spare = min(_MOST_AHEAD, known.spare + passed * _REFILL)
            if known.pending > _LONGEST + now:  # the clock was set back
                known.pending = 0
            calm = passed >= _CLOSE and known.spare >= 1
            return self._lone(known, now) if calm else self._another(known, now)

    def forget(self, connection_id: ConnectionId) -> None:
        """Take back what was counted: it was not written."""
        with self._lock:
            self._known.pop(connection_id, None)

    def _lone(self, known: _Known, now: Instant) -> Wish | None:
        if known.pending > now:
            return None
        known.spare -= 1
        known.pending = known.since = 0
        return Wish(now)

    def _another(self, known: _Known, now: Instant) -> Wish | None:
        if known.pending == 0:
            known.pending, known.since = now + _NEXT, now
            return Wish(known.pending)
        if known.pending > now + _NEXT:
            return None
        was, latest = known.pending, known.since + _LONGEST
        if was >= latest or latest <= now:
            if was > now:
                return None
            known.pending, known.since = now + _LATER, now
            return Wish(known.pending)
        known.pending = min(now + _LATER, latest)
        return Wish(known.pending, was) if known.pending != was else None


def _is_news(known: _Known, channel: str, number: int | None) -> bool:
    if number is None:
        return True
    if number <= known.numbers.get(channel, 0):
        return False
    if len(known.numbers) >= _MOST_CHANNELS:
        known.numbers.clear()
    known.numbers[channel] = number
    return True
