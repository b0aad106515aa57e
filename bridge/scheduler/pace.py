"""When a connection is pulled next: the interval after a success, a backoff after a failure. Pure.

Waits after failures have full jitter: any moment between now and a bound that doubles with each
failure in a row, so that a provider that comes back is not met by everybody at once.
"""

from __future__ import annotations

from datetime import timedelta
from math import floor
from random import Random
from typing import NamedTuple

from bridge.channels.standing import Tended
from bridge.config.plan import ConnectionPlan
from bridge.config.syncing import Backoff, Sync
from bridge.errors import (
    AuthorizationExpired,
    BridgeError,
    CredentialUnreadable,
    Disposition,
    NotConnected,
    ProviderError,
    RateLimited,
    StoreError,
    TemporarilyUnavailable,
)
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.store.connections import Failure

TICK = 1
"""Seconds between two looks at what is due."""
REAUTHORIZE = 3600
"""Seconds between two tries with a credential that was refused: more would lock the account."""
SETTLED = 5
"""Seconds after which a provider lists what it told of."""
_SLOW = 900
"""Least seconds after a refusal that the provider will not take back by itself."""
UNTOLD = Tended()
"""A connection of whose changes nobody tells."""


class Rhythm(NamedTuple):
    """How often a healthy connection is pulled."""

    interval: timedelta
    jitter: float


class Verdict(NamedTuple):
    """What a pull that ended means to its connection."""

    failure: Failure | None
    """None after a success."""
    next_due: Instant


def after_success(
    rhythm: Rhythm, started: Instant, now: Instant, random: Random, tended: Tended = UNTOLD
) -> Instant:
    """Return when a healthy connection is due again.

    Counted from the start of the pull, so that starts are never further apart than
    `longest_gap`. A pull that outlasts its interval rests for a tenth of it.
    """
    interval = rhythm.interval.total_seconds()
    latest = longest_gap(rhythm) - TICK
    drawn = interval * random.uniform(1 - rhythm.jitter, 1 + rhythm.jitter)
    due = max(started + floor(min(drawn, latest)), now + floor(interval / 10))
    if tended.fresh:
        return now
    return due if tended.due_at is None else min(due, max(tended.due_at, now + TICK))


def rhythm(plan: ConnectionPlan, sync: Sync, tended: Tended) -> Rhythm:
    """Tell how often a connection is pulled: seldom while all its changes are told.

    Never so seldom that its calendars would count as stale before.
    """
    if not tended.healthy:
        return Rhythm(plan.interval, plan.jitter)
    chosen = [each.policy for each in plan.read_calendars or ()]
    stale = min(each.availability.max_stale for each in (plan.policy, *chosen))
    return Rhythm(max(plan.interval, min(sync.push_poll_interval, stale / 2)), plan.jitter)


def repeated(started: Instant, tended: Tended) -> Instant | None:
    """Say when a pull that found nothing is repeated, if a notification promised that it would.

    What a provider tells of it need not list yet. Whoever pulls again a little later finds it.
    """
    if tended.heard_at is None or started - tended.heard_at >= SETTLED:
        return None
    return tended.heard_at + SETTLED


def longest_gap(rhythm: Rhythm) -> int:
    """Return the most seconds that may lie between two starts of a healthy connection."""
    return floor(rhythm.interval.total_seconds() * (1 + rhythm.jitter))


def after_failure(
    err: BridgeError,
    backoff: Backoff,
    before: tuple[ConnectionStatus, int],
    now: Instant,
    random: Random,
) -> Verdict:
    """Decide what a failed pull means.

    Args:
        err: what ended the pull.
        backoff: the bounds in force.
        before: the connection's status, and its failures in a row, without this one.
        now: the end of the pull.
        random: where jitter comes from.
    """
    status, failures = before
    bound = backoff.bound(failures)
    most = backoff.max.total_seconds()
    match err:
        case NotConnected():  # it is not pulled before its owner granted something
            status, wait = ConnectionStatus.PENDING, float(REAUTHORIZE)
        case CredentialUnreadable():
            status, wait = ConnectionStatus.ERROR, float(REAUTHORIZE)
        case AuthorizationExpired():
            status, wait = ConnectionStatus.TOKEN_EXPIRED, REAUTHORIZE * random.uniform(1, 1.1)
        case TemporarilyUnavailable(retry_after=timedelta() as asked):
            # The pause is honoured up to the longest backoff; a little is added, never taken off.
            # A provider that asks for none does not get us without a backoff of our own.
            pause = min(asked.total_seconds(), most) * random.uniform(1, 1.1)
            return _limited(err, status, now, max(pause, bound * random.uniform(0.5, 1)))
        case RateLimited():
            return _limited(err, status, now, bound * random.uniform(0.5, 1))
        case ProviderError(disposition=Disposition.REJECT):
            status, wait = ConnectionStatus.ERROR, max(random.uniform(0, bound), min(_SLOW, most))
        case StoreError():  # our trouble, not the connection's: its status stays
            wait = random.uniform(0, bound)
        case _:
            status, wait = ConnectionStatus.ERROR, random.uniform(0, bound)
    return Verdict(failure(err, status), now + _whole(wait))


def _limited(
    err: TemporarilyUnavailable, status: ConnectionStatus, now: Instant, wait: float
) -> Verdict:
    until = now + _whole(wait)
    # Slowing down is no fault of the connection: it stays what it was.
    return Verdict(failure(err, status)._replace(limited_until=until), until)


def failure(err: BridgeError, status: ConnectionStatus) -> Failure:
    """Describe a failure as it is shown with its connection."""
    if isinstance(err, ProviderError):
        return Failure(err.code, str(err), err.hint, status)
    code = "store_unavailable" if isinstance(err, StoreError) else "internal_error"
    return Failure(code, str(err), status=status)


def _whole(seconds: float) -> int:
    return max(1, round(seconds))
