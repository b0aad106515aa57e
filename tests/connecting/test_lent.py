"""Accounts that are connected by what an application has: a refresh token, or a code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from bridge.connecting import Lent, RedirectNotAllowed
from bridge.errors import (
    AccountMismatch,
    AuthorizationExpired,
    ConfigError,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.resource import ConnectionStatus
from bridge.sandbox.scenario import CLIENT
from bridge.store import credentials
from bridge.tokens.tokens import ASIDE
from tests.connecting.application import OWN, READING, SCOPE, VERIFIER, consent, tokens
from tests.connecting.home import APP, WORK, Home, revealed
from tests.connecting.owner import ANN, BOB

NINE = datetime(2026, 9, 22, 9, tzinfo=UTC)


def adopt(home: Home, refresh_token: str, secret: str = OWN.secret) -> None:
    home.bridge.connecting.adopt(WORK, SecretStr(refresh_token), OWN.id, SecretStr(secret))


@pytest.mark.covers("S2-15", "S3-03")
def test_an_account_is_connected_by_a_refresh_token_of_an_application_of_its_own(
    home: Home,
) -> None:
    home.google.sandbox.person(ANN).create("talk", NINE)
    given = tokens(home.google)
    adopt(home, given["refresh_token"])
    assert home.status() is ConnectionStatus.ACTIVE
    grant = home.grant()
    assert grant is not None
    assert grant.refresh_token == SecretStr(given["refresh_token"])
    assert (grant.subject, set(grant.scopes)) == (ANN, set(READING))
    assert "CANARY" not in repr(grant)
    home.now += 4000
    report = home.bridge.ingest.pull(WORK, home.now)
    assert [each.objects for each in report.calendars] == [1]
    assert home.google.calls == ["refresh_token", "refresh_token"]


def test_a_token_that_permits_more_than_is_needed_is_enough(home: Home) -> None:
    given = tokens(home.google, scopes=(f"{SCOPE}/calendar",))
    adopt(home, given["refresh_token"])
    assert home.status() is ConnectionStatus.ACTIVE


@pytest.mark.covers("T8")
def test_a_token_that_permits_too_little_is_not_kept_and_goes_on_at_the_application(
    home: Home,
) -> None:
    few = (f"{SCOPE}/calendar.calendarlist.readonly", f"{SCOPE}/calendar.freebusy")
    given = tokens(home.google, scopes=few)
    with pytest.raises(RemoteRejected, match="read and write events") as caught:
        adopt(home, given["refresh_token"])
    assert caught.value.code == "invalid_scope"
    assert (home.row().status, home.row().error_code) == (ConnectionStatus.ERROR, "invalid_scope")
    assert home.grant() is None
    assert home.google.allows(), "it is the application's, and not ours to give back"


def test_what_is_wrong_with_a_refresh_token_is_told_apart(home: Home) -> None:
    given = tokens(home.google)["refresh_token"]
    wrong: list[ProviderError] = []
    for token, secret in (("CANARY-nonsense", OWN.secret), (given, "CANARY-wrong")):
        with pytest.raises(ProviderError) as caught:
            adopt(home, token, secret)
        wrong.append(caught.value)
    home.google.fault("token_unavailable")
    with pytest.raises(TemporarilyUnavailable) as later:
        adopt(home, given)
    assert [each.code for each in wrong] == ["invalid_grant", "invalid_client"]
    assert "given to another application" in wrong[0].hint
    assert "client_secret that came with the refresh token" in wrong[1].hint
    said = [repr(each) + str(each) + each.hint for each in (*wrong, later.value)]
    assert [each for each in said if "CANARY" in each or given in each] == []
    assert home.grant() is None
    assert home.status() is ConnectionStatus.PENDING


def test_what_a_provider_gives_for_a_token_is_kept_before_anything_else_is_asked(
    home: Home,
) -> None:
    home.google.rotates = True
    given = tokens(home.google)["refresh_token"]
    home.google.fault("calendar_gone")
    with pytest.raises(ProviderError):
        adopt(home, given)
    assert home.grant() is None
    home.google.fault("calendar_gone", value=False)
    adopt(home, given)
    assert home.status() is ConnectionStatus.ACTIVE
    home.bridge.connecting.refresh(WORK)
    assert home.google.calls == ["refresh_token"] * 3
    with home.bridge.database.read() as conn:
        assert credentials.version(conn, WORK, ASIDE) == 0, "it is not needed any more"
    with pytest.raises(AuthorizationExpired, match="invalid_grant"):
        adopt(home, given)
    assert home.status() is ConnectionStatus.ACTIVE


@pytest.mark.covers("T7")
def test_a_token_of_another_account_does_not_take_the_place_of_the_connected_one(
    home: Home,
) -> None:
    home.connect()
    before = revealed(home.grant())
    with pytest.raises(AccountMismatch):
        adopt(home, tokens(home.google, BOB)["refresh_token"])
    assert revealed(home.grant()) == before
    assert home.google.allows(BOB)


@pytest.mark.covers("S0-09")
def test_an_account_is_connected_by_the_code_of_an_applications_own_callback(home: Home) -> None:
    code = consent(home.google, CLIENT.id)
    home.bridge.connecting.redeem(WORK, code, APP)
    assert home.status() is ConnectionStatus.ACTIVE
    assert home.google.calls == ["authorization_code"]
    with pytest.raises(AuthorizationExpired, match="invalid_grant"):
        home.bridge.connecting.redeem(WORK, code, APP)
    assert home.status() is ConnectionStatus.ACTIVE, "what was connected stays"


@pytest.mark.covers("T3")
def test_a_code_with_a_challenge_is_worth_nothing_without_its_verifier(home: Home) -> None:
    code = consent(home.google, CLIENT.id, verifier=VERIFIER)
    with pytest.raises(AuthorizationExpired):
        home.bridge.connecting.redeem(WORK, code, APP)
    code = consent(home.google, CLIENT.id, verifier=VERIFIER)
    home.bridge.connecting.redeem(WORK, code, APP, VERIFIER)
    assert home.status() is ConnectionStatus.ACTIVE


@pytest.mark.covers("T1")
def test_a_code_that_came_to_an_address_that_is_not_listed_is_shown_to_nobody(home: Home) -> None:
    for each in ("https://evil.example", APP.upper(), f"{APP}&", "", f"{home.url}/oauth/google"):
        with pytest.raises(RedirectNotAllowed):
            home.bridge.connecting.redeem(WORK, "CANARY-code", each)
    assert home.google.calls == []


@pytest.mark.covers("T7")
def test_a_code_of_another_account_is_refused_and_given_back(home: Home) -> None:
    home.connect()
    before = revealed(home.grant())
    with pytest.raises(AccountMismatch):
        home.bridge.connecting.redeem(WORK, consent(home.google, CLIENT.id, BOB), APP)
    assert revealed(home.grant()) == before
    assert not home.google.allows(BOB)


@pytest.mark.covers("S3-05")
def test_the_calendars_of_an_account_are_listed_before_it_is_connected(home: Home) -> None:
    home.google.sandbox.world.add_calendar(ANN, "Team")
    given = tokens(home.google)
    lent = Lent(SecretStr(given["refresh_token"]), OWN.id, SecretStr(OWN.secret))
    found = home.bridge.connecting.raw_calendars("Google", lent=lent)
    assert [(each.name, each.is_primary) for each in found.calendars] == [
        ("Ann", True),
        ("Team", False),
    ]
    assert found.refresh_token is None, "the one that was lent is as good as before"
    assert home.grant() is None
    assert home.status() is ConnectionStatus.PENDING
    with pytest.raises(AuthorizationExpired):
        home.bridge.connecting.raw_calendars("google", lent=Lent(SecretStr("CANARY")))
    for provider, settings in (("gogle", {}), ("caldav", {"password": "CANARY"})):
        with pytest.raises(ConfigError) as caught:
            home.bridge.connecting.raw_calendars(provider, settings)
        assert "CANARY" not in str(caught.value)
    with pytest.raises(RemoteRejected, match="needs a refresh token"):
        home.bridge.connecting.raw_calendars("google")
