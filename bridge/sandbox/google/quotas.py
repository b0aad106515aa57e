"""Requests a minute, for each person and for the whole project; sliding windows."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.sandbox.google.errors import ApiError

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """Google's own figures (https://developers.google.com/workspace/calendar/api/guides/quota)."""

    user: int = 600
    project: int = 10_000


class Quotas:
    """Counts requests; without limits it lets everything pass."""

    def __init__(self, limits: Limits | None) -> None:
        self._limits = limits
        self._seen: dict[tuple[str, str], deque[datetime]] = defaultdict(deque)

    def count(self, client: str, user: str, now: datetime) -> None:
        """Count one request of a client for a user.

        Raises:
            ApiError: 403; it is one too many.
        """
        if self._limits is None:
            return
        if self._add((client, ""), now) > self._limits.project:
            raise ApiError(403, "rateLimitExceeded")
        if self._add((client, user), now) > self._limits.user:
            raise ApiError(403, "userRateLimitExceeded")

    def _add(self, key: tuple[str, str], now: datetime) -> int:
        seen = self._seen[key]
        while seen and now - seen[0] >= _MINUTE:
            seen.popleft()
        seen.append(now)
        return len(seen)
