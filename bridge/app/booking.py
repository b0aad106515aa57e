"""The parts of a process that take bookings, and that carry them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.bookings import Bookings, Outbox

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.scheduler.dispatching import Dispatching


def make_bookings(bridge: Bridge) -> Bookings:
    """Make the desk; a quarter of the request threads may wait for the calendars of bookings."""
    return Bookings(
        bridge.database,
        bridge.publisher,
        bridge.wake,
        bridge.clock,
        most_waiting=max(1, bridge.settings.server.threads // 4),
    )


def make_outbox(bridge: Bridge) -> Outbox:
    """Make what the dispatch engine works on."""
    return Outbox(bridge.database, bridge.live, bridge.publisher, bridge.wake)


def make_dispatching(bridge: Bridge) -> Dispatching:
    """Make what carries bookings out; not started."""
    from bridge.dispatch import Dispatch
    from bridge.scheduler.dispatching import Dispatching

    outbox = make_outbox(bridge)
    dispatch = Dispatch(
        database=bridge.database,
        outbox=outbox,
        accounts=bridge.accounts,
        clock=bridge.clock,
        random=bridge.ground.random,
    )
    return Dispatching(bridge.ground, outbox, dispatch, observe=bridge.metrics.booking)
