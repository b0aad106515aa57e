"""Google's authorisation server: the consent page, and the endpoints of RFC 6749 and RFC 7009."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.sandbox.description import Description
from bridge.sandbox.google import consent
from bridge.sandbox.google.delegation import ServiceAccounts
from bridge.sandbox.google.grants import (
    ACCESS_LIFE,
    TESTING_LIFE,
    Answer,
    Asked,
    Client,
    Grants,
    OAuthError,
)
from bridge.sandbox.google.times import Json
from bridge.sandbox.jwt import Key
from bridge.sandbox.messages import Page
from bridge.sandbox.oauth import credentials, with_query
from bridge.sandbox.world import World

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_WRONG_ISSUER = "https://elsewhere.example"
_IDENTITY = frozenset({"openid"})
_SPELLED = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}
"""Google answers with other names than those that were asked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A valid request for consent."""

    client: Client
    asked: Asked
    scopes: tuple[str, ...]
    state: str | None
    hint: str
    is_silent: bool
    """prompt=none."""


class OAuth:
    """The server; its methods take parameters and return documents."""

    def __init__(
        self, world: World, grants: Grants, services: ServiceAccounts, description: Description
    ) -> None:
        self._world = world
        self._grants = grants
        self._services = services
        self._key = Key("sandbox-1")
        calendar = [scope for method in description.methods.values() for scope in method.scopes]
        self._scopes = frozenset({*consent.SCOPES, *calendar})

    def ask(self, query: Mapping[str, str], issuer: str) -> Page:
        """Show the consent page."""
        wish = self._wish(query, issuer)
        if isinstance(wish, Page):
            return wish
        if wish.is_silent:
            known = [each for each in self._grants.of(wish.hint) if each.client == wish.client.id]
            if known and set(wish.scopes) <= known[0].scopes:
                return self._allow(wish, wish.hint, wish.scopes, issuer)
            return _back(wish.asked.redirect_uri, wish.state, issuer, error="interaction_required")
        people = [each for each in self._world.accounts.values() if not each.is_service]
        return Page(consent.form(wish.client.name, people, wish.hint, wish.scopes))

    def decide(self, query: Mapping[str, str], form: list[tuple[str, str]], issuer: str) -> Page:
        """Take what the person chose on the consent page."""
        wish = self._wish(query, issuer)
        if isinstance(wish, Page):
            return wish
        chosen = dict(form)
        account = chosen.get("account", "")
        scopes = [value for name, value in form if name == "scope" and value in wish.scopes]
        if chosen.get("decision") != "allow" or not scopes:
            return _back(wish.asked.redirect_uri, wish.state, issuer, error="access_denied")
        if account not in self._world.accounts or self._world.accounts[account].is_service:
            return Page(consent.refusal("invalid_request", "Choose an account."), 400)
        return self._allow(wish, account, scopes, issuer)

    def token(self, form: Mapping[str, str], authorization: str, issuer: str) -> Json:
        """Give tokens.

        Raises:
            OAuthError: RFC 6749 section 5.2.
        """
        kind = form.get("grant_type")
        if kind == _JWT_BEARER:
            audiences = frozenset({f"{issuer}/token", "https://oauth2.googleapis.com/token"})
            answer = self._services.exchange(form.get("assertion", ""), audiences)
            return self._document(answer, "", issuer)
        try:
            client = self._grants.client(*credentials(form, authorization))
        except ValueError as err:
            raise OAuthError("invalid_client", "Bad credentials.", 401) from err
        if kind == "authorization_code":
            answer = self._grants.exchange(
                client,
                form.get("code", ""),
                form.get("redirect_uri", ""),
                form.get("code_verifier", ""),
            )
        elif kind == "refresh_token":
            answer = self._grants.refresh(client, form.get("refresh_token", ""))
        else:
            raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {kind}")
        if self._world.accounts[answer.account].faults.happens("token_unavailable"):
            raise OAuthError("temporarily_unavailable", "Backend Error", 503)
        return self._document(answer, client.id, issuer)

    def userinfo(self, authorization: str) -> Json:
        """Tell whose access token it is (OpenID Connect Core 5.3).

        Raises:
            OAuthError: 401.
        """
        found = self._grants.access(authorization.removeprefix("Bearer "))
        if found is None or "openid" not in found[0].scopes:
            raise OAuthError("invalid_request", "Invalid Credentials", 401)
        account = found[1]
        return {"sub": account.number, "email": account.email, "email_verified": True}

    def keys(self) -> Json:
        """Return the keys that sign ID tokens."""
        return {"keys": [self._key.jwk()]}

    def _wish(self, query: Mapping[str, str], issuer: str) -> Wish | Page:
        client = self._grants.clients.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if client is None:
            return Page(consent.refusal("invalid_client", "The OAuth client was not found."), 401)
        if not client.takes(redirect_uri):
            # Never a redirect: the address may be anybody's.
            text = f"The redirect URI {redirect_uri} is not registered for this client."
            return Page(consent.refusal("redirect_uri_mismatch", text), 400)
        scopes = tuple(dict.fromkeys(query.get("scope", "").split()))
        method = query.get("code_challenge_method", "plain")
        prompts = query.get("prompt", "").split()
        wrong = _mistake(query, method, prompts)
        if not scopes or not self._scopes.issuperset(scopes):
            wrong = "invalid_scope"
        if wrong:
            return _back(redirect_uri, query.get("state"), issuer, error=wrong)
        asked = Asked(
            client.id,
            redirect_uri,
            query.get("code_challenge", ""),
            method,
            is_offline=query.get("access_type") == "offline",
            is_forced="consent" in prompts,
            is_incremental=query.get("include_granted_scopes") == "true",
            nonce=query.get("nonce", ""),
        )
        hint = query.get("login_hint", "")
        return Wish(client, asked, scopes, query.get("state"), hint, "none" in prompts)

    def _allow(
        self, wish: Wish, account: str, scopes: tuple[str, ...] | list[str], issuer: str
    ) -> Page:
        code = self._grants.consent(wish.asked, account, scopes)
        if self._world.accounts[account].faults.is_on("wrong_issuer"):
            issuer = _WRONG_ISSUER
        return _back(wish.asked.redirect_uri, wish.state, issuer, code=code, scope=" ".join(scopes))

    def _document(self, answer: Answer, client: str, issuer: str) -> Json:
        seconds = int(ACCESS_LIFE.total_seconds())
        document: Json = {
            "access_token": answer.access,
            "expires_in": seconds - 1,
            "scope": " ".join(sorted(_SPELLED.get(each, each) for each in answer.scopes)),
            "token_type": "Bearer",
        }
        if answer.refresh:
            document["refresh_token"] = answer.refresh
        if answer.life:
            document["refresh_token_expires_in"] = int(TESTING_LIFE.total_seconds()) - 1
        if client and answer.scopes >= _IDENTITY:
            account = self._world.accounts[answer.account]
            now = int(self._world.now.timestamp())
            claims = {
                "iss": issuer,
                "aud": client,
                "azp": client,
                "sub": account.number,
                "email": account.email,
                "email_verified": True,
                "iat": now,
                "exp": now + seconds,
            }
            document["id_token"] = self._key.sign(
                claims | ({"nonce": answer.nonce} if answer.nonce else {})
            )
        return document


def _mistake(query: Mapping[str, str], method: str, prompts: list[str]) -> str:
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    known = {"none", "consent", "select_account"}
    if not known.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        return "invalid_request"
    good = method in ("S256", "plain") and query.get("access_type", "online") in (
        "online",
        "offline",
    )
    return "" if good else "invalid_request"


def _back(redirect_uri: str, state: str | None, issuer: str, **answer: str) -> Page:
    """Send the browser back to the client; `iss` as RFC 9207 has it."""
    fields = {**answer, "iss": issuer} | ({} if state is None else {"state": state})
    return Page("", 302, with_query(redirect_uri, fields))
