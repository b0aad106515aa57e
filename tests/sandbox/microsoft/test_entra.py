"""Entra ID: who signs in where, what a program gets, and why it gets nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from bridge.sandbox.jwt import _decode, verify
from bridge.sandbox.microsoft.directory import CONSUMERS
from bridge.sandbox.microsoft.grants import Client
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.browser import (
    CALLBACK,
    Browser,
    arrived,
    claims,
    failed,
    links,
)
from tests.sandbox.microsoft.people import ANN, BOB, EVE, PAT, START

CONTOSO = "contoso.example"


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    return Browser(sandbox)


def test_signing_in_gives_tokens_that_work(browser: Browser) -> None:
    back = browser.sign_in()
    assert back.keys() == {"code", "state"}
    assert back["state"] == "s/t=1"
    given = browser.trade(back["code"]).json()
    assert set(given["scope"].split()) == {"Calendars.ReadWrite", "User.Read", "openid", "profile"}
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3599)
    assert browser.use(given["access_token"]) == 200


def test_an_id_token_says_who_signed_in(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect(nonce="n1")
    said = claims(given["id_token"])
    box = sandbox.microsoft.directory.mailbox(ANN)
    assert (said["oid"], said["tid"], said["preferred_username"]) == (box.id, box.tenant, ANN)
    assert (said["aud"], said["nonce"], said["iat"]) == (CLIENT_ID, "n1", START.timestamp())
    base = f"{sandbox.url}/{box.tenant}"
    told = browser.http.get(f"{base}/v2.0/.well-known/openid-configuration").json()
    assert said["iss"] == told["issuer"]
    [key] = browser.http.get(told["jwks_uri"]).json()["keys"]
    n, e = (int.from_bytes(_decode(key[name])) for name in "ne")
    verify(given["id_token"], RSAPublicNumbers(e, n).public_key())


def test_refresh_tokens_rotate(browser: Browser) -> None:
    first = browser.connect()
    second = browser.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert browser.use(second["access_token"]) == 200
    # Entra lets the older one live on.
    assert browser.refresh(first["refresh_token"]).status_code == 200


def test_a_refresh_token_may_be_good_once(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.microsoft.misbehave(ANN, "single_use_refresh")
    first = browser.connect()
    second = browser.refresh(first["refresh_token"]).json()
    assert failed(browser.refresh(first["refresh_token"])) == (400, "invalid_grant", 70008)
    assert failed(browser.refresh(second["refresh_token"]))[1] == "invalid_grant"


def test_an_unused_refresh_token_dies_after_ninety_days(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect()
    sandbox.world.advance(timedelta(days=89))
    given = browser.refresh(given["refresh_token"]).json()
    sandbox.world.advance(timedelta(days=91))
    assert failed(browser.refresh(given["refresh_token"])) == (400, "invalid_grant", 700082)


@pytest.mark.parametrize(
    ("tenant", "people"),
    [
        ("common", [ANN, BOB, EVE, PAT]),
        ("organizations", [ANN, BOB, EVE]),
        ("consumers", [PAT]),
        (CONSUMERS, [PAT]),
        (CONTOSO, [ANN, BOB]),
    ],
)
def test_an_address_says_who_may_sign_in(browser: Browser, tenant: str, people: list[str]) -> None:
    browser.tenant = tenant
    assert browser.people() == people
    if ANN in people:
        assert browser.connect(ANN)["access_token"]
    else:
        answer = browser.decide(ANN)
        assert (answer.status_code, "AADSTS50020" in answer.text) == (400, True)


def test_an_unknown_tenant_is_told(browser: Browser) -> None:
    browser.tenant = "nowhere.example"
    assert "AADSTS90002" in browser.http.get(browser.url()).text
    url = f"{browser.sandbox.url}/nowhere.example/v2.0/.well-known/openid-configuration"
    assert failed(browser.http.get(url)) == (400, "invalid_request", 90002)


def test_a_program_of_one_tenant_is_only_for_it(sandbox: Sandbox, browser: Browser) -> None:
    tenant = sandbox.microsoft.directory.add_tenant(CONTOSO)
    client = Client("c1", {"s": None}, (CALLBACK,), tenant=tenant.id)
    sandbox.microsoft.add_client(client)
    browser.client, browser.secret = "c1", "s"
    assert "AADSTS50194" in browser.http.get(browser.url()).text
    browser.tenant = "fabrikam.example"
    assert "AADSTS700016" in browser.http.get(browser.url()).text
    browser.tenant = CONTOSO
    assert browser.connect()["access_token"]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 700016),
        ({"redirect_uri": "https://elsewhere.example/callback"}, 50011),
    ],
)
def test_a_wrong_program_gets_no_answer(browser: Browser, changes: dict, number: int) -> None:
    answer = browser.http.get(browser.url(**changes))
    assert answer.status_code == 400
    assert f"AADSTS{number}" in answer.text
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"response_type": "token"}, "unsupported_response_type", 700054),
        ({"scope": "Calendars.Frobnicate"}, "invalid_client", 650053),
        ({"scope": None}, "invalid_request", 900144),
        ({"prompt": "none"}, "login_required", 50058),
        ({"prompt": "none", "login_hint": ANN}, "login_required", 50058),
    ],
)
def test_a_wish_that_makes_no_sense_goes_back(
    browser: Browser, changes: dict, error: str, number: int
) -> None:
    back = arrived(browser.http.get(browser.url(**changes)))
    assert (back["error"], back["state"]) == (error, "s/t=1")
    assert back["error_description"].startswith(f"AADSTS{number}")


def test_who_signed_in_once_is_signed_in_silently(browser: Browser) -> None:
    browser.connect()
    back = arrived(browser.http.get(browser.url(prompt="none", login_hint=ANN)))
    assert browser.trade(back["code"]).status_code == 200
    more = browser.url(prompt="none", login_hint=ANN, scope="Calendars.ReadWrite.Shared")
    assert arrived(browser.http.get(more))["error"] == "interaction_required"


def test_who_declines_sends_no_code(browser: Browser) -> None:
    back = browser.sign_in(decision="deny")
    assert (back["error"], back["state"]) == ("access_denied", "s/t=1")
    assert "AADSTS65004" in back["error_description"]


def test_an_answer_may_come_by_post_or_as_a_fragment(browser: Browser) -> None:
    page = browser.decide(response_mode="form_post")
    assert page.status_code == 200
    assert f'action="{CALLBACK}"' in page.text
    assert 'name="code"' in unescape(page.text)
    answer = browser.decide(response_mode="fragment")
    assert answer.headers["Location"].startswith(f"{CALLBACK}#code=")


def test_where_users_may_not_an_administrator_consents(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.microsoft.directory.add_tenant(CONTOSO).may_consent = False
    page = browser.decide()
    assert (page.status_code, "Need admin approval" in page.text) == (200, True)
    [back] = links(page.text)
    assert back.startswith(CALLBACK)
    assert "AADSTS90094" in back
    assert browser.sign_in(decision="admin")["code"]
    assert browser.sign_in(BOB)["code"]


def test_a_code_is_good_once_and_not_for_long(sandbox: Sandbox, browser: Browser) -> None:
    code = browser.sign_in()["code"]
    assert browser.trade(code).status_code == 200
    assert failed(browser.trade(code)) == (400, "invalid_grant", 54005)
    late = browser.sign_in()["code"]
    sandbox.world.advance(timedelta(minutes=11))
    assert failed(browser.trade(late)) == (400, "invalid_grant", 70008)
    assert failed(browser.trade("none"))[1] == "invalid_grant"


def test_a_code_needs_its_proof_and_its_address(browser: Browser) -> None:
    for changes, number in (
        ({"code_verifier": "x" * 43}, 50148),
        ({"code_verifier": None}, 50148),
        ({"redirect_uri": "http://localhost:4711/other"}, 500112),
    ):
        code = browser.sign_in()["code"]
        assert failed(browser.trade(code, **changes))[2] == number


def test_secrets_are_wrong_or_expired_or_missing(sandbox: Sandbox, browser: Browser) -> None:
    ends = START + timedelta(days=1)
    sandbox.microsoft.add_client(Client("c1", {"s": ends}, (CALLBACK,)))
    browser.client = "c1"
    for secret, number in (("wrong", 7000215), (None, 7000218)):
        browser.secret = secret
        assert failed(browser.trade("x")) == (401, "invalid_client", number)
    browser.secret = "s"
    given = browser.connect()
    sandbox.world.advance(timedelta(days=2))
    refused = failed(browser.refresh(given["refresh_token"]))
    assert refused == (401, "invalid_client", 7000222)
    browser.client = "c2"
    assert failed(browser.trade("x")) == (400, "unauthorized_client", 700016)


@pytest.mark.parametrize(
    ("fault", "number", "suberror"),
    [
        ("invalid_grant", 70008, "bad_token"),
        ("password_changed", 50173, "bad_token"),
        ("conditional_access", 53003, "message_only"),
        ("mfa_required", 50076, "basic_action"),
    ],
)
def test_a_refresh_may_need_its_owner(
    sandbox: Sandbox, browser: Browser, fault: str, number: int, suberror: str
) -> None:
    given = browser.connect()
    sandbox.microsoft.misbehave(ANN, fault)
    answer = browser.refresh(given["refresh_token"])
    assert failed(answer) == (400, "invalid_grant", number)
    assert answer.json()["suberror"] == suberror
    assert browser.use(given["access_token"]) == 200


def test_signing_in_anew_satisfies_mfa_but_not_a_policy(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.microsoft.misbehave(ANN, "mfa_required")
    given = browser.connect()
    assert browser.refresh(given["refresh_token"]).status_code == 200
    sandbox.microsoft.misbehave(ANN, "conditional_access")
    page = browser.decide()
    assert (page.status_code, "AADSTS53003" in page.text) == (400, True)


def test_consent_that_was_taken_back_ends_refreshing(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect()
    sandbox.microsoft.grants.revoke(sandbox.microsoft.directory.mailbox(ANN))
    answer = browser.refresh(given["refresh_token"])
    assert failed(answer) == (400, "invalid_grant", 65001)
    assert answer.json()["suberror"] == "consent_required"


def test_a_program_gets_no_more_than_was_allowed(browser: Browser) -> None:
    given = browser.connect(scope="Calendars.Read offline_access")
    assert "id_token" not in given
    more = browser.refresh(given["refresh_token"], scope="Calendars.ReadWrite")
    assert failed(more) == (400, "invalid_grant", 65001)


def test_without_offline_access_there_is_no_refresh_token(browser: Browser) -> None:
    assert "refresh_token" not in browser.connect(scope="Calendars.Read openid")


def test_a_refresh_token_may_be_withheld(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.microsoft.misbehave(ANN, "no_refresh_token", times=1)
    assert "refresh_token" not in browser.connect()
    assert "refresh_token" in browser.connect()


def test_scopes_may_come_back_in_another_spelling(sandbox: Sandbox, browser: Browser) -> None:
    sandbox.microsoft.misbehave(ANN, "qualified_scopes")
    given = browser.connect()
    assert "https://graph.microsoft.com/calendars.readwrite" in given["scope"].split()
    assert browser.use(given["access_token"]) == 200


def test_the_token_endpoint_may_be_out_of_order(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect()
    sandbox.microsoft.misbehave(ANN, "token_unavailable", times=1)
    assert failed(browser.refresh(given["refresh_token"])) == (
        503,
        "temporarily_unavailable",
        90033,
    )
    assert browser.refresh(given["refresh_token"]).status_code == 200


def test_access_tokens_may_end_early(sandbox: Sandbox, browser: Browser) -> None:
    given = browser.connect()
    sandbox.microsoft.misbehave(ANN, "expired_tokens")
    assert browser.use(given["access_token"]) == 401
    given = browser.refresh(given["refresh_token"]).json()
    assert browser.use(given["access_token"]) == 200


def test_a_program_on_its_own_needs_an_administrator(sandbox: Sandbox, browser: Browser) -> None:
    client = Client("c1", {"s": None}, (CALLBACK,), permissions=("calendars.readwrite",))
    sandbox.microsoft.add_client(client)
    browser.client, browser.secret = "c1", "s"
    assert failed(browser.alone()) == (400, "invalid_request", 50059)
    browser.tenant = CONTOSO
    assert failed(browser.alone()) == (400, "unauthorized_client", 7000229)
    assert failed(browser.alone(scope="Calendars.Read")) == (400, "invalid_scope", 1002012)
    url = f"{sandbox.url}/{CONTOSO}/adminconsent?client_id=c1&redirect_uri={CALLBACK}&state=x"
    assert "calendars.readwrite" in browser.http.get(url).text
    back = arrived(browser.http.post(url, data={"decision": "allow"}))
    assert (back["admin_consent"], back["state"]) == ("True", "x")
    token = browser.alone().json()
    assert "refresh_token" not in token
    assert browser.use(token["access_token"], f"users/{BOB}/events") == 200
    assert browser.use(token["access_token"], f"users/{BOB}") == 403
    browser.secret = "wrong"
    assert failed(browser.alone()) == (401, "invalid_client", 7000215)


def test_a_code_is_entered_on_another_device(sandbox: Sandbox, browser: Browser) -> None:
    browser.secret = None
    begun = browser.post({"scope": "Calendars.Read offline_access"}, "devicecode").json()
    wait = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": begun["device_code"],
    }
    assert failed(browser.post(wait)) == (400, "authorization_pending", 70016)
    page = begun["verification_uri"]
    assert begun["user_code"] in begun["message"]
    form = {"user_code": begun["user_code"], "account": ANN, "decision": "allow"}
    assert browser.http.get(page).status_code == 200
    assert browser.http.post(page, data={**form, "user_code": "WRONG"}).status_code == 400
    assert browser.http.post(page, data=form).status_code == 200
    given = browser.post(wait).json()
    assert browser.use(given["access_token"]) == 200
    assert failed(browser.post(wait))[1] == "invalid_grant"


def test_a_device_that_asks_too_often_is_told_to_slow_down(
    sandbox: Sandbox, browser: Browser
) -> None:
    browser.secret = None
    code = browser.post({"scope": "User.Read"}, "devicecode").json()["device_code"]
    kind = "urn:ietf:params:oauth:grant-type:device_code"

    def asked_after(seconds: int) -> object:
        sandbox.world.advance(timedelta(seconds=seconds))
        return failed(browser.post({"grant_type": kind, "device_code": code}))[1]

    paces = [asked_after(seconds) for seconds in (1, 5, 4, 6, 15)]
    pending, hasty = "authorization_pending", "slow_down"
    assert paces == [pending, pending, hasty, hasty, pending]


def test_what_a_device_was_given_is_refreshed_without_a_secret(
    sandbox: Sandbox, browser: Browser
) -> None:
    secret, browser.secret = browser.secret, None
    begun = browser.post({"scope": "User.Read offline_access"}, "devicecode").json()
    form = {"user_code": begun["user_code"], "account": ANN, "decision": "allow"}
    browser.http.post(begun["verification_uri"], data=form)
    kind = "urn:ietf:params:oauth:grant-type:device_code"
    given = browser.post({"grant_type": kind, "device_code": begun["device_code"]}).json()
    for _ in range(2):
        refresh = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
        browser.secret = secret
        assert failed(browser.post(refresh)) == (401, "invalid_client", 700025)
        browser.secret = None
        given = browser.post(refresh).json()
        assert browser.use(given["access_token"], "me") == 200


def test_a_code_may_be_declined_or_too_old(sandbox: Sandbox, browser: Browser) -> None:
    browser.secret = None
    kind = "urn:ietf:params:oauth:grant-type:device_code"
    first, second = (browser.post({"scope": "User.Read"}, "devicecode").json() for _ in range(2))
    deny = {"user_code": first["user_code"], "account": ANN, "decision": "deny"}
    browser.http.post(first["verification_uri"], data=deny)
    declined = browser.post({"grant_type": kind, "device_code": first["device_code"]})
    assert failed(declined)[1] == "authorization_declined"
    sandbox.world.advance(timedelta(minutes=16))
    late = browser.post({"grant_type": kind, "device_code": second["device_code"]})
    assert failed(late) == (400, "expired_token", 70020)
    sandbox.microsoft.grants.clients[CLIENT_ID].is_public = False
    assert failed(browser.post({"scope": "User.Read"}, "devicecode"))[2] == 7000218


def test_the_client_info_names_the_account(sandbox: Sandbox, browser: Browser) -> None:
    code = browser.sign_in(PAT)["code"]
    info = browser.trade(code, client_info="1").json()["client_info"]
    box = sandbox.microsoft.directory.mailbox(PAT)
    assert json.loads(_decode(info)) == {"uid": box.id, "utid": CONSUMERS}
