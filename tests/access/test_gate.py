"""Finding out who asks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from bridge.access import Gate, PrincipalKind, Scope, authorize, passwords
from bridge.access.passwords import check_hash, hash_password
from bridge.config.live import Live
from bridge.config.logins import Grant
from bridge.config.settings import Feed
from bridge.errors import StoreError
from bridge.model.resource import Access, ResourceId
from bridge.store import feeds, keys, resources
from bridge.store.database import Database
from bridge.store.resources import Owner
from tests.access.people import NOON, gate, quick_hash, settings, user

HERE, THERE = "192.0.2.1", "198.51.100.7"
IDENTITY = b"i" * 32


def test_a_right_password_lets_in_with_what_is_granted(sqlite_database: Database) -> None:
    at = gate(sqlite_database, user("ann", "right", access={"room-a": "read"}))
    found = at.login("ann", "right", HERE, NOON)
    assert found is not None
    assert (found.kind, found.name, found.is_admin) == (PrincipalKind.LOGIN, "ann", False)
    assert authorize(found, "room-a", Access.READ)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"),
        ("ann", ""),
        ("ann", "right\0"),
        ("ann", "right" * 10_000),
        ("Ann", "right"),
        ("bob", "right"),
        ("", ""),
        ("none", "right"),
        ("ann\0", "right"),
        ("\udc80", "\udc80"),
        ("ann", "\udc80"),
        ("ann", "bb_" + "\0" * 8 + "_" + "a" * 32),
    ],
)
def test_anything_else_does_not(database: Database, name: str, password: str) -> None:
    at = gate(database, user("ann", "right"), user("none"))
    assert at.login(name, password, HERE, NOON) is None


def test_an_admin_of_the_file_is_one(sqlite_database: Database) -> None:
    found = gate(sqlite_database, user("root", "pw", role="admin")).login("root", "pw", HERE, NOON)
    assert found is not None
    assert found.is_admin


@pytest.mark.parametrize("make", [quick_hash, hash_password])
def test_bcrypt_and_argon2_are_understood(make: Callable[[str], str]) -> None:
    stored = make("right")
    assert check_hash(stored, "right")
    assert not check_hash(stored, "wrong")


def test_bcrypt_looks_at_72_bytes_as_it_always_did() -> None:
    assert check_hash(quick_hash("x" * 72), "x" * 100)


@pytest.mark.covers("T34")
def test_a_right_password_is_hashed_once_in_a_while(sqlite_database: Database) -> None:
    at = gate(sqlite_database, user("ann", "right"))
    for second in range(0, 600, 10):
        assert at.login("ann", "right", HERE, NOON + second)
    assert at.hashed == 1
    assert at.login("ann", "right", HERE, NOON + 600)
    assert at.hashed == 2


@pytest.mark.covers("T34")
def test_the_same_password_is_not_hashed_twice_at_a_time(sqlite_database: Database) -> None:
    ann = {"name": "ann", "password_hash": quick_hash("right", rounds=9)}
    at = gate(sqlite_database, ann)
    found: list[object] = []
    threads = [
        Thread(target=lambda: found.append(at.login("ann", "right", HERE, NOON))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in found
    assert at.hashed == 1


@pytest.mark.covers("T34")
def test_app_passwords_and_known_passwords_cost_next_to_nothing(
    sqlite_database: Database,
) -> None:
    at = gate(sqlite_database, user("ann", "right"))
    with sqlite_database.write() as conn:
        _, secret = keys.create_app_password(conn, "ann", "phone", NOON)
    at.login("ann", "right", HERE, NOON)
    for password in (secret, "right"):
        started = time.thread_time()
        for _ in range(200):
            assert at.login("ann", password, HERE, NOON)
        # 200 requests a second leave most of one processor to the answers themselves.
        assert time.thread_time() - started < 0.5
    assert at.hashed == 1


def test_a_new_password_counts_from_the_reload_on(sqlite_database: Database) -> None:
    live = Live(settings(user("ann", "old")))
    at = Gate(sqlite_database, live)
    assert at.login("ann", "old", HERE, NOON)
    live.swap(settings(user("ann", "new")))
    assert at.login("ann", "old", HERE, NOON) is None
    assert at.login("ann", "new", HERE, NOON)
    live.swap(settings())
    assert at.login("ann", "new", HERE, NOON) is None


@pytest.mark.covers("T32")
def test_a_thousand_guesses_reach_the_hash_ten_times_and_nobody_else_waits(
    sqlite_database: Database,
) -> None:
    at = gate(sqlite_database, user("ann", "right"), user("bob", "bobs"))
    for number in range(1000):
        assert at.login("ann", f"guess{number}", HERE, NOON + number // 100) is None
    assert at.hashed <= 20
    assert at.retry_after("ann", HERE, NOON + 10) > 0
    assert at.retry_after("bob", THERE, NOON + 10) == 0
    started = time.thread_time()
    assert at.login("bob", "bobs", THERE, NOON + 10)
    assert time.thread_time() - started < 0.5


def test_a_right_password_that_nobody_can_check_now_is_not_called_wrong_nor_counted(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = gate(sqlite_database, user("ann", "right"))
    with monkeypatch.context() as crowded:
        crowded.setattr(passwords, "_PATIENCE", 0.0)
        while at._verifier._turns.acquire(blocking=False):
            pass
        for _ in range(100):
            with pytest.raises(StoreError) as caught:
                at.login("ann", "right", HERE, NOON)
            assert caught.value.busy
    for _ in range(passwords._AT_ONCE):
        at._verifier._turns.release()
    assert at.login("ann", "right", HERE, NOON)


@pytest.mark.covers("T32")
def test_guesses_from_many_addresses_are_one_attack_on_one_name(
    sqlite_database: Database,
) -> None:
    at = gate(sqlite_database, user("ann", "right"))
    assert at.login("ann", "right", HERE, NOON)
    for number in range(1000):
        at.login("ann", f"guess{number}", f"203.0.113.{number % 250}", NOON)
    assert at.hashed <= 20
    assert at.login("ann", "right", HERE, NOON), "who is known here is not locked out"


def test_a_customer_with_many_addresses_of_ipv6_is_one(sqlite_database: Database) -> None:
    at = gate(sqlite_database, user("ann", "right"))
    for number in range(100):
        at.login(f"name{number}", "guess", f"2001:db8::{number:x}", NOON)
    assert at.hashed <= 10
    assert at.retry_after("ann", "2001:db8::ffff", NOON) > 0
    assert at.retry_after("ann", "2001:db8:0:1::1", NOON) == 0
    assert at.retry_after("ann", "::ffff:192.0.2.1", NOON) == 0


def test_a_right_app_password_is_let_in_whatever_was_guessed(sqlite_database: Database) -> None:
    at = gate(sqlite_database, user("ann", "right"))
    with sqlite_database.write() as conn:
        _, secret = keys.create_app_password(conn, "ann", "phone", NOON)
    for number in range(50):
        at.login("ann", f"guess{number}", HERE, NOON)
    assert at.login("ann", "right", HERE, NOON) is None
    assert at.login("ann", secret, HERE, NOON)


@pytest.mark.covers("T33")
def test_an_unknown_name_takes_as_long_as_a_known_one(sqlite_database: Database) -> None:
    people = [user(f"name{number}", "right") for number in range(5)]
    at = gate(sqlite_database, *people, user("none"))

    def cost(name: str, number: int) -> float:
        # Each try from its own address at its own time: the limiter is not what is measured here.
        address, now = f"10.{number >> 8 & 255}.{number & 255}.1", NOON + 1000 * number
        started = time.thread_time()
        assert at.login(name, "guess", address, now) is None
        return time.thread_time() - started

    numbers = iter(range(10_000))

    def difference(names: str) -> float:
        known = []
        other = []
        for number in range(500):
            known.append(cost(f"name{number % 5}", next(numbers)))
            other.append(cost(names.format(number % 5), next(numbers)))
        return mann_whitney_p(known, other)

    for names in ("else{}", "none"):
        # Chance alone gives p < 0.01 once in a hundred times, three times in a row never.
        assert any(difference(names) > 0.01 for _ in range(3))
    assert at.hashed == next(numbers)


def mann_whitney_p(first: list[float], second: list[float]) -> float:
    """Two-sided p of the rank test, by its normal approximation; ties are as good as none here."""

    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    n, m = len(first), len(second)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def test_where_nobody_has_a_password_a_guess_is_hashed_all_the_same(
    sqlite_database: Database,
) -> None:
    at = gate(sqlite_database)
    assert at.login("ann", "guess", HERE, NOON) is None
    assert at.hashed == 1


def test_a_password_set_by_command_counts_unless_the_file_has_one(database: Database) -> None:
    at = gate(database, user("ann"), user("bob", "file"))
    with database.write() as conn:
        keys.sync_users(conn, settings(user("ann"), user("bob", "file")).auth.users, NOON)
        assert keys.set_password(conn, "ann", quick_hash("command"))
        assert keys.set_password(conn, "bob", quick_hash("command"))
    assert at.login("ann", "command", HERE, NOON)
    assert at.login("bob", "file", HERE, NOON)
    assert at.login("bob", "command", HERE, NOON) is None


def test_a_user_made_by_command_is_let_in(database: Database) -> None:
    at = gate(database)
    row = keys.UserRow(
        "carl",
        role="admin",
        password_hash=quick_hash("pw"),
        access={"room-a": Grant(level=Access.WRITE)},
    )
    with database.write() as conn:
        assert keys.add_user(conn, row)
        assert not keys.add_user(conn, row)
    found = at.login("carl", "pw", HERE, NOON)
    assert found is not None
    assert found.is_admin
    assert dict(found.grants) == {"room-a": Grant(level=Access.WRITE)}


def test_logins_of_an_htpasswd_file_have_the_resource_of_their_name(
    sqlite_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(f"# people\ndora:{quick_hash('one')}\nplain:secret\nui:{quick_hash('one')}\n")
    at = gate(sqlite_database, user("ann", "right"), htpasswd_file=file)
    found = at.login("dora", "one", HERE, NOON)
    assert found is not None
    assert authorize(found, "dora", Access.WRITE)
    assert not authorize(found, "dora", Access.MANAGE)
    assert not authorize(found, "room-a", Access.FREE_BUSY)
    assert at.login("plain", "secret", HERE, NOON) is None
    assert at.login("ui", "one", HERE, NOON) is None
    file.write_text(f"dora:{quick_hash('another')}\n")
    assert at.login("dora", "one", HERE, NOON) is None
    assert at.login("dora", "another", HERE, NOON)
    file.unlink()
    assert at.login("dora", "another", HERE, NOON) is None


def test_an_app_password_is_for_its_login_until_it_is_revoked(database: Database) -> None:
    at = gate(database, user("ann", access={"room-a": "read"}), user("bob"))
    with database.write() as conn:
        row, secret = keys.create_app_password(conn, "ann", "phone", NOON)
    found = at.login("ann", secret, HERE, NOON + 5)
    assert found is not None
    assert found.kind is PrincipalKind.APP_PASSWORD
    assert authorize(found, "room-a", Access.READ)
    assert at.login("bob", secret, HERE, NOON) is None
    almost = secret[:-1] + ("y" if secret.endswith("x") else "x")
    assert at.login("ann", almost, HERE, NOON) is None
    assert at.hashed <= 1
    at.record_uses()
    at.record_uses()
    with database.write() as conn:
        (listed,) = keys.app_passwords_of(conn, "ann")
        assert listed.last_used_at == NOON + 5
        assert keys.revoke_app_password(conn, row.id, NOON + 6)
        assert not keys.revoke_app_password(conn, row.id, NOON + 7)
    assert at.login("ann", secret, HERE, NOON + 8) is None


@pytest.mark.covers("T59")
def test_an_api_key_counts_until_it_expires_or_is_revoked(database: Database) -> None:
    at = gate(database)
    scopes = [Scope.BUSY_READ.value]
    with database.write() as conn:
        row, token = keys.create_api_key(
            conn, "script", scopes=scopes, resources=["room-*"], now=NOON, expires_at=NOON + 100
        )
        other, lasting = keys.create_api_key(
            conn, "other", scopes=scopes, resources=["*"], now=NOON
        )
    found = at.key(token, NOON + 99)
    assert found is not None
    assert (found.kind, found.name) == (PrincipalKind.API_KEY, row.id)
    assert found.scopes == {"busy:read"}
    assert authorize(found, "room-a", Access.FREE_BUSY)
    assert at.key(token, NOON + 100) is None
    almost = token[:-1] + ("y" if token.endswith("x") else "x")
    for wrong in (almost, lasting.replace(other.id, row.id), "", "bbk", "x" * 9999, "\0"):
        assert at.key(wrong, NOON) is None
    assert at.key(lasting, NOON)
    at.record_uses()
    with database.write() as conn:
        assert [each.last_used_at for each in keys.all_api_keys(conn)].count(NOON + 99) == 1
        assert keys.revoke_api_key(conn, other.id, NOON)
    assert at.key(lasting, NOON) is None
    assert at.key(token, NOON)


@pytest.mark.covers("A-37", "T35", "T36")
def test_a_feed_token_is_for_one_resource_until_it_is_rotated(database: Database) -> None:
    at = gate(database)
    room, car = ResourceId("room-a"), ResourceId("car")
    feed = Feed(name="team")
    with database.write() as conn:
        resources.upsert(conn, {room: "{}", car: "{}"}, managed_by=Owner.FILE)
        feeds.sync_feeds(conn, IDENTITY, room, [feed])
        feeds.sync_feeds(conn, IDENTITY, car, [feed])
        tokens = [feeds.feeds_of(conn, each)[0].token(IDENTITY) for each in (room, car)]
    assert [at.feed(token) for token in tokens] == [(room, feed), (car, feed)]
    with database.write() as conn:
        rotated = feeds.rotate_feed(conn, IDENTITY, room, "team")
    assert rotated is not None
    assert at.feed(tokens[0]) is None
    assert at.feed(rotated.token(IDENTITY)) == (room, feed)
    for wrong in (
        "",
        "x",
        tokens[1].upper(),
        tokens[1][:-1] + "a",
        "a" * 52,
        "ä" * 5000,
        "\0\udc80",
    ):
        if wrong != tokens[1]:
            assert at.feed(wrong) is None
