"""Somebody in front of the sign-in page of Entra, and the program that sent them there."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from bridge.sandbox.microsoft.scenario import CLIENT_ID, CLIENT_SECRET
from bridge.sandbox.server import Sandbox
from tests.sandbox.browser import VERIFIER, challenge
from tests.sandbox.callers import plain_http
from tests.sandbox.microsoft.people import ANN

CALLBACK = "http://localhost:4711/callback"
SCOPE = "Calendars.ReadWrite User.Read offline_access openid profile"


@dataclass
class Browser:
    """Signs in, and trades what comes back."""

    sandbox: Sandbox
    tenant: str = "common"
    client: str = CLIENT_ID
    secret: str | None = CLIENT_SECRET
    http: httpx2.Client = field(default_factory=plain_http)

    def url(self, **changes: Any) -> str:
        """Where a program sends its user; None leaves a parameter out."""
        query = {
            "client_id": self.client,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": SCOPE,
            "state": "s/t=1",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **changes,
        }
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self.sandbox.url}/{self.tenant}/oauth2/v2.0/authorize?{urlencode(given)}"

    def people(self, **changes: Any) -> list[str]:
        """Read who may sign in."""
        page = self.http.get(self.url(**changes)).text
        return re.findall(r'name="account" value="([^"]*)"', page)

    def decide(
        self, account: str = ANN, decision: str = "allow", **changes: Any
    ) -> httpx2.Response:
        form = {"account": account, "decision": decision}
        return self.http.post(self.url(**changes), data=form)

    def sign_in(self, account: str = ANN, decision: str = "allow", **changes: Any) -> dict:
        """Fill in the form and send it; returns what the program's callback gets."""
        answer = self.decide(account, decision, **changes)
        assert answer.status_code == 302, answer.text
        return arrived(answer)

    def trade(self, code: str, **changes: Any) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.post(form)

    def refresh(self, token: str, **more: Any) -> httpx2.Response:
        return self.post({"grant_type": "refresh_token", "refresh_token": token, **more})

    def alone(self, **changes: Any) -> httpx2.Response:
        scope = "https://graph.microsoft.com/.default"
        return self.post({"grant_type": "client_credentials", "scope": scope, **changes})

    def post(self, form: dict[str, Any], endpoint: str = "token") -> httpx2.Response:
        whole = {"client_id": self.client, "client_secret": self.secret, **form}
        given = {name: value for name, value in whole.items() if value is not None}
        url = f"{self.sandbox.url}/{self.tenant}/oauth2/v2.0/{endpoint}"
        return self.http.post(url, data=given)

    def connect(self, account: str = ANN, **changes: Any) -> dict[str, Any]:
        """Go the whole way."""
        answer = self.trade(self.sign_in(account, **changes)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def use(self, token: str, path: str = "me/events") -> int:
        """Return the status of a request with that access token."""
        return self.http.get(
            f"{self.sandbox.url}/v1.0/{path}", headers={"Authorization": f"Bearer {token}"}
        ).status_code


def arrived(answer: httpx2.Response) -> dict[str, str]:
    location = answer.headers["Location"]
    assert location.startswith(CALLBACK), location
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def failed(answer: httpx2.Response) -> tuple[int, str, int]:
    """Return status, error and number of the token endpoint."""
    document = answer.json()
    [number] = document["error_codes"]
    assert document["error_description"].startswith(f"AADSTS{number}: ")
    return answer.status_code, document["error"], number


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def links(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="([^"]*)"', page)]
