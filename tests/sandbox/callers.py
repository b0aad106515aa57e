"""Programs that speak to a stand-in, whichever provider it stands for, and somebody with curl."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

Json = dict[str, Any]


def plain_http(base_url: str = "", token: str = "") -> httpx2.Client:
    """Make a client; plain HTTP needs no authorities, and reading them takes longer than a test."""
    return httpx2.Client(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        trust_env=False,
        timeout=30,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )


class Caller:
    """A client of an API."""

    http: httpx2.Client

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.http.request(method, path, **options)

    def ok(self, method: str, path: str, **options: Any) -> Json:
        answer = self.send(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}


class Control:
    """Somebody who switches and edits by control URLs."""

    def __init__(self, root: str) -> None:
        self.http = plain_http(root)

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        options = {} if body is None else {"json": body}
        answer = self.http.request(method, path.removeprefix("/"), **options)
        return answer.json() if answer.content else answer.status_code


def check_switches(
    control: Control, known: Mapping[str, str], email: str, ask: Callable[[], int]
) -> None:
    """Switch misbehaviour of an account on and off, by URL.

    Args:
        control: of the provider.
        known: what it can do wrong.
        email: whose account.
        ask: sends a request to the API, and returns its status.
    """
    assert control("GET", "/faults") == dict(known)
    path = f"/accounts/{email}/faults"
    shown = control("POST", path, {"server_error": {"times": 1}, "short_pages": True})
    assert shown == {"server_error": True, "short_pages": True}
    assert ask() == 500
    assert control("GET", path) == {"short_pages": True}
    assert control("POST", path, {"short_pages": False}) == {}
    control("POST", path, {"html": True})
    assert control("DELETE", path) == {}
    assert "no_such" in control("POST", path, {"no_such": True})["error"]
    assert "nobody" in control("GET", "/accounts/nobody/faults")["error"]
