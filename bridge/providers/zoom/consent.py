"""How Zoom's users are asked, what Zoom tells of them afterwards, and programs on their own.

https://developers.zoom.us/docs/integrations/oauth/
https://developers.zoom.us/docs/internal-apps/s2s-oauth/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import SecretStr

from bridge.authorizer import Grant, Owner
from bridge.errors import AuthorizationExpired, RemoteRejected, UnreadableAnswer
from bridge.model.http import Http
from bridge.oauth import Consenting, Registration, ask_who
from bridge.providers.zoom import wire
from bridge.providers.zoom.refusals import check

_PURPOSES = {
    "user:read:user": "read whose account it is",
    "meeting:read:list_meetings": "find meetings",
    "meeting:read:meeting": "read meetings",
    "meeting:write:meeting": "make meetings",
    "meeting:update:meeting": "change meetings",
    "meeting:delete:meeting": "delete meetings",
}
_CLASSIC = {
    "user:read:user": ("user:read", "user:write"),
    "meeting:read:list_meetings": ("meeting:read", "meeting:write"),
    "meeting:read:meeting": ("meeting:read", "meeting:write"),
    "meeting:write:meeting": ("meeting:write",),
    "meeting:update:meeting": ("meeting:write",),
    "meeting:delete:meeting": ("meeting:write",),
}
"""Scope -> those of apps from before 2024 that permit the same and more."""
_ALONE = "account_credentials"


class Defaults(Protocol):
    """The section `providers.zoom`."""

    @property
    def asks_owners(self) -> bool: ...
    @property
    def account_id(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> SecretStr | None: ...
    @property
    def api_url(self) -> str: ...
    @property
    def authorize_url(self) -> str: ...
    @property
    def token_url(self) -> str: ...
    @property
    def revoke_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ZoomConsent(Consenting):
    """Implements `bridge.provider.Authorizer`, refreshes, and takes tokens of a program alone."""

    http: Http
    defaults: Defaults

    @property
    def scopes(self) -> Mapping[str, str]:
        """See `Authorizer`."""
        return _PURPOSES

    @property
    def is_registered(self) -> bool:
        """See `Authorizer`."""
        return self.defaults.asks_owners and bool(self.defaults.client_id)

    def lacks(self, granted: Sequence[str]) -> Sequence[str]:
        """See `Authorizer`; those for a whole account permit what those for a user do."""
        has = {each.removesuffix(":admin").removesuffix(":master") for each in granted}
        return [
            purpose
            for scope, purpose in _PURPOSES.items()
            if scope not in has and has.isdisjoint(_CLASSIC[scope])
        ]

    def url(self, redirect_url: str, state: str, verifier: str, hint: str = "") -> str:
        """See `Authorizer`; what is asked for is what the app was registered with."""
        if not self.defaults.asks_owners:
            raise RemoteRejected(
                "providers.zoom is a Server-to-Server app, which nobody lets in",
                code="invalid_config",
                hint="register an app for users at Zoom, and set auth: oauth",
            )
        return self.flow.url((), redirect_url, state, verifier)

    def alone(self) -> Grant:
        """Take a token for the whole account, without anybody's consent.

        Raises:
            RemoteRejected: Zoom does not know the program, or not in this account.
            ProviderError: it could not be asked.
        """
        try:
            return self.flow.alone(_ALONE, account_id=self.defaults.account_id)
        except RemoteRejected as err:
            if err.code in ("invalid_client", "unauthorized_client"):
                raise
            raise RemoteRejected(
                str(err),
                code=err.code,
                hint="check account_id of providers.zoom, and that the app there is activated and "
                "of the type Server-to-Server OAuth",
            ) from None

    def identify(self, grant: Grant) -> Owner:
        """See `Authorizer`."""
        what = "the account"
        response = ask_who(self.http, grant, f"{self.defaults.api_url}/users/me")
        check(response, what)
        try:
            user = wire.read(response.body, wire.User)
        except wire.NotThatShape:
            raise UnreadableAnswer(f"{what}: Zoom does not say whose it is") from None
        return Owner(subject=user.id, email=user.email)

    def revoke(self, grant: Grant) -> None:
        """See `Authorizer`; Zoom takes an access token that is still good."""
        if grant.refresh_token is not None:
            try:
                fresh = self.refresh(grant)
            except AuthorizationExpired:
                return  # it is over
            # Its application may be another one, which the answer to a refresh does not name.
            grant = replace(grant, access_token=fresh.access_token, refresh_token=None)
        self.flow.revoke(grant)

    @property
    def registration(self) -> Registration:
        """See `Consenting`."""
        defaults = self.defaults
        return Registration(
            title="Zoom",
            section="providers.zoom",
            authorize_url=defaults.authorize_url,
            token_url=defaults.token_url,
            revoke_url=defaults.revoke_url,
            client_id=defaults.client_id,
            client_secret=defaults.client_secret,
            method="client_secret_basic",
        )
