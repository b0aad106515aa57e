"""What authorization servers answer (RFC 6749 section 5), and how they are asked over `Http`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.errors import UnreadableAnswer
from bridge.model.http import Http, Response
from bridge.transport import raise_for_status

TIMEOUT = timedelta(seconds=10)
"""Of each request: people wait for what is asked here."""
NOT_NOW = frozenset({"temporarily_unavailable", "server_error"})
CLIENT = frozenset({"invalid_client", "unauthorized_client"})
_MAX_SIZE = 64 << 10
_LONGEST_LIFE = timedelta(days=3650)
_WORD = re.compile(r"[a-z0-9_]{1,40}")


def word(error: str) -> str:
    """Give an error's name if it is one, to be shown."""
    return error if _WORD.fullmatch(error) else "an error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What authlib asks of an answer of `requests`."""

    response: Response

    @property
    def status_code(self) -> int:
        return self.response.status

    def raise_for_status(self) -> None:
        raise_for_status(self.response, what="the authorization server")

    def json(self) -> Any:
        return json.loads(self.response.body)


class Session:
    """What authlib asks of a session of `requests`, over `Http`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(
        self,
        url: str,
        data: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> Answer:
        fields, body = dict(headers or {}), urlencode(data)
        if auth is not None:
            url, fields, body = auth.prepare("POST", url, fields, body)
        response = self._http.request(
            "POST",
            url,
            headers=fields,
            content=body.encode(),
            timeout=TIMEOUT,
            max_size=_MAX_SIZE,
            follow=False,  # the body holds a client secret and a token
        )
        check(response, "the authorization server")
        return Answer(response)


def error_of(response: Response) -> str:
    """Read which error an answer is; empty where it is none of RFC 6749."""
    try:
        document = json.loads(response.body)
    except ValueError:
        return ""
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, str) else ""


def check(response: Response, what: str) -> None:
    """Raise what an answer means that is neither a success nor an error of RFC 6749."""
    if response.status >= 300 and (response.status < 400 or not error_of(response)):
        raise_for_status(response, what=what)


def granted(token: Mapping[str, Any], title: str) -> Grant:
    """Read what was granted.

    Raises:
        UnreadableAnswer: there is no access token in it.
    """
    access, refresh = token.get("access_token"), token.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise unreadable(title)
    scope = token.get("scope")
    return Grant(
        access_token=SecretStr(access),
        refresh_token=SecretStr(refresh) if isinstance(refresh, str) and refresh else None,
        lifetime=_lifetime(token.get("expires_in")),
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def _lifetime(seconds: object) -> timedelta | None:
    try:
        life = timedelta(seconds=int(str(seconds)))
    except (ValueError, OverflowError):
        return None
    return life if timedelta() < life < _LONGEST_LIFE else None


def unreadable(title: str) -> UnreadableAnswer:
    """Say that something else than an authorization server answers."""
    return UnreadableAnswer(
        f"the authorization server of {title} does not answer as RFC 6749 says",
        hint="a proxy or a login page of the network may stand before it",
    )
