"""Applications have their users connect accounts, and see how these fare."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from bridge.store import keys
from tests.connecting.home import APP, ROOM, Home
from tests.connecting.owner import ANN, Browser

GOOD = "https://app.example.com/calendar/callback?tenant=7"
assert GOOD == APP
DONE = "&success=true&provider=google&connectionId=room-a.work"
HOSTILE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/calendar/callback?tenant=7",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:evil.example",
    "https://evil.example",
    "https://evil.example/calendar/callback?tenant=7",
    "http://app.example.com/calendar/callback?tenant=7",
    "HTTPS://app.example.com/calendar/callback?tenant=7",
    "https://APP.example.com/calendar/callback?tenant=7",
    "https://app.example.com./calendar/callback?tenant=7",
    "https://app.example.com:443/calendar/callback?tenant=7",
    "https://app.example.com:8443/calendar/callback?tenant=7",
    "https://app.example.com@evil.example/calendar/callback?tenant=7",
    "https://user@app.example.com/calendar/callback?tenant=7",
    "https://app.example.com%40evil.example/calendar/callback?tenant=7",
    "https://app.example.com.evil.example/calendar/callback?tenant=7",
    "https://evil.example#https://app.example.com/calendar/callback?tenant=7",
    "https://evil.example?https://app.example.com/calendar/callback?tenant=7",
    "https://app.example.com\\@evil.example/calendar/callback?tenant=7",
    "https://app.example.com/calendar/callback",
    "https://app.example.com/calendar/callback?tenant=8",
    "https://app.example.com/calendar/callback?tenant=7&next=//evil.example",
    "https://app.example.com/calendar/callback?tenant=7#fragment",
    "https://app.example.com/calendar/callback/?tenant=7",
    "https://app.example.com/calendar/../callback?tenant=7",
    "https://app.example.com/calendar/%2e%2e/callback?tenant=7",
    "https://app.example.com/calendar%2fcallback?tenant=7",
    "https://app.example.com/calendar/callback?tenant=7%0d%0aLocation:%20//evil.example",
    "https://app.example.com/calendar/callback?tenant=7\r\nLocation: https://evil.example",
    "https://app.example.com/calendar/callback?tenant=7\n",
    " https://app.example.com/calendar/callback?tenant=7",
    "https://app.example.com/calendar/callback?tenant=7 ",
    "https://app.example.com/calendar/callback?tenant=7\x00",
    "https://\uff45vil.example",
    "javascript:alert(1)//https://app.example.com/calendar/callback?tenant=7",
    "data:text/html,<script>alert(1)</script>",
]


@pytest.mark.covers("T1", "S1-56")
def test_a_browser_is_sent_nowhere_but_to_what_is_listed_letter_by_letter(home: Home) -> None:
    assert len(HOSTILE) >= 40
    key, browser = home.key(), Browser()
    for each in HOSTILE:
        query = urlencode({"resource": ROOM, "redirect_url": each})
        for answer in (
            home.api(key, f"/auth/google/url?{query}"),
            home.api(key, "/connections/room-a.work/auth-url", {"redirect_url": each}),
        ):
            assert answer.status_code == 403, each
            assert answer.json()["code"] == "redirect_not_allowed"
        for path in ("start", "callback"):
            asked = f"{home.url}/oauth/google/{path}?{query}&redirect_uri={urlencode({'': each})}"
            assert "Location" not in browser.get(asked).headers
    taken = home.api(key, "/connections/room-a.work/auth-url", {"redirect_url": GOOD})
    assert taken.status_code == 200


@pytest.mark.covers("T1")
def test_an_address_that_left_the_list_meanwhile_is_not_gone_to(home: Home) -> None:
    browser = Browser()
    url = home.api(home.key(), "/connections/room-a.work/auth-url", {"redirect_url": GOOD})
    answer = browser.consent(browser.get(url.json()["auth_url"]).headers["Location"])
    path = home.bridge.config_path
    path.write_text(path.read_text().replace("tenant=7", "tenant=8"))
    assert home.bridge.reload().ok
    end = browser.get(answer)
    assert (end.status_code, "Location" in end.headers) == (400, False)


@pytest.mark.covers(
    "S0-06",
    "S0-30",
    "S0-31",
    "S1-06",
    "S1-07",
    "S1-08",
    "S1-11",
    "S1-15",
    "S1-55",
    "S2-12",
    "S2-13",
    "S2-14",
    "S4-10",
)
def test_an_application_has_its_user_connect_an_account(home: Home) -> None:
    browser, key = Browser(), home.key("room-a")
    query = urlencode({"resource": ROOM, "redirect_url": GOOD})
    made = home.api(key, f"/auth/google/url?{query}").json()
    assert (made["connection_id"], made["provider"]) == ("room-a.work", "google")
    assert made["expires_at"] == "2026-09-28T14:13:20Z"
    assert key not in made["auth_url"], "what is sent to a browser holds no key"
    reader = home.key(scope="connections:read")
    before = home.api(reader, "/connections/room-a.work").json()
    assert (before["status"], before["error"]) == ("pending", None)
    start = browser.get(made["auth_url"])
    back = browser.get(browser.consent(start.headers["Location"]))
    assert back.headers["Location"] == f"{GOOD}{DONE}"
    after = home.api(reader, "/connections/room-a.work").json()
    assert before["push"] == {"state": "off", "reason": "the connection is pending"}
    push = {"state": "off", "reason": "the connection was not read yet"}
    due = after["next_sync_at"]
    assert after == before | {"status": "active", "push": push, "next_sync_at": due}
    assert Browser().get(made["auth_url"]).status_code == 404, "it was used in another browser"
    assert home.google.allows(ANN)


@pytest.mark.covers("T49", "T59", "S1-50")
def test_a_key_sees_and_connects_what_it_names_and_nothing_else(home: Home) -> None:
    narrow = home.key("room-b", scope="connections:read")
    shown = home.api(narrow, "/connections").json()["items"]
    assert [each["id"] for each in shown] == ["room-b.desk"]
    every = home.api(home.key(scope="connections:read"), "/connections?resource=room-a")
    assert [each["id"] for each in every.json()["items"]] == ["room-a.other", "room-a.work"]
    foreign = home.api(narrow, "/connections/room-a.work")
    assert foreign.status_code == 404
    assert foreign.content == home.api(narrow, "/connections/room-x.work").content
    writer = home.key("room-b")
    for answer in (
        home.api(writer, "/connections/room-a.work/auth-url", {}),
        home.api(writer, "/auth/google/url?resource=room-a"),
        home.api(writer, "/auth/google/url?resource=room-x"),
        home.api(writer, "/auth/ics/url?resource=room-b"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "resource_not_found")
    assert home.api(narrow, "/connections/room-b.desk/auth-url", {}).status_code == 403


@pytest.mark.covers("S1-18")
def test_lists_come_in_pages_and_can_be_narrowed(home: Home) -> None:
    key = home.key(scope="connections:read")
    first = home.api(key, "/connections?limit=2").json()
    assert [each["id"] for each in first["items"]] == ["room-a.other", "room-a.work"]
    assert first["total"] == 3
    rest = home.api(key, f"/connections?limit=2&cursor={first['next_cursor']}").json()
    assert [each["id"] for each in rest["items"]] == ["room-b.desk"]
    assert (rest["total"], rest["next_cursor"]) == (3, None)
    for query, found in (
        ("provider=other", ["room-a.other"]),
        ("status=pending&resource=room-b", ["room-b.desk"]),
        ("status=active", []),
    ):
        shown = home.api(key, f"/connections?{query}").json()
        assert [each["id"] for each in shown["items"]] == found
    for wrong in ("cursor=%00", "cursor=x", "limit=0", "limit=501", "status=well", "page=2"):
        refused = home.api(key, f"/connections?{wrong}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert refused.json()["errors"][0]["field"] == wrong.partition("=")[0]


@pytest.mark.covers("T6")
def test_a_key_that_was_revoked_meanwhile_connects_nothing(home: Home) -> None:
    browser, key = Browser(), home.key()
    url = home.api(key, "/connections/room-a.work/auth-url", {}).json()["auth_url"]
    answer = browser.consent(browser.get(url).headers["Location"])
    with home.bridge.database.write() as conn:
        key_id = keys.key_id(key, keys.API_KEY)
        assert key_id is not None
        assert keys.revoke_api_key(conn, key_id, home.now)
    assert browser.get(answer).status_code == 400
    assert home.google.calls == []
    assert home.grant() is None


@pytest.mark.covers("S0-32", "S0-34")
def test_an_application_tries_a_token_and_sees_what_is_wrong(home: Home) -> None:
    key, target = home.key(), "/connections/room-a.work/refresh"
    pending = home.api(key, target, {})
    assert (pending.status_code, pending.json()["code"]) == (409, "connection_pending")
    home.connect()
    assert home.api(key, target, {}).json()["status"] == "active"
    assert home.google.calls == ["authorization_code", "refresh_token"]
    home.google.fault("token_unavailable")
    assert home.api(key, target, {}).status_code == 502
    home.google.fault("token_unavailable", value=False)
    home.google.fault("invalid_grant")
    over = home.api(key, target, {})
    assert (over.status_code, over.json()["code"]) == (409, "token_expired")
    home.google.fault("invalid_grant", value=False)
    assert home.connect().status_code == 200
    assert home.api(key, target, {}).status_code == 200
