"""Microsoft's own library signs in at the stand-in.

It takes https alone, so its HTTP client maps one https host to loopback: in addresses there, and in
the texts that come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msal
import pytest

from bridge.sandbox.microsoft.grants import Client
from bridge.sandbox.microsoft.scenario import CLIENT_ID, CLIENT_SECRET
from bridge.sandbox.server import Sandbox
from tests.flawless import flawless
from tests.sandbox.callers import plain_http
from tests.sandbox.microsoft.browser import CALLBACK
from tests.sandbox.microsoft.people import ANN, PEOPLE, Program

LOGIN = "https://login.microsoftonline.com"
SCOPES = ["Calendars.ReadWrite", "User.Read"]


class Answer:
    def __init__(self, status: int, headers: Any, text: str) -> None:
        self.status_code, self.headers, self.text = status, headers, text

    def raise_for_status(self) -> None:
        assert self.status_code < 400, self.text


class Mapped:
    """An HTTP client for which one https host is on loopback."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.http = sandbox, plain_http()
        self.asked: list[str] = []

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> Answer:
        return self._send("GET", url, params=params, headers=headers)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any
    ) -> Answer:
        return self._send("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        self.http.close()

    def browse(self, url: str, **form: str) -> str:
        """Follow an address that is shown to the browser; returns where it leads."""
        answer = self.http.post(url.replace(LOGIN, self.sandbox.url), data=form)
        return str(answer.headers.get("Location", ""))

    def _send(self, method: str, url: str, **options: Any) -> Answer:
        assert url.startswith(LOGIN), url
        self.asked.append(urlsplit(url).path)
        answer = self.http.request(method, url.replace(LOGIN, self.sandbox.url), **options)
        text = answer.text.replace(self.sandbox.url, LOGIN)
        return Answer(answer.status_code, answer.headers, text)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """On the real clock: the library has no other."""
    with flawless(Sandbox(PEOPLE, seed=1)) as running:
        yield running


class Application:
    """A program with the library; `library` is the library's own object."""

    def __init__(
        self,
        sandbox: Sandbox,
        tenant: str = "common",
        client: str = CLIENT_ID,
        secret: str = CLIENT_SECRET,
        cache: Any = None,
    ) -> None:
        self.http = Mapped(sandbox)
        self.library = msal.ConfidentialClientApplication(
            client,
            client_credential=secret,
            authority=f"{LOGIN}/{tenant}",
            http_client=self.http,
            instance_discovery=False,
            token_cache=cache,
        )

    def sign_in(self) -> dict[str, Any]:
        flow = self.library.initiate_auth_code_flow(SCOPES, CALLBACK, login_hint=ANN)
        back = self.http.browse(flow["auth_uri"], account=ANN, decision="allow")
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return dict(self.library.acquire_token_by_auth_code_flow(flow, query))


def test_a_person_signs_in_and_stays(sandbox: Sandbox) -> None:
    cache = msal.SerializableTokenCache()
    program = Application(sandbox, cache=cache)
    given, app = program.sign_in(), program.library
    assert given["id_token_claims"]["preferred_username"] == ANN
    assert Program(sandbox, token=given["access_token"]).ok("GET", "me")["mail"] == ANN
    [account] = app.get_accounts()
    assert account["username"] == ANN
    assert account["local_account_id"] == sandbox.microsoft.directory.mailbox(ANN).id
    kept = app.acquire_token_silent(SCOPES, account)
    assert kept["access_token"] == given["access_token"]
    fresh = app.acquire_token_silent(SCOPES, account, force_refresh=True)
    assert fresh["access_token"] != given["access_token"]
    restored = msal.SerializableTokenCache()
    restored.deserialize(cache.serialize())
    again = Application(sandbox, cache=restored)
    assert (
        again.library.acquire_token_silent(SCOPES, account)["access_token"] == fresh["access_token"]
    )


def test_a_refusal_names_its_reason(sandbox: Sandbox) -> None:
    program = Application(sandbox)
    program.sign_in()
    app = program.library
    [account] = app.get_accounts()
    sandbox.microsoft.misbehave(ANN, "conditional_access")
    refused = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [53003])
    wrong = Application(sandbox, secret="wrong").library
    flow = wrong.initiate_auth_code_flow(SCOPES, redirect_uri=CALLBACK)
    answer = wrong.acquire_token_by_auth_code_flow(flow, {"code": "x", "state": flow["state"]})
    assert answer["error_codes"] == [7000215]


def test_a_program_signs_in_on_its_own(sandbox: Sandbox) -> None:
    directory = sandbox.microsoft.directory
    directory.add_tenant("contoso.example").consented["robot"] = {"calendars.read"}
    sandbox.microsoft.add_client(Client("robot", {"s": None}))
    app = Application(sandbox, "contoso.example", "robot", "s").library
    scope = ["https://graph.microsoft.com/.default"]
    first, second = (app.acquire_token_for_client(scope) for _ in range(2))
    assert first["access_token"] == second["access_token"]
    assert second["token_source"] == "cache"
    robot = Program(sandbox, token=first["access_token"])
    assert robot.ok("GET", f"users/{ANN}/events")["value"] == []


def test_a_code_is_entered_on_another_device(sandbox: Sandbox) -> None:
    http = Mapped(sandbox)
    app = msal.PublicClientApplication(
        CLIENT_ID, authority=f"{LOGIN}/common", http_client=http, instance_discovery=False
    )
    flow = app.initiate_device_flow(SCOPES)
    http.browse(flow["verification_uri"], account=ANN, decision="allow",
                user_code=flow["user_code"])  # fmt: skip
    given = app.acquire_token_by_device_flow(flow)
    assert Program(sandbox, token=given["access_token"]).ok("GET", "me")["mail"] == ANN


def test_nothing_but_the_mapped_host_is_asked(sandbox: Sandbox) -> None:
    program = Application(sandbox)
    program.sign_in()
    assert program.http.asked == [
        "/common/v2.0/.well-known/openid-configuration",
        "/common/oauth2/v2.0/token",
    ]
