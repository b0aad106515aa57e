"""Bookings whose calendar's connection is stopped: after three days somebody has to know.

They wait as long as that, since a connection may be paused for a weekend. Then they are among what
failed, with the remedy; and the remedy is all that it takes: once the connection goes on, they do.
"""

from __future__ import annotations

from bridge.bookings import failing
from bridge.bookings.ledger import Ledger
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus, ResourceId
from bridge.publish import Publisher
from bridge.store import bookings, claiming, outbox, resources
from bridge.store.database import Database, Transaction
from bridge.store.outbox import ProposalRow

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


def see_to(database: Database, publisher: Publisher, now: Instant) -> bool:
    """Give up what has waited too long for a stopped connection; go on where it was started again.

    Returns:
        Whether anything changed.
    """
    with database.read() as conn:
        resumed = claiming.resumed(conn, _CODES)
        stuck = claiming.stranded(conn, now, now - PATIENCE)
    done = False
    for row in resumed:
        with database.write() as conn:
            if _locked(conn, row) is not None:
                done = failing.again(conn, row.id, now) or done
    for row, how in stuck:
        with database.write() as conn:
            resource_id, still = _locked(conn, row), outbox.get(conn, row.id)
            if resource_id is None or still is None or still.fence != row.fence:
                continue
            if still.state.is_open and still.lease_until <= now:
                failing.fail(Ledger(conn, publisher, resource_id, now), still, _WHY[how])
                done = True
    return done


def _locked(conn: Transaction, proposal: ProposalRow) -> ResourceId | None:
    booking = bookings.get(conn, proposal.booking_id)
    row = None if booking is None else resources.lock(conn, ResourceId(booking.resource_id))
    return None if row is None else row.id
