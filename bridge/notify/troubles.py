"""What is wrong with a connection that an admin should hear of. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.store.calendars import CalendarRow
from bridge.store.connections import ConnectionRow
from bridge.store.mirrors import MirrorRow

_FAILURES = 2
"""Failures in a row without which an error is a blip, however long ago it was."""


class Trouble(Enum):
    """What may be wrong, the worst first. The values are stored, and read by programs."""

    DISCONNECTED = "disconnected"
    """Somebody took the account away: nothing of it blocks any more."""
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word, not a secret
    ERROR = "error"
    """It fails again and again."""
    STALE = "stale"
    """A calendar was not read for `max_stale`."""
    SHRUNK = "shrunk"
    """A listing lacks so much that a second one has to confirm it."""
    MIRROR = "mirror"
    """Blocks cannot be written into one of its calendars, or cannot be deleted there."""


PASSING = frozenset({Trouble.ERROR, Trouble.MIRROR})
"""They come and go by themselves: over only when they were gone for a while."""
OF_STATUS = frozenset({Trouble.DISCONNECTED, Trouble.TOKEN_EXPIRED, Trouble.ERROR})
"""Over when a pull went well, not when they merely cannot be seen."""


@dataclass(frozen=True, slots=True)
class Look:
    """One connection as it is seen."""

    connection: ConnectionRow
    calendars: Sequence[CalendarRow]
    """Those of them that are stale or were doubted."""
    troubles: Mapping[Trouble, Instant]
    """Since when."""
    mirrors: Sequence[MirrorRow] = ()
    """Those into its calendars that fail, the longest first."""

    def is_well_since(self, since: Instant) -> bool:
        """Tell whether a pull went well after this, and none failed since."""
        row = self.connection
        pulled = row.success_at is not None and row.success_at >= since
        return row.status is ConnectionStatus.ACTIVE and not row.failures and pulled

    @property
    def is_nobodys_trouble(self) -> bool:
        """Whether a person stopped it, or its owner has not connected it yet."""
        return self.connection.status in (ConnectionStatus.PAUSED, ConnectionStatus.PENDING)


def look(
    row: ConnectionRow,
    calendars: Sequence[CalendarRow],
    now: Instant,
    after: int,
    mirrors: Sequence[MirrorRow] = (),
) -> Look:
    """Find what is wrong.

    Args:
        row: the connection.
        calendars: its calendars that are stale or doubted.
        now: the present.
        after: seconds that an error has to last. A permission that ended does not come back by
            itself, and is told at once.
        mirrors: those into its calendars with which something is wrong.
    """
    found: dict[Trouble, Instant] = {}
    since = now if row.error_since is None else row.error_since
    match row.status:
        case ConnectionStatus.DISCONNECTED:
            found[Trouble.DISCONNECTED] = now
        case ConnectionStatus.TOKEN_EXPIRED:
            found[Trouble.TOKEN_EXPIRED] = since
        case ConnectionStatus.ERROR if row.failures >= _FAILURES and now - since >= after:
            found[Trouble.ERROR] = since
    if stale := [row for row in calendars if row.stale]:
        found[Trouble.STALE] = min(_last_read(row, now) for row in stale)
    if waiting := [row.shrink for row in calendars if row.shrink]:
        found[Trouble.SHRUNK] = min(int(json.loads(text)["since"]) for text in waiting)
    failing = [it for it in mirrors if _fails(it) and now - _since(it, now) >= after]
    if failing:
        found[Trouble.MIRROR] = min(_since(it, now) for it in failing)
    return Look(row, calendars, found, failing)


def _fails(row: MirrorRow) -> bool:
    """Tell whether it fails again and again, or has a block that nobody but a person can delete."""
    return row.failures == 0 or row.failures >= _FAILURES


def _since(row: MirrorRow, now: Instant) -> Instant:
    return now if row.error_since is None else row.error_since


def _last_read(row: CalendarRow, now: Instant) -> Instant:
    since = row.failed_since if row.success_at is None else row.success_at
    return now if since is None else since
