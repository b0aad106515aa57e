"""Names of the things an admin configures."""

from __future__ import annotations

from enum import Enum
from typing import NewType

ResourceId = NewType("ResourceId", str)
ConnectionId = NewType("ConnectionId", str)
"""Global: `room-a.work`. Ids themselves contain no dots."""


class CUType(Enum):
    """RFC 5545 section 3.2.3."""

    INDIVIDUAL = "individual"
    ROOM = "room"
    RESOURCE = "resource"
    GROUP = "group"


class ConnectionStatus(Enum):
    """Whether a connection can be used at all."""

    PENDING = "pending"
    ACTIVE = "active"
    ERROR = "error"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word, not a secret
    PAUSED = "paused"
    DISCONNECTED = "disconnected"


class Direction(Enum):
    """Which way a connection works: from its calendars to us, from us to its write calendar."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    BOTH = "both"

    @property
    def reads(self) -> bool:
        """Whether its calendars block time."""
        return self is not Direction.OUTBOUND

    @property
    def writes(self) -> bool:
        """Whether it may have a write calendar."""
        return self is not Direction.INBOUND


class SyncState(Enum):
    """What the engine is doing with a connection."""

    IDLE = "idle"
    SYNCING = "syncing"
    BACKOFF = "backoff"
    RATE_LIMITED = "rate_limited"


class Access(Enum):
    """What a login may do with a resource, weakest first (INTERFACE section 1)."""

    FREE_BUSY = "free-busy"
    READ = "read"
    WRITE = "write"
    MANAGE = "manage"


class Projection(Enum):
    """The two views of a resource's busy time; each has ETags of its own."""

    TIMES = "times"
    DETAILS = "details"
