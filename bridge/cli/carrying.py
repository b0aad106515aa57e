"""Having bookings carried out by a command: here, where no server does it first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.cli.ground import Ground

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge


@contextmanager
def desk(ground: Ground) -> Iterator[Bridge]:
    """Open what takes bookings, with the file as it is now where no server has it."""
    from bridge.cli.sync import follow_file

    with ground.bridge() as bridge:
        follow_file(bridge)
        yield bridge


def carry_out(bridge: Bridge) -> None:
    """Carry out what is due and nobody else does."""
    for job in bridge.dispatching.claim(4):
        bridge.dispatching.run(job)
