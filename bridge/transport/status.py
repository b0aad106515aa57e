"""What an HTTP status means to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Response
from bridge.transport.urls import where

MAX_RETRY_AFTER = timedelta(days=1)
_NOT_NOW = {408, 423, 425}
_NEVER = {501, 505}
_GONE = (RemoteNotFound, None, "check the URL; the calendar may have been deleted")
_UNABLE = (RemoteRejected, None, "this server cannot do what is needed")
_MEANINGS: Mapping[int, tuple[type[ProviderError], str | None, str]] = {
    403: (RemoteRejected, "forbidden", "check what this account may read, and its password"),
    404: _GONE,
    410: _GONE,
    412: (RemoteChanged, None, ""),
    501: _UNABLE,
    505: _UNABLE,
}


def raise_for_status(response: Response, *, what: str) -> None:
    """Raise what a status means; statuses with a meaning of their own are the caller's, before.

    Args:
        response: any answer; a whole 2xx passes.
        what: the thing that was asked for, `the calendar feed`; begins the message.

    Raises:
        AuthorizationExpired: 401.
        RateLimited: 429, and 403 with Retry-After.
        RemoteNotFound: 404 and 410.
        RemoteChanged: 412.
        TemporarilyUnavailable: 408, 423, 425, and 5xx but for 501 and 505.
        UnreadableAnswer: 206, which nobody asked for, and 3xx.
        RemoteRejected: any other status.
    """
    if 200 <= response.status < 300 and response.status != HTTPStatus.PARTIAL_CONTENT:
        return
    raise _error(response, f"{what}: {where(response.url)} answered {_named(response.status)}")


def unlike(response: Response, what: str, service: str) -> UnreadableAnswer:
    """Say that an answer is none of the service that was asked.

    Args:
        response: a whole one, whose body is of another form.
        what: the thing that was asked for; begins the message.
        service: `Google Calendar`.
    """
    return UnreadableAnswer(
        f"{what}: {where(response.url)} does not answer as {service} does",
        hint="a proxy or a login page of the network may stand before it",
    )


def lost(what: str) -> TemporarilyUnavailable:
    """Say that the answer to a write cannot be read, which says nothing of whether it was done."""
    return TemporarilyUnavailable(
        f"{what}: nobody knows whether it was written: the answer cannot be read"
    )


def token_refused(response: Response, what: str) -> AuthorizationExpired:
    """Say that an access token is not good, and not because its time was over."""
    return AuthorizationExpired(
        f"{what}: {where(response.url)} refuses the access token",
        hint="connect the account again; its owner may have taken the permission back",
    )


def _error(response: Response, text: str) -> ProviderError:
    status, pause = response.status, retry_after(response.headers)
    if status == 401:
        return AuthorizationExpired(text, hint=_login_hint(response.headers))
    if status == 429 or (status == 403 and pause is not None):
        return RateLimited(text, retry_after=pause)
    if status in _NOT_NOW or (status >= 500 and status not in _NEVER):
        return TemporarilyUnavailable(text, retry_after=pause)
    if status < 400:
        return UnreadableAnswer(text, hint="check the URL; this is not the whole thing")
    error, code, hint = _MEANINGS.get(status, (RemoteRejected, None, ""))
    return error(text, code=code, hint=hint)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read Retry-After (RFC 9110 section 10.2.3), at most a day; None when absent or unreadable.

    A date is measured from the answer's own Date, so that neither clock matters but the server's.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), MAX_RETRY_AFTER)
    try:
        pause = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):  # TypeError: one date has a zone and the other none
        return None
    return min(max(pause, timedelta()), MAX_RETRY_AFTER)


def _login_hint(headers: Mapping[str, str]) -> str:
    schemes = headers.get("www-authenticate", "").lower()
    if "digest" in schemes and "basic" not in schemes and "bearer" not in schemes:
        return "the server wants Digest, which is not supported: let it offer Basic over https"
    return "check user name and password; some providers want a password made for apps"


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
