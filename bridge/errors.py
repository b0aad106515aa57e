"""The exceptions of BusyBridge, and what each class asks of its caller.

BridgeError
├ ConfigError                a file, a line, a key: shown without a traceback, exit code 2
├ InvalidCalendarObject      precondition: the RFC 4791 section 5.3.2.1 element's name
├ NotReadYet                 nothing is known of a resource, so nothing may be called free: later
├ BeyondHorizon              nothing is known of a window; `known` is what is
├ StoreError                 the database cannot be used, or not now
└ ProviderError              disposition: RETRY | REAUTHORIZE | FULL_SYNC | REJECT
  ├ TemporarilyUnavailable   wait for `retry_after`, then the same again (429, 5xx, timeouts, DNS)
  │ └ RateLimited            the provider asked for a pause; other connections are unharmed
  ├ AuthorizationExpired     needs a human (wrong or revoked password, invalid_grant)
  │ └ NotConnected           nobody has granted anything yet
  ├ AccountMismatch          another account was granted than the one that is connected
  ├ AlreadyConnected         the resource has the account already, by another connection
  ├ CredentialUnreadable     what is stored is not what was granted; needs a human, too
  ├ SyncTokenExpired         restart once without a token (410, DAV:valid-sync-token)
  ├ RemoteChanged            an ETag did not match
  ├ RemoteNotFound           the calendar or object is not there (404, 410 on an object)
  ├ RemoteRejected           will never be accepted; the text is for the user
  │ └ NotRevocable           a grant is its owner's to end: the provider takes none back
  ├ UnreadableAnswer         a page was cut short, is not what it claims to be, or is too large
  └ AddressRefused           the address is private and not listed in `outbound.allow_networks`

Callers branch on the class or on `disposition`, never on text or a status code.
Messages never hold a secret: no URL with userinfo, query or feed token, no header value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class BridgeError(Exception):
    """Any failure that BusyBridge explains to its user."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in a configuration: where it stands, what is wrong, what would be right."""

    message: str
    file: str = ""
    line: int = 0
    """1-based; 0 when the problem has no line of its own (an environment variable)."""
    key: str = ""
    """Path of the key, `resources[0].connections[1].url`."""
    hint: str = ""
    """The remedy, or the nearest valid name."""

    def __str__(self) -> str:
        """Show as `file:line: key: message (hint)`, without the parts that are missing."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(BridgeError):
    """A configuration that cannot be used; holds every problem found, not only the first."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class InvalidCalendarObject(BridgeError):
    """Calendar text that is refused; `precondition` is the local name of the DAV:error element."""

    def __init__(self, message: str, *, precondition: str = "valid-calendar-data") -> None:
        super().__init__(message)
        self.precondition = precondition


class NotReadYet(BridgeError):
    """None of a resource's calendars was ever read: an answer without busy time would be a lie."""

    def __init__(self) -> None:
        super().__init__("the calendars of this resource were not read yet")


class BeyondHorizon(BridgeError):
    """A window lies wholly outside of what is known.

    Attributes:
        known: the half-open span of UTC seconds for which busy time is known.
    """

    def __init__(self, known: tuple[int, int]) -> None:
        super().__init__("the window lies outside of what is known")
        self.known = known


class StoreError(BridgeError):
    """The database is missing, locked for too long, full, of another version or damaged.

    Attributes:
        busy: somebody else holds what was needed; the same may succeed in a moment.
        full: there is no room to write; reading goes on.
    """

    def __init__(self, message: str, *, busy: bool = False, full: bool = False) -> None:
        super().__init__(message)
        self.busy = busy
        self.full = full


class Disposition(Enum):
    """What the engine does after a provider's failure."""

    RETRY = "retry"
    REAUTHORIZE = "reauthorize"
    FULL_SYNC = "full_sync"
    REJECT = "reject"


class ProviderError(BridgeError):
    """A provider did not do what was asked.

    Attributes:
        code: stable and snake_case, shown as the connection's `error.code`.
        hint: what the admin or owner can do about it, empty when nothing.
    """

    disposition = Disposition.RETRY
    code = "provider_error"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.hint = hint


class TemporarilyUnavailable(ProviderError):
    """Not now: network, timeout, DNS, 5xx."""

    code = "unavailable"

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        code: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after = retry_after


class RateLimited(TemporarilyUnavailable):
    """429, or another status that the provider uses to slow us down."""

    code = "rate_limited"


class AuthorizationExpired(ProviderError):
    """The credential no longer works and only a human can change that."""

    disposition = Disposition.REAUTHORIZE
    code = "token_expired"


class NotConnected(AuthorizationExpired):
    """The owner of the account has not granted access yet."""

    code = "connection_pending"


class AccountMismatch(ProviderError):
    """An owner granted another account than the one that is connected; that one stays."""

    disposition = Disposition.REJECT
    code = "account_mismatch"


class AlreadyConnected(ProviderError):
    """An owner granted an account that the resource has already.

    Attributes:
        connection_id: the connection that is this account.
    """

    disposition = Disposition.REJECT
    code = "connection_exists"

    def __init__(self, connection_id: str) -> None:
        super().__init__(f"{connection_id} is this account already", hint="choose another account")
        self.connection_id = connection_id


class CredentialUnreadable(ProviderError):
    """The stored credential is damaged, or was moved here from another connection."""

    disposition = Disposition.REAUTHORIZE
    code = "credential_unreadable"


class SyncTokenExpired(ProviderError):
    """The provider forgot our token; a full listing is needed."""

    disposition = Disposition.FULL_SYNC
    code = "sync_token_expired"


class RemoteChanged(ProviderError):
    """The object changed since we read it."""

    code = "remote_changed"


class RemoteNotFound(ProviderError):
    """The calendar or object does not exist (any more)."""

    disposition = Disposition.REJECT
    code = "not_found"


class RemoteRejected(ProviderError):
    """The provider, or what it cannot express, refuses this for good."""

    disposition = Disposition.REJECT
    code = "rejected"


class NotRevocable(RemoteRejected):
    """The provider has no way to take a grant back; nothing is left to try again."""

    code = "not_revocable"


class UnreadableAnswer(ProviderError):
    """An answer that must not be believed, even in part."""

    code = "unreadable_answer"


class AddressRefused(ProviderError):
    """An outgoing connection that the guard of `transport` did not allow."""

    disposition = Disposition.REJECT
    code = "address_refused"
