"""What Graph's errors mean to the engine (https://learn.microsoft.com/graph/errors)."""

from __future__ import annotations

from bridge.errors import (
    ProviderError,
    RateLimited,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.http import Response
from bridge.providers.microsoft import wire
from bridge.transport import raise_for_status as raise_for_others
from bridge.transport import where
from bridge.transport.status import retry_after, token_refused

_CONFLICT = "ErrorIrresolvableConflict"
_NO_MAILBOX = "MailboxNotEnabledForRESTAPI"
_THROTTLED = frozenset({"ApplicationThrottled", "TooManyRequests", "ErrorServerBusy"})


class TooSlow(TemporarilyUnavailable):
    """504: Graph gave up on a question, as it does on some calendars every time."""


def is_forbidden(response: Response) -> bool:
    """Tell whether an answer says that the account may not read this."""
    return response.status == 403 and retry_after(response.headers) is None


def unscheduled(what: str, code: str) -> ProviderError:
    """Say why one person's part of an answer to getSchedule is an error."""
    text = f"{what}: Microsoft does not tell it{_named(code)}"
    if code == "ErrorMailRecipientNotFound":
        return RemoteNotFound(text, hint="the calendar's owner is of another organization, or gone")
    if code == "ErrorNoFreeBusyAccess":
        return RemoteRejected(
            text, code="forbidden", hint="ask its owner to share the calendar with its events"
        )
    return TemporarilyUnavailable(text)


def raise_for_status(response: Response, what: str) -> None:
    """Raise what an error of Graph means; a whole 2xx passes.

    Raises:
        AuthorizationExpired: the token is refused.
        RateLimited: Graph asks for a pause: 429, 503 with Retry-After (MailboxConcurrency).
        RemoteRejected: it is not allowed, or there is no mailbox; see the hint.
        ProviderError: as `bridge.transport.raise_for_status` says.
    """
    place = f"{what}: {where(response.url)}"
    if response.status == 401:
        raise token_refused(response, what)
    pause = retry_after(response.headers)
    code = wire.code(response.body)
    if response.status == 503 and (pause is not None or code in _THROTTLED):
        raise RateLimited(f"{place} asks for a pause", retry_after=pause)
    if is_forbidden(response):
        raise RemoteRejected(
            f"{place} does not allow this account to read it{_named(code)}",
            code="forbidden",
            hint="ask the calendar's owner to share it, or leave it out of read_calendars; of "
            "application: true, an access policy of Exchange may leave this mailbox out",
        )
    if response.status == 404 and code == _NO_MAILBOX:
        raise RemoteRejected(
            f"{what}: the account has no mailbox at Microsoft 365",
            code="no_mailbox",
            hint="its licence for Exchange Online may be missing, or its mailbox be on a server of "
            "its own",
        )
    raise_for_others(response, what=what)


def raise_for_writing(response: Response, what: str) -> None:
    """Raise what an error of Graph means to who writes; a whole 2xx passes.

    Raises:
        RemoteChanged: the event is in another state than the one that was named.
        RemoteRejected: it is not allowed, or Outlook does not take it; the text says why.
        ProviderError: as `raise_for_status` says.
    """
    told = wire.failure(response.body)
    if response.status in (400, 409, 412) and told.code == _CONFLICT:
        raise RemoteChanged(f"{what}: it was changed in Outlook meanwhile")
    if is_forbidden(response):
        raise RemoteRejected(
            f"{what}: {where(response.url)} does not allow this account to write it"
            f"{_named(told.code)}",
            code="forbidden",
            hint="the calendar has to be the account's own, or shared with the right to edit it; "
            "and the owner has to agree to Calendars.ReadWrite: connect the account again",
        )
    if response.status in (400, 409, 413, 422):
        reason = told.message if told.message.isprintable() else ""
        raise RemoteRejected(f"{what}: Outlook does not take it: {reason[:300]}{_named(told.code)}")
    raise_for_status(response, what)


def _named(code: str) -> str:
    return f" ({code[:60]})" if code and code.isprintable() else ""
