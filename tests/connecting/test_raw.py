"""Applications see the calendars of an account before they connect it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from bridge.model.resource import ConnectionStatus
from bridge.store import schema
from tests.connecting.application import OWN, tokens
from tests.connecting.document import check
from tests.connecting.home import Home, opened
from tests.connecting.owner import ANN
from tests.servers.dav import Dav
from tests.servers.origin import Origin
from tests.servers.radicale import radicale_account, shared_radicale
from tests.unit.transport.test_addresses import FORMS

RAW = "/calendars/raw"
LOGIN = {"username": "ann", "password": "CANARY-secret"}


def post(home: Home, body: Any, *, expect: int = 200) -> Any:
    answer = home.api(home.key(), RAW, body)
    assert answer.status_code == expect, answer.text
    return check(home, "POST", RAW, answer)


@pytest.fixture
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dav]:
    account = radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))
    path = account.make_calendar("raw", displayname="Team")
    yield account
    account.delete(path)


def rows(home: Home) -> int:
    """How much is kept of accounts, in any table."""
    kept = (schema.credentials, schema.listings, schema.calendars, schema.repeats, schema.links)
    with home.bridge.database.read() as conn:
        counts = [
            conn.execute(select(func.count()).select_from(each)).scalar_one() for each in kept
        ]
    return sum(counts)


@pytest.mark.covers("S3-05")
def test_the_calendars_of_a_login_are_listed_and_nothing_is_kept(home: Home, dav: Dav) -> None:
    body = {"provider": "CalDAV", "server_url": dav.url, "username": "ann", "password": "secret"}
    shown = post(home, body)
    assert (shown["provider"], shown["refresh_token"]) == ("caldav", None)
    team = next(each for each in shown["calendars"] if each["name"] == "Team")
    assert team["access_role"] in ("read", "write")
    assert team["id"].endswith("/ann/raw/")
    assert rows(home) == 0


@pytest.mark.covers("S3-05")
def test_the_calendars_of_a_refresh_token_are_listed_and_it_goes_on(home: Home) -> None:
    home.google.sandbox.world.add_calendar(ANN, "Team")
    body = {
        "provider": "google",
        "refresh_token": tokens(home.google)["refresh_token"],
        "client_id": OWN.id,
        "client_secret": OWN.secret,
    }
    for _ in range(2):
        shown = post(home, body)
        assert [(each["name"], each["is_primary"]) for each in shown["calendars"]] == [
            ("Ann", True),
            ("Team", False),
        ]
        assert shown["refresh_token"] is None
    assert rows(home) == 0
    assert home.status() is ConnectionStatus.PENDING
    assert home.google.allows()


def test_what_is_wrong_is_told_apart_and_never_shows_a_secret(home: Home, dav: Dav) -> None:
    given = tokens(home.google)["refresh_token"]
    token = {"provider": "google", "client_id": OWN.id, "client_secret": OWN.secret}
    gone = {"provider": "caldav", "server_url": f"{dav.url}nowhere/", **LOGIN}
    for body, code in (
        ({"provider": "caldav", "server_url": dav.url, **LOGIN}, "token_expired"),
        (token | {"refresh_token": "CANARY-nonsense"}, "token_expired"),
        (token | {"refresh_token": given, "client_id": "CANARY-unknown"}, "invalid_config"),
        (token, "invalid_config"),
        ({"provider": "gogle", **LOGIN}, "invalid_config"),
        ({"provider": "caldav", "username": "ann"}, "invalid_config"),
        ({"provider": "caldav", "server_url": "ftp://example.com", **LOGIN}, "invalid_config"),
        ({"provider": "ics", "server_url": "https://example.com/x.ics"}, "invalid_config"),
        ({"provider": "google", **LOGIN}, "invalid_config"),
    ):
        refused = post(home, body, expect=422)
        assert refused["code"] == code, body
        assert "CANARY" not in str(refused)
    assert post(home, gone, expect=422)["code"] in ("token_expired", "invalid_config")
    home.google.fault("token_unavailable")
    down = post(home, token | {"refresh_token": given}, expect=502)
    assert (down["code"], down["reason"]) == ("provider_error", "unavailable")
    assert rows(home) == 0


@pytest.mark.covers("T60")
@pytest.mark.parametrize("extra", ["path", "url", "api_url", "token_url", "redirect_url"])
def test_keys_that_lead_elsewhere_are_refused_by_name(home: Home, extra: str) -> None:
    body = {"provider": "google", "refresh_token": "x", extra: "file:///etc/passwd"}
    refused = post(home, body, expect=422)
    assert refused["errors"][0]["field"] == extra


@pytest.mark.covers("T9")
def test_no_spelling_of_a_servers_address_reaches_one_that_is_not_listed(tmp_path: Path) -> None:
    forms = [each for each in FORMS if "{port}" in each and "example" not in each]
    assert len(forms) >= 25
    with Origin() as trap, opened(tmp_path, outbound={"allow_networks": []}) as home:
        key = home.key()
        for form in forms:
            body = {"provider": "caldav", "server_url": form.format(port=trap.port), **LOGIN}
            refused = home.api(key, RAW, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_config"), form
        assert trap.accepts == 0


@pytest.mark.covers("T59")
def test_only_keys_that_may_connect_accounts_have_the_bridge_log_in_somewhere(home: Home) -> None:
    for scope in ("connections:read", "busy:read"):
        refused: httpx2.Response = home.api(home.key(scope=scope), RAW, {"provider": "caldav"})
        assert refused.status_code == 403
