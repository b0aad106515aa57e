"""Consent and tokens: what a program gets, and everything it is refused."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from bridge.sandbox.google.grants import Client
from bridge.sandbox.jwt import Key
from bridge.sandbox.server import Sandbox
from tests.sandbox.browser import CALLBACK, LIST, READ, Browser, arrived, failed
from tests.sandbox.people import ALL, ANN, BOB, START, Program


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    return Browser(sandbox)


def test_consent_gives_tokens_that_work(sandbox: Sandbox, browser: Browser) -> None:
    back = browser.decide()
    assert back.keys() == {"code", "scope", "state", "iss"}
    assert back["state"] == "s/t=1"
    assert back["iss"] == sandbox.url
    given = browser.trade(back["code"]).json()
    assert set(given["scope"].split()) == {READ, LIST}
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3599)
    assert browser.use(given["access_token"]) == 200
    again = browser.refresh(given["refresh_token"]).json()
    assert "refresh_token" not in again
    assert browser.use(again["access_token"]) == 200


def test_the_page_lets_one_choose_account_and_scopes(browser: Browser) -> None:
    fields = browser.fields(login_hint=BOB)
    chosen = [value for name, value, ticked in fields if name == "account" and ticked]
    assert chosen == [BOB]
    assert [value for name, value, ticked in fields if name == "scope" and ticked] == [READ, LIST]


def test_an_unticked_scope_is_not_granted(browser: Browser) -> None:
    given = browser.trade(browser.decide(untick=READ)["code"]).json()
    assert given["scope"] == LIST
    assert browser.use(given["access_token"]) == 403


def test_who_denies_sends_no_code(browser: Browser) -> None:
    back = browser.decide(decision="deny")
    assert (back["error"], back["state"]) == ("access_denied", "s/t=1")
    assert "code" not in back


@pytest.mark.parametrize(
    ("registered", "asked", "taken"),
    [
        ("https://bridge.example/callback", "https://bridge.example/callback", True),
        ("https://bridge.example/callback", "https://bridge.example/callback/", False),
        ("https://bridge.example/callback", "https://bridge.example/callback?x=1", False),
        ("https://bridge.example/callback", "http://127.0.0.1:4711/callback", False),
        ("https://bridge.example/callback", "https://bridge.example.evil/callback", False),
    ],
)
def test_a_redirect_uri_fits_exactly(
    sandbox: Sandbox, registered: str, asked: str, taken: bool
) -> None:
    sandbox.google.add_client(Client("web", "secret", (registered,)))
    browser = Browser(sandbox, "web", "secret")
    answer = browser.http.get(browser.url(redirect_uri=asked))
    assert answer.status_code == (200 if taken else 400)
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("http://127.0.0.1:1/x", True),
        ("http://localhost:65000/", True),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False),
        ("https://evil.example/", False),
    ],
)
def test_an_installed_program_may_use_any_port_of_loopback(
    browser: Browser, asked: str, taken: bool
) -> None:
    status = browser.http.get(browser.url(redirect_uri=asked)).status_code
    assert status == (200 if taken else 400)


@pytest.mark.parametrize("verifier", [None, "wrong", ""], ids=["missing", "wrong", "empty"])
def test_a_code_needs_the_proof_key(browser: Browser, verifier: str | None) -> None:
    code = browser.decide()["code"]
    assert failed(browser.trade(code, code_verifier=verifier)) == (400, "invalid_grant")
    assert failed(browser.trade(code)) == (400, "invalid_grant")


def test_a_code_is_good_once_and_for_ten_minutes(sandbox: Sandbox, browser: Browser) -> None:
    code = browser.decide()["code"]
    assert browser.trade(code).status_code == 200
    assert failed(browser.trade(code)) == (400, "invalid_grant")
    late = browser.decide()["code"]
    sandbox.world.advance(timedelta(minutes=11))
    assert failed(browser.trade(late)) == (400, "invalid_grant")


def test_a_code_belongs_to_its_redirect_uri_and_its_client(
    sandbox: Sandbox, browser: Browser
) -> None:
    code = browser.decide()["code"]
    other = CALLBACK + "2"
    assert failed(browser.trade(code, redirect_uri=other)) == (400, "redirect_uri_mismatch")
    code = browser.decide()["code"]
    sandbox.google.add_client(Client("other", "secret", (CALLBACK,)))
    assert failed(Browser(sandbox, "other", "secret").trade(code)) == (400, "invalid_grant")


def test_a_wrong_secret_is_an_invalid_client(sandbox: Sandbox, browser: Browser) -> None:
    refresh = browser.connect()["refresh_token"]
    assert failed(Browser(sandbox, secret="wrong").refresh(refresh)) == (401, "invalid_client")
    assert browser.http.get(browser.url(client_id="nobody")).status_code == 401


def test_client_credentials_may_be_in_the_header(sandbox: Sandbox, browser: Browser) -> None:
    refresh = browser.connect()["refresh_token"]
    answer = browser.http.post(
        f"{sandbox.url}/token",
        data={"grant_type": "refresh_token", "refresh_token": refresh},
        auth=(browser.client, browser.secret),
    )
    assert answer.status_code == 200


def test_a_refresh_token_comes_the_first_time_or_when_consent_is_forced(browser: Browser) -> None:
    assert "refresh_token" not in browser.connect(access_type=None)
    assert "refresh_token" in browser.connect()
    assert "refresh_token" not in browser.connect()
    assert "refresh_token" in browser.connect(prompt="consent")


def test_granted_scopes_are_included_on_demand(browser: Browser) -> None:
    browser.connect(scope=LIST)
    assert browser.connect(scope=READ)["scope"] == READ
    both = browser.connect(scope=READ, include_granted_scopes="true")["scope"]
    assert set(both.split()) == {READ, LIST}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "https://www.googleapis.com/auth/calendar.everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge_method": "MD5"}, "invalid_request"),
        ({"prompt": "please"}, "invalid_request"),
        ({"prompt": "none"}, "interaction_required"),
    ],
)
def test_a_senseless_request_goes_back_as_an_error(
    browser: Browser, changes: dict, error: str
) -> None:
    answer = browser.http.get(browser.url(**changes))
    back = arrived(answer)
    assert (back["error"], back["state"]) == (error, "s/t=1")


def test_an_access_token_lives_an_hour(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect()
    sandbox.world.advance(timedelta(hours=1))
    assert browser.use(given["access_token"]) == 401
    assert browser.use(browser.refresh(given["refresh_token"]).json()["access_token"]) == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_grant(browser: Browser, which: str) -> None:
    given = browser.connect()
    url = f"{browser.sandbox.url}/revoke"
    assert browser.http.post(url, data={"token": given[which]}).status_code == 200
    assert browser.use(given["access_token"]) == 401
    assert failed(browser.refresh(given["refresh_token"])) == (400, "invalid_grant")
    assert failed(browser.http.post(url, data={"token": given[which]})) == (400, "invalid_token")


def test_a_testing_app_is_forgotten_after_seven_days(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.google.add_client(Client("test", "secret", (CALLBACK,), is_testing=True))
    testing = Browser(sandbox, "test", "secret")
    short, long = testing.connect(), browser.connect()
    assert short["refresh_token_expires_in"] == 604799
    sandbox.world.advance(timedelta(days=8))
    assert failed(testing.refresh(short["refresh_token"])) == (400, "invalid_grant")
    assert browser.refresh(long["refresh_token"]).status_code == 200


def test_a_refresh_token_dies_when_unused_or_when_there_are_too_many(
    sandbox: Sandbox, browser: Browser
) -> None:
    first = browser.connect()["refresh_token"]
    for _ in range(100):
        last = browser.connect(prompt="consent")["refresh_token"]
    assert failed(browser.refresh(first)) == (400, "invalid_grant")
    assert browser.refresh(last).status_code == 200
    sandbox.world.advance(timedelta(days=181))
    assert failed(browser.refresh(last)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("invalid_grant", (400, "invalid_grant")),
        ("token_unavailable", (503, "temporarily_unavailable")),
    ],
)
def test_refreshing_fails_on_command(
    sandbox: Sandbox, browser: Browser, fault: str, answer: tuple[int, str]
) -> None:
    refresh = browser.connect()["refresh_token"]
    sandbox.misbehave(ANN, fault, times=1)
    assert failed(browser.refresh(refresh)) == answer
    assert browser.refresh(refresh).status_code == 200


def test_access_tokens_expire_early_on_command(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect()
    old = browser.refresh(given["refresh_token"]).json()["access_token"]
    sandbox.misbehave(ANN, "expired_tokens")
    assert browser.use(old) == 401
    new = browser.refresh(given["refresh_token"]).json()["access_token"]
    assert [browser.use(new), browser.use(old)] == [200, 401]


def test_no_refresh_token_and_a_wrong_issuer_on_command(sandbox: Sandbox, browser: Browser) -> None:
    faults = sandbox.world.account(ANN).faults
    faults.switch("no_refresh_token")
    assert "refresh_token" not in browser.connect()
    faults.switch("wrong_issuer")
    assert browser.decide()["iss"] != sandbox.url


def test_openid_tells_who_it_is(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect(scope=f"openid email {READ}", nonce="n1")
    assert "https://www.googleapis.com/auth/userinfo.email" in given["scope"].split()
    payload = given["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert (claims["iss"], claims["aud"]) == (sandbox.url, browser.client)
    assert (claims["email"], claims["nonce"]) == (ANN, "n1")
    told = browser.http.get(
        f"{sandbox.url}/oauth2/v3/userinfo",
        headers={"Authorization": f"Bearer {given['access_token']}"},
    ).json()
    assert told["sub"] == claims["sub"]


class TestServiceAccount:
    """A program with a key of its own."""

    def ask(self, sandbox: Sandbox, key: Key, **claims: object) -> tuple[int, dict]:
        now = int(START.timestamp())
        whole = {
            "iss": "robot@sandbox.example",
            "scope": ALL,
            "aud": f"{sandbox.url}/token",
            "iat": now,
            "exp": now + 3600,
            **claims,
        }
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": key.sign(whole),
        }
        answer = Browser(sandbox).http.post(f"{sandbox.url}/token", data=form)
        return answer.status_code, answer.json()

    def test_it_acts_for_those_whose_admin_allows_it(self, sandbox: Sandbox) -> None:
        robot = sandbox.google.add_service_account("robot@sandbox.example")
        status, answer = self.ask(sandbox, robot.key, sub=ANN)
        assert (status, answer["error"]) == (401, "unauthorized_client")
        robot.delegated.add(ALL)
        status, answer = self.ask(sandbox, robot.key, sub=ANN)
        assert status == 200
        assert "refresh_token" not in answer
        assert Browser(sandbox).use(answer["access_token"]) == 200
        status, answer = self.ask(sandbox, robot.key, sub="nobody@example.test")
        assert (answer["error"], answer["error_description"]) == (
            "invalid_grant",
            "Invalid email or User ID",
        )

    def test_a_bad_assertion_is_refused(self, sandbox: Sandbox) -> None:
        robot = sandbox.google.add_service_account("robot@sandbox.example")
        now = int(START.timestamp())
        for key, claims in (
            (Key("another"), {}),
            (robot.key, {"exp": now - 4000, "iat": now - 7000}),
            (robot.key, {"exp": now + 7200}),
            (robot.key, {"aud": "https://elsewhere.example/token"}),
            (robot.key, {"iss": "nobody@sandbox.example"}),
        ):
            assert self.ask(sandbox, key, **claims)[1]["error"] == "invalid_grant"

    def test_without_delegation_it_invites_nobody(self, sandbox: Sandbox) -> None:
        robot = sandbox.google.add_service_account("robot@sandbox.example")
        sandbox.person(ANN).share(robot.email, "writer")
        token = self.ask(sandbox, robot.key)[1]["access_token"]
        program = Program(sandbox)
        program.http.headers["Authorization"] = f"Bearer {token}"
        program.insert(ANN)
        guests = {"attendees": [{"email": BOB}]}
        times = {
            "start": {"dateTime": "2026-03-03T10:00:00Z"},
            "end": {"dateTime": "2026-03-03T11:00:00Z"},
        }
        refused = program.refused("POST", f"calendars/{ANN}/events", json={**times, **guests})
        assert refused == (403, "forbiddenForServiceAccounts")
