"""Reading back: a calendar that a booking was written to is pulled soon, and not an interval later.

What its provider makes of the event after the answer, a link, a room's or a guest's reply, what an
owner adds at once, shows by that. Many writes in a row are one pull every `sync.after_write`.
"""

from __future__ import annotations

import logging

from bridge.channels import standing
from bridge.errors import StoreError
from bridge.model.resource import ConnectionId
from bridge.scheduler.ground import Ground
from bridge.store import calendars, channels, leases

logger = logging.getLogger(__name__)


def read_back(ground: Ground, connection_id: ConnectionId) -> None:
    """Have a connection pulled soon, in transactions of their own.

    Where the provider tells of every change it is left to that: it tells of ours, too. A process
    that dies before leaves it to the interval.
    """
    now = ground.clock()
    latest = now + int(ground.live.current.sync.after_write.total_seconds())
    try:
        with ground.database.read() as conn:
            if not leases.is_to_follow(conn, connection_id, latest):
                return
            rows = calendars.of_connection(conn, connection_id)
            known = channels.of_connection(conn, connection_id)
        if standing.look(rows, known, "", now).state == "on":
            return
        with ground.database.write(lasting=False) as conn:
            leases.follow(conn, connection_id, latest)
    except StoreError as err:
        logger.warning("%s: what was written is read at its interval: %s", connection_id, err)
