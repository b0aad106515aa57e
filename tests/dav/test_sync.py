"""sync-collection (RFC 6578): what changed since a token, in parts where that is asked for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bridge.store import busy
from bridge.store.backup import backup, restore
from bridge.store.database import Database
from tests.databases import closing_database
from tests.dav.client import DECLARED, Client, refusal, sync
from tests.dav.house import NINE, House, hours, house_settings
from tests.web.site import DAY, NOW

BUSY = "/bob/room-a.busy/"
PATHS = {"alice": "/alice/room-a.busy/", "bob": BUSY}


@pytest.mark.parametrize("name", PATHS)
def test_the_first_sync_lists_everything_and_the_next_one_nothing(house: House, name: str) -> None:
    house.fill("room-a", hours(20))
    client, path = house.client(name), PATHS[name]
    first = client.sync(path)
    listed = client.listing(path)
    assert len(listed) == 20
    assert {href.rsplit("/", 1)[1]: each.text("D:getetag") for href, each in first.items()} == (
        listed
    )
    assert first.sync_token == client.propfind(path, "D:sync-token")[path].text("D:sync-token")
    again = client.sync(path, first.sync_token)
    assert (again, again.sync_token) == ({}, first.sync_token)


@pytest.mark.covers("A-38")
def test_unchanged_data_give_no_change_and_the_same_tags_in_another_process(house: House) -> None:
    house.fill("room-a", hours(5))
    bob = house.client("bob")
    before = bob.sync(BUSY).sync_token
    tag = bob.propfind(BUSY, "CS:getctag")[BUSY].text("CS:getctag")
    house.pulled("room-a", NOW)
    with House.over(house) as restarted:
        bob = restarted.client("bob")
        assert bob.sync(BUSY, before) == {}
        assert bob.propfind(BUSY, "CS:getctag")[BUSY].text("CS:getctag") == tag
        assert bob.get(BUSY, If_None_Match=tag).status == 304


def test_a_sync_lists_what_came_and_what_went_and_nothing_else(house: House, bob: Client) -> None:
    house.fill("room-a", hours(10))
    before = bob.sync(BUSY)
    listed = bob.listing(BUSY)
    gone = hours(10)[3]
    house.drop("room-a", gone)
    house.fill("room-a", hours(2, first=NINE + 5 * DAY))
    after = bob.sync(BUSY, before.sync_token)
    now = bob.listing(BUSY)
    assert after.gone == listed.keys() - now.keys()
    assert len(after.gone) == 1
    assert after.names() == now.keys() - listed.keys()
    assert len(after.names()) == 2


def test_what_comes_back_is_listed_as_there(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    before = bob.sync(BUSY)
    house.drop("room-a", hours(3)[1])
    without = bob.sync(BUSY, before.sync_token)
    house.fill("room-a", hours(3)[1:2])
    back = bob.sync(BUSY, without.sync_token)
    assert back.names() == without.gone
    since = bob.sync(BUSY, before.sync_token)
    assert (since.names(), since.gone) == (back.names(), set())


def test_a_changed_title_is_a_change_to_who_reads_it_and_to_nobody_else(house: House) -> None:
    house.fill("room-a", hours(3), title="Chess")
    alice, bob = house.client("alice"), house.client("bob")
    tokens = {
        name: each.sync(PATHS[name]).sync_token for name, each in (("alice", alice), ("bob", bob))
    }
    etags = alice.listing(PATHS["alice"])
    tag = alice.propfind(PATHS["alice"], "CS:getctag")[PATHS["alice"]].text("CS:getctag")
    house.fill("room-a", hours(3)[:1], title="Poker")
    assert len(bob.sync(BUSY, tokens["bob"])) == 1
    unchanged = alice.sync(PATHS["alice"], tokens["alice"])
    assert (unchanged, unchanged.sync_token) == ({}, tokens["alice"])
    assert alice.listing(PATHS["alice"]) == etags
    assert alice.propfind(PATHS["alice"], "CS:getctag")[PATHS["alice"]].text("CS:getctag") == tag


# In parts


def take(client: Client, held: dict[str, str], token: str, limit: int | None) -> tuple[str, bool]:
    """Take one part into what is held; give the next token, and whether there is more."""
    page = client.sync(BUSY, token, limit)
    members = {href: each for href, each in page.items() if each.status != 507}
    assert limit is None or len(members) <= limit
    for href, member in members.items():
        name = href.rsplit("/", 1)[1]
        if member.status == 404:
            held.pop(name, None)
        else:
            held[name] = member.text("D:getetag")
    if page.truncated:
        assert page[BUSY].error == ["D:number-of-matches-within-limits"]
    return page.sync_token, page.truncated


def follow(client: Client, held: dict[str, str], token: str, limit: int | None) -> tuple[str, int]:
    """Do as a client that mirrors a calendar: until nothing is left; give token and rounds."""
    for rounds in range(1, 200):
        token, more = take(client, held, token, limit)
        if not more:
            return token, rounds
    raise AssertionError("a sync that never ends")


@pytest.mark.parametrize("limit", [1, 7, 25, 26, 1000])
def test_a_first_sync_in_parts_ends_with_the_whole_calendar(
    house: House, bob: Client, limit: int
) -> None:
    house.fill("room-a", hours(40))
    house.drop("room-a", *hours(40)[::3])
    held: dict[str, str] = {}
    token, rounds = follow(bob, held, "", limit)
    assert held == bob.listing(BUSY)
    assert rounds <= -(-40 // limit)
    assert token == bob.sync(BUSY).sync_token


@pytest.mark.parametrize("seed", range(3))
def test_a_sync_in_parts_converges_while_the_calendar_changes(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    spans = hours(30)
    with House(database) as house:
        bob = house.client("bob")
        house.fill("room-a", spans[:20])
        held: dict[str, str] = {}
        token = ""
        for _ in range(12):
            if chance.random() < 0.5:
                token, _ = follow(bob, held, token, chance.choice([1, 3, 8, None]))
                assert held == bob.listing(BUSY)
            else:  # the calendar changes before the client comes for the next part
                token, _ = take(bob, held, token, chance.choice([1, 3, 8]))
            house.drop("room-a", *chance.sample(spans, 3))
            house.fill("room-a", chance.sample(spans, 3), title=f"Title {chance.random()}")
        follow(bob, held, token, None)
        assert held == bob.listing(BUSY)


@pytest.mark.parametrize("nresults", ["0", "-1", "many", "1e3", "1" * 30, "\u0661", " "])
def test_a_limit_that_is_no_number_is_400(bob: Client, nresults: str) -> None:
    body = (
        f"<D:sync-collection {DECLARED}><D:sync-token/><D:sync-level>1</D:sync-level>"
        f"<D:limit><D:nresults>{nresults}</D:nresults></D:limit><D:prop/></D:sync-collection>"
    )
    assert bob.report(BUSY, body).status == 400


def test_a_sync_level_that_does_not_exist_is_400(bob: Client) -> None:
    body = sync().replace("<D:sync-level>1<", "<D:sync-level>2<")
    assert bob.report(BUSY, body).status == 400
    assert bob.report(BUSY, sync().replace("level>1<", "level>infinite<")).status == 207


# Tokens that cannot be continued

INVALID = (403, ["D:valid-sync-token"])


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "urn:busybridge:sync:",
        "urn:busybridge:sync:0.0.0",
        "http://radicale.org/ns/sync/0123",
        "{}0",
        "{}\u0661",
        "x{}",
        "urn:busybridge:sync:" + "9" * 5000,
        "' OR 1=1 --",
    ],
)
def test_a_token_that_was_never_given_is_403_valid_sync_token(
    house: House, bob: Client, token: str
) -> None:
    house.fill("room-a", hours(2))
    ours = bob.sync(BUSY).sync_token
    if token == "{}0":
        token = f"{ours}0"  # of the future
    answer = bob.report(BUSY, sync(token.format(ours) if "{}" in token else token))
    assert refusal(answer)[:2] == INVALID


def test_a_token_of_another_calendar_of_another_view_or_of_bookings_is_invalid(
    house: House,
) -> None:
    for room in ("room-a", "room-b"):
        house.fill(room, hours(3))
    lia, alice = house.client("lia"), house.client("alice")
    paths = ["/lia/room-a.busy/", "/lia/room-b.busy/", "/lia/room-a.bookings/"]
    tokens = {path: lia.sync(path).sync_token for path in paths}
    for path in paths:
        for other, token in tokens.items():
            if path != other:
                assert refusal(lia.report(path, sync(token)))[:2] == INVALID
    assert refusal(alice.report(PATHS["alice"], sync(tokens[paths[0]])))[:2] == INVALID
    times = alice.sync(PATHS["alice"]).sync_token
    assert refusal(lia.report(paths[0], sync(times)))[:2] == INVALID


def test_logins_that_see_the_same_may_use_each_others_token(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    carol = house.client("carol")
    assert carol.sync("/carol/room-a.busy/", bob.sync(BUSY).sync_token) == {}


@pytest.mark.parametrize(("before", "after"), [("read", "free-busy"), ("free-busy", "read")])
def test_changed_access_makes_the_token_invalid_and_the_next_sync_shows_the_new_view(
    sqlite_database: Database, before: str, after: str
) -> None:
    def access(level: str):
        return house_settings(auth={"users": [{"name": "bob", "access": {"room-a": level}}]})

    with House(sqlite_database, access(before)) as house:
        house.fill("room-a", hours(3), title="Chess")
        bob = house.client("bob")
        token = bob.sync(BUSY).sync_token
        names = bob.listing(BUSY)
        house.live.swap(access(after))
        assert refusal(bob.report(BUSY, sync(token)))[:2] == INVALID
        assert not bob.sync(BUSY).names() & names.keys()


def test_no_token_outlives_the_restoring_of_a_backup(
    house: House, bob: Client, tmp_path: Path
) -> None:
    house.fill("room-a", hours(3))
    tokens = [bob.sync(BUSY).sync_token]
    tag = bob.get(BUSY).headers["etag"]
    names = bob.listing(BUSY).keys()
    backup(house.database, tmp_path / "backup")
    house.fill("room-a", hours(3, first=NINE + DAY))
    tokens.append(bob.sync(BUSY).sync_token)
    path = tmp_path / "restored" / "busybridge.sqlite3"
    path.parent.mkdir(mode=0o700)
    with closing_database(f"sqlite:///{path}") as database:
        restore(tmp_path / "backup", database, NOW)
        with House(database, store=False) as restored:
            bob = restored.client("bob")
            # As many changes as were lost, so that the numbers alone would fit.
            restored.fill("room-a", hours(3, first=NINE + 2 * DAY))
            for token in tokens:
                assert refusal(bob.report(BUSY, sync(token)))[:2] == INVALID
            assert bob.get(BUSY, If_None_Match=tag).status == 200
            assert bob.sync(BUSY).names() > names


def test_a_token_from_before_what_the_log_remembers_is_invalid(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    old = bob.sync(BUSY).sync_token
    house.drop("room-a", hours(3)[0], at=NOW - 20)
    house.fill("room-a", hours(1, first=NINE + DAY), at=NOW - 15)  # the last change is kept
    new = bob.sync(BUSY).sync_token
    with house.database.write() as conn:
        assert busy.forget(conn, NOW - 10)
    assert refusal(bob.report(BUSY, sync(old)))[:2] == INVALID
    assert bob.sync(BUSY, new) == {}
    assert len(bob.sync(BUSY)) == 3


def test_a_calendar_of_bookings_syncs_as_an_empty_one(bob: Client) -> None:
    path = "/bob/room-a.bookings/"
    first = bob.sync(path)
    assert first == {}
    assert bob.sync(path, first.sync_token).sync_token == first.sync_token


def test_a_block_that_grows_is_a_change_of_one_block(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    alice, path = house.client("alice"), PATHS["alice"]
    before = alice.sync(path)
    house.fill("room-a", [(NINE + 1800, NINE + 2400)])
    after = alice.sync(path, before.sync_token)
    assert (len(after.names()), len(after.gone)) == (1, 1)
    (name,) = after.names()
    assert f"DTEND:{NINE}".encode() not in alice.get(path + name).body
    assert len(alice.listing(path)) == 3
