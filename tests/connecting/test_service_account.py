"""A service account reads the calendars of a whole domain, and nobody has to agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from bridge.access import Scope
from bridge.config.load import load
from bridge.connecting import Asked
from bridge.errors import (
    AuthorizationExpired,
    ConfigError,
    NotConnected,
    ProviderError,
    RemoteRejected,
)
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.registry import KINDS
from bridge.sandbox.google.delegation import ServiceAccount
from bridge.sandbox.jwt import Key
from bridge.tokens.assumed import REST
from tests.connecting.application import READING
from tests.connecting.home import DESK, OTHER, WORK, Home, Provider, opened
from tests.connecting.owner import ANN, BOB, Browser

NINE = datetime(2026, 9, 22, 9, tzinfo=UTC)
PROGRAM = "bridge@sandbox.iam.example"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def key_file(folder: Path, account: ServiceAccount) -> str:
    path = folder / "service-account.json"
    path.write_text(json.dumps(account.file("https://oauth2.googleapis.com/token")))
    path.chmod(0o640)
    return str(path)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Room A's account is delegated, and room B's asks its owner."""

    def adjust(google: Provider, config: Any) -> None:
        account = google.sandbox.google.add_service_account(PROGRAM)
        account.delegated.update(READING)
        config["providers"]["google"]["service_account_file"] = key_file(tmp_path, account)
        config["resources"][0]["connections"][0]["account_email"] = ANN
        config["resources"][1]["connections"][0]["consent"] = True

    with opened(tmp_path, adjust) as made:
        yield made


def program(home: Home) -> ServiceAccount:
    return home.google.sandbox.google.services.get(PROGRAM)


def test_an_account_of_the_domain_is_read_without_anybodys_consent(home: Home) -> None:
    assert home.status() is ConnectionStatus.ACTIVE
    assert home.status(DESK) is ConnectionStatus.PENDING
    home.google.sandbox.person(ANN).create("talk", NINE)
    home.google.sandbox.person(BOB).create("not Ann's", NINE)
    report = home.bridge.ingest.pull(WORK, home.now)
    assert [(each.objects, each.error) for each in report.calendars] == [(1, None)]
    assert home.google.calls == [JWT]
    assert home.grant() is None, "a token that can be had at any time is not stored"


def test_an_owner_is_asked_only_where_the_settings_say_so(home: Home) -> None:
    page = Browser().get(home.link())
    assert page.text.count("<form") == 1, "that is the other provider's"
    assert home.bridge.connecting.authorizer(WORK) is None
    with pytest.raises(RemoteRejected, match="nobody has to agree") as caught:
        home.bridge.connecting.begin(Asked(WORK, "browser", "cli"))
    assert "consent: true" in caught.value.hint
    assert home.bridge.connecting.authorizer(OTHER) is not None
    browser = Browser()
    page = browser.get(home.link(home.row(DESK).resource_id))
    start = browser.press(page)
    assert browser.get(browser.consent(start.headers["Location"], BOB)).status_code == 200
    assert home.status(DESK) is ConnectionStatus.ACTIVE


@pytest.mark.covers("F28")
def test_many_jobs_cost_one_token_and_a_token_that_ended_costs_one_more(home: Home) -> None:
    source = home.bridge.accounts.open(WORK).source
    assert source is not None
    together = Barrier(8)

    def read(_: int) -> int:
        together.wait(30)
        return len(source.list_calendars())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [1] * 8
        assert home.google.calls == [JWT]
        home.google.fault("expired_tokens")
        assert list(pool.map(read, range(8))) == [1] * 8
    assert home.google.calls == [JWT, JWT]


def test_many_jobs_that_are_refused_ask_once(home: Home) -> None:
    program(home).delegated.clear()
    source = home.bridge.accounts.open(WORK).source
    assert source is not None

    def read(_: int) -> str:
        with pytest.raises(ProviderError) as caught:
            source.list_calendars()
        return caught.value.code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == ["delegation_not_allowed"] * 8
    assert home.google.calls == [JWT]
    assert REST <= 60, "an admin who put it right does not wait for long"


def refused(home: Home) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        home.bridge.connecting.refresh(WORK)
    return caught.value


def test_what_keeps_a_service_account_out_is_told_apart(home: Home) -> None:
    program(home).delegated.remove(READING[0])
    err = refused(home)
    assert isinstance(err, RemoteRejected)
    assert err.code == "delegation_not_allowed"
    assert f"client id {program(home).client_id}" in err.hint
    assert READING[0] in err.hint
    assert "Admin console" in err.hint
    program(home).delegated.update(READING)

    program(home).key = Key("another")
    err = refused(home)
    assert (type(err), err.code) == (AuthorizationExpired, "invalid_client")
    assert "make another key" in err.hint


def test_a_clock_that_is_wrong_is_not_taken_for_an_account_that_is_not_there(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000)
    err = refused(home)
    assert (type(err), err.code) == (AuthorizationExpired, "clock_skew")
    assert "NTP" in err.hint


def test_an_address_that_the_domain_does_not_have_is_said(home: Home) -> None:
    path = home.bridge.config_path
    path.write_text(path.read_text().replace(ANN, "nobody@example.test"))
    assert home.bridge.reload().ok
    err = refused(home)
    assert (type(err), err.code) == (AuthorizationExpired, "account_unknown")
    assert "nobody@example.test" in str(err)


def test_another_address_is_another_account_and_no_token_of_the_one_before_is_used(
    home: Home,
) -> None:
    home.google.sandbox.person(ANN).create("Ann's", NINE)
    home.bridge.ingest.pull(WORK, home.now)
    path = home.bridge.config_path
    path.write_text(path.read_text().replace(ANN, BOB))
    assert home.bridge.reload().ok
    home.google.sandbox.person(BOB).create("Bob's", NINE)
    home.google.sandbox.person(BOB).create("Bob's, too", NINE)
    report = home.bridge.ingest.pull(WORK, home.now)
    assert [(each.name, each.objects) for each in report.calendars] == [("Bob", 2)]


def test_a_delegated_account_is_disconnected_and_not_read_any_more(home: Home) -> None:
    home.google.sandbox.person(ANN).create("talk", NINE)
    home.bridge.ingest.pull(WORK, home.now)
    assert home.bridge.connecting.disconnect(WORK) is None
    report = home.bridge.ingest.pull(WORK, home.now)
    assert report.calendars == ()
    assert home.status() is ConnectionStatus.DISCONNECTED


@pytest.mark.covers("T6", "T49")
def test_a_program_cannot_have_the_service_account_read_somebodys_calendar(home: Home) -> None:
    """Whoever may connect accounts of one resource could else name anybody of the domain."""
    home.google.sandbox.person(BOB).create("CANARY", NINE)
    key = home.key("room-a", "room-b", scope=" ".join(scope.value for scope in Scope))
    wish = {"provider": "google", "id": "his", "account_email": BOB, "resource_id": "room-a"}
    status, made = home.call(key, "POST", "/connections", wish)
    assert (status, made["status"]) == (201, "pending"), made
    assert home.call(key, "PATCH", f"/connections/{DESK}", {"account_email": BOB})[0] == 200
    for each in (ConnectionId(made["id"]), DESK):
        assert home.bridge.connecting.authorizer(each) is not None, "its owner is asked"
        with pytest.raises(NotConnected):
            home.bridge.ingest.pull(each, home.now)
    assert home.google.calls == []


def problems(folder: Path, key: object, **connection: object) -> list[str]:
    """What `check` says of a file with such a key."""
    path = folder / "busybridge.yaml"
    text = key if isinstance(key, str) else json.dumps(key)
    (folder / "key.json").write_text(text)
    (folder / "key.json").chmod(0o640)
    lines = [f"        {name}: {json.dumps(value)}" for name, value in connection.items()]
    path.write_text(
        "version: 1\n"
        "providers:\n"
        "  google:\n"
        "    service_account_file: key.json\n"
        "resources:\n"
        "  - id: room-a\n"
        "    email: room-a@example.com\n"
        "    connections:\n"
        "      - id: work\n"
        "        provider: google\n" + "\n".join(lines) + "\n"
    )
    try:
        load(path, KINDS, {})
    except ConfigError as err:
        return [f"{each.line}: {each.key}: {each.message} ({each.hint})" for each in err.problems]
    return []


GOOD = ServiceAccount(PROGRAM, "1179", Key("key-1")).file("")


def test_whom_a_service_account_acts_for_has_to_be_said(tmp_path: Path) -> None:
    (missing,) = problems(tmp_path, GOOD)
    assert missing.startswith("9: resources[0].connections[0].account_email: is missing")
    assert "whom it acts for" in missing
    assert problems(tmp_path, GOOD, account_email=ANN) == []
    assert problems(tmp_path, GOOD, consent=True) == []


@pytest.mark.covers("T39")
@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("CANARY", "is not JSON"),
        ({"type": "authorized_user", "refresh_token": "CANARY"}, "no key of a service account"),
        ({"type": "service_account", "private_key": "CANARY"}, "lacks client_email"),
        (GOOD | {"private_key": "CANARY"}, "holds no private RSA key"),
        (["CANARY"], "no key of a service account"),
    ],
    ids=["nonsense", "another kind", "half", "no key", "a list"],
)
def test_a_file_that_is_no_key_is_said_with_its_line_and_not_shown(
    tmp_path: Path, key: object, said: str
) -> None:
    found = problems(tmp_path, key, account_email=ANN)
    assert [said in each for each in found] == [True]
    assert found[0].startswith("4: providers.google.service_account_file: ")
    assert "CANARY" not in found[0]
