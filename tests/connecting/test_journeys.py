"""What the documents of other systems have their developers do, done here."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import keys
from tests.connecting.application import VERIFIER, consent
from tests.connecting.document import check
from tests.connecting.home import APP, CLIENT, ROOM, WORK, Home, opened
from tests.connecting.owner import ANN, BOB, Browser

ACTING = "X-BusyBridge-Resource"
READ = "connections:read"
BUSY = "https://www.googleapis.com/auth/calendar.freebusy"


@pytest.mark.covers(
    *("S1-19", "S1-20", "S1-21", "S1-22", "S1-23", "S1-24", "S1-25", "S1-26", "S4-26", "S4-28")
)
def test_a_connection_has_every_field_that_applications_show(tmp_path: Path) -> None:
    work = {
        "id": "work",
        "provider": "google",
        "account_email": ANN,
        "read_calendars": ["primary", "Team"],
        "write_calendar": "primary",
        "validate_availability": False,
    }
    desk = {"id": "desk", "provider": "google", "account_email": BOB, "read_calendars": []}
    with opened(tmp_path, resources=[{"id": "room-a", "connections": [work, desk]}]) as home:
        key = home.key(scope=READ)

        def shown() -> list[dict[str, object]]:
            answer = home.api(key, "/connections?resource=room-a")
            items: list[dict[str, object]] = check(home, "GET", "/connections", answer)["items"]
            return items

        assert [each["status"] for each in shown()] == ["pending", "pending"]
        home.connect()
        other, first = shown()
        assert first["id"] == "room-a.work"
        assert (first["provider"], first["account_email"]) == ("google", ANN)
        assert (first["is_primary"], first["status"]) == (True, "active")
        assert (first["write_calendar"], first["read_calendars"]) == (
            "primary",
            ["primary", "Team"],
        )
        assert first["validate_availability"] is False
        assert (other["status"], other["is_primary"], other["write_calendar"]) == (
            "pending",
            False,
            None,
        )
        assert other["read_calendars"] == [], "nothing is read, and never everything"


@pytest.mark.covers("A-40")
def test_whatever_is_wrong_with_a_consent_it_is_refused_with_its_code_and_no_token_is_told(
    home: Home,
) -> None:
    key = home.key()

    def begin(redirect_url: str = APP) -> tuple[Browser, str]:
        query = urlencode({"resource": ROOM, "redirect_url": redirect_url})
        made = home.api(key, f"/auth/google/url?{query}").json()
        browser = Browser()
        return browser, browser.get(made["auth_url"]).headers["Location"]

    def told(answer: str) -> dict[str, list[str]]:
        assert answer.startswith(APP)
        return parse_qs(urlsplit(answer).query)

    foreign = urlencode({"resource": ROOM, "redirect_url": "https://evil.example/"})
    refused = home.api(key, f"/auth/google/url?{foreign}")
    assert (refused.status_code, refused.json()["code"]) == (403, "redirect_not_allowed")

    said: list[str] = []
    for choices, code in (
        ({"decision": "deny"}, "access_denied"),
        ({"untick": BUSY}, "invalid_scope"),
    ):
        browser, page = begin()
        end = browser.get(browser.consent(page, **choices)).headers["Location"]
        assert told(end)["error"] == [code]
        said.append(end)
    assert "read+busy+times" in said[-1]

    without_proof = consent(home.google, CLIENT.id, verifier=VERIFIER)
    with pytest.raises(Exception, match="invalid_grant"):
        home.bridge.connecting.redeem(WORK, without_proof, APP)
    assert home.status() is not ConnectionStatus.ACTIVE

    browser, page = begin()
    answer = browser.consent(page)
    end = browser.get(answer).headers["Location"]
    assert told(end)["success"] == ["true"]
    said.append(end)
    again = browser.get(answer)
    assert (again.status_code, "Location" in again.headers) == (400, False), "a state is good once"
    for text in (*said, again.text):
        assert not any(secret in text for secret in home.google.secrets)


@pytest.mark.covers("S1-14")
def test_a_key_of_all_resources_acts_for_one(home: Home) -> None:
    with home.bridge.database.write() as conn:
        scopes = [READ, "connections:write"]
        _, key = keys.create_api_key(conn, "all", scopes=scopes, resources=["*"], now=home.now)
    http, headers = Browser().http, {"Authorization": f"Bearer {key}", ACTING: "room-b"}
    api = f"{home.url}/api/v1"

    listed = http.get(f"{api}/connections", headers=headers).json()["items"]
    assert [each["id"] for each in listed] == ["room-b.desk"]
    assert http.get(f"{api}/connections/room-a.work", headers=headers).status_code == 404
    made = http.get(f"{api}/auth/google/url", headers=headers)
    assert made.json()["connection_id"] == "room-b.desk"
    other = http.get(f"{api}/auth/google/url?resource=room-a", headers=headers)
    assert other.status_code == 422, "two resources are none"
    nobody = http.get(f"{api}/auth/google/url", headers={"Authorization": f"Bearer {key}"})
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (422, "resource")


@pytest.mark.covers("T49")
def test_acting_for_a_resource_gives_a_key_nothing_that_it_did_not_have(home: Home) -> None:
    key = home.key("room-b")
    headers = {"Authorization": f"Bearer {key}"}
    for name in ("room-a", "*", "room-*", ""):
        answer = Browser().http.get(
            f"{home.url}/api/v1/auth/google/url?resource=room-a", headers=headers | {ACTING: name}
        )
        assert answer.status_code in (404, 422), name


@pytest.mark.covers("S4-16", "S4-35")
def test_several_accounts_of_one_kind_are_never_mixed_up(tmp_path: Path) -> None:
    two = [{"id": "work", "provider": "google"}, {"id": "home", "provider": "google"}]
    with opened(tmp_path, resources=[{"id": "room-a", "connections": two}]) as home:
        for number, account in ((0, ANN), (1, BOB)):
            browser = Browser()
            page = home.asks(browser, number=number)
            assert browser.get(browser.consent(page, account)).status_code == 200
        key = home.key(scope=READ)
        for name, account in (("room-a.work", ANN), ("room-a.home", BOB)):
            found = home.api(key, f"/connections/{name}/calendars").json()["calendars"]
            assert [each["id"] for each in found] == [account]
            assert home.status(ConnectionId(name)) is ConnectionStatus.ACTIVE
        unclear = home.api(home.key(), "/auth/google/url?resource=room-a")
        assert (unclear.status_code, "room-a.home" in unclear.json()["detail"]) == (422, True)


@pytest.mark.covers("S4-14")
def test_calendars_are_got_and_a_post_is_told_so(home: Home) -> None:
    refused = home.api(home.key(), "/connections/room-a.work/calendars", {})
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in refused.headers["Allow"]
