"""Changes of what readers see of a booking that are ours: tentative, cancelled, restored."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bridge.bookings import revising, times
from bridge.bookings.ledger import Ledger, tag
from bridge.store import bookings, outbox
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Transaction
from bridge.store.outbox import Kind, ProposalRow

REASON = "X-BUSYBRIDGE-REASON"
UNTAKEN = "it was changed in the calendar as cannot be shown here; the times there count"
"""Reason of a booking that blocks when its event does, not when its text says: changes that are
shown above it leave that as it is."""


def revised(booking: BookingRow, text: str, state: State, *, reason: str = "") -> BookingRow:
    """Give a booking another visible text, which says who may read it."""
    return booking._replace(
        text=text,
        private=revising.is_private(text),
        etag=tag(text),
        schedule_tag=tag(text),
        sequence=sequence_of(text),
        state=state,
        reason=reason,
    )


def tentative(ledger: Ledger, booking: BookingRow, proposal: ProposalRow) -> None:
    """Show a proposal that is not settled, since its client was told so.

    The time of the revision before stays blocked, too. A deletion is shown by showing nothing.
    """
    outbox.change(ledger.conn, proposal.id, shown=True, before=remembered(booking))
    if proposal.kind is Kind.DELETE:
        ledger.save(booking, booking._replace(state=State.LEAVING))
        return
    text = revising.revise(proposal.text, {"STATUS": "STATUS:TENTATIVE"})
    shown = revised(booking, text, State.TENTATIVE, reason="not confirmed by the calendar yet")
    ledger.save(booking, shown)
    held = bookings.booked_of(ledger.conn, booking.id, proposal.id)
    ledger.times(booking.id, [-proposal.id], times.as_tentative(held, proposal.id))


def cancelled(booking: BookingRow, text: str, reason: str) -> BookingRow:
    """Show a booking as cancelled, and why."""
    number = sequence_of(text) + 1
    text = revising.revise(
        text,
        {
            "STATUS": "STATUS:CANCELLED",
            "SEQUENCE": f"SEQUENCE:{number}",
            REASON: revising.text_line(REASON, reason),
        },
        every=True,
    )
    return revised(booking, text, State.CANCELLED, reason=reason)


def restored(booking: BookingRow, before: str, reason: str) -> BookingRow:
    """Show the revision before as a new one, and why; the name is the one that it has by now."""
    was: Mapping[str, str] = json.loads(before)
    text = revising.revise(
        was["text"],
        {
            "SEQUENCE": f"SEQUENCE:{max(sequence_of(was['text']), booking.sequence) + 1}",
            REASON: revising.text_line(REASON, reason),
        },
    )
    # The text says why; what is noted of the times below it stays.
    return revised(booking, text, State(was["state"]), reason=was.get("reason", reason))


def remembered(booking: BookingRow) -> str:
    """Keep the visible revision, so that it can be restored; empty where nothing is visible."""
    if not booking.state.is_visible:
        return ""
    was = {"text": booking.text, "state": booking.state.value}
    if booking.reason == UNTAKEN:
        was["reason"] = UNTAKEN
    return json.dumps(was, ensure_ascii=False)


def is_untaken(before: str) -> bool:
    """Tell whether a remembered revision blocks when its event does."""
    return bool(before) and json.loads(before).get("reason") == UNTAKEN


def beneath(conn: Transaction, booking: BookingRow) -> tuple[str, State]:
    """Give text and state of what stands, beneath changes that are shown and not settled."""
    shown = [it for it in outbox.open_of(conn, booking.id) if it.shown and it.before]
    if not shown:
        return booking.text, booking.state
    was: Mapping[str, str] = json.loads(shown[0].before)
    return was["text"], State(was["state"])


def sequence_of(text: str) -> int:
    """Read the SEQUENCE of a text."""
    value = revising.said(text).get("SEQUENCE", "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0
