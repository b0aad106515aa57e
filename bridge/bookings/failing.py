"""What fails, waits for a human, and is tried again because one says so."""

from __future__ import annotations

from bridge.bookings import showing
from bridge.bookings.ledger import Ledger
from bridge.model.interval import Instant
from bridge.store import bookings, claiming, outbox
from bridge.store.database import Transaction
from bridge.store.outbox import Kind, ProposalRow


def of_booking(conn: Transaction, booking_id: str) -> list[ProposalRow]:
    """List what failed of a booking, the newest first."""
    found = outbox.of_booking(conn, booking_id)
    return [it for it in found if it.state is outbox.State.FAILED]


def by_booking(conn: Transaction) -> dict[str, list[ProposalRow]]:
    """Give all that failed, by booking, the newest first."""
    found: dict[str, list[ProposalRow]] = {}
    for proposal in outbox.failed(conn):
        found.setdefault(proposal.booking_id, []).insert(0, proposal)
    return found


def fail(ledger: Ledger, proposal: ProposalRow, error: tuple[str, str]) -> None:
    """Give a proposal up, with code and text of why; nobody else works on it, and `ledger` closes.

    It is shown as tentative where it was not yet: nobody knows what the provider has.
    """
    conn = ledger.conn
    row = outbox.get(conn, proposal.id) or proposal
    booking = bookings.get(conn, row.booking_id)
    if booking is None:
        return
    if not row.kind.is_errand and not row.shown:
        showing.tentative(ledger, booking, row)
    code, message = error
    outbox.close(
        conn, row.id, outbox.State.FAILED, ledger.now, error_code=code, error_message=message
    )
    ledger.tell("failed", booking, reason=message)
    ledger.close()


def again(conn: Transaction, proposal_id: int, now: Instant) -> bool:
    """Queue what failed once more; False when it did not fail, or a newer write settled.

    The caller holds the resource's lock.
    """
    row = outbox.get(conn, proposal_id)
    if row is None or row.state is not outbox.State.FAILED:
        return False
    newer = [] if row.kind is Kind.TRANSFER else outbox.of_booking(conn, row.booking_id)
    if any(it.id > row.id and it.state is outbox.State.SETTLED for it in newer):
        return False
    return claiming.requeue(conn, proposal_id, now)
