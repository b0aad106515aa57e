"""Proposals: writes that were asked for, claimed with leases, in order for each booking.

queued -> claimed -> settled | refused, or queued again for a retry; queued -> withdrawn, unless it
was claimed once: `started` says that nobody can promise any more that nothing was done. failed: a
human has to look (`bookings list --failed`), and may have it tried again.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from bridge.model.interval import Instant


class Kind(Enum):
    """What is to happen to a booking."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    MEETING = "meeting"
    """Nothing but its meeting: made later, polled, or cancelled after all."""


class State(Enum):
    """How far a proposal is."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SETTLED = "settled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether it may still become visible."""
        return self in {State.QUEUED, State.CLAIMED}


class ProposalRow(NamedTuple):
    """One proposal; columns in the table's order, whose comments say what they hold."""

    id: int
    booking_id: str
    kind: Kind
    state: State
    actor: str
    name: str
    text: str
    digest: str
    base: str
    shown: bool
    before: str
    created_at: Instant
    due_at: Instant
    started: bool
    attempts: int
    progress: str
    lease_owner: str
    lease_until: Instant
    fence: int
    error_code: str
    error_message: str
    settled_at: Instant | None
