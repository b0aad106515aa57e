"""What the scheduler is told: what to read before a try, and how it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from bridge.errors import BridgeError, ConfigError, InvalidCalendarObject, ProviderError
from bridge.model.resource import ConnectionId, ResourceId


class Recheck(NamedTuple):
    """Calendars that are to be read once more before a proposal is decided."""

    resource_id: ResourceId
    max_age: timedelta
    timeout: timedelta


class Report(NamedTuple):
    """How a try ended."""

    outcome: str
    """`settled`, `refused`, `later`, `failed` or `lost`."""
    error: BridgeError | None = None
    """Why later, or never."""
    limited: ConnectionId | None = None
    """The account whose provider asked for a pause."""
    wrote_to: ConnectionId | None = None
    """The account in whose calendar an event was written or deleted."""


def code_of(err: BridgeError) -> str:
    """Name what went wrong: stable, snake_case."""
    match err:
        case ProviderError(code=code):
            return code
        case ConfigError():
            return "invalid_config"
        case InvalidCalendarObject():
            return "unreadable"
        case _:
            return "internal_error"
