"""Signals as something that one waits for.

Python runs a signal's handler in the main thread, once that thread comes back from what it waits
for; a signal that arrives a moment before the wait begins, or in another thread, does not end the
wait. A byte in a socket does.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


class Signals:
    """The signals that have come, in their order."""

    def __init__(self, received: socket.socket) -> None:
        self._received = received

    def wait(self) -> int:
        """Wait for the next one and return its number."""
        return self._received.recv(1)[0]


@contextmanager
def caught(numbers: Iterable[signal.Signals]) -> Iterator[Signals]:
    """Catch signals, from the main thread; afterwards they do nothing, so that an end is an end."""
    received, sent = socket.socketpair()
    with received, sent:
        sent.settimeout(0)
        signal.set_wakeup_fd(sent.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _nothing)
        try:
            yield Signals(received)
        finally:
            signal.set_wakeup_fd(-1)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number is in the socket already, written where the signal arrived."""
