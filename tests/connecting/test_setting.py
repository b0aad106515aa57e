"""Programs make resources, connect accounts, choose calendars, and remove all of it again."""

from __future__ import annotations

import pytest

from bridge.access import Scope
from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId
from tests.connecting.home import Home
from tests.connecting.owner import ANN, Browser

ALL = " ".join(scope.value for scope in Scope)
DAY = 86400
GOOGLE = ConnectionId("room-x.google")


def busy(home: Home, key: str, resource: str = "room-x") -> list[str]:
    start, end = rfc3339(home.now), rfc3339(home.now + 7 * DAY)
    status, found = home.call(key, "GET", f"/resources/{resource}/busy?start={start}&end={end}")
    assert status == 200, found
    return [period["start"] for period in found["periods"]]


@pytest.mark.covers("S0-06", "S0-33", "S4-05", "S4-07", "S4-09", "S4-11", "S4-12", "S4-20", "S4-21")
def test_a_developer_makes_a_room_connects_an_account_and_removes_it_again(home: Home) -> None:
    key = home.key(scope=ALL)
    status, room = home.call(key, "POST", "/resources", {"id": "room-x", "name": "Room X"})
    assert (status, room["managed_by"], room["connections"]) == (201, "api", [])

    status, made = home.call(key, "POST", "/resources/room-x/connections", {"provider": "google"})
    assert (status, made["id"], made["status"]) == (201, GOOGLE, "pending")
    assert (made["managed_by"], made["direction"]) == ("api", "both")
    pending = home.call(key, "GET", "/resources/room-x/connections?status=pending")[1]["items"]
    assert [each["id"] for each in pending] == [GOOGLE]

    browser = Browser()
    start = browser.get(made["auth_url"])
    assert browser.get(browser.consent(start.headers["Location"])).status_code == 200
    home.google.meet(home.now + DAY)
    assert home.pull(GOOGLE) == "ok"
    assert busy(home, key) == [rfc3339(home.now + DAY)]

    one = f"/connections/{GOOGLE}"
    chosen = {"read_calendar_ids": ["primary"], "write_calendar_id": "primary"}
    status, after = home.call(key, "PUT", f"{one}/selection", chosen)
    assert (status, after["read_calendars"], after["write_calendar"]) == (200, [ANN], ANN)
    assert after["is_primary"]
    assert busy(home, key) == [rfc3339(home.now + DAY)]
    status, after = home.call(key, "PATCH", one, {"validate_availability": False})
    assert (status, after["validate_availability"], after["write_calendar"]) == (200, False, ANN)
    assert busy(home, key) == []
    assert home.call(key, "PATCH", one, {"validate_availability": None})[0] == 200
    assert busy(home, key) == [rfc3339(home.now + DAY)]

    assert home.google.allows()
    status, gone = home.call(key, "DELETE", one)
    assert (status, gone) == (200, {"id": GOOGLE, "given_back": True, "message": ""})
    assert not home.google.allows()
    assert home.call(key, "GET", one)[0] == 404
    assert home.call(key, "GET", "/resources/room-x")[1]["connections"] == []
    assert home.call(key, "DELETE", "/resources/room-x")[0] == 200
    assert home.call(key, "GET", "/resources/room-x")[0] == 404
