"""Questions to owners and links for them: good once, for one browser, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import cipherkeys, consents, links, schema
from bridge.store.consents import Consent, Returned
from bridge.store.database import Database
from bridge.store.links import Link
from bridge.store.vault import SealBroken, Vault
from tests.builders import NOW, store_resource

IDENTITY = b"identity of the tests, 32 bytes."
BACK = Returned("google", "CANARY-state", "CANARY-browser")
ASKED = Consent(
    connection_id=ConnectionId("room-a.work"),
    resource_id=ResourceId("room-a"),
    provider="google",
    actor="cli",
    callback="https://cal.example.com/oauth/google/callback",
    verifier=SecretStr("CANARY-verifier"),
)
LINK = Link("", ResourceId("room-a"), None, "cli", "", NOW + 100)


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Iterator[Vault]:
    KeyFile.create(tmp_path / "busybridge.key")
    ring = KeyRing(tmp_path / "busybridge.key")
    store_resource(database)
    with database.write() as conn:
        cipherkeys.pin(conn, ring.current.ring(CREDENTIALS))
    return Vault(ring.find)


def ask(database: Database, vault: Vault) -> None:
    with database.write() as conn:
        consents.add(conn, vault, ASKED, BACK, (NOW, 600))


def take(database: Database, vault: Vault, back: Returned = BACK, at: int = NOW) -> Consent | None:
    with database.write() as conn:
        return consents.take(conn, vault, back, at)


@pytest.mark.covers("T2", "T4")
@pytest.mark.parametrize(
    ("back", "at"),
    [
        (Returned("google", "another state", "CANARY-browser"), NOW),
        (Returned("google", "CANARY-state", "another browser"), NOW),
        (Returned("google", "CANARY-state", ""), NOW),
        (Returned("microsoft", "CANARY-state", "CANARY-browser"), NOW),
        (BACK, NOW + 600),
        (BACK, NOW - 1),
    ],
)
def test_who_brings_something_else_gets_nothing_and_uses_nothing_up(
    database: Database, vault: Vault, back: Returned, at: int
) -> None:
    ask(database, vault)
    assert take(database, vault, back, at) is None
    assert take(database, vault, at=NOW + 599) == ASKED


@pytest.mark.covers("T5")
def test_of_many_who_bring_a_state_at_the_same_time_one_gets_it(
    database: Database, vault: Vault
) -> None:
    ask(database, vault)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: take(database, vault), range(8)))
    assert [each for each in found if each is not None] == [ASKED]


@pytest.mark.covers("T38")
def test_a_row_holds_neither_state_nor_verifier_and_cannot_be_moved(
    database: Database, vault: Vault
) -> None:
    ask(database, vault)
    with database.read() as conn:
        row = conn.execute(select(schema.consents)).one()
    assert "CANARY" not in str(row)
    with database.write() as conn:
        damaged = row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1])
        conn.execute(update(schema.consents).values(ciphertext=damaged))
    with pytest.raises(SealBroken):
        take(database, vault)


def test_what_nobody_can_answer_any_more_is_forgotten(database: Database, vault: Vault) -> None:
    ask(database, vault)
    with database.write() as conn:
        later = Returned("google", "later", "browser")
        consents.add(conn, vault, ASKED, later, (NOW + 600, 600))
        assert len(conn.execute(select(schema.consents)).all()) == 1


def made(database: Database, link: Link = LINK) -> str:
    with database.write() as conn:
        return links.add(conn, IDENTITY, link, NOW)


def test_a_link_is_good_for_a_while_and_for_the_browser_that_uses_it_first(
    database: Database,
) -> None:
    store_resource(database)
    token = made(database)
    with database.write() as conn:
        found = links.find(conn, IDENTITY, token, NOW + 99)
        assert found is not None
        assert found._replace(id="") == LINK
        assert links.find(conn, IDENTITY, token, NOW + 100) is None
        assert links.belongs(conn, found, "one")
        assert links.belongs(conn, found, "two")
        assert links.claim(conn, found.id, "one")
        assert links.claim(conn, found.id, "one")
        assert not links.claim(conn, found.id, "two")
        assert not links.belongs(conn, found, "two")


@pytest.mark.parametrize("token", ["", "a" * 68, "1" * 68, "\u00e4" * 68, "a" * 9999])
def test_what_is_no_link_is_none(database: Database, token: str) -> None:
    with database.read() as conn:
        assert links.find(conn, IDENTITY, token, NOW) is None


def test_a_link_is_none_once_anything_in_it_was_changed(database: Database) -> None:
    store_resource(database)
    store_resource(database, "room-b")
    good = made(database)
    with database.write() as conn:
        assert links.find(conn, b"another key file", good, NOW) is None
        for change in (
            {"resource_id": "room-b"},
            {"connection_id": "room-a.work"},
            {"actor": "key:x"},
            {"redirect_url": "https://evil.example"},
            {"expires_at": NOW + 10**6},
        ):
            token = links.add(conn, IDENTITY, LINK, NOW)
            conn.execute(update(schema.links).values(**change))
            assert links.find(conn, IDENTITY, token, NOW) is None
