"""The code flow with the stand-in for Google: what is sent, what comes back, what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bridge.app.outlet import make_transport
from bridge.authorizer import Grant, Owner
from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.resource import Direction
from bridge.oauth import CodeFlow, Registration
from bridge.providers.google import GoogleDefaults
from bridge.providers.google.consent import GoogleConsent
from bridge.sandbox.scenario import CLIENT
from bridge.sandbox.server import Sandbox
from bridge.transport import Transport
from tests.builders import make_settings
from tests.connecting.owner import ANN, BOB, Browser, asked
from tests.flawless import flawless
from tests.servers.origin import Answer, Origin, html, redirect

CALLBACK = "http://127.0.0.1:4711/oauth/google/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""Of RFC 7636 appendix B, as is its challenge below."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with flawless(Sandbox({"accounts": [{"email": ANN}, {"email": BOB}]}, seed=1)) as running:
        yield running


@pytest.fixture
def http() -> Iterator[Transport]:
    made = make_transport(make_settings(outbound={"allow_networks": ["127.0.0.1/32"]}).outbound)
    yield made
    made.close()


def consent(http: Transport, url: str, **keys: object) -> GoogleConsent:
    settings = GoogleDefaults.model_validate({**CLIENT.section(url), **keys})
    return GoogleConsent(http, settings, settings.wanted_scopes(Direction.INBOUND))


@pytest.fixture
def google(sandbox: Sandbox, http: Transport) -> GoogleConsent:
    return consent(http, sandbox.url)


def granted(google: GoogleConsent, account: str = ANN) -> Grant:
    url = google.url(CALLBACK, "state", VERIFIER, account)
    return google.exchange(asked(Browser().consent(url, account))["code"], CALLBACK, VERIFIER)


@pytest.mark.covers("T3")
def test_an_owner_is_asked_for_what_is_needed_to_read_with_a_proof_key(
    google: GoogleConsent,
) -> None:
    said = asked(google.url(CALLBACK, "a state", VERIFIER, ANN))
    assert said == {
        "client_id": CLIENT.id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": " ".join(google.scopes),
        "state": "a state",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": ANN,
    }
    assert sorted(google.scopes.values()) == [
        "read busy times",
        "read events",
        "read the list of calendars",
    ]
    assert VERIFIER not in google.url(CALLBACK, "a state", VERIFIER)


def test_a_grant_can_be_used_refreshed_and_given_back(
    google: GoogleConsent, sandbox: Sandbox
) -> None:
    grant = granted(google)
    assert set(grant.scopes) == set(google.scopes)
    assert grant.lifetime == timedelta(seconds=3599)
    assert grant.refresh_token is not None
    assert google.identify(grant) == Owner(ANN, ANN)
    again = google.refresh(grant)
    assert again.access_token != grant.access_token
    assert google.identify(again) == Owner(ANN, ANN)
    google.revoke(replace(grant, access_token=again.access_token))
    with pytest.raises(AuthorizationExpired) as caught:
        google.refresh(grant)
    assert "invalid_grant" in str(caught.value)
    google.revoke(grant)  # it is over already
    with pytest.raises(AuthorizationExpired):
        google.identify(grant)


@pytest.mark.covers("T3")
def test_a_code_is_worth_nothing_without_its_verifier(google: GoogleConsent) -> None:
    code = asked(Browser().consent(google.url(CALLBACK, "state", VERIFIER)))["code"]
    with pytest.raises(AuthorizationExpired):
        google.exchange(code, CALLBACK, VERIFIER[::-1])


def test_a_wrong_secret_is_the_admins_to_put_right(sandbox: Sandbox, http: Transport) -> None:
    right = consent(http, sandbox.url)
    grant = granted(right)
    with pytest.raises(RemoteRejected) as caught:
        consent(http, sandbox.url, client_secret="another").refresh(grant)
    assert caught.value.code == "invalid_client"
    assert "client_secret of providers.google" in caught.value.hint


def test_a_grant_of_an_application_of_its_own_is_refreshed_as_that(
    sandbox: Sandbox, http: Transport
) -> None:
    grant = granted(consent(http, sandbox.url))
    other = consent(http, sandbox.url, client_id="another", client_secret="another")
    own = replace(grant, client_id=CLIENT.id, client_secret=SecretStr(CLIENT.secret))
    assert other.identify(other.refresh(own)) == Owner(ANN, ANN)


def test_without_an_application_the_settings_say_what_is_missing(http: Transport) -> None:
    with pytest.raises(RemoteRejected) as caught:
        consent(http, "http://127.0.0.1:9", client_id="").url(CALLBACK, "state", VERIFIER)
    assert caught.value.code == "invalid_config"


def test_a_server_that_cannot_now_is_asked_later(google: GoogleConsent, sandbox: Sandbox) -> None:
    grant = granted(google)
    sandbox.world.account(ANN).faults.switch("token_unavailable")
    with pytest.raises(TemporarilyUnavailable):
        google.refresh(grant)


ANSWERS = {
    "a login page": (html(), UnreadableAnswer),
    "no token": (Answer(200, {}, b"{}"), UnreadableAnswer),
    "a number": (Answer(200, {}, b"7"), UnreadableAnswer),
    "a token that is none": (Answer(200, {}, b'{"access_token": [1]}'), UnreadableAnswer),
    "502": (Answer(502, {}, b"<html>"), TemporarilyUnavailable),
    "429": (Answer(429, {}, b"{}"), TemporarilyUnavailable),
    "404": (Answer(404, {}, b"gone"), ProviderError),
    "a strange error": (Answer(400, {}, b'{"error": "CANARY <b>"}'), RemoteRejected),
    "server_error": (Answer(400, {}, b'{"error": "server_error"}'), TemporarilyUnavailable),
}


@pytest.mark.covers("T39")
@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_no_grant_is_never_taken_for_one(name: str, http: Transport) -> None:
    answer, error = ANSWERS[name]
    with Origin() as origin:
        origin.routes["/token"] = answer
        url = origin.url("")
        made = Registration("Google", "providers.google", url, f"{url}/token", "", "id", None)
        with pytest.raises(error) as caught:
            CodeFlow(http, made).exchange("CANARY-code", CALLBACK, VERIFIER)
    said = repr(caught.value) + caught.value.hint + repr(caught.value.__context__)
    assert "CANARY" not in said.replace("CANARY <b>", "")


@pytest.mark.covers("T39")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_secret_goes_nowhere_but_to_the_address_of_the_settings(
    status: int, http: Transport
) -> None:
    """A redirect would be followed with its body: the client secret, and a token."""
    with Origin() as origin, Origin() as elsewhere:
        for path in ("/token", "/revoke"):
            origin.routes[path] = redirect(elsewhere.url(path), status)
        google = consent(http, origin.url(""))
        grant = Grant(SecretStr("CANARY-access"), SecretStr("CANARY-refresh"))
        with pytest.raises(UnreadableAnswer, match=f"answered {status}"):
            google.exchange("CANARY-code", CALLBACK, VERIFIER)
        with pytest.raises(UnreadableAnswer):
            google.refresh(grant)
        with pytest.raises(UnreadableAnswer):
            google.revoke(grant)
        assert [each.path for each in origin.requests] == ["/token", "/token", "/revoke"]
        assert elsewhere.accepts == 0
