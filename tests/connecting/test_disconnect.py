"""What is left when an account is disconnected: nothing here, and nothing at the provider."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from bridge.connecting.connecting import AT_ONCE
from bridge.errors import ProviderError
from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import calendars, resources
from tests.connecting.home import DESK, ROOM_B, WORK, Home
from tests.connecting.owner import ANN, BOB, Browser

NINE = datetime(2026, 9, 22, 9, tzinfo=UTC)


def blocks(home: Home) -> int:
    with home.bridge.database.read() as conn:
        row = resources.get(conn, home.row().resource_id)
        assert row is not None
        return len(home.bridge.publisher.periods(conn, row.id, row.horizon))


@pytest.mark.covers("S0-33", "T69")
def test_what_was_granted_is_given_back_and_what_was_read_is_gone(home: Home) -> None:
    home.google.sandbox.person(ANN).create("CANARY-talk", NINE)
    home.connect()
    home.bridge.ingest.pull(WORK, home.now)
    assert blocks(home) == 1
    assert home.bridge.connecting.disconnect(WORK) is None
    home.bridge.rebuild()
    assert not home.google.allows()
    assert home.grant() is None
    assert home.status() is ConnectionStatus.DISCONNECTED
    assert blocks(home) == 0
    with home.bridge.database.read() as conn:
        assert calendars.of_connection(conn, WORK) == []
    assert home.connect(account=BOB).status_code == 200
    assert home.status() is ConnectionStatus.ACTIVE


def test_an_account_that_is_connected_again_is_unread_until_its_first_pull(home: Home) -> None:
    home.google.meet(home.now + 86400)
    key = home.key(scope="busy:read")
    window = f"start={rfc3339(home.now)}&end={rfc3339(home.now + 7 * 86400)}"

    def connect() -> None:
        browser = Browser()
        back = browser.consent(home.asks(browser, home.link(ROOM_B)))
        assert browser.get(back).status_code == 200

    def busy() -> tuple[int, int]:
        status, found = home.call(key, "GET", f"/resources/{ROOM_B}/busy?{window}")
        return status, len(found.get("periods", ()))

    connect()
    assert home.pull(DESK) == "ok"
    assert busy() == (200, 1)
    assert home.bridge.connecting.disconnect(DESK) is None
    connect()
    assert busy()[0] == 503, "nobody is called free"
    home.bridge.rebuild()
    assert busy()[0] == 503
    assert home.pull(DESK) == "ok"
    assert busy() == (200, 1)


def test_it_is_forgotten_here_although_the_provider_cannot_be_told(home: Home) -> None:
    home.connect()
    path = home.bridge.config_path
    url = f"{home.google.sandbox.url}/revoke"
    path.write_text(path.read_text().replace(url, "http://127.0.0.1:9/revoke"))
    assert home.bridge.reload().ok
    trouble = home.bridge.connecting.disconnect(WORK)
    assert trouble is not None
    assert home.grant() is None
    assert home.status() is ConnectionStatus.DISCONNECTED


def test_an_account_that_another_connection_has_too_stays_granted(home: Home) -> None:
    """A provider ends all that an owner granted to an application, whichever token it is shown."""
    home.connect()
    browser = Browser()
    assert browser.get(browser.consent(home.asks(browser, home.link(ROOM_B)))).status_code == 200
    assert home.bridge.connecting.disconnect(WORK) is None
    assert home.google.allows()
    assert home.token(DESK)
    home.bridge.connecting.refresh(DESK)
    assert home.bridge.connecting.disconnect(DESK) is None
    assert not home.google.allows()


@pytest.mark.covers("T69")
def test_what_was_granted_to_a_connection_that_leaves_the_file_is_given_back(home: Home) -> None:
    home.connect()
    browser = Browser()
    assert browser.get(browser.consent(home.asks(browser, home.link(ROOM_B)), BOB)).is_success
    path = home.bridge.config_path
    config = yaml.safe_load(path.read_text())
    config["resources"][0]["connections"].pop(0)
    config["resources"].pop(1)
    path.write_text(yaml.safe_dump(config))
    assert home.bridge.reload().ok
    home.until(lambda: not home.google.allows(), "Ann's permission is given back")
    assert home.google.allows(BOB), "the resource is parked, and whole again when it returns"
    assert home.grant(DESK) is not None


def test_what_others_live_on_stays_when_a_connection_leaves_the_file(home: Home) -> None:
    home.connect()
    browser = Browser()
    assert browser.get(browser.consent(home.asks(browser, home.link(ROOM_B)))).is_success
    path = home.bridge.config_path
    config = yaml.safe_load(path.read_text())
    config["resources"][0]["connections"].pop(0)
    path.write_text(yaml.safe_dump(config))
    assert home.bridge.reload().ok
    for thread in threading.enumerate():
        if thread.name == "farewell":
            thread.join(30)
    assert home.google.allows()
    home.bridge.connecting.refresh(DESK)


@pytest.mark.covers("T69")
def test_what_was_granted_to_a_connection_made_by_api_goes_with_its_purged_resource(
    home: Home,
) -> None:
    status, made = home.call(
        home.key(scope="connections:write connections:read"),
        "POST",
        "/resources/room-b/connections",
        {"provider": "google"},
    )
    assert status == 201
    browser = Browser()
    to_provider = browser.get(made["auth_url"]).headers["Location"]
    assert browser.get(browser.consent(to_provider)).is_success
    assert home.google.allows()
    path = home.bridge.config_path
    config = yaml.safe_load(path.read_text())
    config["resources"].pop(1)
    config["removed_resources"] = "purge"
    path.write_text(yaml.safe_dump(config))
    assert home.bridge.reload().ok
    home.until(lambda: not home.google.allows(), "it is given back")


def test_who_disconnects_is_one_of_the_few_that_ask_providers(home: Home) -> None:
    key = home.key(scope="connections:write connections:read")
    body = {"provider": "google"}
    made = home.call(key, "POST", "/resources/room-a/connections", body)[1]["id"]
    home.connect()
    token = home.grant()
    assert token is not None
    assert token.refresh_token is not None
    lent = token.refresh_token
    home.google.open.clear()
    others = [
        threading.Thread(target=lambda: home.bridge.connecting.adopt(DESK, lent), daemon=True)
        for _ in range(AT_ONCE)
    ]
    for each in others:
        each.start()
    room = home.bridge.connecting._room
    home.until(lambda: room._value == 0, "all have their turn")
    status, problem = home.call(key, "DELETE", f"/connections/{made}")
    assert (status, problem["code"]) == (503, "rate_limited")
    home.google.open.set()
    for each in others:
        each.join(30)
    assert home.call(key, "DELETE", f"/connections/{made}")[0] == 200


@pytest.mark.covers("T69")
def test_an_account_that_is_connected_while_it_is_removed_is_not_lost(home: Home) -> None:
    key = home.key(scope="connections:write connections:read")
    body = {"provider": "google"}
    made = home.call(key, "POST", "/resources/room-b/connections", body)[1]
    browser = Browser()
    url = browser.consent(browser.get(made["auth_url"]).headers["Location"])
    give_back = home.bridge.connecting.disconnect

    def slowly(connection_id: ConnectionId, **more: Any) -> ProviderError | None:
        trouble = give_back(connection_id, **more)
        assert browser.get(url).is_success, "its owner was faster than the removal"
        return trouble

    home.bridge.connecting.disconnect = slowly  # type: ignore[method-assign]
    status, problem = home.call(key, "DELETE", f"/connections/{made['id']}")
    home.bridge.connecting.disconnect = give_back  # type: ignore[method-assign]
    assert status == 503, problem
    assert home.google.allows()
    assert home.call(key, "DELETE", f"/connections/{made['id']}")[0] == 200
    assert not home.google.allows()
