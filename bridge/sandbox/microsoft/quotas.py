"""How much a program may ask of a mailbox (https://learn.microsoft.com/graph/throttling-limits)."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.sandbox.microsoft.errors import GraphError

_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class MailboxLimits:
    """Microsoft's own figures, for one program and one mailbox."""

    concurrent: int = 4
    requests: int = 10_000
    """In ten minutes."""


class Quotas:
    """Counts requests; without limits it lets everything pass."""

    def __init__(self, limits: MailboxLimits | None = None) -> None:
        self.limits = limits
        self._seen: dict[tuple[str, str], deque[datetime]] = defaultdict(deque)
        self._running: Counter[tuple[str, str]] = Counter()
        self.most: Counter[tuple[str, str]] = Counter()
        """How many ever ran at once, by client and mailbox."""

    def begin(self, key: tuple[str, str], now: datetime) -> None:
        """Count a request of a client for a mailbox.

        Raises:
            GraphError: 429: it is one too many.
        """
        limits = self.limits
        if limits is not None:
            seen = self._seen[key]
            while seen and now - seen[0] >= _WINDOW:
                seen.popleft()
            if len(seen) >= limits.requests:
                wait = int((_WINDOW - (now - seen[0])).total_seconds()) + 1
                raise GraphError(429, "TooManyRequests", headers={"Retry-After": str(wait)})
            if self._running[key] >= limits.concurrent:
                raise GraphError(429, "ApplicationThrottled", headers={"Retry-After": "1"})
            seen.append(now)
        self._running[key] += 1
        self.most[key] = max(self.most[key], self._running[key])

    def end(self, key: tuple[str, str]) -> None:
        """Forget a request that was answered."""
        self._running[key] -= 1
