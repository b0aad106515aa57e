"""What was set by API, as the database keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.config.supplements import Supplement
from bridge.model.resource import ConnectionId
from bridge.store import cipherkeys, connections, credentials, schema, supplements
from bridge.store.database import Database
from bridge.store.rotation import rotate
from bridge.store.vault import Vault
from tests.builders import NOW, store_resource

WORK = ConnectionId("room-a.work")
ROOM = Supplement("room-a", {"type": "room", "availability": {"tentative": "free"}})
OWN = Supplement(
    WORK,
    {"provider": "caldav", "username": "ann"},
    made=True,
    secrets={"password": SecretStr("CANARY-password")},
    deduplication_key="tenant-7",
)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    KeyFile.create(tmp_path / "busybridge.key")
    return KeyRing(tmp_path / "busybridge.key")


@pytest.fixture
def vault(database: Database, ring: KeyRing) -> Vault:
    store_resource(database)
    with database.write() as conn:
        cipherkeys.pin(conn, ring.current.ring(CREDENTIALS))
    return Vault(ring.find)


def store(database: Database, vault: Vault, *wanted: Supplement) -> None:
    with database.write() as conn:
        supplements.put(conn, wanted, NOW)
        for each in wanted:
            supplements.put_secrets(conn, vault, each, NOW)
        supplements.advance(conn)


def every(database: Database, vault: Vault) -> list[Supplement]:
    with database.read() as conn:
        return supplements.every(conn, vault)


def test_what_was_set_is_kept_and_secrets_are_not_shown(database: Database, vault: Vault) -> None:
    store(database, vault, ROOM, OWN)
    assert every(database, vault) == [ROOM, OWN]
    with database.read() as conn:
        assert supplements.deduplication_keys(conn) == {WORK: "tenant-7"}
        for table in schema.metadata.sorted_tables:
            assert "CANARY" not in repr(conn.execute(select(table)).all()), table.name
    assert "CANARY" not in repr(every(database, vault))


def test_a_deduplication_key_is_there_once(database: Database, vault: Vault) -> None:
    store(database, vault, OWN)
    with pytest.raises(IntegrityError):
        store(database, vault, Supplement("room-a.b", made=True, deduplication_key="tenant-7"))


def test_each_change_has_a_number(database: Database, vault: Vault) -> None:
    with database.read() as conn:
        assert supplements.generation(conn) == 0
    store(database, vault, ROOM)
    store(database, vault, OWN)
    with database.read() as conn:
        assert supplements.generation(conn) == 2


def test_another_key_of_the_key_file_reads_the_same_secrets(
    database: Database, ring: KeyRing, vault: Vault
) -> None:
    store(database, vault, OWN)
    assert rotate(database, ring).credentials == 1
    assert every(database, vault) == [OWN]


def test_a_secret_whose_key_is_lost_is_empty(
    database: Database, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    store(database, vault, OWN)
    (found,) = every(database, Vault(lambda _: None))
    assert found.secrets == {"password": credentials.NOTHING}
    assert "key file" in caplog.text


def test_what_goes_with_its_resource_is_gone_with_its_secrets(
    database: Database, vault: Vault
) -> None:
    other = Supplement("room-b", {"type": "room"}, made=True)
    store(database, vault, ROOM, OWN, other)
    with database.write() as conn:
        supplements.hand_over(conn, ["room-b"])
        supplements.remove(conn, ["room-a"])
        connections.remove(conn, [WORK])
        assert conn.execute(select(schema.credentials)).all() == []
    (left,) = every(database, vault)
    assert (left.id, left.made) == ("room-b", False)


@pytest.mark.parametrize("how", ["taken away", "dropped"])
def test_of_a_secret_that_is_taken_away_nothing_stays(
    database: Database, vault: Vault, how: str
) -> None:
    store(database, vault, OWN)
    if how == "dropped":
        with database.write() as conn:
            supplements.remove(conn, [OWN.id])
    else:
        store(database, vault, replace(OWN, secrets={}))
    with database.read() as conn:
        assert credentials.version(conn, WORK, credentials.SETTINGS) == 0
