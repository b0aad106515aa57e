"""Somebody in front of the consent page, and the program that sent them there."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from tests.sandbox.callers import plain_http
from tests.sandbox.people import ANN

CALLBACK = "http://127.0.0.1:4711/callback"
READ = "https://www.googleapis.com/auth/calendar.events.readonly"
LIST = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
VERIFIER = "a-secret-that-only-the-program-knows-0123456789"


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass
class Browser:
    """Asks for consent, chooses, and trades what comes back."""

    sandbox: Sandbox
    client: str = CLIENT.id
    secret: str = CLIENT.secret
    http: httpx2.Client = field(default_factory=plain_http)

    def url(self, **changes: Any) -> str:
        """Where a program sends its user; None leaves a parameter out."""
        query = {
            "client_id": self.client,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": f"{READ} {LIST}",
            "state": "s/t=1",
            "access_type": "offline",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **changes,
        }
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self.sandbox.url}/o/oauth2/v2/auth?{urlencode(given)}"

    def fields(self, **changes: Any) -> list[tuple[str, str, bool]]:
        """Read the form: name, value and whether it is ticked."""
        page = self.http.get(self.url(**changes)).text
        inputs = re.findall(r'<input type="\w+" name="(\w+)" value="([^"]*)"( checked)?>', page)
        return [(name, unescape(value), bool(ticked)) for name, value, ticked in inputs]

    def decide(
        self, account: str = ANN, decision: str = "allow", untick: str = "", **changes: Any
    ) -> dict[str, str]:
        """Fill in the form and send it; returns what the program's callback gets."""
        scopes = [value for name, value, _ in self.fields(**changes) if name == "scope"]
        form = {
            "account": account,
            "scope": [scope for scope in scopes if scope != untick],
            "decision": decision,
        }
        answer = self.http.post(self.url(**changes), data=form)
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

    def refresh(self, token: str) -> httpx2.Response:
        return self.post({"grant_type": "refresh_token", "refresh_token": token})

    def post(self, form: dict[str, Any]) -> httpx2.Response:
        whole = {"client_id": self.client, "client_secret": self.secret, **form}
        given = {name: value for name, value in whole.items() if value is not None}
        return self.http.post(f"{self.sandbox.url}/token", data=given)

    def connect(self, account: str = ANN, **changes: Any) -> dict[str, Any]:
        """Go the whole way."""
        answer = self.trade(self.decide(account, **changes)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def use(self, token: str) -> int:
        """Return the status of a request with that access token."""
        return self.http.get(
            f"{self.sandbox.url}/calendar/v3/calendars/primary/events",
            headers={"Authorization": f"Bearer {token}"},
        ).status_code


def arrived(answer: httpx2.Response) -> dict[str, str]:
    location = answer.headers["Location"]
    assert location.startswith(CALLBACK), location
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def failed(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and error of the token endpoint."""
    return answer.status_code, answer.json()["error"]
