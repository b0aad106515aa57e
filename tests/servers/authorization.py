"""An authorization server on loopback that rotates refresh tokens, and what it protects.

As RFC 9700 section 4.14.2 says, a refresh token that is used a second time ends the whole grant.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from urllib.parse import parse_qs, urlencode

from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.errors import AuthorizationExpired
from bridge.model.http import Http
from bridge.transport.status import raise_for_status
from tests.servers.origin import Answer, Origin, Request, half

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class AuthorizationServer:
    """One account's grant; `calls` counts what reached the token endpoint."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.calls = 0
        self.refused = 0
        """Calls that were answered `invalid_grant`."""
        self.lifetime = 3600
        self.revoked = False
        self.fault: Callable[[], Answer | None] = lambda: None
        """Answers in the place of the token endpoint, before anything happened."""
        self.loses_answer = False
        """The next answer is cut short, after the tokens were rotated."""
        self.meanwhile: Callable[[], object] = lambda: None
        """Called while a refresh is under way."""
        self.deaf = False
        """The API refuses every token."""
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._refresh_token, self._access_token = self._issue()
        origin.routes["/token"] = self._token
        origin.routes["/api"] = self._api

    @property
    def token_url(self) -> str:
        return self.origin.url("/token")

    @property
    def api_url(self) -> str:
        return self.origin.url("/api")

    def grant(self) -> Grant:
        """What the consent gave."""
        return Grant(
            SecretStr(self._access_token),
            SecretStr(self._refresh_token),
            timedelta(seconds=self.lifetime),
            scopes=("calendar.readonly",),
            subject="1179",
            client_id="app.example",
            client_secret=SecretStr("CANARY-client"),
        )

    def end_access_token(self) -> None:
        """Refuse the access token that was issued last."""
        self._access_token = ""

    def _issue(self) -> tuple[str, str]:
        number = next(self._numbers)
        return f"CANARY-refresh-{number}", f"CANARY-access-{number}"

    def _token(self, request: Request) -> Answer:
        with self._lock:
            self.calls += 1
        if (fault := self.fault()) is not None:
            return fault
        self.meanwhile()
        given = parse_qs(request.body.decode())
        with self._lock:
            if given["client_secret"] != ["CANARY-client"]:
                return _json({"error": "invalid_client"}, 401)
            if given["refresh_token"] != [self._refresh_token]:
                self.revoked = True
            if self.revoked:
                self.refused += 1
                return _json({"error": "invalid_grant"}, 400)
            self._refresh_token, self._access_token = self._issue()
            said = {
                "access_token": self._access_token,
                "refresh_token": self._refresh_token,
                "expires_in": self.lifetime,
            }
            if self.loses_answer:
                self.loses_answer = False
                return half(json.dumps(said).encode())
            return _json(said)

    def _api(self, request: Request) -> Answer:
        given = request.headers.get("authorization", "")
        if self.deaf or not self._access_token or given != f"Bearer {self._access_token}":
            return Answer(401, {"WWW-Authenticate": "Bearer"})
        return _json({"ok": True})


def refresh(http: Http, url: str, held: Grant) -> Grant:
    """What a provider kind does: RFC 6749 section 6."""
    assert held.refresh_token is not None
    assert held.client_secret is not None
    form = {
        "grant_type": "refresh_token",
        "refresh_token": held.refresh_token.get_secret_value(),
        "client_id": held.client_id,
        "client_secret": held.client_secret.get_secret_value(),
    }
    answer = http.request("POST", url, headers=FORM, content=urlencode(form).encode())
    if answer.status == 400 and json.loads(answer.body)["error"] == "invalid_grant":
        raise AuthorizationExpired("the authorization server says invalid_grant")
    raise_for_status(answer, what="the access token")
    said = json.loads(answer.body)
    return Grant(
        SecretStr(said["access_token"]),
        SecretStr(said["refresh_token"]),
        timedelta(seconds=said["expires_in"]),
    )


def _json(data: object, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(data).encode())
