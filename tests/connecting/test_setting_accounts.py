"""Accounts that programs bring with them: passwords, refresh tokens, codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.access import Scope
from bridge.model.interval import rfc3339, utc
from bridge.model.resource import ConnectionId
from bridge.store.database import Database
from tests.connecting.application import OWN, VERIFIER, consent, tokens
from tests.connecting.home import APP, Home
from tests.connecting.owner import ANN, BOB, Browser, asked
from tests.servers.dav import Dav
from tests.servers.origin import Origin
from tests.servers.radicale import start_radicale

ALL = " ".join(scope.value for scope in Scope)
CALDAV = ConnectionId("room-a.caldav")
CANARY = "CANARY-app-password"
MADE = "/resources/room-a/connections"


@pytest.fixture
def dav(tmp_path: Path) -> Iterator[Dav]:
    """A CalDAV server with one calendar of Ann."""
    folder = tmp_path / "radicale"
    folder.mkdir()
    server = start_radicale(folder, password=CANARY)
    account = Dav(server.url, "/ann/", "ann", CANARY)
    account.make_calendar("home", displayname="Home")
    yield account
    server.stop()


def login(dav: Dav, **keys: Any) -> dict[str, Any]:
    return {
        "provider": "caldav",
        "server_url": dav.url,
        "username": "ann",
        "password": CANARY,
        "read_calendars": ["Home"],
    } | keys


def nobody_finds(home: Home, secret: str) -> None:
    """Look for a secret in every cell of the database, and in its files."""
    database: Database = home.bridge.database
    assert database.path is not None
    for path in database.path.parent.glob(f"{database.path.name}*"):
        assert secret.encode() not in path.read_bytes(), path.name


@pytest.mark.covers("S0-23", "S0-31")
def test_an_account_with_a_password_is_tried_and_its_password_kept_unseen(
    home: Home, dav: Dav, caplog: pytest.LogCaptureFixture
) -> None:
    at = utc(home.now + 86400).strftime("%Y%m%dT%H%M%SZ")
    dav.put("/ann/home/", "tea.ics", _TEA.format(at=at))
    key, id_ = home.key(scope=ALL), ConnectionId("room-x.caldav")
    assert home.call(key, "POST", "/resources", {"id": "room-x"})[0] == 201
    status, made = home.call(key, "POST", "/connections", login(dav, resource_id="room-x"))
    assert status == 201, made
    assert (made["id"], made["status"], made["managed_by"]) == (id_, "active", "api")
    assert made["read_calendars"] == ["/ann/home/"], "the name became an id"
    assert home.pull(id_) == "ok"
    start, end = rfc3339(home.now), rfc3339(home.now + 7 * 86400)
    target = f"/resources/room-x/busy?start={start}&end={end}"
    periods = home.call(key, "GET", target)[1]["periods"]
    assert [each["start"] for each in periods] == [rfc3339(home.now + 86400)]
    shown = [made, home.call(key, "GET", f"/connections/{id_}")[1]]
    assert CANARY not in f"{shown} {caplog.text} {home.bridge.settings!r}"
    nobody_finds(home, CANARY)

    assert home.call(key, "DELETE", f"/connections/{id_}")[0] == 200
    assert home.call(key, "GET", target)[1]["periods"] == []


def test_a_password_that_does_not_open_the_account_is_not_kept(home: Home, dav: Dav) -> None:
    key = home.key(scope=ALL)
    for wrong, expected in (
        ({"password": "CANARY-wrong"}, (422, "access_denied")),
        ({"server_url": "http://10.0.0.1/"}, (422, "provider_error")),
        ({"server_url": "http://127.0.0.1:9/"}, (502, "provider_error")),
        ({"read_calendars": ["Home", "Nowhere"]}, (422, "invalid_request")),
        ({"server_url": "ftp://x"}, (422, "invalid_config")),
        ({"password": None}, (422, "invalid_config")),
        ({"url": "https://x.example/"}, (422, "invalid_config")),
        ({"password_file": "/etc/passwd"}, (422, "invalid_request")),
        ({"path": "/etc/passwd"}, (422, "invalid_request")),
    ):
        status, problem = home.call(key, "POST", MADE, login(dav, **wrong))
        assert (status, problem["code"]) == expected, (wrong, problem)
        assert "CANARY" not in str(problem)
        if expected[1].startswith("invalid_config"):
            assert problem["errors"][0]["field"] in ("server_url", "password", "url"), problem
    assert home.call(key, "GET", f"/connections/{CALDAV}")[0] == 404

    assert home.call(key, "POST", MADE, login(dav))[0] == 201
    one = f"/connections/{CALDAV}"
    status, problem = home.call(key, "PATCH", one, {"password": "CANARY-wrong"})
    assert (status, problem["code"]) == (422, "access_denied")
    assert home.pull(CALDAV) == "ok", "the one before stands"
    home.bridge.connecting.disconnect(CALDAV)
    assert home.call(key, "POST", f"{one}/resume", {})[0] == 200
    assert home.call(key, "PATCH", one, {"sync": {"interval": "2m"}})[0] == 200
    assert home.pull(CALDAV) == "ok", "who disconnects takes no password out of the settings"
    status, problem = home.call(key, "POST", MADE, login(dav))
    assert (status, problem["code"]) == (409, "connection_exists")
    assert problem["connection_id"] == CALDAV


def test_nobody_has_a_password_sent_elsewhere_who_does_not_know_it(home: Home, dav: Dav) -> None:
    key, one = home.key(scope=ALL), f"/connections/{CALDAV}"
    assert home.call(key, "POST", MADE, login(dav))[0] == 201
    with Origin() as elsewhere:
        for account in ({"server_url": elsewhere.url("/")}, {"username": "ben"}):
            status, problem = home.call(key, "PATCH", one, account)
            assert (status, problem["errors"][0]["field"]) == (422, "password")
            own = "/connections/room-a.work"
            status, problem = home.call(key, "PATCH", own, account | {"password": "x"})
            assert (status, problem["code"]) == (409, "managed_by_file")
        assert elsewhere.requests == []
    both = {"username": "ben", "password": "other", "read_calendars": None}
    assert home.call(key, "PATCH", one, both)[0] == 200


@pytest.mark.covers("S2-16")
def test_a_deduplication_key_makes_one_connection_whoever_is_asked_how_often(
    home: Home, dav: Dav
) -> None:
    key, body = home.key(scope=ALL), login(dav, resource_id="room-a", deduplication_key="ann-1")
    status, made = home.call(key, "POST", "/connections", body)
    assert (status, made["deduplication_key"]) == (201, "ann-1")
    status, again = home.call(key, "POST", "/connections", body)
    assert (status, again["id"]) == (200, made["id"])
    assert len(home.call(key, "GET", MADE)[1]["items"]) == 3
    of_google = {"resource_id": "room-a", "provider": "google", "deduplication_key": "ann-1"}
    for other in (body | {"username": "ben"}, body | {"resource_id": "room-b"}, of_google):
        status, problem = home.call(key, "POST", "/connections", other)
        assert (status, problem["code"]) == (409, "deduplication_key_in_use"), other
    assert home.call(key, "DELETE", f"/connections/{made['id']}")[0] == 200
    assert home.call(key, "POST", "/connections", body)[0] == 201, "it is free again"


@pytest.mark.covers("S2-15", "S2-16", "S3-03", "S4-29")
def test_a_refresh_token_of_an_application_connects_an_account_in_one_request(home: Home) -> None:
    given, key = tokens(home.google), home.key(scope=ALL)
    body = {
        "resource_id": "room-b",
        "provider": "google",
        "refresh_token": given["refresh_token"],
        "client_id": OWN.id,
        "client_secret": OWN.secret,
        "deduplication_key": "tenant-7",
        "set_primary": True,
    }
    status, made = home.call(key, "POST", "/connections", body)
    assert (status, made["status"], made["auth_url"]) == (201, "active", None), made
    assert (made["is_primary"], made["write_calendar"]) == (True, ANN)
    id_ = ConnectionId(made["id"])
    assert home.pull(id_) == "ok"
    status, again = home.call(key, "POST", "/connections", body)
    assert (status, again["id"]) == (200, id_)
    nobody_finds(home, OWN.secret)
    nobody_finds(home, given["refresh_token"])

    of_bob = tokens(home.google, BOB)["refresh_token"]
    status, problem = home.call(key, "POST", "/connections", body | {"refresh_token": of_bob})
    assert (status, problem["code"]) == (409, "deduplication_key_in_use")
    broken = body | {"refresh_token": "CANARY-none", "deduplication_key": "tenant-8"}
    status, problem = home.call(key, "POST", "/connections", broken)
    assert (status, problem["code"], "CANARY" in str(problem)) == (422, "access_denied", False)
    own = home.call(key, "GET", "/resources/room-b/connections")[1]["items"]
    assert [each["id"] for each in own] == ["room-b.desk", id_], "what failed left nothing behind"


@pytest.mark.covers("S0-09")
def test_a_code_that_came_to_the_application_connects_an_account(home: Home) -> None:
    key = home.key(scope=ALL)
    home.google.sandbox.google.add_client(OWN)
    code = consent(home.google, home.google.section()["client_id"], ANN, verifier=VERIFIER)
    body = {
        "resource_id": "room-b",
        "provider": "google",
        "code": code,
        "redirect_uri": APP,
        "code_verifier": VERIFIER,
    }
    status, problem = home.call(key, "POST", "/connections", body | {"redirect_uri": f"{APP}8"})
    assert (status, problem["code"]) == (403, "redirect_not_allowed")
    status, made = home.call(key, "POST", "/connections", body)
    assert (status, made["status"]) == (201, "active"), made
    for half in ("code", "redirect_uri"):
        asked = {name: value for name, value in body.items() if name != half}
        assert home.call(key, "POST", "/connections", asked)[0] == 422


_TEA = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:tea
DTSTAMP:20260101T000000Z
DTSTART:{at}
DURATION:PT1H
SUMMARY:Tea
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.covers("S1-46")
def test_an_account_is_connected_to_a_resource_once_and_who_tries_again_is_told_where(
    home: Home,
) -> None:
    home.connect()
    key = home.key(scope=ALL)

    def come_back(made: dict[str, Any], account: str) -> dict[str, str]:
        browser = Browser()
        start = browser.get(made["auth_url"])
        back = browser.get(browser.consent(start.headers["Location"], account))
        return asked(back.headers["Location"])

    wish = {"provider": "google", "redirect_url": APP}
    made = home.call(key, "POST", MADE, wish)[1]
    told = come_back(made, ANN)
    assert (told["error"], told["connectionId"]) == ("connection_exists", made["id"])
    assert told["existingConnectionId"] == "room-a.work"
    assert "room-a.work" in told["message"]
    assert home.google.allows(), "the one that is connected lives on"
    assert home.pull() == "ok"
    assert home.call(key, "GET", f"/connections/{made['id']}")[1]["status"] == "pending"

    assert (
        come_back(
            home.call(key, "POST", f"/connections/{made['id']}/auth-url", {"redirect_url": APP})[1],
            BOB,
        )["success"]
        == "true"
    )
    again = home.call(key, "POST", f"/connections/{made['id']}/auth-url", {"redirect_url": APP})[1]
    assert come_back(again, BOB)["success"] == "true", "the same one is only connected again"

    lent = {
        "provider": "google",
        "client_id": OWN.id,
        "client_secret": OWN.secret,
        "refresh_token": tokens(home.google)["refresh_token"],
    }
    status, problem = home.call(key, "POST", MADE, lent)
    assert (status, problem["code"]) == (409, "connection_exists")
    assert problem["connection_id"] == "room-a.work"
    own = home.call(key, "GET", MADE)[1]["items"]
    assert [each["id"] for each in own] == ["room-a.work", "room-a.other", made["id"]]
    assert home.call(key, "POST", "/resources/room-b/connections", lent)[0] == 201, "once for each"


@pytest.mark.covers("S2-37", "S3-06")
@pytest.mark.parametrize("name", ["calendar_id", "raw_calendar_id"])
def test_one_calendar_of_an_account_is_connected_by_the_id_that_the_listing_gave(
    home: Home, name: str
) -> None:
    team = home.google.calendar("Team")
    key, day = home.key(scope=ALL), 86400
    home.google.meet(home.now + day)
    home.google.meet(home.now + 2 * day, team)
    lent = {
        "provider": "google",
        "client_id": OWN.id,
        "client_secret": OWN.secret,
        "refresh_token": tokens(home.google)["refresh_token"],
    }
    raw = home.call(key, "POST", "/calendars/raw", lent)[1]["calendars"]
    chosen = next(each["id"] for each in raw if each["name"] == "Team")

    def read(target: str, wish: dict[str, Any]) -> tuple[list[str], list[str]]:
        status, made = home.call(key, "POST", f"/resources/{target}/connections", lent | wish)
        assert status == 201, made
        assert home.pull(ConnectionId(made["id"])) == "ok"
        window = f"start={rfc3339(home.now)}&end={rfc3339(home.now + 7 * day)}"
        busy = home.call(key, "GET", f"/resources/{target}/busy?{window}")[1]["periods"]
        return made["read_calendars"], [each["start"] for each in busy]

    assert read("room-b", {name: chosen}) == ([team], [rfc3339(home.now + 2 * day)])
    found = home.call(key, "GET", f"/calendars?{name}={team}")[1]["items"]
    assert [each["name"] for each in found] == ["Team"]
    for target, said in (("room-x", "primary"), ("room-y", None)):
        assert home.call(key, "POST", "/resources", {"id": target})[0] == 201
        assert read(target, {name: said}) == (["primary"], [rfc3339(home.now + day)])
    assert home.call(key, "POST", "/resources", {"id": "room-z"})[0] == 201
    assert read("room-z", {name: None, "read_calendars": []}) == ([], [])

    both = {"calendar_id": chosen, "raw_calendar_id": ANN}
    assert home.call(key, "POST", MADE, lent | both)[0] == 422


@pytest.mark.parametrize("named", [{"deduplication_key": "ann"}, {}])
def test_a_token_that_its_provider_replaced_is_not_lost_with_the_try(
    home: Home, named: dict[str, str]
) -> None:
    """It is over by then, and nobody but us has the one that stands in its place."""
    key = home.key(scope=ALL)
    home.google.rotates = True
    body = {
        "provider": "google",
        **named,
        "refresh_token": tokens(home.google)["refresh_token"],
        "client_id": OWN.id,
        "client_secret": OWN.secret,
    }
    home.google.fault("calendar_gone")
    failed = home.call(key, "POST", "/resources/room-b/connections", body)
    assert failed[0] >= 400
    home.google.fault("calendar_gone", value=False)
    status, made = home.call(key, "POST", "/resources/room-b/connections", body)
    assert (status, made["status"]) == (200, "active"), made
    own = home.call(key, "GET", "/resources/room-b/connections")[1]["items"]
    assert [each["id"] for each in own] == ["room-b.desk", made["id"]]


def test_a_wish_of_a_connection_goes_with_it(home: Home) -> None:
    key = home.key(scope=ALL)
    body = {"provider": "google", "set_primary": True}
    made = home.call(key, "POST", "/resources/room-b/connections", body)[1]
    assert home.call(key, "DELETE", f"/connections/{made['id']}")[0] == 200
    with home.bridge.database.read() as conn:
        left = conn.exec_driver_sql("SELECT key FROM meta WHERE key LIKE 'primary_wish%'").all()
    assert left == [], "else the next one of this id would receive the bookings"
