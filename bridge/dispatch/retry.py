"""When what could not be done is tried again, and when it is not. Pure."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from bridge.bookings.stranded import PATIENCE
from bridge.config.syncing import Backoff
from bridge.errors import ConfigError, Disposition, ProviderError, TemporarilyUnavailable
from bridge.model.interval import Instant

BACKOFF = Backoff(initial=timedelta(seconds=1), max=timedelta(minutes=15))
"""Somebody waits for the first tries."""
POLLING = Backoff(initial=timedelta(seconds=2), max=timedelta(minutes=1))
"""Of a meeting that its provider is making."""
MEETING = Backoff(initial=timedelta(minutes=1), max=timedelta(hours=6))
"""Of a meeting that could not be made: makers allow few tries a day."""
LONGEST = 6 * 3600
"""Seconds. A provider that asks for a longer pause is asked again all the same."""
PENDING = 600
"""Seconds after which a meeting that is still being made counts as failing."""
_HUMAN = 900
"""Seconds between two tries that only a human can make succeed."""
_ELSEWHERE = 2
"""Seconds after which a process that knows the connection has another chance."""


def wait(err: Exception | None, attempts: int, random: Random, backoff: Backoff = BACKOFF) -> int:
    """Say how many seconds to wait after a failure.

    Args:
        err: what happened; None: it just is not there yet.
        attempts: how many tries failed before this one.
        random: where jitter comes from.
        backoff: the bounds.
    """
    drawn = random.uniform(0, backoff.bound(attempts))
    match err:
        case TemporarilyUnavailable(retry_after=timedelta() as asked):
            # A little is added to what was asked for, never taken off.
            pause = min(asked.total_seconds(), LONGEST) * random.uniform(1, 1.1)
            return _whole(max(pause, drawn))
        case ConfigError():  # another process has the connection in its file
            return _whole(max(drawn, _ELSEWHERE))
        case ProviderError(disposition=Disposition.REAUTHORIZE | Disposition.REJECT):
            return _whole(max(drawn, _HUMAN * random.uniform(1, 1.1)))
    return _whole(drawn)


def asked(err: Exception | None, random: Random) -> int:
    """Say for how many seconds a provider wants to be left alone; 0: it does not say."""
    match err:
        case TemporarilyUnavailable(retry_after=timedelta()):
            return wait(err, 0, random)
    return 0


def is_hopeless(created: Instant, now: Instant) -> bool:
    """Tell whether it was tried for so long that a human has to look."""
    return now - created > PATIENCE


def _whole(seconds: float) -> int:
    return max(1, round(seconds))
