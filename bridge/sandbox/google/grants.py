"""Who let which client do what: codes, access tokens, refresh tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.oauth import Freshness, is_proven, is_taken
from bridge.sandbox.world import Account, World

_CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(hours=1)
_UNUSED = timedelta(days=180)
TESTING_LIFE = timedelta(days=7)
_MOST_REFRESH_TOKENS = 100
"""For one person and one client; the oldest dies silently."""


class OAuthError(Exception):
    """An error of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True)
class Client:
    """A program that was registered in a project."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...] = ()
    name: str = "An application"
    is_installed: bool = False
    """Runs on its user's machine: any port of loopback will do."""
    is_testing: bool = False
    """Its consent screen is not published: refresh tokens live seven days."""

    def section(self, url: str) -> dict[str, str]:
        """Say what a program that goes by this one is configured with.

        Args:
            url: of the sandbox.
        """
        return {
            "client_id": self.id,
            "client_secret": self.secret,
            "api_url": f"{url}/calendar/v3/",
            "authorize_url": f"{url}/o/oauth2/v2/auth",
            "token_url": f"{url}/token",
            "revoke_url": f"{url}/revoke",
        }

    def takes(self, redirect_uri: str) -> bool:
        """Tell whether an answer may go there."""
        return is_taken(self.redirect_uris, redirect_uri, on_loopback=self.is_installed)


@dataclass(slots=True)
class Grant:
    """What a person allows a client."""

    account: str
    client: str
    scopes: set[str] = field(default_factory=set)
    refresh_tokens: dict[str, datetime] = field(default_factory=dict)
    """When each was used last."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the consent page was asked for."""

    client: str
    redirect_uri: str
    challenge: str
    method: str
    is_offline: bool
    """access_type=offline."""
    is_forced: bool
    """prompt=consent."""
    is_incremental: bool
    """include_granted_scopes=true."""
    nonce: str = ""


class Code(NamedTuple):
    """What an authorisation code stands for."""

    asked: Asked
    account: str
    scopes: frozenset[str]
    made: datetime


class Access(NamedTuple):
    """What an access token stands for."""

    account: str
    client: str
    scopes: frozenset[str]
    ends: datetime
    number: int
    may_invite: bool = True


class Lasting(NamedTuple):
    """What a refresh token stands for."""

    grant: Grant
    scopes: frozenset[str]
    made: datetime


class Answer(NamedTuple):
    """Tokens that were given."""

    access: str
    account: str
    scopes: frozenset[str]
    refresh: str = ""
    life: timedelta | None = None
    """Of the refresh token, where it is bounded."""
    nonce: str = ""


class Grants:
    """All of them; guarded by the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.clients: dict[str, Client] = {}
        self._grants: dict[tuple[str, str], Grant] = {}
        self._codes: dict[str, Code] = {}
        self._access: dict[str, Access] = {}
        self._refresh: dict[str, Lasting] = {}
        self._freshness = Freshness()

    def of(self, account: str) -> list[Grant]:
        """Return what somebody allows."""
        return [each for each in self._grants.values() if each.account == account and each.scopes]

    def consent(self, asked: Asked, account: str, scopes: Iterable[str]) -> str:
        """Note that a person agreed, and return the code for the client."""
        code = f"4/0{self._world.token(60)}"
        self._codes[code] = Code(asked, account, frozenset(scopes), self._world.now)
        return code

    def client(self, identity: str, secret: str) -> Client:
        """Find the client of a request to the token endpoint.

        Raises:
            OAuthError: invalid_client.
        """
        client = self.clients.get(identity)
        if client is None or client.secret != secret:
            raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
        return client

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Answer:
        """Give tokens for a code, once.

        Raises:
            OAuthError: the code is none, was used, is too old, or the proof key does not fit.
        """
        found = self._codes.pop(code, None)
        if found is None or found.asked.client != client.id:
            raise OAuthError("invalid_grant", "Malformed auth code.")
        if self._world.now - found.made > _CODE_LIFE:
            raise OAuthError("invalid_grant", "Code expired.")
        asked = found.asked
        if redirect_uri != asked.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        _check_proof(asked, verifier)
        known = self._grants.get((found.account, client.id))
        grant = known or Grant(found.account, client.id)
        self._grants[found.account, client.id] = grant
        scopes = found.scopes | grant.scopes if asked.is_incremental else found.scopes
        grant.scopes |= scopes
        access = self._give(grant.account, client.id, scopes)
        account = self._world.account(grant.account)
        first = asked.is_forced or not grant.refresh_tokens
        if not asked.is_offline or not first or account.faults.happens("no_refresh_token"):
            return Answer(access, grant.account, scopes, nonce=asked.nonce)
        life = TESTING_LIFE if self._is_testing(client, account) else None
        return Answer(
            access, grant.account, scopes, self._lasting(grant, scopes), life, asked.nonce
        )

    def refresh(self, client: Client, token: str) -> Answer:
        """Give an access token for a refresh token; that one stays as it is.

        Raises:
            OAuthError: invalid_grant: it is dead, and its owner has to be asked again.
        """
        found = self._refresh.get(token)
        if found is None or found.grant.client != client.id:
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        grant, scopes, made = found
        account = self._world.account(grant.account)
        dead = self._world.now - grant.refresh_tokens[token] > _UNUSED
        if self._is_testing(client, account):
            dead = dead or self._world.now - made > TESTING_LIFE
        if dead or account.faults.happens("invalid_grant"):
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        grant.refresh_tokens[token] = self._world.now
        return Answer(self._give(grant.account, client.id, scopes), grant.account, scopes)

    def act(self, account: str, client: str, scopes: frozenset[str], *, may_invite: bool) -> Answer:
        """Give an access token to a service account."""
        access = self._give(account, client, scopes, may_invite=may_invite)
        return Answer(access, account, scopes)

    def revoke(self, token: str) -> None:
        """End the whole grant behind either kind of token.

        Raises:
            OAuthError: invalid_token: there is no such token.
        """
        if token in self._refresh:
            grant = self._refresh[token].grant
        elif token in self._access:
            access = self._access[token]
            grant = self._grants.get((access.account, access.client)) or Grant("", "")
            del self._access[token]
        else:
            raise OAuthError("invalid_token", "Token expired or revoked")
        self.end(grant)

    def end(self, grant: Grant) -> None:
        """Forget what a person allowed; as the person does on the page of its account."""
        for token in grant.refresh_tokens:
            del self._refresh[token]
        grant.refresh_tokens.clear()
        grant.scopes.clear()
        self._access = {
            token: each
            for token, each in self._access.items()
            if (each.account, each.client) != (grant.account, grant.client)
        }

    def access(self, token: str) -> tuple[Access, Account] | None:
        """Find what an access token stands for, if it is good."""
        found = self._access.get(token)
        if found is None or found.ends <= self._world.now:
            return None
        account = self._world.accounts[found.account]
        is_good = self._freshness.is_good(found.number, account.email, account.faults)
        return (found, account) if is_good else None

    def _is_testing(self, client: Client, account: Account) -> bool:
        return client.is_testing or account.faults.is_on("testing_app")

    def _give(
        self, account: str, client: str, scopes: frozenset[str], *, may_invite: bool = True
    ) -> str:
        token = f"ya29.{self._world.token(80)}"
        ends = self._world.now + ACCESS_LIFE
        number = self._freshness.next()
        self._access[token] = Access(account, client, scopes, ends, number, may_invite)
        return token

    def _lasting(self, grant: Grant, scopes: frozenset[str]) -> str:
        token = f"1//{self._world.token(60)}"
        grant.refresh_tokens[token] = self._world.now
        self._refresh[token] = Lasting(grant, scopes, self._world.now)
        if len(grant.refresh_tokens) > _MOST_REFRESH_TOKENS:
            oldest = next(iter(grant.refresh_tokens))
            del grant.refresh_tokens[oldest], self._refresh[oldest]
        return token


def _check_proof(asked: Asked, verifier: str) -> None:
    """Hold a code verifier against its challenge (RFC 7636 4.6)."""
    if not asked.challenge:
        if verifier:
            raise OAuthError("invalid_grant", "code_verifier or verifier is not needed.")
        return
    if not verifier:
        raise OAuthError("invalid_grant", "Missing code verifier.")
    if not is_proven(asked.challenge, asked.method, verifier):
        raise OAuthError("invalid_grant", "Invalid code verifier.")
