"""Bookings: events that come to us and are written to a resource's calendar.

`Bookings` takes writes and shows what stands; `Outbox` is what the dispatch engine works on. Both
decide under the lock of the resource's row, so that of any number of overlapping bookings one wins.
"""

from bridge.bookings.desk import Bookings
from bridge.bookings.settle import Outbox
from bridge.bookings.settling import Claim

__all__ = ["Bookings", "Claim", "Outbox"]
