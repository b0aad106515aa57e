"""Resources of which nothing is known yet, and settings that change under running clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.config.settings import Settings
from bridge.store.database import Database
from tests.access.people import user
from tests.dav.client import Client, free_busy, multiget, propfind, query, refusal, sync
from tests.dav.house import House, hours, house_settings, utc
from tests.web.site import DAY, NOW, TODAY

BUSY = "/lia/room-b.busy/"
BEFORE = f"{'0' * 40}.ics"
"""What a client may hold from before."""


@pytest.fixture
def half_read(sqlite_database: Database) -> Iterator[House]:
    """None of the calendars of `room-b` was ever read."""
    with House(sqlite_database, unread=["room-b"]) as house:
        house.fill("room-a", hours(2))
        yield house


def test_an_unread_resource_is_listed_with_its_properties_beside_the_others(
    half_read: House,
) -> None:
    lia = half_read.client("lia")
    wanted = ("D:displayname", "D:resourcetype", "CS:getctag", "D:sync-token", "D:getetag")
    found = lia.propfind("/lia/", *wanted, depth="1")
    assert len(found) == 7
    member = found[BUSY]
    assert member.others == {}
    assert member.text("D:displayname") == "Beatrix - busy"
    assert lia.propfind(BUSY, *wanted)[BUSY].text("CS:getctag") == member.text("CS:getctag")


@pytest.mark.parametrize(
    ("method", "body", "depth"),
    [
        ("GET", "", "0"),
        ("HEAD", "", "0"),
        ("PROPFIND", propfind("<D:prop><D:getetag/></D:prop>"), "1"),
        ("REPORT", query(), "1"),
        ("REPORT", sync(), "1"),
        ("REPORT", multiget(BUSY + BEFORE), "1"),
        ("REPORT", free_busy(utc(TODAY), utc(TODAY + DAY)), "1"),
    ],
)
def test_nothing_is_said_to_be_free_before_a_calendar_was_read(
    half_read: House, method: str, body: str, depth: str
) -> None:
    lia = half_read.client("lia")
    answer = lia.send(method, BUSY, body, Depth=depth)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert lia.get(f"{BUSY}?view=freebusy").status == 503
    # What the client may hold is not said to be gone either.
    assert lia.get(BUSY + BEFORE).status == 503
    # The others in the same home answer.
    other = lia.send(method, "/lia/room-a.busy/", body, Depth=depth)
    assert other.status in {200, 207}


def test_after_the_first_pull_the_same_client_goes_on(half_read: House) -> None:
    lia = half_read.client("lia")
    token = lia.propfind(BUSY, "D:sync-token")[BUSY].text("D:sync-token")
    assert lia.report(BUSY, sync(token)).status == 503
    half_read.pulled("room-b", NOW)
    half_read.fill("room-b", hours(3))
    assert len(lia.sync(BUSY, token)) == 3
    assert len(lia.sync(BUSY)) == 3


# Reload


def rooms(**changes: Any) -> Settings:
    room = {"id": "room-a", "name": "Room A", "email": "a@example.com"} | changes
    people = [
        user("alice", access={"room-a": "free-busy"}),
        user("bob", access={"room-a": "read"}),
    ]
    return house_settings(auth={"users": people}, resources=[room])


@pytest.fixture
def one_room(sqlite_database: Database) -> Iterator[House]:
    with House(sqlite_database, rooms()) as house:
        house.fill("room-a", hours(3))
        yield house


PATH = "/alice/room-a.busy/"


def tags(client: Client) -> dict[str, str]:
    member = client.propfind(PATH, "CS:getctag", "D:sync-token")[PATH]
    return {
        "whole": client.get(PATH).headers["etag"],
        "ctag": member.text("CS:getctag"),
        "token": member.text("D:sync-token"),
        **client.listing(PATH),
    }


def test_a_new_title_gives_every_object_a_new_etag_and_ends_every_token(one_room: House) -> None:
    alice = one_room.client("alice")
    before = tags(alice)
    one_room.live.swap(rooms(privacy={"title": "Occupied"}))
    after = tags(alice)
    assert after.keys() == before.keys()  # the same names
    assert not set(after.values()) & set(before.values())
    assert refusal(alice.report(PATH, sync(before["token"])))[:2] == (
        403,
        ["D:valid-sync-token"],
    )
    for name in list(after)[3:]:
        answer = alice.get(PATH + name, If_None_Match=before[name])
        assert answer.status == 200
        assert b"\r\nSUMMARY:Occupied\r\n" in answer.body
    one_room.live.swap(rooms())
    assert tags(alice) == before


def test_a_new_name_of_a_resource_changes_what_shows_it_and_no_object(one_room: House) -> None:
    alice = one_room.client("alice")
    before = tags(alice)
    view = alice.get(f"{PATH}?view=freebusy").headers["etag"]
    one_room.live.swap(rooms(name="Room Alpha"))
    after = tags(alice)
    assert alice.propfind(PATH, "D:displayname")[PATH].text("D:displayname") == "Room Alpha - busy"
    assert {name for name in before if before[name] != after[name]} == {"whole", "ctag"}
    download = alice.get(PATH, If_None_Match=before["whole"])
    assert (download.status, b"Room Alpha" in download.body) == (200, True)
    assert alice.get(f"{PATH}?view=freebusy", If_None_Match=view).status == 200


def test_a_new_address_of_the_server_gives_free_busy_time_a_new_tag(one_room: House) -> None:
    alice = one_room.client("alice")
    view = f"{PATH}?view=freebusy"
    before = alice.get(view)
    server = {"base_url": "https://new.example.com"}
    settings = rooms()
    one_room.live.swap(
        settings.model_copy(update={"server": settings.server.model_copy(update=server)})
    )
    after = alice.get(view, If_None_Match=before.headers["etag"])
    assert (after.status, b"URL:https://new.example.com/" in after.body) == (200, True)
    assert alice.get(view, If_None_Match=after.headers["etag"]).status == 304


def test_a_setting_that_shows_nowhere_changes_no_tag(one_room: House) -> None:
    alice = one_room.client("alice")
    before = tags(alice)
    one_room.live.swap(rooms(feeds=[{"name": "team"}]))
    assert tags(alice) == before


def test_a_login_that_leaves_the_file_is_not_let_in_any_more(one_room: House) -> None:
    alice = one_room.client("alice")
    assert alice.get(PATH).status == 200
    without = house_settings(auth={"users": []}, resources=[{"id": "room-a"}])
    one_room.live.swap(without)
    assert alice.get(PATH).status == 401


def test_a_resource_that_leaves_the_file_leaves_the_homes(one_room: House) -> None:
    alice = one_room.client("alice")
    one_room.live.swap(
        house_settings(
            auth={"users": [user("alice", access={"room-a": "free-busy"})]},
            resources=[{"id": "room-b"}],
        )
    )
    assert list(alice.propfind("/alice/", depth="1")) == ["/alice/"]
    assert alice.get(PATH).status == 404
    assert alice.send("PROPFIND", "/room-a/", Depth="0").status == 404


def test_access_that_is_taken_away_is_gone_with_the_next_request(one_room: House) -> None:
    bob = one_room.client("bob")
    assert bob.get("/bob/room-a.bookings/").status == 200
    people = [user("bob", access={"room-a": "free-busy"})]
    one_room.live.swap(house_settings(auth={"users": people}, resources=[{"id": "room-a"}]))
    assert bob.get("/bob/room-a.bookings/").status == 404
    assert bob.get("/bob/room-a.busy/").status == 200
