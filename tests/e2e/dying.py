"""BusyBridge, which dies at a named moment: `python dying.py MOMENT serve`.

A moment is a point of a dispatch, or one of these: `proposed`, with a write in a transaction that
is not committed, and `committed`, when it is and nobody knows yet.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from bridge.bookings import desk
from bridge.cli import main
from bridge.dispatch import points
from bridge.store.wake import Wake


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: str) -> None:
    def act(point: points.Point) -> None:
        if point.value == moment:
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


if __name__ == "__main__":
    arm(sys.argv.pop(1))
    main()
