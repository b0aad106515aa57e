"""Credentials in the database: sealed, bound to their row, changed by one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.errors import ConfigError
from bridge.model.resource import ConnectionId
from bridge.store import backup, cipherkeys, compact, connections, credentials, resources
from bridge.store.credentials import Credential
from bridge.store.database import Database
from bridge.store.schema import credentials as table
from bridge.store.vault import Place, SealBroken, UnknownKey, Vault
from tests.builders import NOW, store_resource

WORK, HOME = ConnectionId("room-a.work"), ConnectionId("room-a.home")
CANARIES = {"access_token": "CANARY-access-7f3a", "refresh_token": "CANARY-refresh-91bc"}


class Store:
    """A database with two connections, and the key file that belongs to it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        KeyFile.create(folder / "busybridge.key")
        self.ring = KeyRing(folder / "busybridge.key")
        self.vault = Vault(self.ring.find)
        store_resource(database, names=("work", "home"))
        self.pin()

    def pin(self) -> None:
        with self.database.write() as conn:
            cipherkeys.pin(conn, self.ring.current.ring(CREDENTIALS))

    def save(self, given: Credential) -> bool:
        with self.database.write() as conn:
            return credentials.save(conn, self.vault, given, NOW)

    def load(self, connection_id: ConnectionId = WORK) -> Credential | None:
        with self.database.read() as conn:
            return credentials.load(conn, self.vault, connection_id, "oauth")


def grant(connection_id: ConnectionId = WORK, **secrets: str) -> Credential:
    found = {name: SecretStr(value) for name, value in (CANARIES | secrets).items()}
    return Credential(
        connection_id,
        "oauth",
        found,
        expires_at=NOW + 3600,
        scopes=("calendar.readonly", "openid"),
        subject="1179",
        client_id="app.example",
    )


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return Store(database, tmp_path)


@pytest.fixture
def on_sqlite(sqlite_database: Database, tmp_path: Path) -> Store:
    return Store(sqlite_database, tmp_path)


def test_what_was_granted_is_read_as_it_was_stored(store: Store) -> None:
    assert store.load() is None
    assert store.save(grant())
    found = store.load()
    assert found is not None
    assert found.version > 0
    assert found == replace(grant(), version=found.version, updated_at=NOW)
    assert found.secret("refresh_token") == CANARIES["refresh_token"]
    assert found.secret("client_secret") == ""


def test_of_two_who_change_the_same_version_one_wins(store: Store) -> None:
    assert store.save(grant())
    assert not store.save(grant(access_token="late"))
    first = second = store.load()
    assert first is not None
    assert second is not None
    assert store.save(replace(first, secrets={"access_token": SecretStr("first")}))
    assert not store.save(replace(second, secrets={"access_token": SecretStr("second")}))
    found = store.load()
    assert found is not None
    assert (found.secret("access_token"), found.version) == ("first", first.version + 1)


@pytest.mark.covers("T37")
def test_a_row_that_was_moved_to_another_connection_does_not_open(store: Store) -> None:
    store.save(grant())
    store.save(grant(HOME, access_token="of home"))
    with store.database.write() as conn:
        sealed = (table.c.key_id, table.c.nonce, table.c.ciphertext)
        stolen = conn.execute(select(*sealed).where(table.c.connection_id == HOME)).one()
        statement = update(table).where(table.c.connection_id == WORK)
        conn.execute(statement.values(**stolen._asdict()))
    with pytest.raises(SealBroken, match=r"room-a\.work.*changed or moved"):
        store.load()
    found = store.load(HOME)
    assert found is not None
    assert found.secret("access_token") == "of home"


@pytest.mark.parametrize("column", ["nonce", "ciphertext", "key_id"])
def test_a_row_that_was_changed_does_not_open(store: Store, column: str) -> None:
    store.save(grant())
    added = store.ring.add()
    with store.database.write() as conn:
        before = conn.execute(select(table.c[column])).scalar_one()
        after = added if column == "key_id" else bytes([before[0] ^ 1]) + before[1:]
        conn.execute(update(table).values({column: after}))
    with pytest.raises(SealBroken):
        store.load()


def test_equal_secrets_are_not_equal_in_the_database(store: Store) -> None:
    vault, key_id = store.vault, store.ring.current.key_id
    place = Place(WORK, "oauth")
    sealed = [vault.seal(b"the same", place, key_id) for _ in range(100)]
    assert len({each.nonce for each in sealed}) == 100
    assert len({each.ciphertext for each in sealed}) == 100
    assert {vault.open(each, place) for each in sealed} == {b"the same"}


@pytest.mark.covers("P10", "T38")
def test_without_its_key_a_credential_yields_nothing_and_the_remedy_is_named(
    store: Store, tmp_path: Path
) -> None:
    store.save(grant())
    KeyFile.create(tmp_path / "another.key")
    another = KeyRing(tmp_path / "another.key")
    with store.database.read() as conn, pytest.raises(UnknownKey, match="put the key file back"):
        credentials.load(conn, Vault(another.find), WORK, "oauth")
    with store.database.write() as conn, pytest.raises(ConfigError) as caught:
        cipherkeys.pin(conn, another.current.ring(CREDENTIALS))
    assert store.ring.current.key_id in str(caught.value)
    assert "keyring forget" in str(caught.value)


def test_another_key_is_taken_while_there_is_nothing_to_read(store: Store, tmp_path: Path) -> None:
    KeyFile.create(tmp_path / "another.key")
    store.ring = KeyRing(tmp_path / "another.key")
    store.vault = Vault(store.ring.find)
    store.pin()
    assert store.save(grant())
    assert store.load() is not None


def test_credentials_whose_key_is_lost_can_be_given_up(store: Store, tmp_path: Path) -> None:
    store.save(grant())
    KeyFile.create(tmp_path / "another.key")
    known = KeyRing(tmp_path / "another.key").current.ring(CREDENTIALS)
    with store.database.write() as conn:
        assert cipherkeys.forget(conn, known) == [WORK]
        assert cipherkeys.forget(conn, known) == []
        cipherkeys.pin(conn, known)


def files_of(folder: Path) -> Iterator[bytes]:
    return (each.read_bytes() for each in folder.rglob("*") if each.is_file())


@pytest.mark.covers("T37", "T68", "P10")
def test_no_secret_lies_in_the_database_its_log_or_a_backup_in_clear(
    on_sqlite: Store, tmp_path: Path
) -> None:
    database = on_sqlite.database
    assert database.path is not None
    with database.read() as conn:  # keeps the log from being folded into the file
        credentials.version(conn, WORK, "oauth")
        on_sqlite.save(grant())
        backup.backup(database, tmp_path / "data" / "copy")
        found = list(files_of(tmp_path / "data"))
        assert len(found) == 4
        assert sum(b"room-a.work" in each for each in found) >= 2
        for secret in (*CANARIES.values(), *(key.hex() for key in on_sqlite.ring.current.keys)):
            assert not any(secret.encode() in each for each in found)
        for key in on_sqlite.ring.current.keys:
            assert not any(key in each for each in found)
    copy = Database(f"sqlite:///{tmp_path / 'data' / 'copy'}")
    with closing(copy), copy.read() as conn:
        kept = credentials.load(conn, on_sqlite.vault, WORK, "oauth")
    assert kept is not None, "with the key, which is kept apart, a backup is whole"
    assert kept.secret("access_token") == CANARIES["access_token"]


@pytest.mark.covers("T69")
@pytest.mark.parametrize("what", ["credential", "connection", "resource"])
def test_what_was_deleted_is_gone_from_the_file(
    on_sqlite: Store, tmp_path: Path, what: str
) -> None:
    database = on_sqlite.database
    on_sqlite.save(grant())
    on_sqlite.save(replace(grant(HOME), subject="of home"))
    with database.write() as conn:
        sealed = conn.execute(select(table.c.ciphertext).where(table.c.connection_id == WORK))
        traces = [sealed.scalar_one(), b"1179"]
    assert all(any(trace in each for each in files_of(tmp_path / "data")) for trace in traces)
    with database.write() as conn:
        if what == "credential":
            assert credentials.erase(conn, WORK)
        elif what == "connection":
            connections.remove(conn, [WORK])
        else:
            resources.remove(conn, [connections.get(conn, WORK).resource_id])
    assert compact.run(database)
    assert not any(trace in each for trace in traces for each in files_of(tmp_path / "data"))
    assert (on_sqlite.load(HOME) is None) == (what == "resource")


def test_a_long_reader_puts_off_what_makes_deleted_bytes_vanish(on_sqlite: Store) -> None:
    database = Database(on_sqlite.database.url, patience=on_sqlite.database._patience / 50)
    on_sqlite.save(grant())
    with closing(database):
        with database.read() as conn:
            credentials.version(conn, WORK, "oauth")
            with on_sqlite.database.write() as other:
                credentials.erase(other, WORK)
            assert not compact.run(database)
        assert compact.run(database)
        assert compact.run(database)


@pytest.mark.covers("T39")
def test_nothing_that_holds_a_secret_shows_it(store: Store) -> None:
    store.save(grant())
    found = store.load()
    assert found is not None
    for shown in (repr(found), str(found), repr(found.secrets), repr(store.vault)):
        assert "CANARY" not in shown
    with store.database.read() as conn:
        assert "CANARY" not in repr(conn.execute(select(table)).all())
