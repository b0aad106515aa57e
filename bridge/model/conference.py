"""Conferences: the Meet, Teams or Zoom meeting of a booking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ConferenceKind(Enum):
    """Whose meeting it is, in the words of `X-BUSYBRIDGE-CONFERENCE` and the configuration."""

    GOOGLE_MEET = "google_meet"
    TEAMS = "teams"
    ZOOM = "zoom"


class ConferenceState(Enum):
    """How far a meeting is."""

    PENDING = "pending"
    """It was asked for; its maker says the link later."""
    READY = "ready"
    FAILING = "failing"
    """It could not be made; it is tried again, or its reason stands with the booking."""


@dataclass(frozen=True, slots=True)
class Conference:
    """One meeting as its maker has it."""

    kind: ConferenceKind
    state: ConferenceState
    reference: str = ""
    """What its maker calls it: the id by which it is changed and cancelled; empty where it goes
    with the event."""
    join_url: str = ""
    """Empty until it is READY."""
    details: str = ""
    """What guests may need beside the link: a passcode, numbers to dial; plain text."""
    reason: str = ""
    """Why it is FAILING, for the person who booked."""
    maker: str = ""
    """The connection at whose account it was made; empty where that is not said."""
