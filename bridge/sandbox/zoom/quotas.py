"""How much Zoom lets a program ask (https://developers.zoom.us/docs/api/rate-limits/)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.sandbox.faults import Faults
from bridge.sandbox.zoom.directory import User
from bridge.sandbox.zoom.errors import ZoomError


@dataclass(frozen=True, slots=True)
class Limits:
    """Zoom's own figures for an account of the plan Pro."""

    light: int = 30
    """Requests a second, for a whole account; so is the next."""
    medium: int = 20
    daily: int = 100
    """Meetings that are created and changed, for each host, from midnight to midnight of UTC."""

    def of(self, category: str) -> int:
        """Return how many requests of a category fit into a second."""
        return {"Light": self.light, "Medium": self.medium}[category]


class Quotas:
    """Counts requests; without limits it lets everything pass."""

    def __init__(self) -> None:
        self.limits: Limits | None = None
        self._second: tuple[int, Counter[tuple[str, str]]] = (0, Counter())
        self._day: tuple[str, Counter[str]] = ("", Counter())

    def request(self, account: str, category: str, now: datetime, faults: Faults) -> None:
        """Count a request.

        Raises:
            ZoomError: 429: it is one too many in a second.
        """
        if self.limits is None:
            return
        second = int(now.timestamp())
        if self._second[0] != second:
            self._second = (second, Counter())
        seen = self._second[1]
        seen[account, category] += 1
        limit = self.limits.of(category)
        if seen[account, category] > limit:
            raise a_second(category, limit, faults)

    def write(self, user: User, category: str, now: datetime) -> None:
        """Count that a meeting is created or changed.

        Raises:
            ZoomError: 429: it is one too many on a day.
        """
        if self.limits is None:
            return
        day = f"{now.astimezone(UTC):%Y-%m-%d}"
        if self._day[0] != day:
            self._day = (day, Counter())
        seen = self._day[1]
        if seen[user.id] >= self.limits.daily:
            raise a_day(category, self.limits.daily, now, user.faults)
        seen[user.id] += 1


def a_second(category: str, limit: int, faults: Faults) -> ZoomError:
    """Refuse what came too fast; Zoom does not say how long to wait."""
    text = "You have reached the maximum per-second rate limit for this API. Try again later."
    return _refused(text, {"X-RateLimit-Type": "QPS"}, (category, limit), faults)


def a_day(category: str, limit: int, now: datetime, faults: Faults) -> ZoomError:
    """Refuse what is too much for a day; Zoom writes the end of it as a date."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    text = (
        f"You have exceeded the daily rate limit ({limit}) of Meeting Create/Update API requests "
        "permitted for this particular user. You may resume these requests at GMT 00:00:00."
    )
    when = midnight.strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"X-RateLimit-Type": "Daily-limit", "Retry-After": when}
    return _refused(text, told, (category, limit), faults)


def _refused(text: str, told: Mapping[str, str], of: tuple[str, int], faults: Faults) -> ZoomError:
    category, limit = of
    headers = {
        "X-RateLimit-Category": category,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
    }
    return ZoomError(
        429, 429, text, headers=headers | ({} if faults.is_on("bare_limits") else dict(told))
    )
