"""What becomes visible again when a proposal is refused that readers were shown already."""

from __future__ import annotations

from bridge.bookings import showing
from bridge.bookings.ledger import Ledger
from bridge.store import bookings, outbox
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Transaction
from bridge.store.outbox import ProposalRow

STANDS = "still_there"
"""Code of a refusal because what was to be replaced could not be deleted."""


def taken_back(ledger: Ledger, booking: BookingRow, proposal: ProposalRow, reason: str) -> None:
    """Undo what readers were shown of a proposal that is refused."""
    conn = ledger.conn
    if proposal.kind is outbox.Kind.DELETE:
        _displace(ledger, booking, reason)
    if not proposal.shown:
        if booking.state is State.PROPOSED and not outbox.open_of(conn, booking.id):
            ledger.save(booking, booking._replace(state=State.REMOVED))
        return
    later = [it for it in outbox.open_of(conn, booking.id) if it.shown]
    if later:  # what it shows stands on top
        outbox.change(conn, later[0].id, before=proposal.before)
        return
    if proposal.before:
        after = showing.restored(booking, proposal.before, reason)
    else:
        after = showing.cancelled(booking, proposal.text, reason)
    after = ledger.save(booking, after._replace(name=_free_name(ledger, booking)))
    ledger.tell("failed", after, reason=reason)


def lives_again(conn: Transaction, booking: BookingRow) -> bool:
    """Tell whether a later booking of its UID stands at a provider, or may."""
    return any(
        row.remote_id
        or any(it.state is outbox.State.FAILED for it in outbox.of_booking(conn, row.id))
        for row in _later(conn, booking)
    )


def _later(conn: Transaction, booking: BookingRow) -> list[BookingRow]:
    """List what lives of later generations."""
    return [
        it
        for it in bookings.by_uid(conn, booking.resource_id, booking.uid)
        if it.generation > booking.generation and it.state is not State.REMOVED
    ]


def _displace(ledger: Ledger, booking: BookingRow, reason: str) -> None:
    """Refuse what was to take the place of a booking that stays: of a UID there is one.

    It waited for the deletion, so that nobody has begun with it.
    """
    for row in _later(ledger.conn, booking):
        for proposal in outbox.open_of(ledger.conn, row.id):
            outbox.close(
                ledger.conn,
                proposal.id,
                outbox.State.REFUSED,
                ledger.now,
                error_code=STANDS,
                error_message=f"the booking before it could not be deleted: {reason}",
            )
        ledger.clear(row.id)
        ledger.save(row, row._replace(state=State.REMOVED))


def _free_name(ledger: Ledger, booking: BookingRow) -> str:
    """Give a booking that comes back its name, or another one where that was given away."""
    others = bookings.named(ledger.conn, booking.resource_id, booking.name)
    taken = any(it.id != booking.id for it in others)
    return f"{booking.id}.ics" if taken else booking.name
