"""Zoom's authorisation server: the page to allow a program, tokens, and their end.

https://developers.zoom.us/docs/integrations/oauth/
https://developers.zoom.us/docs/internal-apps/s2s-oauth/
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from bridge.sandbox.html import page
from bridge.sandbox.messages import Page
from bridge.sandbox.oauth import Asked, credentials, with_query
from bridge.sandbox.world import Json
from bridge.sandbox.zoom.directory import Directory
from bridge.sandbox.zoom.grants import ACCESS_LIFE, Client, Given, Grants, OAuthError

_SECRETS = ("code", "refresh_token", "token", "client_secret")
"""What may not be part of an address (since February 2023)."""


class _Wish(NamedTuple):
    client: Client
    asked: Asked
    state: str | None


class OAuth:
    """The server; its methods take parameters and return documents."""

    def __init__(self, directory: Directory, grants: Grants) -> None:
        self._directory = directory
        self._grants = grants

    def ask(self, query: Mapping[str, str]) -> Page:
        """Show the page where a person allows a program in."""
        wish = self._wish(query)
        return wish if isinstance(wish, Page) else Page(self._form(wish))

    def decide(self, query: Mapping[str, str], form: Mapping[str, str]) -> Page:
        """Take what the person chose on that page."""
        wish = self._wish(query)
        if isinstance(wish, Page):
            return wish
        user = self._directory.find(form.get("account", ""))
        if form.get("decision") != "allow":
            return _back(wish, error="access_denied")
        if user is None:
            return Page(self._form(wish), 400)
        return _back(wish, code=self._grants.code(wish.asked, user))

    def token(
        self, query: Mapping[str, str], form: Mapping[str, str], authorization: str, root: str
    ) -> Json:
        """Give tokens.

        Raises:
            OAuthError: 400, or 503.
            AnswerLost: tokens were given, and nobody is told.
        """
        if any(name in query for name in _SECRETS):
            raise OAuthError("invalid_request", "Tokens are not supported as query parameters")
        given = {**query, **form}
        client = self._client(form, authorization)
        kind = given.get("grant_type", "")
        if kind == "account_credentials":
            return _document(self._alone(client, given.get("account_id", "")), root)
        if kind == "authorization_code":
            tokens = self._grants.exchange(
                client,
                form.get("code", ""),
                given.get("redirect_uri", ""),
                form.get("code_verifier", ""),
            )
        elif kind == "refresh_token":
            tokens = self._grants.refresh(client, form.get("refresh_token", ""))
        else:
            reason = "unsupported grant type" if kind else "Missing grant type"
            raise OAuthError("unsupported_grant_type", reason)
        return _document(tokens, root)

    def revoke(self, form: Mapping[str, str], authorization: str) -> Json:
        """End what a person allowed.

        Raises:
            OAuthError: 400.
        """
        self._grants.revoke(self._client(form, authorization), form.get("token", ""))
        return {"status": "success"}

    def _alone(self, client: Client, account: str) -> Given:
        if not client.is_server:
            raise OAuthError("unsupported_grant_type", "unsupported grant type")
        if account != client.account:
            raise OAuthError("invalid_request", "Bad Request")
        return self._grants.give_alone(client)

    def _client(self, form: Mapping[str, str], authorization: str) -> Client:
        try:
            identity, secret = credentials(form, authorization)
        except ValueError as err:
            raise OAuthError("invalid_client", "Invalid client_id or client_secret") from err
        client = self._grants.clients.get(identity)
        if client is None or client.secret != secret:
            raise OAuthError("invalid_client", "Invalid client_id or client_secret")
        return client

    def _wish(self, query: Mapping[str, str]) -> _Wish | Page:
        client = self._grants.clients.get(query.get("client_id", ""))
        if client is None or client.is_server:
            return _refused("Invalid client_id", "4,702")
        target = query.get("redirect_uri", "")
        if not client.takes(target):
            # Never a redirect: the address may be anybody's.
            return _refused("Invalid redirect", "4,700")
        scopes = tuple(query.get("scope", "").split()) or client.scopes
        method = query.get("code_challenge_method", "plain")
        challenge = query.get("code_challenge", "")
        wish = _Wish(
            client, Asked(client.id, target, scopes, challenge, method), query.get("state")
        )
        if query.get("response_type") != "code":
            return _back(wish, error="unsupported_response_type")
        if method not in ("S256", "plain"):
            return _back(wish, error="invalid_request")
        if not set(scopes) <= set(client.scopes):
            # A program gets no more than it was registered with in the Marketplace.
            return _refused("Invalid scope", "4,700")
        return wish

    def _form(self, wish: _Wish) -> str:
        people = list(self._directory.users.values())
        radios = "".join(
            f'<label><input type="radio" name="account" value="{escape(each.email)}"'
            f"{' checked' if each is people[0] else ''}> {escape(each.name)} "
            f"<code>{escape(each.email)}</code></label>"
            for each in people
        )
        wanted = "".join(f"<li><code>{escape(each)}</code></li>" for each in wish.asked.scopes)
        return page(
            "Sign in with the sandbox",
            f"<p>This is a stand-in for Zoom. Nothing here is real.</p>"
            f"<p><b>{escape(wish.client.name)}</b> is requesting access to your Zoom account.</p>"
            f'<form method="post"><fieldset><legend>Choose an account</legend>{radios}</fieldset>'
            f"<p>App can:</p><ul>{wanted}</ul>"
            f'<button class="main" name="decision" value="allow">Allow</button>'
            f'<button name="decision" value="deny">Decline</button></form>',
        )


def _refused(text: str, number: str) -> Page:
    return Page(page("Invalid request", f"<p>{escape(text)} ({number})</p>"), 400)


def _back(wish: _Wish, **answer: str) -> Page:
    fields = answer | ({} if wish.state is None else {"state": wish.state})
    return Page("", 302, with_query(wish.asked.redirect_uri, fields))


def _document(given: Given, root: str) -> Json:
    document: Json = {
        "access_token": given.access,
        "token_type": "bearer",
        "expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
        "scope": " ".join(given.scopes),
        "api_url": root,
    }
    return document | ({"refresh_token": given.refresh} if given.refresh else {})
