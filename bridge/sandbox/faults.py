"""Misbehaviour on command: what an account of a stand-in does wrong, for so long or so often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FAULTS: Mapping[str, str] = {
    # Listings
    "short_pages": "listings come two entries a page, and every second page is empty",
    "sync_gone": "every sync token is answered 410 fullSyncRequired",
    "page_gone": "a page token is answered 410 updatedMinTooLongAgo",
    "bare_tombstones": "what is deleted comes with its id alone (as often at Google)",
    "lone_masters": "a deleted series is reported without its exceptions",
    "endless_pages": "every page names a next one",
    "duplicate_pages": "entries of the last page come again on the next",
    "attendees_omitted": "of the guests only oneself is shown",
    "invalid_recurrence": "rules come in the broken forms that Google emits",
    "inverted_times": "events end before they begin",
    "uid_without_deleted": "whoever asks for one iCalUID is not shown what is deleted of it",
    # Refusals
    "rate_limited": "403 rateLimitExceeded",
    "user_rate_limited": "403 userRateLimitExceeded, with Retry-After",
    "too_many_requests": "429 with Retry-After",
    "forbidden": "403 forbidden, for good",
    "insufficient_permissions": "403 insufficientPermissions: a scope is missing",
    "not_configured": "403 accessNotConfigured: the API is off in the project",
    "server_error": "500 backendError",
    "unavailable": "503 backendError",
    "unauthorized": "401 authError although the token is good",
    "calendar_gone": "404 for every calendar but the list",
    # Broken answers
    "html": "an HTML page with 200 instead of JSON",
    "cut": "half of the body",
    "slow": "so many seconds before each answer",
    "lost_answers": "what is written stays, and the answer is 503 all the same",
    # OAuth
    "invalid_grant": "refresh tokens are refused",
    "expired_tokens": "access tokens are refused until they are refreshed",
    "testing_app": "refresh tokens end after seven days",
    "no_refresh_token": "no refresh token is given",
    "token_unavailable": "the token endpoint answers 503",
    "wrong_issuer": "the consent page sends its answer in the name of another server",
    # Conferences
    "meet_pending": "a Meet link comes after so many more reads",
    "meet_fails": "a Meet link is refused",
    "meet_missing": "nothing is said of a Meet link that was asked for",
    "meet_forbidden": "whoever asks for a Meet link is answered 403 forbidden",
    # Free-busy
    "freebusy_errors": "free-busy answers hold an error for each calendar",
    # Push
    "push_lost": "notifications are not sent",
    "push_late": "notifications come so many seconds late",
    "push_duplicate": "each notification comes twice",
    "push_refused": "watching is refused: 401 push.webhookUrlUnauthorized",
    "push_short": "channels end after so many seconds, whatever was asked for",
}
"""What goes wrong at Google; the value is True, or a number where the text says `so many`."""

_UNLIMITED = -1


class UnknownFault(ValueError):
    """There is no such misbehaviour."""


@dataclass(slots=True)
class Faults:
    """What is switched on for one account; guarded by the world's lock."""

    known: Mapping[str, str] = field(default_factory=lambda: FAULTS)
    """What can be switched on; each provider goes wrong in its own ways."""
    _values: dict[str, Any] = field(default_factory=dict)
    _left: dict[str, int] = field(default_factory=dict)

    def switch(self, name: str, value: Any = True, times: int | None = None) -> None:  # noqa: FBT002
        """Switch one on, or off with False or None.

        Args:
            name: one of `known`.
            value: True, or the number that the text asks for.
            times: how often it happens; None for always.
        """
        if name not in self.known:
            raise UnknownFault(f"{name!r}: there are {', '.join(sorted(self.known))}")
        if value is False or value is None:
            self._values.pop(name, None)
            self._left.pop(name, None)
            return
        self._values[name] = value
        self._left[name] = _UNLIMITED if times is None else times

    def apply(self, values: Mapping[str, Any]) -> None:
        """Switch some: `{"short_pages": true, "server_error": {"value": true, "times": 2}}`.

        Raises:
            UnknownFault: there is none of that name.
        """
        for name, value in values.items():
            if isinstance(value, Mapping):
                self.switch(name, value.get("value", True), value.get("times"))
            else:
                self.switch(name, value)

    def clear(self) -> None:
        """Behave."""
        self._values.clear()
        self._left.clear()

    def happens(self, name: str) -> Any:
        """Return the value of one that is on, counting it; else None."""
        left = self._left.get(name, 0)
        if left == 0:
            return None
        if left > 0:
            self._left[name] = left - 1
        return self._values[name]

    def is_on(self, name: str) -> bool:
        """Tell whether one is on, without counting it."""
        return self._left.get(name, 0) != 0

    def shown(self) -> Mapping[str, Any]:
        """Return what is on."""
        return {name: value for name, value in self._values.items() if self.is_on(name)}
