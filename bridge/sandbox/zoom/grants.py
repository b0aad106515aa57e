"""Which program may do what for whom: codes, access tokens, refresh tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.oauth import Asked, Freshness, is_proven, is_taken
from bridge.sandbox.zoom.directory import Directory, User

ACCESS_LIFE = timedelta(hours=1)
CODE_LIFE = timedelta(minutes=5)
_UNUSED = timedelta(days=90)

SCOPES: tuple[str, ...] = (
    "user:read:user",
    "meeting:read:list_meetings",
    "meeting:read:meeting",
    "meeting:write:meeting",
    "meeting:update:meeting",
    "meeting:delete:meeting",
)
"""What a program is registered with unless it says otherwise; `:admin` goes for a whole account."""


class OAuthError(Exception):
    """A refusal of the token endpoint, in Zoom's form: `reason` beside `error`."""

    def __init__(self, error: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason
        self.status = status


class AnswerLost(Exception):
    """What was asked for is done, and nobody is told."""


@dataclass(slots=True)
class Webhook:
    """Where events go."""

    url: str
    secret: str
    """The secret token that signs them."""
    events: frozenset[str]


@dataclass(slots=True)
class Client:
    """A program that was registered in the Marketplace."""

    id: str
    secret: str
    name: str = "An application"
    redirect_uris: tuple[str, ...] = ()
    is_loopback: bool = False
    """Runs on its user's machine: any port of loopback will do."""
    account: str = ""
    """Server-to-Server: the only account that it is for; else users let it in."""
    scopes: tuple[str, ...] = SCOPES
    webhook: Webhook | None = None

    @property
    def is_server(self) -> bool:
        """Whether it acts for a whole account, without anybody's consent."""
        return bool(self.account)

    def takes(self, redirect_uri: str) -> bool:
        """Tell whether an answer may go there."""
        return is_taken(self.redirect_uris, redirect_uri, on_loopback=self.is_loopback)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks the API."""

    client: Client
    account: str
    scopes: frozenset[str]
    user: User | None
    """None: a program on its own."""


@dataclass(slots=True)
class Grant:
    """What a person allows a program: one at a time, the last one."""

    client: str
    user: str
    scopes: tuple[str, ...]
    refresh: str = ""
    """The only refresh token that is good."""
    used: datetime | None = None


class Given(NamedTuple):
    """Tokens that were given."""

    access: str
    scopes: tuple[str, ...]
    refresh: str = ""
    user: User | None = None


class _Code(NamedTuple):
    asked: Asked
    user: str
    made: datetime


class _Access(NamedTuple):
    client: str
    account: str
    scopes: tuple[str, ...]
    ends: datetime
    number: int
    user: str = ""


class Grants:
    """All of them; guarded by the world's lock."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._world = directory.world
        self.clients: dict[str, Client] = {}
        self._grants: dict[tuple[str, str], Grant] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, _Access] = {}
        self._freshness = Freshness()

    def of(self, user: User) -> list[Grant]:
        """Return what somebody allows."""
        return [each for each in self._grants.values() if each.user == user.id]

    def allows(self, client: Client, user: User) -> bool:
        """Tell whether a program is let in by a person, or is of its account."""
        if client.is_server:
            return client.account == user.account
        return (client.id, user.id) in self._grants

    def code(self, asked: Asked, user: User) -> str:
        """Note that somebody agreed, and return the code for the client."""
        made = self._world.token(32)
        self._codes[made] = _Code(asked, user.id, self._world.now)
        return made

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Given:
        """Give tokens for a code, once.

        Raises:
            OAuthError: the code is none, was used, is too old, or the proof does not fit.
        """
        found = self._codes.get(code)
        if found is None or found.asked.client != client.id:
            raise OAuthError("invalid_grant", "Invalid authorization code")
        _check_available(self._directory.users[found.user])
        del self._codes[code]
        if self._world.now - found.made > CODE_LIFE:
            raise OAuthError("invalid_grant", "Authorization code is expired")
        asked = found.asked
        if redirect_uri != asked.redirect_uri:
            raise OAuthError("invalid_request", "Redirect URI mismatch.")
        if asked.challenge and not is_proven(asked.challenge, asked.method, verifier):
            raise OAuthError("invalid_grant", "Code verifier does not match the code challenge")
        # Of several authorisations the last one counts: its tokens replace those before.
        self.end(client.id, found.user)
        grant = self._grants[client.id, found.user] = Grant(client.id, found.user, asked.scopes)
        return self._give(grant)

    def refresh(self, client: Client, token: str) -> Given:
        """Give the next pair of tokens; the refresh token is good once.

        Raises:
            OAuthError: invalid_grant: the person has to be asked again.
            AnswerLost: it was done.
        """
        every = self._grants.values()
        grant = next((g for g in every if g.client == client.id and g.refresh == token), None)
        if grant is None or not token:
            raise OAuthError("invalid_grant", "Invalid Token!")
        user = self._directory.users[grant.user]
        _check_available(user)
        is_old = grant.used is not None and self._world.now - grant.used > _UNUSED
        if is_old or user.faults.happens("invalid_grant"):
            raise OAuthError("invalid_grant", "Invalid Token!")
        given = self._give(grant)
        if user.faults.happens("refresh_lost"):
            raise AnswerLost
        return given

    def give(self, client: Client, user: User, scopes: Iterable[str]) -> Given:
        """Give tokens as if a person had just agreed."""
        self.end(client.id, user.id)
        grant = self._grants[client.id, user.id] = Grant(client.id, user.id, tuple(scopes))
        return self._give(grant)

    def give_alone(self, client: Client) -> Given:
        """Give an access token to a program that acts for its account; earlier ones stay good.

        Raises:
            OAuthError: 503.
        """
        users = list(self._directory.of(client.account))
        for user in users:
            _check_available(user)
        if any(user.faults.happens("single_token") for user in users):
            self.end(client.id, "")
        scopes = tuple(f"{each}:admin" for each in client.scopes)
        return Given(self._keep(_Access(client.id, client.account, scopes, *self._next())), scopes)

    def revoke(self, client: Client, token: str) -> None:
        """End the grant behind a token of either kind.

        Raises:
            OAuthError: there is no such token.
        """
        access = self._access.get(token)
        if access is not None and access.client == client.id:
            del self._access[token]
            if access.user:
                self.end(client.id, access.user)
            return
        for grant in list(self._grants.values()):
            if token and grant.client == client.id and grant.refresh == token:
                self.end(client.id, grant.user)
                return
        raise OAuthError("invalid_request", "Invalid Token!")

    def end(self, client: str, user: str) -> None:
        """Forget what a person allowed a program."""
        self._grants.pop((client, user), None)
        self._access = {
            token: each
            for token, each in self._access.items()
            if (each.client, each.user) != (client, user)
        }

    def sender(self, token: str) -> Sender | None:
        """Find whom an access token stands for, if it is good."""
        found = self._access.get(token)
        if found is None or found.ends <= self._world.now:
            return None
        user = self._directory.users.get(found.user)
        if user and not self._freshness.is_good(found.number, user.id, user.faults):
            return None
        client = self.clients[found.client]
        return Sender(client, found.account, frozenset(found.scopes), user)

    def is_stale(self, token: str, user: User) -> bool:
        """Tell whether a program's own token counts as expired where this user is concerned."""
        found = self._access[token]
        return not self._freshness.is_good(found.number, user.id, user.faults)

    def _give(self, grant: Grant) -> Given:
        user = self._directory.users[grant.user]
        ends, number = self._next()
        access = self._keep(
            _Access(grant.client, user.account, grant.scopes, ends, number, user.id)
        )
        grant.used = self._world.now
        grant.refresh = f"eyJyZWZyZXNo.{self._world.token(80)}"
        shown = "" if user.faults.happens("no_refresh_token") else grant.refresh
        return Given(access, grant.scopes, shown, user)

    def _next(self) -> tuple[datetime, int]:
        return self._world.now + ACCESS_LIFE, self._freshness.next()

    def _keep(self, access: _Access) -> str:
        token = f"eyJzdiI6IjAwMDAwMiJ9.{self._world.token(100)}"
        self._access[token] = access
        return token


def _check_available(user: User) -> None:
    if user.faults.happens("token_unavailable"):
        raise OAuthError("temporarily_unavailable", "Service unavailable", 503)
