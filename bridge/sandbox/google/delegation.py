"""Service accounts: assertions instead of consent, and whom they may act for (RFC 7523)."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.sandbox.google.grants import Answer, Grants, OAuthError
from bridge.sandbox.google.times import Json
from bridge.sandbox.jwt import BadToken, Key, unverified, verify
from bridge.sandbox.world import Unknown, World

_LONGEST = 3600
_SKEW = 300


@dataclass(slots=True)
class ServiceAccount:
    """A program with a key of its own."""

    email: str
    client_id: str
    key: Key
    delegated: set[str] = field(default_factory=set)
    """Scopes that the admin of the domain lets it use in everybody's name."""

    def file(self, token_url: str) -> Json:
        """Write the JSON file that its owner downloads."""
        return {
            "type": "service_account",
            "project_id": "sandbox",
            "private_key_id": self.key.name,
            "private_key": self.key.pem,
            "client_email": self.email,
            "client_id": self.client_id,
            "token_uri": token_url,
        }


class ServiceAccounts:
    """All of them; guarded by the world's lock."""

    def __init__(self, world: World, grants: Grants) -> None:
        self._world = world
        self._grants = grants
        self._known: dict[str, ServiceAccount] = {}

    def add(self, email: str) -> ServiceAccount:
        """Make one; `delegated` is empty."""
        number = self._world.add_service_account(email).number
        made = self._known[email] = ServiceAccount(email, number, Key(self._world.token(40)))
        return made

    def get(self, email: str) -> ServiceAccount:
        """Find one.

        Raises:
            Unknown: there is none.
        """
        if email not in self._known:
            raise Unknown(f"no service account {email}")
        return self._known[email]

    def exchange(self, assertion: str, audiences: frozenset[str]) -> Answer:
        """Give an access token for an assertion.

        Raises:
            OAuthError: invalid_grant: bad assertion, or no such person; unauthorized_client: the
                admin of the domain does not allow it.
        """
        try:
            account, claims = self._read(assertion)
            self._check(claims, audiences)
        except BadToken as err:
            raise OAuthError("invalid_grant", str(err)) from err
        scopes = frozenset(claims.get("scope", "").split())
        if not scopes:
            raise OAuthError("invalid_scope", "Empty or missing scope not allowed.")
        subject = claims.get("sub", account.email)
        if subject == account.email:
            return self._grants.act(account.email, account.client_id, scopes, may_invite=False)
        if not scopes <= account.delegated:
            raise OAuthError(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client "
                "not authorized for any of the scopes requested.",
                401,
            )
        person = self._world.accounts.get(subject)
        if person is None or person.is_service:
            raise OAuthError("invalid_grant", "Invalid email or User ID")
        return self._grants.act(subject, account.client_id, scopes, may_invite=True)

    def _read(self, assertion: str) -> tuple[ServiceAccount, Json]:
        header, claims = unverified(assertion)
        account = self._known.get(claims.get("iss", ""))
        if account is None or header.get("alg") != "RS256":
            raise BadToken("Invalid JWT: unknown issuer or algorithm.")
        verify(assertion, account.key.private.public_key())
        return account, claims

    def _check(self, claims: Json, audiences: frozenset[str]) -> None:
        now = self._world.now.timestamp()
        starts, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(starts, int | float) or not isinstance(ends, int | float):
            raise BadToken("Invalid JWT: iat and exp are needed.")
        if starts > now + _SKEW or ends < now - _SKEW or ends - starts > _LONGEST:
            raise BadToken(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe."
            )
        if claims.get("aud") not in audiences:
            raise BadToken("Invalid JWT: Failed audience check.")
