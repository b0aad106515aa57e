"""Bookings whose calendar's connection is stopped: after three days somebody has to know.

They wait as long as that, since a connection may be paused for a weekend. Then they are among what
failed, with the remedy; and the remedy is all that it takes: once the connection goes on, they do.
"""

from __future__ import annotations

from bridge.bookings import failing
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus, ResourceId
from bridge.store import bookings, claiming, resources
from bridge.store.database import Database, Transaction
from bridge.store.outbox import ProposalRow
from bridge.store.resources import ResourceRow

PATIENCE = 72 * 3600
"""Seconds after which a human has to look."""
_WHY = {
    ConnectionStatus.PAUSED: (
        "connection_paused",
        "the calendar's connection is paused; it is gone on with once that is resumed",
    ),
    ConnectionStatus.DISCONNECTED: (
        "connection_disconnected",
        "the calendar's connection is disconnected; it is gone on with once that is connected",
    ),
    ConnectionStatus.PENDING: (
        "connection_pending",
        "the calendar's connection waits for its owner; it is gone on with once that is connected",
    ),
}
_CODES = frozenset(code for code, _ in _WHY.values())


def found(database: Database, now: Instant) -> list[tuple[ProposalRow, tuple[str, str]]]:
    """List what has waited too long for a stopped connection, with code and text of why."""
    with database.read() as conn:
        return [(row, _WHY[how]) for row, how in claiming.stranded(conn, now, now - PATIENCE)]


def go_on(database: Database, now: Instant) -> bool:
    """Queue anew what failed because of a connection that goes on now; False: nothing."""
    with database.read() as conn:
        waiting = claiming.resumed(conn, _CODES)
    done = False
    for row in waiting:
        with database.write() as conn:
            if _locked(conn, row) is not None:
                done = failing.again(conn, row.id, now) or done
    return done


def _locked(conn: Transaction, proposal: ProposalRow) -> ResourceRow | None:
    booking = bookings.get(conn, proposal.booking_id)
    return None if booking is None else resources.lock(conn, ResourceId(booking.resource_id))
