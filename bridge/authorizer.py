"""What owners of accounts are asked for, and what they grant, as Protocols and values. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from pydantic import SecretStr

from bridge.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorization server granted (RFC 6749 section 5.1)."""

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    """None in the answer to a refresh: the one before goes on."""
    lifetime: timedelta | None = None
    """Of the access token, from when it was asked for; None when nobody said."""
    scopes: tuple[str, ...] = ()
    """Empty in the answer to a refresh: those before."""
    subject: str = ""
    """The account's id at the provider; empty as with the scopes."""
    email: str = ""
    """By which people know it; empty as with the scopes."""
    client_id: str = ""
    client_secret: SecretStr | None = None
    """Of an application that is not the one in `providers.<kind>`."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose account it is, as the provider says."""

    subject: str
    """Its id there, which stays the same."""
    email: str = ""


class Authorizer(Protocol):
    """Asks owners of accounts for their consent, as one registered application.

    It keeps nothing and locks nothing; each request that it sends ends within 10 s.
    """

    @property
    def scopes(self) -> Mapping[str, str]:
        """What an owner has to permit -> what it is for, in short: `read events`."""
        ...

    @property
    def is_registered(self) -> bool:
        """Whether the settings name an application; nobody is asked for that."""
        ...

    def is_issuer(self, name: str) -> bool:
        """Tell whether the authorization server can call itself so in `iss` (RFC 9207)."""
        ...

    def lacks(self, granted: Sequence[str]) -> Sequence[str]:
        """Name what granted scopes do not cover of `scopes`, by what it is for; each once."""
        ...

    def url(self, redirect_url: str, state: str, verifier: str, hint: str = "") -> str:
        """Make the address that an owner is sent to.

        Args:
            redirect_url: where the answer goes.
            state: comes back with the answer.
            verifier: of RFC 7636; only its S256 challenge is sent.
            hint: the account that is meant, as a mail address.

        Raises:
            RemoteRejected: the settings name no application.
            ProviderError: the provider had to be asked for that, and could not.
        """
        ...

    def refusal(self, error: str, description: str) -> ProviderError | None:
        """Say what came back instead of a code (RFC 6749 section 4.1.2.1).

        None where the provider's words mean what the RFC says. The description is anybody's text.
        """
        ...

    def exchange(self, code: str, redirect_url: str, verifier: str) -> Grant:
        """Trade a code for a grant, once.

        Args:
            code: what came back.
            redirect_url: where it came back to.
            verifier: of RFC 7636; empty: the question had no challenge.

        Raises:
            AuthorizationExpired: the code or the verifier is not good.
            ProviderError: the provider could not be asked, or refuses this application.
        """
        ...

    def identify(self, grant: Grant) -> Owner:
        """Ask whose account was granted.

        Raises:
            ProviderError: it could not be asked, or does not tell.
        """
        ...

    def revoke(self, grant: Grant) -> None:
        """Give a grant back, wholly; also one that is over already.

        Raises:
            NotRevocable: the provider takes none back.
            ProviderError: it could not be given back, or not now.
        """
        ...


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What is entered on another device (RFC 8628 section 3.2)."""

    device_code: SecretStr
    user_code: str
    verification_uri: str
    lifetime: timedelta
    interval: timedelta
    """Least time between two questions."""


class DeviceAuthorizer(Protocol):
    """Asks owners who have their browser elsewhere (RFC 8628), as `Authorizer` does."""

    def begin(self) -> DeviceCode:
        """Ask for a code.

        Raises:
            ProviderError: the provider could not be asked, or this application may not.
        """
        ...

    def poll(self, code: DeviceCode) -> Grant | DeviceCode:
        """Ask whether the owner has agreed.

        Returns:
            What was granted; the code, perhaps with another interval, as long as that is nothing.

        Raises:
            RemoteRejected: the owner said no (`access_denied`).
            AuthorizationExpired: the code is over.
            ProviderError: as `begin`; TemporarilyUnavailable: it may be asked again.
        """
        ...


class TokenSource(Protocol):
    """Gives an adapter its access token; any number of threads may ask."""

    def token(self) -> str:
        """Give the token; it may be refreshed for that.

        Raises:
            AuthorizationExpired: only the account's owner can help.
            TemporarilyUnavailable: the authorization server cannot be asked now.
        """
        ...

    def renewed(self, refused: str) -> str:
        """Give another token than the one that was answered 401; raises as `token` does."""
        ...
