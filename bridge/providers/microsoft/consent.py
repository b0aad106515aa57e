"""How owners of Microsoft accounts are asked, and what Microsoft tells of them afterwards.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bridge.authorizer import Grant, Owner
from bridge.errors import (
    AuthorizationExpired,
    NotRevocable,
    ProviderError,
    UnreadableAnswer,
)
from bridge.model.http import Http
from bridge.oauth import ask_who, lasting
from bridge.providers.microsoft import aadsts, wire
from bridge.providers.microsoft.entra import TITLE, Entra
from bridge.providers.microsoft.refusals import raise_for_status
from bridge.providers.microsoft.settings import MicrosoftDefaults

_PURPOSES = {
    "Calendars.Read": "read events",
    "Calendars.ReadWrite": "read and write events",
    "Calendars.Read.Shared": "read shared calendars",
    "Calendars.ReadWrite.Shared": "read and write shared calendars",
    "User.Read": "read whose account it is",
    "OnlineMeetings.ReadWrite": "make online meetings",
}
_COVERED_BY = {
    "calendars.read": {"calendars.readwrite", "calendars.readwrite.shared"},
    "calendars.read.shared": {"calendars.readwrite.shared"},
    "calendars.readwrite": {"calendars.readwrite.shared"},
    "user.read": {"user.read.all", "user.readwrite", "user.readwrite.all"},
}
"""Scope -> others that permit the same and more, in lower case:
https://learn.microsoft.com/graph/permissions-reference"""
_OF_SIGNING_IN = frozenset({"openid", "profile", "offline_access"})
"""What MSAL asks for by itself, and refuses to be told."""
_CANONICAL = {each.lower(): each for each in _PURPOSES}


def short(scope: str) -> str:
    """Name a scope as the documentation does.

    What was granted is named with or without the address of the API, in any case.
    """
    name = scope.rpartition("/")[2] if "://" in scope else scope
    return _CANONICAL.get(name.lower(), name)


@dataclass(frozen=True, slots=True)
class MicrosoftConsent:
    """Implements `bridge.provider.Authorizer`, and refreshes."""

    http: Http
    defaults: MicrosoftDefaults
    wanted: Sequence[str]
    """Scopes that a consent has to cover."""

    @property
    def scopes(self) -> Mapping[str, str]:
        """See `Authorizer`."""
        return {each: _PURPOSES.get(short(each), each) for each in self.wanted}

    def lacks(self, granted: Sequence[str]) -> Sequence[str]:
        """See `Authorizer`."""
        has = {short(each).lower() for each in granted}
        missing = [
            purpose
            for scope, purpose in self.scopes.items()
            if (name := short(scope).lower()) not in has
            and name not in _OF_SIGNING_IN
            and has.isdisjoint(_COVERED_BY.get(name, ()))
        ]
        return list(dict.fromkeys(missing))

    @property
    def is_registered(self) -> bool:
        """See `Authorizer`."""
        return bool(self.defaults.client_id)

    def is_issuer(self, name: str) -> bool:
        """See `Authorizer`; the tenant of whoever signs in stands in it, its id."""
        return re.fullmatch(rf"{re.escape(self.defaults.login_url)}/[^/]+/v2\.0", name) is not None

    def url(self, redirect_url: str, state: str, verifier: str, hint: str = "") -> str:
        """See `Authorizer`."""
        flow = self.entra.application().initiate_auth_code_flow(
            self.asked,
            redirect_url,
            state=state,
            # Who is signed in to this browser need not be who is meant.
            prompt="select_account",
            login_hint=hint or None,
            response_mode="form_post",
        )
        return self.entra.shown(_with(flow["auth_uri"], _ours(verifier)))

    def refusal(self, error: str, description: str) -> ProviderError:
        """See `Authorizer`."""
        return aadsts.meaning({"error": error, "error_description": description})

    def exchange(self, code: str, redirect_url: str, verifier: str) -> Grant:
        """See `Authorizer`."""
        # The state was held against ours before; MSAL does so once more.
        flow = {"state": "x", "redirect_uri": redirect_url, "code_verifier": verifier or None}
        answer = {"state": "x", "code": code}
        try:
            return self._granted(
                lambda app: app.acquire_token_by_auth_code_flow(dict(flow), answer)
            )
        except AuthorizationExpired as err:
            named = "invalid_grant" if err.code == AuthorizationExpired.code else err.code
            raise AuthorizationExpired(str(err), code=named, hint=err.hint) from None

    def refresh(self, grant: Grant) -> Grant:
        """See `bridge.provider.ProviderKind.refresh`.

        It asks for what was granted, since what the settings want by now may be more.
        """
        token = lasting(grant, TITLE)
        names = [each for each in grant.scopes if short(each).lower() not in _OF_SIGNING_IN]
        asked = list(self.defaults.whole(names)) or self.asked
        return self._granted(lambda app: app.acquire_token_by_refresh_token(token, asked), grant)

    def revoke(self, grant: Grant) -> None:
        """See `Authorizer`; there is no endpoint for that (RFC 7009)."""
        raise NotRevocable(
            "Microsoft takes no permission back from a program; what was kept of it is deleted",
            hint="the account's owner ends it at https://myapplications.microsoft.com, of a "
            "personal account at https://account.live.com/consent/Manage",
        )

    def identify(self, grant: Grant) -> Owner:
        """See `Authorizer`.

        The id of the mailbox's user is the same in each kind of sign-in, unlike what ID tokens
        say: https://learn.microsoft.com/graph/api/user-get
        """
        what = "the account"
        response = ask_who(
            self.http,
            grant,
            f"{self.defaults.api_url}/me?{urlencode({'$select': 'id,mail,userPrincipalName'})}",
        )
        raise_for_status(response, what)
        try:
            user = wire.read(response.body, wire.User)
        except wire.NotThatShape:
            user = wire.User()
        if not user.id:
            raise UnreadableAnswer(f"{what}: Microsoft does not say whose it is")
        return Owner(subject=user.id.lower(), email=user.mail or user.user_principal_name)

    def granted(self, answer: Mapping[str, Any]) -> Grant:
        """Read what MSAL gives; scopes are named as the documentation names them.

        Raises:
            ProviderError: it is an error.
        """
        made = self.entra.granted(answer)
        return replace(made, scopes=tuple(map(short, made.scopes)))

    @property
    def asked(self) -> list[str]:
        """What MSAL is told to ask for."""
        return [each for each in self.wanted if each.lower() not in _OF_SIGNING_IN]

    @property
    def entra(self) -> Entra:
        """Who is asked."""
        return Entra(self.http, self.defaults)

    def _granted(
        self, ask: Callable[[Any], Mapping[str, Any]], grant: Grant | None = None
    ) -> Grant:
        """Ask, once more without the secret where it is in the way.

        What a device was given has to be refreshed without: github.com/canonical/authd/issues/1881.
        """
        answer = ask(self.entra.application(grant))
        if aadsts.number_of(answer) == aadsts.PUBLIC:
            answer = ask(self.entra.application(grant, public=True))
        return self.granted(answer)


def _ours(verifier: str) -> Mapping[str, str]:
    """Give the parameters that MSAL cannot be told."""
    digest = sha256(verifier.encode()).digest()
    return {
        # It makes a verifier of its own, which would have to be kept beside ours.
        "code_challenge": urlsafe_b64encode(digest).decode().rstrip("="),
        # A form that another site posts comes without our cookie (SameSite), and MSAL warns of
        # anything but form_post.
        "response_mode": "query",
    }


def _with(url: str, given: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **given}
    return urlunsplit(parts._replace(query=urlencode(query)))
