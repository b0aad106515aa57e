"""What Zoom's errors mean (https://developers.zoom.us/docs/api/errors).

Its own numbers tell more than the status, and which status comes with them differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bridge.errors import (
    ProviderError,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.http import Response
from bridge.providers.zoom import wire
from bridge.transport import raise_for_status
from bridge.transport.status import MAX_RETRY_AFTER, retry_after, token_refused

_INVALID = 300
_TIMES = ("recurrence", "timezone", "start_time")
_LONGEST_TEXT = 200


class NoSuchTimes(RemoteRejected):
    """Zoom does not take the times of a meeting, or how it recurs; nothing was done."""


class Over(RemoteRejected):
    """The meeting has ended; there is nothing left to delete."""


_NO_USER = (
    RemoteRejected,
    "host_unknown",
    "the Zoom account has no such user",
    "the host is the account_email of the connection, else providers.zoom.host, else the email of "
    "the resource; it has to be an active user of the account",
)
_NO_SCOPES = (
    RemoteRejected,
    "scope_missing",
    "the app at Zoom lacks a scope",
    "add the scopes of docs/zoom.md to the app; an account that its owner connected has to be "
    "connected again after that",
)
_MEANINGS: Mapping[int, tuple[type[ProviderError], str | None, str, str]] = {
    1001: _NO_USER,
    3001: (RemoteNotFound, None, "Zoom has no such meeting", ""),
    3002: (TemporarilyUnavailable, "in_progress", "the meeting is in progress", ""),
    3007: (Over, None, "the meeting has ended", ""),
    4711: _NO_SCOPES,
    104: _NO_SCOPES,
}


def check(response: Response, what: str) -> None:
    """Raise what an answer means that is no success.

    Args:
        response: any answer.
        what: the thing that was asked for; begins the message.

    Raises:
        RemoteNotFound: the meeting is not there (any more).
        NoSuchTimes, Over: see there.
        ProviderError: as `bridge.transport.raise_for_status`, in words for who booked.
    """
    if response.status >= 400:
        said = wire.refusal(response.body)
        if (error := _known(response, said, what)) is not None:
            raise error
    raise_for_status(response, what=what)


def _known(response: Response, said: wire.Refusal, what: str) -> ProviderError | None:
    if said.code in _MEANINGS:
        error, code, text, hint = _MEANINGS[said.code]
        return error(f"{what}: {text}", code=code, hint=hint)
    match response.status:
        case 401:
            return token_refused(response, what)
        case 429:
            pause = _pause(response, said)
            return RateLimited(f"{what}: {_limit(response, said, pause)}", retry_after=pause)
        case 400 | 403 if said.code:
            return _rejected(said, what)
        case _:
            return None


def _rejected(said: wire.Refusal, what: str) -> RemoteRejected:
    wrong = [each for each in said.errors if each.field]
    told = "; ".join([said.message, *(f"{each.field}: {each.message}" for each in wrong)])
    text = f"{what}: Zoom refuses it: {told[:_LONGEST_TEXT]}"
    if said.code == _INVALID and wrong and all(it.field.startswith(_TIMES) for it in wrong):
        return NoSuchTimes(text)
    return RemoteRejected(text, code="forbidden" if said.code == 200 else None)


def _limit(response: Response, said: wire.Refusal, pause: timedelta | None) -> str:
    if not _is_daily(response.headers, said):
        return "Zoom asks for a pause"
    now = _date(response.headers)
    until = f"before {now + pause:%Y-%m-%d %H:%M} UTC" if now and pause else "today"
    return f"no more meetings of this host can be made or changed {until}"


def _is_daily(headers: Mapping[str, str], said: wire.Refusal) -> bool:
    return "daily" in headers.get("x-ratelimit-type", "").lower() or "daily" in said.message.lower()


def _pause(response: Response, said: wire.Refusal) -> timedelta | None:
    """Say how long Zoom wants to be left alone: it writes Retry-After as ISO 8601 has it.

    A limit of the day ends at midnight of UTC, by the answer's own Date, when nothing says so.
    """
    plain = retry_after(response.headers)
    if plain is not None:
        return plain
    if (now := _date(response.headers)) is None:
        return None
    try:
        until = datetime.fromisoformat(response.headers.get("retry-after", ""))
        pause = until.astimezone(UTC) - now if until.tzinfo else None
    except ValueError:
        pause = None
    if pause is None and _is_daily(response.headers, said):
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        pause = midnight - now
    return None if pause is None else min(max(pause, timedelta()), MAX_RETRY_AFTER)


def _date(headers: Mapping[str, str]) -> datetime | None:
    """Give the present as an answer has it."""
    try:
        now = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
