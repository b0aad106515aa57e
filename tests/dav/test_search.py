"""Finding whom an address belongs to (RFC 3744 sections 9.4 and 9.5)."""

from __future__ import annotations

import pytest

from tests.dav.client import DECLARED, Client, read, search
from tests.dav.house import House

EVERYWHERE = "<D:apply-to-principal-collection-set/>"
ADDRESS, TYPE, NAME = "C:calendar-user-address-set", "C:calendar-user-type", "D:displayname"


@pytest.fixture
def house(standing: House) -> House:
    """Nothing here changes it."""
    return standing


def found(client: Client, *conditions: tuple[str, str], path: str = "/") -> set[str]:
    return set(read(client.report(path, search(*conditions), Depth="0")))


@pytest.mark.parametrize(
    ("conditions", "who"),
    [
        ([(ADDRESS, "room-a@example.com")], {"/room-a/"}),
        ([(ADDRESS, "mailto:ROOM-A@example.com")], {"/room-a/"}),
        ([("CS:email-address-set", "b@")], {"/room-b/"}),
        ([(NAME, "bea")], {"/room-b/", "/room-c/"}),
        ([(NAME, "gil")], {"/gil/"}),
        ([(TYPE, "ROOM")], {"/room-a/"}),
        ([(TYPE, "RESOURCE")], {"/room-c/"}),
        ([(TYPE, "INDIVIDUAL")], {"/gil/", "/room-b/"}),
        ([(TYPE, "GROUP")], set()),
        ([(NAME, "bea"), (TYPE, "RESOURCE")], {"/room-c/"}),
        ([("C:calendar-home-set", "/gil")], {"/gil/"}),
        ([("C:calendar-home-set", "/room-a/")], set()),
        ([(NAME, "nobody")], set()),
        ([(ADDRESS, "alice@example.com")], set()),  # another person's login
        ([("D:getetag", "")], set()),
        ([(NAME, "bea"), ("D:nonsense", "")], set()),
    ],
)
def test_principals_are_found_by_name_address_and_type(
    house: House, conditions: list[tuple[str, str]], who: set[str]
) -> None:
    assert found(house.client("gil"), *conditions) == who


def test_a_search_finds_only_whom_the_login_may_look_up(house: House) -> None:
    everyone = {
        "alice": {"/alice/", "/room-a/"},
        "bob": {"/bob/", "/room-a/"},
        "root": {"/root/", "/room-a/", "/room-b/", "/room-c/"},
        "gil": {"/gil/", "/room-a/", "/room-b/", "/room-c/"},
        "room-b": {"/room-b/", "/room-a/"},
    }
    for name, who in everyone.items():
        assert found(house.client(name), (NAME, "")) == who


def test_any_or_all_of_the_conditions_as_the_client_says(alice: Client) -> None:
    body = search((NAME, "Room A"), (ADDRESS, "alice@"))
    assert set(read(alice.report("/", body))) == set()
    either = body.replace(
        "principal-property-search ", 'principal-property-search test="anyof" ', 1
    )
    assert set(read(alice.report("/", either))) == {"/alice/", "/room-a/"}


@pytest.mark.parametrize(
    ("kind", "text", "hit"),
    [
        ("equals", "room a", True),
        ("equals", "room", False),
        ("starts-with", "room", True),
        ("starts-with", "a", False),
        ("ends-with", "a", True),
        ("ends-with", "room", False),
        ("contains", "om a", True),
    ],
)
def test_a_search_matches_as_the_client_says(
    alice: Client, kind: str, text: str, hit: bool
) -> None:
    body = search((NAME, text)).replace("<D:match>", f'<D:match match-type="{kind}">')
    assert ("/room-a/" in read(alice.report("/", body))) is hit


def test_the_answer_has_the_properties_that_were_asked_for(alice: Client) -> None:
    prop = f"<{TYPE}/><{ADDRESS}/><D:nonsense/>"
    answer = read(alice.report("/", search((ADDRESS, "room-a@"), prop=prop)))
    assert answer["/room-a/"].text(TYPE) == "ROOM"
    assert answer["/room-a/"].hrefs(ADDRESS)[0] == "mailto:Room-A@example.com"
    assert answer["/room-a/"].others == {"D:nonsense": 404}


def test_a_search_below_a_principal_is_about_it_alone_unless_it_says_otherwise(
    alice: Client,
) -> None:
    assert found(alice, (NAME, ""), path="/alice/") == {"/alice/"}
    assert found(alice, (NAME, ""), path="/room-a/") == {"/room-a/"}
    wide = search((NAME, ""), more=EVERYWHERE)
    assert set(read(alice.report("/alice/", wide))) == {"/alice/", "/room-a/"}


def test_a_calendar_is_no_principal_and_cannot_be_found(alice: Client) -> None:
    path = "/alice/room-a.busy/"
    assert found(alice, (NAME, ""), path=path) == set()
    wide = search((NAME, ""), more=EVERYWHERE)
    assert set(read(alice.report(path, wide))) == {"/alice/", "/room-a/"}


def test_whom_apple_s_clients_look_up_is_found(alice: Client) -> None:
    """Any of names and address, some of which we do not know, as Calendar Server has it."""
    body = search(
        ("CS:first-name", "room-a"),
        ("CS:last-name", "room-a"),
        (NAME, "room-a"),
        ("CS:email-address-set", "room-a"),
        prop=f"<D:principal-URL/><{ADDRESS}/><{TYPE}/><{NAME}/><CS:email-address-set/>",
    ).replace("principal-property-search ", 'principal-property-search test="anyof" ', 1)
    found = read(alice.report("/", body))
    assert set(found) == {"/room-a/"}
    assert found["/room-a/"].others == {}


def test_what_can_be_searched_is_listed_and_can_be(alice: Client) -> None:
    body = f"<D:principal-search-property-set {DECLARED}/>"
    answer = alice.report("/", body, Depth="0")
    assert answer.status == 200
    assert b"<C:calendar-home-set/>" in answer.body
    for name in (NAME, ADDRESS, TYPE, "CS:email-address-set"):
        assert f"<{name}/>".encode() in answer.body
        assert "/room-a/" in found(alice, (name, ""))


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<D:property-search/>",
        "<D:property-search><D:prop/><D:match>x</D:match></D:property-search>",
        "<D:property-search><D:prop><D:displayname/></D:prop></D:property-search>",
        "<D:property-search><D:match>x</D:match></D:property-search>",
        "<D:property-search><D:prop><D:displayname/></D:prop><D:match/></D:property-search>" * 21,
    ],
)
def test_a_search_that_makes_no_sense_is_400(alice: Client, inner: str) -> None:
    body = f"<D:principal-property-search {DECLARED}>{inner}</D:principal-property-search>"
    assert alice.report("/", body).status == 400
