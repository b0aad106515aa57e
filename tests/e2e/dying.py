"""BusyBridge, which dies at a named moment: `python dying.py MOMENT AHEAD serve`.

A moment is a point of a dispatch, of a mirror's round or of a purge, or one of these: `proposed`,
with a write in a transaction that is not committed, and `committed`, when it is and nobody knows
yet. `block noted@3` is the third time. Its clock is so many seconds ahead.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from enum import Enum
from pathlib import Path
from typing import Any

from bridge import points
from bridge.bookings import desk
from bridge.cli import main
from bridge.store.wake import Wake


def dying(moment: str, ahead: int = 0) -> tuple[str, ...]:
    """What Python runs."""
    return (str(Path(__file__)), moment, str(ahead))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: str) -> None:
    name, _, number = moment.partition("@")
    left = int(number or 1)

    def act(point: Enum) -> None:
        nonlocal left
        left -= point.value == name
        if not left:
            die()

    points.arm(act)
    take, notify = desk._take, Wake.notify

    def taken(*args: Any) -> Any:
        ticket = take(*args)
        if moment == "proposed":
            die()
        return ticket

    def notified(wake: Wake, topic: str) -> None:
        if moment == "committed" and topic == desk.OUTBOX:
            die()
        notify(wake, topic)

    setattr(desk, take.__name__, taken)
    setattr(Wake, notify.__name__, notified)


def set_clock(ahead: int) -> None:
    now = time.time
    setattr(time, now.__name__, lambda: now() + ahead)


if __name__ == "__main__":
    arm(sys.argv.pop(1))
    set_clock(int(sys.argv.pop(1)))
    main()
