"""Programs make resources, connect accounts, choose calendars, and remove all of it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.access import Scope
from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId
from bridge.store import keys
from tests.connecting.home import Home, Provider, opened
from tests.connecting.owner import ANN, BOB, Browser, asked

ALL = " ".join(scope.value for scope in Scope)
DAY = 86400
GOOGLE = ConnectionId("room-x.google")


def busy(home: Home, key: str, resource: str = "room-x") -> list[str]:
    start, end = rfc3339(home.now), rfc3339(home.now + 7 * DAY)
    status, found = home.call(key, "GET", f"/resources/{resource}/busy?start={start}&end={end}")
    assert status == 200, found
    return [period["start"] for period in found["periods"]]


def connect(home: Home, made: dict[str, Any], account: str = ANN) -> None:
    """Go where an answer says that the owner has to go."""
    browser = Browser()
    start = browser.get(made["auth_url"])
    assert browser.get(browser.consent(start.headers["Location"], account)).status_code == 200


@pytest.mark.covers("S0-06", "S0-33", "S1-37", "S4-05", "S4-07", "S4-09", "S4-11", "S4-20", "S4-21")
@pytest.mark.covers("S4-25", "S4-26", "S0-15", "S1-34")
def test_a_developer_makes_a_room_connects_an_account_and_removes_it_again(home: Home) -> None:
    key = home.key(scope=ALL)
    status, room = home.call(key, "POST", "/resources", {"id": "room-x", "name": "Room X"})
    assert (status, room["managed_by"], room["connections"]) == (201, "api", [])

    status, made = home.call(key, "POST", "/resources/room-x/connections", {"provider": "google"})
    assert (status, made["id"], made["status"]) == (201, GOOGLE, "pending")
    assert (made["managed_by"], made["direction"]) == ("api", "both")
    pending = home.call(key, "GET", "/resources/room-x/connections?status=pending")[1]["items"]
    assert [each["id"] for each in pending] == [GOOGLE]

    connect(home, made)
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

    status, after = home.call(key, "PATCH", one, {"cancel_if_declined_or_deleted": False})
    assert (status, after["cancel_if_declined_or_deleted"]) == (200, False)
    assert after["notify_attendees"] is None, "as the resource says"
    for said in (False, None):
        status, after = home.call(key, "PATCH", one, {"notify_attendees": said})
        assert (status, after["notify_attendees"]) == (200, said)

    assert home.google.allows()
    status, gone = home.call(key, "DELETE", one)
    assert (status, gone) == (200, {"id": GOOGLE, "given_back": True, "message": ""})
    assert not home.google.allows()
    assert home.call(key, "GET", one)[0] == 404
    assert home.call(key, "GET", "/resources/room-x")[1]["connections"] == []
    assert home.call(key, "DELETE", "/resources/room-x")[0] == 200
    assert home.call(key, "GET", "/resources/room-x")[0] == 404


@pytest.mark.covers("S0-11", "S0-12", "S0-14", "S0-16", "S0-17", "S1-31", "S1-33")
def test_keys_are_set_one_by_one_and_given_back_by_null(home: Home) -> None:
    home.connect()
    second = home.google.calendar("Team")
    key, one = home.key(scope=ALL), "/connections/room-a.work"
    assert home.pull() == "ok"
    status, after = home.call(
        key,
        "PATCH",
        one,
        {
            "read_calendars": ["primary", "Team"],
            "write_calendar": "primary",
            "sync": {"interval": "2m"},
            "privacy": {"mode": "private"},
            "account_email": "ann@example.test",
        },
    )
    assert status == 200, after
    assert after["read_calendars"] == [ANN, second], "names become ids"
    assert (after["write_calendar"], after["is_primary"]) == (ANN, True)
    assert after["managed_by"] == "file", "only some of its keys were set"
    assert home.call(key, "GET", one)[1] == after

    assert home.call(key, "PATCH", one, {"read_calendars": []})[1]["read_calendars"] == []
    assert home.call(key, "PATCH", one, {"read_calendars": None})[1]["read_calendars"] is None
    back = {"write_calendar": None, "sync": None, "privacy": None, "account_email": None}
    status, last = home.call(key, "PATCH", one, back)
    assert (status, last["write_calendar"], last["is_primary"]) == (200, None, False)

    for given, direction in (("OUTBOUND", "outbound"), ("Inbound", "inbound"), (None, "both")):
        assert home.call(key, "PATCH", one, {"direction": given})[1]["direction"] == direction


@pytest.mark.covers("S0-12")
def test_an_account_that_only_takes_bookings_blocks_nothing(home: Home) -> None:
    key = home.key(scope=ALL)
    assert home.call(key, "POST", "/resources", {"id": "room-x"})[0] == 201
    connect(
        home, home.call(key, "POST", "/resources/room-x/connections", {"provider": "google"})[1]
    )
    home.google.meet(home.now + DAY)
    for direction, blocked in (("both", 1), ("outbound", 0), ("inbound", 1)):
        for target in (f"/connections/{GOOGLE}", "/resources/room-x"):
            assert home.call(key, "PATCH", target, {"direction": direction})[0] == 200
            assert home.pull(GOOGLE) == "ok"
            assert len(busy(home, key)) == blocked, direction
            assert home.call(key, "PATCH", target, {"direction": None})[0] == 200


@pytest.mark.parametrize("nothing", [{"direction": "outbound"}, {"validate_availability": False}])
def test_an_account_that_blocks_nothing_is_not_waited_for(
    home: Home, nothing: dict[str, Any]
) -> None:
    key, room = home.key(scope=ALL), "/resources/room-x"
    window = f"start={rfc3339(home.now)}&end={rfc3339(home.now + 7 * DAY)}"
    assert home.call(key, "POST", "/resources", {"id": "room-x"})[0] == 201
    wish = {"provider": "google"} | nothing
    assert home.call(key, "POST", f"{room}/connections", wish)[1]["status"] == "pending"
    home.bridge.rebuild()
    status, found = home.call(key, "GET", f"{room}/busy?{window}")
    assert (status, found.get("periods"), found.get("freshness", {}).get("stale")) == (200, [], 0)

    made = home.call(key, "POST", f"{room}/connections", {"provider": "google"})[1]
    assert home.call(key, "GET", f"{room}/busy?{window}")[0] == 503, "this one will block time"
    connect(home, made)
    home.google.meet(home.now + DAY)
    assert home.pull(ConnectionId(made["id"])) == "ok"
    assert busy(home, key) == [rfc3339(home.now + DAY)]
    assert home.call(key, "PATCH", f"/connections/{GOOGLE}", dict.fromkeys(nothing))[0] == 200
    freshness = home.call(key, "GET", f"{room}/busy?{window}")[1]["freshness"]
    assert freshness == {"oldest": None, "stale": 1}, "and this one by now"


@pytest.mark.covers("S0-07", "S0-12")
def test_an_owner_is_asked_for_what_the_direction_needs_and_no_more(home: Home) -> None:
    key = home.key(scope=ALL)
    home.call(key, "POST", "/resources", {"id": "room-x"})
    writing = "https://www.googleapis.com/auth/calendar.events"
    for direction, wanted in (
        ("inbound", f"{writing}.readonly"),
        ("outbound", writing),
        ("both", writing),
    ):
        body = {"provider": "google", "direction": direction, "id": direction}
        made = home.call(key, "POST", "/resources/room-x/connections", body)[1]
        url = Browser().get(made["auth_url"]).headers["Location"]
        events = [it for it in asked(url)["scope"].split() if "calendar.events" in it]
        assert events == [wanted], direction


@pytest.mark.covers("S0-07", "S2-05")
def test_an_owner_is_asked_for_what_the_file_names_by_short_names(tmp_path: Path) -> None:
    def narrow(_: Provider, config: Any) -> None:
        config["providers"]["google"]["scopes"] = ["calendar.readonly", "userinfo.email"]

    with opened(tmp_path, narrow) as home:
        browser = Browser()
        address = home.asks(browser)
        whole = "https://www.googleapis.com/auth"
        assert asked(address)["scope"].split() == [
            f"{whole}/calendar.readonly",
            f"{whole}/userinfo.email",
        ]
        assert browser.get(browser.consent(address)).status_code == 200
        home.google.meet(home.now + 3600)
        assert home.pull() == "ok"
        assert busy(home, home.key(scope=ALL), "room-a") == [rfc3339(home.now + 3600)]


@pytest.mark.covers("S1-32", "S4-15", "S4-22", "S4-34")
def test_calendars_are_chosen_only_as_the_account_has_them(home: Home) -> None:
    key, target = home.key(scope=ALL), "/connections/room-a.work/selection"
    chosen: dict[str, Any] = {"read_calendar_ids": ["primary"], "write_calendar_id": None}
    status, problem = home.call(key, "PUT", target, chosen)
    assert (status, problem["code"]) == (409, "connection_pending")
    connect(home, problem)
    assert home.pull() == "ok"

    other = home.google.calendar("Bob's", BOB, share=ANN)
    status, after = home.call(key, "PUT", target, chosen | {"read_calendar_ids": [ANN, other]})
    assert (status, after["read_calendars"]) == (200, [ANN, other]), "it came after the last pull"
    before = home.call(key, "GET", "/connections/room-a.work")[1]
    for wrong, expected, named in (
        ({"write_calendar_id": other}, (409, "calendar_not_writable"), "Bob's"),
        ({"read_calendar_ids": [ANN, "nobody@x"]}, (422, "invalid_request"), "nobody@x"),
        ({"write_calendar_id": "no-such"}, (422, "invalid_request"), "no-such"),
        ({"extra": 1}, (422, "invalid_request"), "extra"),
    ):
        status, problem = home.call(key, "PUT", target, chosen | wrong)
        assert ((status, problem["code"]), named in problem["detail"]) == (expected, True), problem
        assert home.call(key, "GET", "/connections/room-a.work")[1] == before, "whole or not at all"
    status, problem = home.call(key, "PATCH", "/connections/room-a.work", {"write_calendar": other})
    assert (status, problem["code"]) == (409, "calendar_not_writable")


@pytest.mark.covers("S1-38", "S4-06", "S4-33")
def test_bookings_go_to_one_calendar_whatever_is_chosen(home: Home) -> None:
    home.connect()
    key = home.key(scope=ALL)
    made = home.call(key, "POST", "/resources/room-a/connections", {"provider": "google"})[1]
    connect(home, made, BOB)
    work, google = "/connections/room-a.work", "/connections/room-a.google"
    chosen = {"read_calendar_ids": ["primary"], "write_calendar_id": "primary"}
    assert home.call(key, "PUT", f"{work}/selection", chosen)[1]["is_primary"]
    status, problem = home.call(key, "PUT", f"{google}/selection", chosen)
    assert (status, problem["code"]) == (409, "multiple_write_calendars")
    assert "set-primary" in problem["detail"]

    status, after = home.call(key, "POST", f"{google}/set-primary", {})
    assert (status, after["is_primary"], after["write_calendar"]) == (200, True, BOB)
    before = home.call(key, "GET", work)[1]
    assert (before["is_primary"], before["write_calendar"]) == (False, ANN)
    assert home.call(key, "POST", f"{work}/set-primary", {})[1]["is_primary"]
    assert not home.call(key, "GET", google)[1]["is_primary"]
    assert (
        home.call(key, "PUT", f"{work}/selection", chosen | {"write_calendar_id": None})[0] == 200
    )
    assert home.call(key, "GET", google)[1]["is_primary"], "the only one that is left"


@pytest.mark.covers("S4-16", "S4-35")
def test_a_resource_has_several_accounts_of_one_provider(home: Home) -> None:
    key = home.key(scope=ALL)
    names = [
        home.call(key, "POST", "/resources/room-b/connections", {"provider": "google"})[1]["id"]
        for _ in range(2)
    ]
    assert names == ["room-b.google", "room-b.google-2"]
    status, problem = home.call(
        key, "POST", "/resources/room-b/connections", {"provider": "google", "id": "desk"}
    )
    assert (status, problem["code"]) == (409, "connection_exists")
    assert problem["connection_id"] == "room-b.desk"


@pytest.mark.covers("S1-09", "S1-12")
def test_an_account_receives_the_bookings_once_it_is_connected_and_not_before(home: Home) -> None:
    home.connect()
    key = home.key(scope=ALL)
    chosen = {"read_calendar_ids": ["primary"], "write_calendar_id": "primary"}
    assert home.call(key, "PUT", "/connections/room-a.work/selection", chosen)[1]["is_primary"]
    made = home.call(key, "POST", "/resources/room-a/connections", {"provider": "google"})[1]
    query = f"resource=room-a&connection_id={made['id']}&set_primary=true"
    url = home.call(key, "GET", f"/auth/GOOGLE/url?{query}")[1]
    assert url["provider"] == "google"
    assert home.call(key, "GET", "/connections/room-a.work")[1]["is_primary"]
    url = home.call(key, "POST", f"/connections/{made['id']}/auth-url", {})[1]
    connect(home, url, BOB)
    now = home.call(key, "GET", f"/connections/{made['id']}")[1]
    assert (now["is_primary"], now["write_calendar"]) == (True, BOB)
    assert not home.call(key, "GET", "/connections/room-a.work")[1]["is_primary"]
    assert home.call(key, "POST", "/connections/room-a.work/set-primary", {})[0] == 200
    connect(home, home.call(key, "POST", f"/connections/{made['id']}/auth-url", {})[1], BOB)
    assert home.call(key, "GET", "/connections/room-a.work")[1]["is_primary"], "wanted once"


@pytest.mark.covers("S4-12")
def test_what_is_removed_is_gone_from_every_output_when_the_answer_comes(tmp_path: Path) -> None:
    everything = {"level": "read", "list": True}
    users = {"users": [{"name": "ann", "access": {"*": everything}}]}
    with opened(tmp_path, auth=users) as home:
        key = home.key(scope=ALL)
        room = {"id": "room-x", "freebusy": {"public": True}}
        assert home.call(key, "POST", "/resources", room)[0] == 201
        made = home.call(key, "POST", "/resources/room-x/connections", {"provider": "google"})[1]
        connect(home, made)
        home.google.meet(home.now + DAY)
        assert home.pull(GOOGLE) == "ok"
        before = seen(home)
        assert [before.ifb, before.dav] == [1, 1]
        assert home.call(key, "DELETE", f"/connections/{GOOGLE}")[0] == 200
        after = seen(home)
        assert (after.ifb, after.dav) == (0, 0)
        assert after.ctag != before.ctag, "calendar programs notice"
        assert busy(home, key) == []


class Seen(NamedTuple):
    """What free-busy and calendar programs see of a room."""

    ifb: int
    dav: int
    ctag: str


def seen(home: Home) -> Seen:
    with home.bridge.database.write() as conn:
        _, password = keys.create_app_password(conn, "ann", "tests", home.now)
    http, login = Browser().http, ("ann", password)
    ifb = http.get(f"{home.url}/freebusy/room-x.ifb").text
    body = (
        '<propfind xmlns="DAV:" xmlns:c="http://calendarserver.org/ns/"><prop><c:getctag/></prop>'
        "</propfind>"
    )
    url = f"{home.url}/ann/room-x.busy/"
    answer = http.request("PROPFIND", url, auth=login, content=body, headers={"Depth": "1"})
    assert answer.status_code == 207, answer.text
    ctag = re.search(r"getctag>([^<]+)<", answer.text)
    assert ctag is not None
    return Seen(ifb.count("\nFREEBUSY"), answer.text.count(".ics"), ctag[1])
