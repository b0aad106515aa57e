"""Accounts on the command line: seen, listed, stopped for a while and ended, as over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.folder import ALICE, DAY, Folder, Serving
from tests.connecting.application import OWN, tokens
from tests.connecting.home import CLIENT, Provider
from tests.connecting.owner import ANN, BOB, Browser
from tests.servers.dav import Dav
from tests.servers.ports import free_port
from tests.servers.radicale import radicale_account, shared_radicale

COMMANDS_INSIDE = True

WORK, DESK = "room-a.work", "room-a.dav"


@pytest.fixture(scope="module")
def google() -> Iterator[Provider]:
    made = Provider()
    with made.sandbox:
        made.sandbox.world.add_calendar(ANN, "Team")
        yield made


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Dav:
    account = radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))
    account.make_calendar("desk", displayname="Desk")
    return account


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, google: Provider, dav: Dav
) -> Iterator[Serving]:
    login = {"server_url": dav.url, "username": "ann", "password": "secret"}
    connections = [
        {"id": "work", "provider": "google", "read_calendars": ["primary"]},
        {"id": "dav", "provider": "caldav", "read_calendars": ["Desk"], **login},
        {"id": "off", "provider": "caldav", "paused": True, **login},
    ]
    folder = Folder(tmp_path_factory.mktemp("accounts")).prepare(
        server={"bind": f"127.0.0.1:{free_port()}"},
        allow_inline_secrets=True,
        auth={"users": [{**ALICE, "access": {}}]},
        outbound={"allow_networks": ["127.0.0.1/32"]},
        providers={"google": google.section()},
        sync={"push": "off", "interval": "1h"},  # nothing is pulled but what is asked for
        resources=[{"id": "room-a", "connections": connections}],
    )
    with folder.serve() as running:
        yield running


@pytest.fixture
def home(server: Serving) -> Folder:
    """The server's folder, with its Google account connected."""
    folder = server.folder
    if status(folder)["status"] != "active":
        connect(server)
        server.until(lambda: status(folder)["last_sync_at"] is not None, "a pull")
    return folder


def connect(server: Serving, name: str = WORK) -> None:
    folder = server.folder
    browser, secret = Browser(), key(folder)
    made = json.loads(post(server, secret, f"/connections/{name}/auth-url"))
    answer = browser.consent(browser.get(made["auth_url"]).headers["Location"])
    assert browser.get(answer).status_code == 200


def key(folder: Folder) -> str:
    scopes = ["--scope", "connections:read", "--scope", "connections:write"]
    return str(folder.json("keys", "create", "tests", *scopes, "--resource", "*")["key"])


def post(server: Serving, secret: str, target: str, body: Any = None) -> str:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = Browser().http.post(f"{server.url}/api/v1{target}", headers=headers, json=body or {})
    assert answer.status_code < 300, answer.text
    return answer.text


def status(folder: Folder, name: str = WORK) -> Any:
    return folder.json("connections", "show", name)


@pytest.mark.covers("S0-30", "S0-31")
def test_the_command_line_and_the_api_use_the_same_words(server: Serving, home: Folder) -> None:
    home.run("sync", "room-a.work", DESK).ok()
    answer = server.get("/api/v1/connections", Authorization=f"Bearer {key(home)}")
    over_http = {each["id"]: each for each in json.loads(answer.body)["items"]}
    shown = {each["id"]: each for each in home.json("connections", "list")}
    assert shown.keys() == over_http.keys() == {WORK, DESK, "room-a.off"}
    for name, each in shown.items():
        same = each.keys() & over_http[name].keys()
        assert same >= {
            *("account_email", "error", "id", "is_primary", "last_sync_at", "managed_by"),
            *("next_sync_at", "provider", "rate_limit_resets_at", "rate_limited", "status"),
            *("read_calendars", "resource_id", "validate_availability", "write_calendar"),
            *("cancel_if_declined_or_deleted", "notify_attendees"),
        }
        assert {word: each[word] for word in same} == {word: over_http[name][word] for word in same}
    assert (shown[WORK]["status"], shown["room-a.off"]["next_sync_at"]) == ("active", None)


@pytest.mark.covers("S0-41")
def test_every_calendar_of_an_account_is_listed_and_what_is_chosen_is_marked(home: Folder) -> None:
    (work,) = home.json("calendars", "list", WORK)
    assert (work["connection_id"], work["error"]) == (WORK, None)
    assert [(each["name"], each["read"]) for each in work["calendars"][:2]] == [
        ("Ann", True),
        ("Team", False),
    ]
    assert work["calendars"][0]["id"] == ANN
    everything = home.run("calendars", "list", "room-a").ok().out
    assert "Desk" in everything
    nothing = home.run("calendars", "list", "room-x")
    assert (nothing.code, "room-x" in nothing.err) == (1, True)


def test_a_provider_is_asked_when_that_is_wanted(home: Folder, google: Provider) -> None:
    google.sandbox.world.add_calendar(ANN, "Newest")
    before = home.run("calendars", "list", WORK).ok().out
    after = home.run("calendars", "list", WORK, "--refresh").ok().out
    assert ("Newest" in before, "Newest" in after) == (False, True)
    google.fault("unavailable")
    try:
        down = home.run("calendars", "list", WORK, "--refresh")
        assert (down.code, "503" in down.err) == (1, True)
        assert "Newest" in home.run("calendars", "list", WORK).ok().out
    finally:
        google.fault("unavailable", value=False)


@pytest.mark.covers("S3-05")
def test_the_calendars_of_an_account_are_listed_before_it_is_configured(
    home: Folder, google: Provider, dav: Dav
) -> None:
    login = ("--username", "ann", "--server-url", dav.url)
    secret = {"BUSYBRIDGE_PASSWORD": "secret"}
    found = home.run("calendars", "raw", "caldav", *login, environ=secret).ok()
    assert "Desk" in found.out
    wrong = home.run(
        "calendars", "raw", "caldav", *login, environ={"BUSYBRIDGE_PASSWORD": "CANARY-wrong"}
    )
    assert wrong.code == 1
    assert "CANARY" not in wrong.out + wrong.err
    lent = {
        "BUSYBRIDGE_REFRESH_TOKEN": tokens(google)["refresh_token"],
        "BUSYBRIDGE_CLIENT_SECRET": OWN.secret,
    }
    raw = ("calendars", "raw", "google", "--client-id", OWN.id, "--json")
    shown = home.run(*raw, environ=lent).ok().json
    assert (shown["calendars"][0]["name"], shown["refresh_token"]) == ("Ann", None)
    asked = home.on_terminal("calendars", "raw", "caldav", *login, answers={"Password": "secret\n"})
    assert "Desk" in asked


def test_what_the_file_pauses_only_the_file_resumes(home: Folder) -> None:
    for word in ("pause", "resume"):
        refused = home.run("connections", word, "room-a.off")
        assert refused.code == 1
        assert refused.err.startswith("Error: managed_by_file: ")
        assert "`busybridge reload`" in refused.err


@pytest.mark.covers("S0-33")
def test_an_account_is_disconnected_and_its_provider_takes_back_what_was_granted(
    server: Serving, home: Folder, google: Provider
) -> None:
    others = {each.client for each in google.sandbox.google.grants.of(ANN)} - {CLIENT.id}
    assert home.run("connections", "disconnect", WORK).ok().out == f"{WORK} is disconnected\n"
    assert {each.client for each in google.sandbox.google.grants.of(ANN)} == others
    shown = status(home)
    assert (shown["status"], shown["calendars"]) == ("disconnected", [])
    refused = home.run("connections", "resume", WORK)
    assert (refused.code, "`busybridge auth login room-a google`" in refused.err) == (1, True)
    listed = home.run("calendars", "list", WORK)
    assert (listed.code, "connection_pending" in listed.err) == (1, True)
    connect(server)
    server.until(lambda: status(home)["last_sync_at"] is not None, "a pull")


def test_an_account_with_a_password_is_read_again_once_it_is_resumed(
    server: Serving, home: Folder
) -> None:
    home.run("connections", "disconnect", DESK).ok()
    assert status(home, DESK)["calendars"] == []
    assert home.run("connections", "resume", DESK).ok().out == f"{DESK} is active\n"
    server.until(lambda: status(home, DESK)["calendars"], "its calendars")


@pytest.mark.covers("S4-17")
def test_a_sync_of_a_span_that_is_never_read_is_an_error(home: Folder) -> None:
    sync = ("sync", DESK, "--from")
    home.run(*sync, f"{DAY:%Y-%m-%d}", "--to", "+9d").ok()
    beyond = home.run(*sync, "today", "--to", "2040-01-01")
    assert (beyond.code, "sync.window" in beyond.err) == (1, True)
    assert home.run(*sync, "+2d", "--to", "+1d").code == 2


def test_a_calendar_of_somebody_else_is_not_among_them(home: Folder) -> None:
    assert BOB not in home.run("calendars", "list").out
    assert CLIENT.secret not in home.run("calendars", "list", "--json").out
