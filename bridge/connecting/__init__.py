"""Accounts are connected by their owners' consent, and disconnected again.

The one room beside the engine that asks providers while somebody waits: a few at a time, each
request with a deadline.
"""

from __future__ import annotations

from bridge.connecting.asked import Asked, ConsentRefused, Crowded, Ended, Response
from bridge.connecting.connecting import Connecting
from bridge.connecting.ending import BeforeRevoking
from bridge.connecting.invitations import Invitations, RedirectNotAllowed
from bridge.connecting.lent import Lent, RawCalendars
from bridge.connecting.listing import Listing
from bridge.connecting.offers import Offer, offers
from bridge.connecting.pausing import Disconnected, ManagedByFile, pause, resume

__all__ = [
    "Asked",
    "BeforeRevoking",
    "Connecting",
    "ConsentRefused",
    "Crowded",
    "Disconnected",
    "Ended",
    "Invitations",
    "Lent",
    "Listing",
    "ManagedByFile",
    "Offer",
    "RawCalendars",
    "RedirectNotAllowed",
    "Response",
    "offers",
    "pause",
    "resume",
]
