"""From the host name to the calendars (RFC 6764), and who finds which."""

from __future__ import annotations

import pytest

from tests.dav.client import Client, propfind
from tests.dav.house import EVERYBODY, House

HOMES = {
    "alice": ["room-a.busy"],
    "bob": ["room-a.busy", "room-a.bookings"],
    "carol": ["room-a.busy", "room-a.bookings"],
    "dora": ["room-a.busy", "room-a.bookings"],
    "root": [],
    "gil": [],
    "lia": [f"room-{room}.{kind}" for room in "abc" for kind in ("busy", "bookings")],
    "room-b": ["busy", "bookings", "room-a.busy"],
}
"""INTERFACE section 2: what access names, under short names where login and resource are one."""


@pytest.fixture
def house(standing: House) -> House:
    """Nothing here changes it."""
    return standing


def discover(client: Client) -> list[str]:
    """Find the calendars as a client does that was told nothing but the host."""
    answer = client.send("PROPFIND", "/.well-known/caldav", Depth="0")
    assert answer.status == 301
    root = answer.headers["location"]
    (principal,) = client.propfind(root, "D:current-user-principal")[root].hrefs(
        "D:current-user-principal"
    )
    (home,) = client.propfind(principal, "C:calendar-home-set")[principal].hrefs(
        "C:calendar-home-set"
    )
    members = client.propfind(home, "D:resourcetype", depth="1")
    return [
        href
        for href, member in members.items()
        if "C:calendar" in member.children("D:resourcetype")
    ]


@pytest.mark.parametrize("name", EVERYBODY)
def test_a_client_that_knows_the_host_finds_exactly_the_calendars_its_login_names(
    house: House, name: str
) -> None:
    assert discover(house.client(name)) == [f"/{name}/{each}/" for each in HOMES[name]]


def test_every_calendar_that_a_home_lists_opens(house: House) -> None:
    for name, client in house.everybody().items():
        for calendar in HOMES[name]:
            assert client.query(f"/{name}/{calendar}/") == {}
            assert client.get(f"/{name}/{calendar}/").status == 200


def test_a_glob_lets_look_up_what_it_does_not_list(house: House) -> None:
    gil = house.client("gil")
    assert list(gil.propfind("/gil/", depth="1")) == ["/gil/"]
    assert list(gil.propfind("/gil/room-c.busy/", depth="1")) == ["/gil/room-c.busy/"]
    assert gil.propfind("/room-c/", "D:displayname")["/room-c/"].text("D:displayname") == "Beamer"


def test_an_admin_opens_every_calendar_and_lists_none(house: House) -> None:
    root = house.client("root")
    for room in ("room-a", "room-b", "room-c"):
        for kind in ("busy", "bookings"):
            assert root.get(f"/root/{room}.{kind}/").status == 200


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("alice", "/alice/room-a.bookings/"),  # bookings only for read and above
        ("gil", "/gil/room-a.bookings/"),
        ("alice", "/alice/room-b.busy/"),
        ("alice", "/alice/busy/"),  # no resource is called alice
        ("alice", "/bob/"),
        ("bob", "/alice/room-a.busy/"),
        ("room-b", "/room-b/room-b.busy/"),  # one calendar has one address
        ("bob", "/bob/room-a/"),
        ("bob", "/bob/room-a.busy/x/"),
        ("bob", "/bob/room-a.outbox/"),
        ("root", "/root/room-d.busy/"),
        ("root", "/alice/room-a.busy/"),
    ],
)
def test_what_is_not_ones_own_is_not_found(house: House, name: str, path: str) -> None:
    client = house.client(name)
    assert client.send("PROPFIND", path, Depth="0").status == 404
    assert client.get(path).status == 404


@pytest.mark.parametrize(
    ("path", "name", "kind", "mail"),
    [
        ("/room-a/", "Room A", "ROOM", ["mailto:Room-A@example.com"]),
        ("/room-b/", "Beatrix", "INDIVIDUAL", ["mailto:b@example.com"]),
        ("/room-c/", "Beamer", "RESOURCE", []),
    ],
)
def test_the_principal_of_a_resource_says_its_name_its_type_and_its_address(
    house: House, path: str, name: str, kind: str, mail: list[str]
) -> None:
    wanted = ("D:displayname", "C:calendar-user-type", "C:calendar-user-address-set")
    found = house.client("gil").propfind(path, *wanted, "D:resourcetype", "C:calendar-home-set")
    member = found[path]
    assert member.text("D:displayname") == name
    assert member.text("C:calendar-user-type") == kind
    assert member.hrefs("C:calendar-user-address-set") == [*mail, path]
    assert member.children("D:resourcetype") == ["D:collection", "D:principal"]
    assert member.others == {"C:calendar-home-set": 404}  # nobody logs in by this name


def test_the_principal_of_a_login_is_its_home_and_knows_both_addresses(house: House) -> None:
    wanted = ("D:displayname", "C:calendar-user-type", "C:calendar-user-address-set")
    own = house.client("room-b").propfind("/room-b/", *wanted, "C:calendar-home-set")["/room-b/"]
    assert own.text("D:displayname") == "Beatrix"
    assert own.text("C:calendar-user-type") == "INDIVIDUAL"
    assert own.hrefs("C:calendar-user-address-set") == ["mailto:b@example.com", "/room-b/"]
    assert own.hrefs("C:calendar-home-set") == ["/room-b/"]
    alice = house.client("alice").propfind("/alice/", *wanted)["/alice/"]
    assert alice.hrefs("C:calendar-user-address-set") == ["mailto:alice@example.com", "/alice/"]


def test_the_root_shows_a_login_its_own_home_and_no_other(house: House) -> None:
    for name, client in house.everybody().items():
        assert list(client.propfind("/", "D:displayname", depth="1")) == ["/", f"/{name}/"]


@pytest.mark.parametrize("path", ["/alice", "/alice/room-a.busy"])
def test_a_forgotten_slash_is_forgiven_and_the_answer_has_it(alice: Client, path: str) -> None:
    assert list(alice.propfind(path, "D:resourcetype")) == [f"{path}/"]


@pytest.mark.parametrize("path", ["/", "/alice/", "/alice/room-a.busy/", "/nowhere/"])
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "REPORT", "PUT", "PROPPATCH", "DELETE"])
def test_who_does_not_log_in_is_asked_to_by_every_path_alike(
    house: House, path: str, method: str
) -> None:
    answer = Client(house.port, "").send(method, path, propfind("<D:allprop/>"))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="BusyBridge"')
    assert b"alice" not in answer.body


def test_options_needs_no_login_and_announces_what_works(house: House) -> None:
    answer = Client(house.port, "").send("OPTIONS", "/alice/room-a.busy/")
    assert answer.status == 200
    assert answer.headers["dav"] == (
        "1, 3, access-control, calendar-access, calendar-auto-schedule"
    )
    allowed = set(answer.headers["allow"].split(", "))
    assert allowed == {"OPTIONS", "GET", "HEAD", "PROPFIND", "PROPPATCH", "REPORT"}


@pytest.mark.parametrize("method", ["GET", "PROPFIND", "OPTIONS", "REPORT"])
@pytest.mark.parametrize("path", ["/.well-known/caldav", "/.well-known/caldav/"])
def test_the_well_known_address_leads_every_method_to_the_root(
    house: House, method: str, path: str
) -> None:
    answer = Client(house.port, "").send(method, path)
    assert (answer.status, answer.headers["location"]) == (301, "/")


def test_calendars_carry_the_name_of_their_resource_and_what_they_hold(house: House) -> None:
    found = house.client("bob").propfind("/bob/", "D:displayname", "D:owner", depth="1")
    assert {href: each.text("D:displayname") for href, each in found.items()} == {
        "/bob/": "bob",
        "/bob/room-a.busy/": "Room A - busy",
        "/bob/room-a.bookings/": "Room A - bookings",
    }
    assert found["/bob/room-a.busy/"].hrefs("D:owner") == ["/room-a/"]


def test_the_root_tells_a_person_with_a_browser_what_this_is(alice: Client) -> None:
    answer = alice.get("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"CalDAV" in answer.body


def test_a_home_is_no_calendar_to_download(alice: Client) -> None:
    assert alice.get("/alice/").status == 403
