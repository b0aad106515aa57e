"""Programs are let in by users, or act for an account; tokens live, rotate and end."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import httpx2
import pytest

from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.directory import ACCOUNT_ID
from bridge.sandbox.zoom.grants import SCOPES, Client
from bridge.sandbox.zoom.scenario import SERVER_ID, SERVER_SECRET
from tests.sandbox.browser import CALLBACK
from tests.sandbox.zoom.browser import Browser, basic, failed
from tests.sandbox.zoom.people import ANN, BOB, EVE, OTHER, Program

DEAD = (400, "invalid_grant", "Invalid Token!")


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    return Browser(sandbox)


def test_a_person_lets_a_program_in(browser: Browser) -> None:
    assert browser.people() == [ANN, BOB, EVE]
    page = browser.page().text
    assert "BusyBridge" in page
    assert "meeting:write:meeting" in page
    given = browser.connect(BOB)
    assert (given["token_type"], given["expires_in"]) == ("bearer", 3599)
    assert given["api_url"] == browser.sandbox.url
    assert set(given["scope"].split()) == set(SCOPES)
    assert browser.use(given["access_token"]) == 200


def test_a_person_declines(browser: Browser) -> None:
    assert browser.decide(decision="deny") == {"error": "access_denied", "state": "s/t=1"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"client_id": "nobody"}, "Invalid client_id"),
        ({"client_id": SERVER_ID}, "Invalid client_id"),
        ({"redirect_uri": "https://elsewhere.example/callback"}, "Invalid redirect"),
        ({"redirect_uri": "http://127.0.0.1@elsewhere.example/"}, "Invalid redirect"),
        ({"scope": "meeting:read:meeting report:read:admin"}, "Invalid scope"),
    ],
)
def test_a_wrong_request_is_shown_and_sent_nowhere(
    browser: Browser, changes: dict[str, str], text: str
) -> None:
    answer = browser.page(**changes)
    assert answer.status_code == 400
    assert text in answer.text


def test_a_program_is_told_what_is_wrong(browser: Browser) -> None:
    for changes, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
    ):
        answer = browser.page(**changes)
        assert f"error={error}" in answer.headers["Location"]


def test_a_code_is_good_once_and_for_five_minutes(browser: Browser) -> None:
    code = browser.decide()["code"]
    assert browser.trade(code).status_code == 200
    assert failed(browser.trade(code))[:2] == (400, "invalid_grant")
    late = browser.decide()["code"]
    browser.sandbox.world.advance(timedelta(minutes=6))
    assert failed(browser.trade(late)) == (400, "invalid_grant", "Authorization code is expired")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "wrong"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:4712/callback"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
    ],
)
def test_a_code_needs_its_proof_and_its_address(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    code = browser.decide()["code"]
    assert failed(browser.trade(code, **changes))[:2] == (400, error)


def test_a_program_without_proof_key_is_let_in_too(browser: Browser) -> None:
    code = browser.decide(code_challenge=None, code_challenge_method=None)["code"]
    assert browser.trade(code, code_verifier=None).status_code == 200


def test_a_client_has_to_prove_itself(browser: Browser) -> None:
    code = browser.decide()["code"]
    browser.secret = "wrong"
    wrong = (400, "invalid_client", "Invalid client_id or client_secret")
    assert failed(browser.trade(code)) == wrong
    url = f"{browser.sandbox.url}/oauth/token"
    for sent in ("Basic ***", "Basic " + "ä".encode().hex(), ""):
        answer = browser.http.post(url, data={"code": code}, headers={"Authorization": sent})
        assert failed(answer) == wrong


def test_secrets_do_not_belong_into_an_address(browser: Browser) -> None:
    code = browser.decide()["code"]
    query = urlencode({"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK})
    assert failed(browser.post({}, f"token?{query}"))[:2] == (400, "invalid_request")


def test_an_access_token_lives_an_hour_and_a_refresh_token_is_good_once(browser: Browser) -> None:
    given = browser.connect()
    browser.sandbox.world.advance(timedelta(minutes=61))
    assert browser.use(given["access_token"]) == 401
    second = browser.refresh(given["refresh_token"]).json()
    assert browser.use(second["access_token"]) == 200
    assert second["refresh_token"] != given["refresh_token"]
    assert failed(browser.refresh(given["refresh_token"])) == DEAD
    assert browser.refresh(second["refresh_token"]).status_code == 200


def test_a_refresh_token_dies_when_nobody_uses_it(browser: Browser) -> None:
    given = browser.connect()
    browser.sandbox.world.advance(timedelta(days=91))
    assert failed(browser.refresh(given["refresh_token"])) == DEAD


def test_of_several_authorisations_the_last_one_counts(browser: Browser) -> None:
    first, second = browser.connect(), browser.connect()
    assert failed(browser.refresh(first["refresh_token"])) == DEAD
    assert browser.use(first["access_token"]) == 401
    assert browser.use(second["access_token"]) == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_ends_both_tokens(browser: Browser, kind: str) -> None:
    given = browser.connect()
    assert browser.revoke(given[kind]).json() == {"status": "success"}
    assert browser.use(given["access_token"]) == 401
    assert failed(browser.refresh(given["refresh_token"])) == DEAD
    assert browser.revoke(given[kind]).status_code == 400


def test_a_person_removes_a_program(browser: Browser) -> None:
    given = browser.connect()
    browser.sandbox.zoom.person(ANN).remove(browser.client)
    assert browser.use(given["access_token"]) == 401
    assert failed(browser.refresh(given["refresh_token"])) == DEAD


def test_a_program_acts_for_its_account(browser: Browser) -> None:
    given = browser.alone().json()
    assert "refresh_token" not in given
    assert given["expires_in"] == 3599
    assert "meeting:write:meeting:admin" in given["scope"].split()
    assert browser.use(given["access_token"], f"users/{ANN}/meetings") == 200
    again = browser.alone().json()
    # Several live at once.
    assert browser.use(given["access_token"], f"users/{BOB}/meetings") == 200
    assert browser.use(again["access_token"], f"users/{BOB}/meetings") == 200
    assert browser.use(again["access_token"], f"users/{EVE}/meetings") == 404
    browser.sandbox.world.advance(timedelta(minutes=61))
    assert browser.use(again["access_token"], f"users/{ANN}/meetings") == 401


def test_the_next_token_may_end_the_one_before(browser: Browser) -> None:
    path = f"users/{ANN}/meetings"
    browser.sandbox.zoom.misbehave(ANN, "single_token")
    first = browser.alone().json()["access_token"]
    assert browser.use(first, path) == 200
    second = browser.alone().json()["access_token"]
    assert browser.use(first, path) == 401
    assert browser.use(second, path) == 200


def test_its_parameters_may_be_in_the_address(browser: Browser) -> None:
    query = urlencode({"grant_type": "account_credentials", "account_id": ACCOUNT_ID})
    headers = {"Authorization": basic(SERVER_ID, SERVER_SECRET)}
    url = f"{browser.sandbox.url}/oauth/token?{query}"
    assert browser.http.post(url, headers=headers).status_code == 200


def test_a_program_acts_for_no_other_account(browser: Browser) -> None:
    assert failed(browser.alone(OTHER)) == (400, "invalid_request", "Bad Request")
    form = {"grant_type": "account_credentials", "account_id": ACCOUNT_ID}
    assert failed(browser.post(form))[:2] == (400, "unsupported_grant_type")


def test_a_token_permits_what_it_was_given_for(sandbox: Sandbox) -> None:
    reader = Program(sandbox, ANN, "meeting:read:list_meetings")
    assert reader.listed() == []
    answer = reader.send("POST", reader.path, json={})
    assert (answer.status_code, answer.json()["code"]) == (400, 4711)
    assert "meeting:write:meeting" in answer.json()["message"]
    assert reader.refused("GET", "users/me") == (400, 4711)
    old = Program(sandbox, BOB, "meeting:write", "user:read")
    number = old.create()["id"]
    assert old.ok("GET", "users/me")["email"] == BOB
    assert old.refused("GET", f"meetings/{number}") == (400, 4711)
    assert old.send("DELETE", f"meetings/{number}").status_code == 204


def test_a_program_gets_no_more_than_it_is_registered_with(sandbox: Sandbox) -> None:
    few = ("meeting:read:list_meetings",)
    sandbox.zoom.add_client(Client("few", "s", redirect_uris=(CALLBACK,), scopes=few))
    browser = Browser(sandbox, "few", "s")
    assert browser.connect()["scope"] == few[0]
    sandbox.zoom.add_client(Client("robot", "s", account=ACCOUNT_ID, scopes=few))
    token = sandbox.zoom.app_token("robot")
    assert browser.use(token, f"users/{ANN}/meetings") == 200
    assert browser.use(token, f"users/{ANN}") == 400


def test_no_token_and_a_wrong_token_are_refused(sandbox: Sandbox, ann: Program) -> None:
    for sent in ("", "Bearer wrong", "Basic wrong"):
        headers = {"Authorization": sent}
        assert ann.refused("GET", "users/me", headers=headers) == (401, 124)


def test_tokens_are_refused_on_command(browser: Browser) -> None:
    zoom = browser.sandbox.zoom
    given = browser.connect()
    zoom.misbehave(ANN, "invalid_grant", times=1)
    assert failed(browser.refresh(given["refresh_token"])) == DEAD
    zoom.misbehave(ANN, "token_unavailable", times=2)
    assert browser.refresh(given["refresh_token"]).status_code == 503
    code = browser.decide()["code"]
    assert browser.trade(code).status_code == 503
    assert browser.refresh(given["refresh_token"]).status_code == 200
    assert browser.trade(code).status_code == 200
    zoom.misbehave(ANN, "no_refresh_token", times=1)
    assert "refresh_token" not in browser.connect()
    zoom.misbehave(BOB, "token_unavailable", times=1)
    assert browser.alone().status_code == 503
    assert browser.alone().status_code == 200


@pytest.mark.parametrize("is_alone", [False, True])
def test_tokens_expire_on_command_until_they_are_refreshed(
    browser: Browser, *, is_alone: bool
) -> None:
    def fresh() -> str:
        given = browser.alone().json() if is_alone else browser.connect()
        return str(given["access_token"])

    path = f"users/{ANN}/meetings" if is_alone else "users/me/meetings"
    old = fresh()
    browser.sandbox.zoom.misbehave(ANN, "expired_tokens")
    assert browser.use(old, path) == 401
    assert browser.use(fresh(), path) == 200
    if is_alone:
        assert browser.use(old, path) == 401
        assert browser.use(old, f"users/{BOB}/meetings") == 200


def test_a_refresh_whose_answer_is_lost_ends_the_connection_for_good(browser: Browser) -> None:
    given = browser.connect()
    browser.sandbox.zoom.misbehave(ANN, "refresh_lost", times=1)
    with pytest.raises(httpx2.TransportError):
        browser.refresh(given["refresh_token"])
    assert failed(browser.refresh(given["refresh_token"])) == DEAD
