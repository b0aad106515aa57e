"""Accounts by what their owner, or an application, holds already: refresh tokens and passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from bridge.accounts import Accounts
from bridge.authorizer import Grant
from bridge.errors import AuthorizationExpired, RemoteRejected
from bridge.provider import Account, CalendarInfo, ProviderKind
from bridge.tokens import Authorized

_OVER = "it ended, was revoked, or was given to another application"


@dataclass(frozen=True, slots=True)
class Lent:
    """A refresh token that somebody has, and goes on having."""

    refresh_token: SecretStr
    client_id: str = ""
    """The application that it was given to; empty: the one in `providers.<kind>`."""
    client_secret: SecretStr | None = None
    """Of that application, where it has one."""


@dataclass(frozen=True, slots=True)
class RawCalendars:
    """The calendars of an account that no connection has."""

    calendars: Sequence[CalendarInfo]
    refresh_token: SecretStr | None = None
    """What the provider gave in the place of the one that was lent, which is over then."""


def exercise(kind: ProviderKind, account: Account, lent: Lent) -> Grant:
    """Get an access token for a lent refresh token, to see that it is good.

    Returns:
        The whole grant; its refresh token is the one to use from now on.

    Raises:
        AuthorizationExpired: the token is over, or another application's.
        ProviderError: the provider could not be asked, or does not know the application.
    """
    if kind.refresh is None:
        raise RemoteRejected(f"{kind.title} has no tokens", code="invalid_config")
    given = Grant(
        access_token=SecretStr(""),
        refresh_token=lent.refresh_token,
        client_id=lent.client_id,
        client_secret=lent.client_secret,
    )
    try:
        fresh = kind.refresh(account, given)
    except AuthorizationExpired as err:
        text = f"the refresh token is not good: {err}"
        raise AuthorizationExpired(text, code="invalid_grant", hint=_OVER) from err
    return replace(
        given,
        access_token=fresh.access_token,
        refresh_token=fresh.refresh_token or lent.refresh_token,
        lifetime=fresh.lifetime,
        scopes=fresh.scopes,
    )


def raw_calendars(
    accounts: Accounts, provider: str, settings: Mapping[str, object], lent: Lent | None
) -> RawCalendars:
    """See `Connecting.raw_calendars`."""
    kind, account = accounts.unconnected(provider, settings)
    rotated = None
    if kind.refresh is not None:
        if lent is None:
            raise RemoteRejected(
                f"{kind.title} needs a refresh token", code="invalid_config", hint="give one"
            )
        grant = exercise(kind, account, lent)
        source = _Once(grant.access_token)
        account = replace(account, http=Authorized(account.http, source), tokens=source)
        if grant.refresh_token != lent.refresh_token:
            rotated = grant.refresh_token
    opened = kind.open(account)
    try:
        if opened.source is None:
            raise RemoteRejected(f"{kind.title} has no list of calendars", code="invalid_config")
        return RawCalendars(opened.source.list_calendars(), rotated)
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class _Once:
    """Implements `TokenSource` with the one token that there is."""

    access_token: SecretStr = field(repr=False)

    def token(self) -> str:
        """See `TokenSource`."""
        return self.access_token.get_secret_value()

    def renewed(self, refused: str) -> str:
        """See `TokenSource`; a new one would cost the lent token another use."""
        return refused
