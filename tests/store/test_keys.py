"""Users, app passwords, API keys and feeds as they are kept."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from bridge.config.logins import User
from bridge.config.settings import Feed
from bridge.model.resource import Access, ResourceId
from bridge.store import feeds, keys, resources
from bridge.store.database import Database
from bridge.store.resources import Owner
from bridge.store.schema import api_keys, app_passwords
from bridge.store.schema import feeds as feeds_table

NOW = 1_790_000_000
IDENTITY = bytes(range(32))
ROOM = ResourceId("room-a")


def person(name: str, **given: object) -> User:
    return User.model_validate({"name": name, **given})


def test_users_of_the_file_come_change_and_leave(database: Database) -> None:
    with database.write() as conn:
        ann = person("ann", role="admin", email="a@x.org", access={"*": "read"})
        assert keys.sync_users(conn, [ann, person("bob")], NOW) == []
        assert keys.set_password(conn, "bob", "hash")
        assert not keys.set_password(conn, "carl", "hash")
        _, _ = keys.create_app_password(conn, "ann", "phone", NOW)
    with database.write() as conn:
        assert keys.sync_users(conn, [person("bob", email="b@x.org")], NOW + 9) == ["ann"]
        (bob,) = keys.all_users(conn)
        assert (bob.email, bob.password_hash, bob.managed_by) == ("b@x.org", "hash", Owner.FILE)
        assert keys.user(conn, "ann") is None
        (revoked,) = keys.app_passwords_of(conn, "ann")
        assert revoked.revoked_at == NOW + 9


def test_a_user_made_by_command_stays_when_the_file_changes(database: Database) -> None:
    with database.write() as conn:
        assert keys.add_user(conn, keys.UserRow("carl"))
        assert keys.sync_users(conn, [], NOW) == []
        carl = keys.user(conn, "carl")
        assert carl is not None
        assert carl.managed_by is Owner.API
        keys.sync_users(conn, [person("carl", access={"room-a": "write"})], NOW)
        carl = keys.user(conn, "carl")
        assert carl is not None
        assert carl.managed_by is Owner.FILE
        assert carl.access["room-a"].level is Access.WRITE


@pytest.mark.covers("T39", "T59")
def test_no_secret_of_ours_is_kept_in_clear(database: Database) -> None:
    with database.write() as conn:
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        password, secret = keys.create_app_password(conn, "ann", "phone", NOW)
        key, token = keys.create_api_key(
            conn, "script", scopes=["busy:read"], resources=["*"], now=NOW
        )
        feeds.sync_feeds(conn, IDENTITY, ROOM, [Feed(name="team")])
        (feed,) = feeds.feeds_of(conn, ROOM)
        rows = [
            str(row)
            for table in (app_passwords, api_keys, feeds_table)
            for row in conn.execute(select(table))
        ]
    secrets = [text.rpartition("_")[2] for text in (secret, token)] + [feed.token(IDENTITY)]
    assert all(text not in row for text in secrets for row in [*rows, repr(password), repr(key)])


def test_secrets_are_long_random_and_tell_their_sort() -> None:
    made = [keys.new_secret("bb") for _ in range(100)]
    assert len({text for _, text in made}) == 100
    for made_id, text in made:
        assert re.fullmatch(r"bb_[a-z2-7]{8}_[a-z2-7]{32}", text)
        assert keys.key_id(text, "bb") == made_id
        assert keys.key_id(text, "bbk") is None


@pytest.mark.covers("T35")
def test_a_feed_token_has_256_bits_and_is_the_same_for_the_same_key_file() -> None:
    token = feeds.feed_token(IDENTITY, "room-a", "team", 0)
    assert re.fullmatch(r"[a-z2-7]{52}", token)
    assert token == feeds.feed_token(IDENTITY, "room-a", "team", 0)
    others = {
        feeds.feed_token(b"x" * 32, "room-a", "team", 0),
        feeds.feed_token(IDENTITY, "room-b", "team", 0),
        feeds.feed_token(IDENTITY, "room-a", "public", 0),
        feeds.feed_token(IDENTITY, "room-a", "team", 1),
    }
    assert len(others | {token}) == 5


@pytest.mark.covers("T35")
def test_a_rotated_token_stays_dead_when_the_feed_leaves_and_returns(database: Database) -> None:
    team = Feed(name="team")
    with database.write() as conn:
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        feeds.sync_feeds(conn, IDENTITY, ROOM, [team])
        first = feeds.feeds_of(conn, ROOM)[0].token(IDENTITY)
        rotated = feeds.rotate_feed(conn, IDENTITY, ROOM, "team")
        assert rotated is not None
        second = rotated.token(IDENTITY)
        assert feeds.sync_feeds(conn, IDENTITY, ROOM, []) == ["team"]
        assert feeds.sync_feeds(conn, IDENTITY, ROOM, []) == []
        assert feeds.find_feed(conn, second) is None
        assert feeds.feeds_of(conn, ROOM) == []
        assert feeds.rotate_feed(conn, IDENTITY, ROOM, "team") is None
        feeds.sync_feeds(conn, IDENTITY, ROOM, [team])
        assert feeds.find_feed(conn, first) is None
        assert feeds.find_feed(conn, second) is not None


@pytest.mark.covers("T35")
def test_a_revoked_feed_stays_revoked_until_it_is_rotated(database: Database) -> None:
    team = Feed(name="team")
    with database.write() as conn:
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        feeds.sync_feeds(conn, IDENTITY, ROOM, [team])
        token = feeds.feeds_of(conn, ROOM)[0].token(IDENTITY)
        assert feeds.revoke_feed(conn, ROOM, "team", NOW)
        assert not feeds.revoke_feed(conn, ROOM, "team", NOW)
        feeds.sync_feeds(conn, IDENTITY, ROOM, [team])
        assert feeds.find_feed(conn, token) is None
        rotated = feeds.rotate_feed(conn, IDENTITY, ROOM, "team")
        assert rotated is not None
        assert feeds.find_feed(conn, token) is None
        assert feeds.find_feed(conn, rotated.token(IDENTITY)) == rotated


def test_the_feed_of_a_parked_resource_is_not_in_force(database: Database) -> None:
    with database.write() as conn:
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        feeds.sync_feeds(conn, IDENTITY, ROOM, [Feed(name="team")])
        token = feeds.feeds_of(conn, ROOM)[0].token(IDENTITY)
        resources.park(conn, [ROOM])
        assert feeds.find_feed(conn, token) is None
        resources.upsert(conn, {ROOM: "{}"}, managed_by=Owner.FILE)
        assert feeds.find_feed(conn, token) is not None
