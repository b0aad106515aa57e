"""Which program may do what for whom: clients, codes, access tokens, refresh tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.microsoft import refusals
from bridge.sandbox.microsoft.calls import Sender
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sandbox.oauth import Asked, Freshness, is_proven, is_taken

ACCESS_LIFE = timedelta(seconds=3599)
CODE_LIFE = timedelta(minutes=10)
DEVICE_LIFE = timedelta(minutes=15)
DEVICE_PAUSE = timedelta(seconds=5)
"""Between two questions of a device, and by which it grows when it asks too soon."""
_UNUSED = timedelta(days=90)
_GRAPH = "https://graph.microsoft.com/"


@dataclass(slots=True)
class Client:
    """A program that was registered: an application."""

    id: str
    """A GUID."""
    secrets: dict[str, datetime | None] = field(default_factory=dict)
    """Secret values, and when each ends."""
    redirect_uris: tuple[str, ...] = ()
    name: str = "An application"
    tenant: str = ""
    """Id of the only tenant that it is for; empty for all."""
    is_public: bool = False
    """Public client flows are allowed: no secret, device code."""
    is_loopback: bool = False
    """Runs on its user's machine: any port of loopback will do."""
    permissions: tuple[str, ...] = ()
    """What it needs to act on its own, in lower case: application permissions."""
    mailboxes: frozenset[str] | None = None
    """The only ones that an application access policy lets it into, by address."""

    def takes(self, redirect_uri: str) -> bool:
        """Tell whether an answer may go there."""
        return is_taken(self.redirect_uris, redirect_uri, on_loopback=self.is_loopback)


class Given(NamedTuple):
    """Tokens that were given."""

    access: str
    user: Mailbox | None
    scopes: tuple[str, ...]
    tenant: str
    refresh: str = ""
    nonce: str = ""


class _Code(NamedTuple):
    asked: Asked
    user: str
    made: datetime


class _Access(NamedTuple):
    client: str
    tenant: str
    user: str
    scopes: frozenset[str]
    ends: datetime
    number: int


@dataclass(slots=True)
class _Refresh:
    client: str
    user: str
    scopes: tuple[str, ...]
    used: datetime
    family: str
    """All that came from one sign-in."""
    is_public: bool
    """It came to a device that has no secret: none may come with it."""
    is_replaced: bool = False


@dataclass(slots=True)
class Device:
    """A sign-in on another device, half-way."""

    code: str
    user_code: str
    client: str
    scopes: tuple[str, ...]
    ends: datetime
    user: str = ""
    is_denied: bool = False
    pause: timedelta = DEVICE_PAUSE
    asked_at: datetime | None = None

    def is_hasty(self, now: datetime) -> bool:
        """Note that it asks; tell whether that is too soon (RFC 8628 section 3.5)."""
        before, self.asked_at = self.asked_at, now
        if before is None or now - before >= self.pause:
            return False
        self.pause += DEVICE_PAUSE
        return True


class Grants:
    """All of them; guarded by the world's lock."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._world = directory.world
        self.clients: dict[str, Client] = {}
        self.consents: dict[tuple[str, str], set[str]] = {}
        """What users allowed: scopes by user and client."""
        self.devices: dict[str, Device] = {}
        self._codes: dict[str, _Code] = {}
        self._spent: set[str] = set()
        self._access: dict[str, _Access] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._freshness = Freshness()

    def consent(self, user: Mailbox, client: Client, scopes: Iterable[str]) -> None:
        """Note what a user allows; short names in lower case."""
        self.consents.setdefault((user.id, client.id), set()).update(scopes)

    def of(self, user: Mailbox, client: Client) -> set[str]:
        """Return what a user, or an administrator for it, allows."""
        tenant = self._directory.tenants[user.tenant]
        own = self.consents.get((user.id, client.id), set())
        return own | tenant.consented.get(client.id, set())

    def allows(self, user: Mailbox, client: Client, scopes: tuple[str, ...]) -> bool:
        """Tell whether all of these are allowed."""
        wanted = {each.lower() for each in short(scopes)} - _IDENTITY
        return wanted <= self.of(user, client)

    def code(self, asked: Asked, user: Mailbox) -> str:
        """Note that somebody signed in, and return the code for the client."""
        made = f"1.{self._world.token(80)}"
        self._codes[made] = _Code(asked, user.id, self._world.now)
        return made

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Given:
        """Give tokens for a code, once.

        Raises:
            EntraError: the code is none, was used, is too old, or the proof does not fit.
        """
        if code in self._spent:
            raise refusals.refusal("code_redeemed")
        found = self._codes.pop(code, None)
        if found is None or found.asked.client != client.id:
            raise refusals.refusal("code_malformed")
        self._spent.add(code)
        if self._world.now - found.made > CODE_LIFE:
            raise refusals.refusal("code_expired")
        asked = found.asked
        if redirect_uri != asked.redirect_uri:
            raise refusals.refusal("code_redirect")
        _check_proof(asked, verifier)
        user = self._directory.mailboxes[found.user]
        return self.give(client, user, asked.scopes, nonce=asked.nonce)

    def refresh(
        self, client: Client, token: str, scopes: tuple[str, ...], *, has_secret: bool = False
    ) -> Given:
        """Give an access token and the next refresh token.

        Raises:
            EntraError: invalid_grant: its owner has to sign in again.
        """
        found = self._refresh.get(token)
        if found is None or found.client != client.id:
            raise refusals.refusal("refresh_malformed")
        if found.is_public and has_secret:
            raise refusals.refusal("secret_of_public")
        user = self._directory.mailboxes[found.user]
        faults = user.faults
        for name in refusals.SIGN_IN_FAULTS:
            if faults.happens(name):
                raise refusals.refusal(name)
        if self._world.now - found.used > _UNUSED:
            raise refusals.refusal("refresh_expired")
        if faults.is_on("single_use_refresh") and found.is_replaced:
            # A token that was used already may be stolen: all of its family end.
            self._end_family(found.family)
            raise refusals.refusal("invalid_grant")
        if not self.allows(user, client, found.scopes):
            raise refusals.refusal("consent_missing")
        found.is_replaced = True
        found.used = self._world.now
        wanted = scopes or found.scopes
        if not {*short(wanted)} <= {*short(found.scopes), *_IDENTITY}:
            raise refusals.refusal("consent_missing")
        kept = tuple(dict.fromkeys((*wanted, "offline_access")))
        return self.give(client, user, kept, family=found.family, is_public=found.is_public)

    def give(
        self,
        client: Client,
        user: Mailbox,
        scopes: tuple[str, ...],
        *,
        nonce: str = "",
        family: str = "",
        is_public: bool = False,
    ) -> Given:
        """Give tokens to a client that acts for a user."""
        access = self._give(client, user.tenant, user, scopes)
        token = ""
        if "offline_access" in scopes and not user.faults.happens("no_refresh_token"):
            token = f"1.{self._world.token(120)}"
            family = family or self._world.token(12)
            self._refresh[token] = _Refresh(
                client.id, user.id, scopes, self._world.now, family, is_public
            )
        return Given(access, user, scopes, user.tenant, token, nonce)

    def give_alone(self, client: Client, tenant: str, roles: Iterable[str]) -> Given:
        """Give an access token to a client that acts for itself."""
        scopes = tuple(sorted(roles))
        return Given(self._give(client, tenant, None, scopes), None, scopes, tenant)

    def revoke(self, user: Mailbox, client: str = "") -> None:
        """Forget what a user allowed: one client, or all; as the page of its account does."""
        self.consents = {
            key: scopes
            for key, scopes in self.consents.items()
            if key[0] != user.id or (client and key[1] != client)
        }

    def sender(self, token: str) -> Sender | None:
        """Find whom an access token stands for, if it is good."""
        found = self._access.get(token)
        if found is None or found.ends <= self._world.now:
            return None
        user = self._directory.mailboxes.get(found.user)
        if user and not self._freshness.is_good(found.number, user.id, user.faults):
            return None
        client = self.clients.get(found.client)
        policy = client.mailboxes if client and user is None else None
        return Sender(found.client, found.tenant, found.scopes, user, policy)

    def _give(
        self, client: Client, tenant: str, user: Mailbox | None, scopes: tuple[str, ...]
    ) -> str:
        token = f"eyJ0eXAiOiJKV1Qi.{self._world.token(100)}.{self._world.token(40)}"
        ends = self._world.now + ACCESS_LIFE
        kept = frozenset(each.lower() for each in short(scopes))
        owner = user.id if user else ""
        number = self._freshness.next()
        self._access[token] = _Access(client.id, tenant, owner, kept, ends, number)
        return token

    def _end_family(self, family: str) -> None:
        self._refresh = {k: v for k, v in self._refresh.items() if v.family != family}


_IDENTITY = frozenset({"openid", "profile", "email", "offline_access", ".default"})


def short(scopes: Iterable[str]) -> list[str]:
    """Take the resource off names of scopes: `https://graph.microsoft.com/Calendars.Read`."""
    return [each.removeprefix(_GRAPH) for each in scopes]


def _check_proof(asked: Asked, verifier: str) -> None:
    """Hold a code verifier against its challenge (RFC 7636 4.6)."""
    if asked.challenge and not is_proven(asked.challenge, asked.method, verifier):
        raise refusals.refusal("proof")
