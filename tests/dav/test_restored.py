"""A backup that is put back: calendar clients begin again, and miss nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from bridge.store.backup import backup, restore
from bridge.store.database import Database
from bridge.store.restored import put_back_at, renew_epochs
from tests.databases import PostgresqlServer, closing_database
from tests.dav.lived import LOGINS, Client, Life, is_refused
from tests.engine.house import NOW, make_series


def lived(database: Database) -> tuple[Life, list[Client]]:
    life = Life(database)
    life.house.calendar().put("a", make_series())
    life.house.pull()
    return life, [life.client(login) for login in LOGINS]


def change(life: Life, *days: int) -> None:
    """Replace what there is by events on some days, each a change of its own."""
    calendar = life.house.calendar()
    for series in ("a", *(f"e{day}" for day in range(1, 29))):
        if series in calendar.objects:
            calendar.delete(series)
            life.house.pull()
    for day in days:
        calendar.put(f"e{day}", make_series(f"2026-12-{day:02} 09:00", uid=f"e{day}"))
        life.house.pull()


def begin_again(clients: list[Client], tags: list[tuple[str, str]]) -> None:
    """What clients know of the time after the backup is refused; then they see what is there."""
    for client, (ctag, token) in zip(clients, tags, strict=True):
        assert client.tags()[0] != ctag, "who only looks at the ctag looks again"
        assert is_refused(client.ask())
        client.token, client.known = "", set()
        client.sync()
        assert client.known == client.etags().keys()
        assert client.token != token


@pytest.mark.covers("F37")
def test_after_a_restore_no_client_misses_changes(
    sqlite_database: Database, tmp_path: Path
) -> None:
    life, clients = lived(sqlite_database)
    backup(sqlite_database, tmp_path / "copy")
    change(life, 1, 2)
    for client in clients:
        client.sync()
    tags = [client.tags() for client in clients]

    sqlite_database.close()
    restore(tmp_path / "copy", sqlite_database, NOW, force=True)
    life.restart(sqlite_database)
    change(life, 4, 5)  # as many changes as before, under the same numbers
    begin_again(clients, tags)


def test_two_restores_of_one_backup_are_two_epochs(
    sqlite_database: Database, tmp_path: Path
) -> None:
    life, (client, _) = lived(sqlite_database)
    backup(sqlite_database, tmp_path / "copy")
    tokens = set()
    for _ in range(2):
        sqlite_database.close()
        restore(tmp_path / "copy", sqlite_database, NOW, force=True)
        life.restart(sqlite_database)
        tokens.add(client.tags()[1])
    assert len(tokens) == 2


def test_after_a_dump_is_put_back_no_client_misses_changes(
    postgresql_server: PostgresqlServer, postgresql_url: str, tmp_path: Path
) -> None:
    with closing_database(postgresql_url) as database:
        life, clients = lived(database)
        with database.write() as conn:
            assert not renew_epochs(conn, NOW)
        run(
            postgresql_server,
            "pg_dump",
            "--format=custom",
            f"--file={tmp_path / 'dump'}",
            database=postgresql_url,
        )
        change(life, 1, 2)
        for client in clients:
            client.sync()
        tags = [client.tags() for client in clients]
        with database.write() as conn:
            assert not renew_epochs(conn, NOW), "a restart alone changes nothing"
        assert [client.tags() for client in clients] == tags
    run(postgresql_server, "pg_restore", "--clean", str(tmp_path / "dump"), database=postgresql_url)
    with closing_database(postgresql_url) as database:
        with database.write() as conn:
            assert put_back_at(conn) == 0
            assert renew_epochs(conn, NOW)
            assert put_back_at(conn) == NOW, "what was read before is not believed"
        with database.write() as conn:
            assert not renew_epochs(conn, NOW), "once"
        life.restart(database)
        change(life, 4, 5)
        begin_again(clients, tags)


def run(server: PostgresqlServer, program: str, *arguments: str, database: str) -> None:
    """Run a program of PostgreSQL on a database of ours."""
    options = (server.folder / "data" / "postmaster.opts").read_text()
    folder = Path(options.split()[0]).parent  # the server's own, of the same version
    url = make_url(database)
    done = subprocess.run(
        [
            folder / program,
            f"--host={server.folder / 'data'}",
            f"--username={url.username}",
            f"--dbname={url.database}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
