"""Somebody in front of Zoom's page to allow a program, and the program that sent them there."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2

from bridge.sandbox.zoom.directory import ACCOUNT_ID
from bridge.sandbox.zoom.scenario import CLIENT_ID, CLIENT_SECRET, SERVER_ID, SERVER_SECRET
from tests.sandbox import browser
from tests.sandbox.browser import CALLBACK, challenge


def basic(identity: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{identity}:{secret}".encode()).decode()


@dataclass
class Browser(browser.Browser):
    """Asks to be let in, and trades what comes back."""

    client: str = CLIENT_ID
    secret: str = CLIENT_SECRET

    def url(self, **changes: Any) -> str:
        """Where a program sends its user; None leaves a parameter out."""
        query = {
            "client_id": self.client,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "s/t=1",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            **changes,
        }
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self.sandbox.url}/oauth/authorize?{urlencode(given)}"

    def page(self, **changes: Any) -> httpx2.Response:
        return self.http.get(self.url(**changes))

    def people(self) -> list[str]:
        """Read who may be chosen."""
        return re.findall(r'name="account" value="([^"]*)"', self.page().text)

    def revoke(self, token: str) -> httpx2.Response:
        return self.post({"token": token}, "revoke")

    def alone(self, account: str = ACCOUNT_ID, **changes: str) -> httpx2.Response:
        """Ask as the Server-to-Server program."""
        form = {"grant_type": "account_credentials", "account_id": account, **changes}
        headers = {"Authorization": basic(SERVER_ID, SERVER_SECRET)}
        return self.http.post(f"{self.sandbox.url}/oauth/token", data=form, headers=headers)

    def post(self, form: dict[str, Any], endpoint: str = "token") -> httpx2.Response:
        headers = {"Authorization": basic(self.client, self.secret)}
        given = {name: value for name, value in form.items() if value is not None}
        url = f"{self.sandbox.url}/oauth/{endpoint}"
        return self.http.post(url, data=given, headers=headers)

    def use(self, token: str, path: str = "users/me/meetings") -> int:
        """Return the status of a request with that access token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.get(f"{self.sandbox.url}/v2/{path}", headers=headers).status_code


def failed(answer: httpx2.Response) -> tuple[int, str, str]:
    """Return status, error and reason of the token endpoint."""
    document = answer.json()
    return answer.status_code, document["error"], document["reason"]
