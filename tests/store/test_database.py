"""The database under stress: killed, locked, full, replaced, damaged, of another version."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import make_url, text

from bridge.errors import StoreError
from bridge.store import meta, migrations
from bridge.store.database import Database
from tests.databases import PostgresqlServer, closing_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that was never migrated."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'busybridge.sqlite3'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.create(template="template1")


def put(database: Database, key: str, value: str) -> None:
    with database.write() as conn:
        meta.put(conn, key, value)


def get(database: Database, key: str) -> str | None:
    with database.read() as conn:
        return meta.get(conn, key)


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as conn:
        meta.put(conn, "key", "value")
        raise RuntimeError
    assert get(database, "key") is None


def test_a_reader_sees_one_state_while_others_commit(database: Database) -> None:
    put(database, "key", "before")
    with database.read() as conn:
        assert meta.get(conn, "key") == "before"
        put(database, "key", "after")
        assert meta.get(conn, "key") == "before"
    assert get(database, "key") == "after"


def test_a_reader_cannot_write(database: Database) -> None:
    put(database, "key", "before")
    with pytest.raises(Exception, match=r"read-?only"), database.read() as conn:
        meta.put(conn, "key", "after")
    assert get(database, "key") == "before"


def test_two_threads_with_300_writes_meet_no_lock_error(database: Database) -> None:
    def count(_: int) -> None:
        for _ in range(150):
            with database.write() as conn:
                meta.lock(conn, "counter")
                meta.put(conn, "n", str(int(meta.get(conn, "n") or 0) + 1))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(count, range(2)))
    assert get(database, "n") == "300"


def test_the_next_reader_sees_what_another_process_committed(database_url: str) -> None:
    with closing_database(database_url) as ours, closing_database(database_url) as other:
        for value in ("first", "second", "third"):
            put(other, "key", value)
            assert get(ours, "key") == value


def test_a_reader_that_failed_harms_no_other(database: Database) -> None:
    put(database, "key", "value")
    for statement in ("SELECT nothing", "SELECT 1"):
        with pytest.raises(Exception, match=r"nothing|ours"), database.read() as conn:
            conn.execute(text(statement))
            raise RuntimeError("ours")
        assert get(database, "key") == "value"
    put(database, "key", "newer")
    assert get(database, "key") == "newer"


def test_a_closed_database_holds_no_file_open(sqlite_database: Database) -> None:
    def read(_: int) -> None:
        with sqlite_database.read() as conn:
            all_read.wait()
            meta.get(conn, "key")

    all_read = Barrier(12)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(read, range(12)))
    sqlite_database.close()
    opened = [str(each.resolve()) for each in Path("/proc/self/fd").iterdir()]
    assert not [path for path in opened if path.startswith(str(sqlite_database.path))]


# --- migrations ---------------------------------------------------------------------------------

MIGRATE_AND_DIE = """
import os, signal, sys
from sqlalchemy import Engine, event
from bridge.store.database import Database
left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(conn, cursor, statement, parameters, context, many):
    global left
    if conn.get_execution_options().get("write"):
        left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

Database(sys.argv[1]).migrate()
"""


@pytest.mark.covers("F8")
def test_a_migration_that_is_killed_leaves_the_old_schema_and_the_next_one_ends_it(
    empty_url: str,
) -> None:
    for statement in (3, 12, 30):
        command = [sys.executable, "-c", MIGRATE_AND_DIE, empty_url, str(statement)]
        run = subprocess.run(command, check=False, capture_output=True, text=True)
        assert run.returncode == -signal.SIGKILL, run.stderr
        with closing_database(empty_url) as database:
            assert database.revision() is None
            assert tables(database) == set()
    with closing_database(empty_url) as database:
        database.migrate()
        assert database.revision() == migrations.HEAD


def tables(database: Database) -> set[str]:
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }
    with database.read() as conn:
        return set(conn.execute(text(query[database.dialect])).scalars())


def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    start = Barrier(3)

    def migrate(_: int) -> None:
        with closing_database(empty_url) as database:
            start.wait()
            database.migrate()
            assert database.revision() == migrations.HEAD

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, range(3)))


@pytest.mark.covers("F65")
def test_a_schema_of_a_later_version_is_refused_and_left_alone(database: Database) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        meta.put(conn, "key", "value")
    database.close()
    before = digest(database)
    with pytest.raises(StoreError, match=r"later version of BusyBridge \(schema 9999"):
        database.migrate()
    database.close()
    assert digest(database) == before


def digest(database: Database) -> str:
    if database.path:
        return hashlib.sha256(database.path.read_bytes()).hexdigest()
    with database.read() as conn:
        rows = conn.execute(text("SELECT * FROM alembic_version, meta")).all()
        return f"{sorted(tables(database))} {rows}"


def test_an_unmigrated_database_is_named_with_the_remedy(empty_url: str) -> None:
    with closing_database(empty_url) as database:
        if database.path:
            with pytest.raises(StoreError, match="No such file"):
                get(database, "key")
            database.path.parent.mkdir()
            database.path.touch()
        with pytest.raises(StoreError, match="busybridge serve"):
            get(database, "key")


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("mysql://host/name", "use sqlite or postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("/data/busybridge.sqlite3", "write sqlite:"),
    ],
)
def test_a_url_that_cannot_be_used_is_answered_with_one_that_can(url: str, remedy: str) -> None:
    with pytest.raises(StoreError, match=remedy):
        Database(url)


# --- faults -------------------------------------------------------------------------------------


@pytest.mark.covers("F35")
def test_a_write_that_waits_too_long_for_another_says_so(database: Database) -> None:
    put(database, "key", "before")
    hasty = Database(database.url, patience=timedelta(milliseconds=100))
    with database.write() as conn:
        meta.put(conn, "key", "after")
        with pytest.raises(StoreError) as caught:
            put(hasty, "key", "other")
        assert get(hasty, "key") == "before", "reading goes on"
    assert caught.value.busy
    put(hasty, "key", "other")
    hasty.close()


def test_waiting_too_long_for_a_free_connection_says_so(database: Database) -> None:
    hasty = Database(database.url, patience=timedelta(milliseconds=100))
    held = []
    with pytest.raises(StoreError) as caught:
        for _ in range(100):
            opened = hasty.read()
            opened.__enter__()
            held.append(opened)
    assert caught.value.busy
    for opened in held:
        opened.__exit__(None, None, None)
    hasty.close()


def test_as_many_threads_use_the_database_at_once_as_the_settings_allow(
    postgresql_url: str,
) -> None:
    wide = Database(postgresql_url, patience=timedelta(milliseconds=100), pool=30)
    with ExitStack() as held:
        for _ in range(30):
            held.enter_context(wide.read())
        with pytest.raises(StoreError) as caught, wide.read():
            pass
        assert caught.value.busy
    wide.close()


FILL = """
import resource, sys
from bridge.errors import StoreError
from bridge.store import meta
from bridge.store.database import Database
database = Database(sys.argv[1])
with database.write() as conn:
    meta.put(conn, "small", "kept")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
try:
    with database.write() as conn:
        for number in range(100):
            meta.put(conn, f"big{number}", "x" * 20_000)
except StoreError as err:
    print(err.full, err)
with database.read() as conn:
    print(meta.get(conn, "small"), meta.get(conn, "big0"))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
with database.write() as conn:
    meta.put(conn, "small", "healed")
with database.read() as conn:
    print(meta.get(conn, "small"), meta.get(conn, "big0"))
"""


@pytest.mark.covers("F34")
def test_a_full_disk_stops_writes_whole_and_reads_go_on_until_there_is_room(
    sqlite_url: str,
) -> None:
    command = [sys.executable, "-c", FILL, sqlite_url]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    first, *others = run.stdout.splitlines()
    assert first.startswith("True the database cannot grow")
    assert others == ["kept None", "healed None"]


@pytest.mark.covers("F36")
def test_a_file_that_was_replaced_is_read_at_once(sqlite_database: Database) -> None:
    assert sqlite_database.path
    put(sqlite_database, "key", "backup")
    sqlite_database.close()
    backup = sqlite_database.path.with_suffix(".backup")
    shutil.copy(sqlite_database.path, backup)
    put(sqlite_database, "key", "newer")
    assert get(sqlite_database, "key") == "newer"
    for suffix in ("-wal", "-shm"):
        Path(f"{sqlite_database.path}{suffix}").unlink()
    backup.replace(sqlite_database.path)
    assert get(sqlite_database, "key") == "backup"
    put(sqlite_database, "key", "goes on")
    assert get(sqlite_database, "key") == "goes on"


@pytest.mark.covers("F36")
def test_a_server_that_restarted_is_connected_to_again(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    with closing_database(postgresql_url) as database:
        put(database, "key", "value")
        with closing_database(postgresql_server.create()) as other, other.write() as conn:
            name = make_url(postgresql_url).database
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            conn.execute(text(query), {"name": name})
        assert get(database, "key") == "value"


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    database = Database(f"postgresql://postgres@/busybridge?host={tmp_path}", password="canary")
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        get(database, "key")
    assert "canary" not in str(caught.value)


@pytest.mark.covers("F37")
def test_a_damaged_file_takes_no_more_writes_until_a_backup_stands_in_its_place(
    sqlite_database: Database,
) -> None:
    assert sqlite_database.path
    for number in range(50):
        put(sqlite_database, f"key{number}", "x" * 2000)
    sqlite_database.close()
    backup = sqlite_database.path.with_suffix(".backup")
    shutil.copy(sqlite_database.path, backup)
    damage(sqlite_database.path)
    with pytest.raises(StoreError, match="restore a backup"), sqlite_database.read() as conn:
        conn.execute(text("SELECT count(value) FROM meta WHERE value > 'w'")).all()
    damaged = sqlite_database.path.read_bytes()
    with pytest.raises(StoreError, match="no more writes; restore a backup"):
        put(sqlite_database, "key", "value")
    sqlite_database.close()
    assert sqlite_database.path.read_bytes() == damaged
    backup.replace(sqlite_database.path)
    put(sqlite_database, "key", "value")
    assert get(sqlite_database, "key49") == "x" * 2000


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-60_000, os.SEEK_END)
        file.write(b"\xa5" * 50_000)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database\n" * 500)
    with closing_database(f"sqlite:///{path}") as database, pytest.raises(StoreError):
        database.migrate()
    assert path.read_text() == "not a database\n" * 500


READ_AS_NOBODY = """
import os, sys
from bridge.errors import StoreError
from bridge.store import meta
from bridge.store.database import Database
if os.getuid() == 0:  # nothing is read-only to root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
database = Database(sys.argv[1])
database.migrate()
with database.read() as conn:
    print(meta.get(conn, "key"))
try:
    with database.write() as conn:
        meta.put(conn, "key", "other")
except StoreError as err:
    print(err)
"""


@pytest.mark.parametrize("in_use", [True, False])
def test_a_read_only_disk_is_read_whether_or_not_the_database_was_closed(in_use: bool) -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own folders are closed to nobody
    path = folder / "busybridge.sqlite3"
    try:
        with closing_database(f"sqlite:///{path}") as database:
            database.migrate()
            put(database, "key", "value")
            if not in_use:
                database.close()
            for each in folder.iterdir():
                each.chmod(0o444)
            folder.chmod(0o555)
            command = [sys.executable, "-c", READ_AS_NOBODY, database.url]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)
    value, refusal = run.stdout.splitlines()
    assert value == "value"
    assert "read-only" in refusal


# --- files --------------------------------------------------------------------------------------


@pytest.mark.covers("T67")
def test_the_database_is_private_in_a_private_folder(tmp_path: Path) -> None:
    path = tmp_path / "data" / "busybridge.sqlite3"
    umask = os.umask(0)
    try:
        with closing_database(f"sqlite:///{path}") as database:
            database.migrate()
            put(database, "key", "value")
            modes = {each.name: mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(umask)
    assert mode(path.parent) == 0o700
    assert modes == {
        "busybridge.sqlite3": 0o600,
        "busybridge.sqlite3-wal": 0o600,
        "busybridge.sqlite3-shm": 0o600,
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.covers("T67")
@pytest.mark.parametrize("link", ["busybridge.sqlite3", "busybridge.sqlite3-wal"])
def test_a_symbolic_link_in_the_data_folder_is_not_followed(
    sqlite_database: Database, tmp_path: Path, link: str
) -> None:
    assert sqlite_database.path
    sqlite_database.close()
    target = tmp_path / "target"
    placed = sqlite_database.path.with_name(link)
    if placed.exists():
        placed.rename(target)
    else:
        target.write_bytes(b"")
    before = target.read_bytes()
    placed.symlink_to(target)
    with pytest.raises(StoreError):
        put(sqlite_database, "key", "value")
    with pytest.raises(StoreError):
        sqlite_database.migrate()
    assert target.read_bytes() == before


def test_only_what_somebody_was_told_of_waits_for_the_disk(sqlite_database: Database) -> None:
    full, normal = 2, 1
    for lasting, level in ((True, full), (False, normal), (True, full)):
        with sqlite_database.write(lasting=lasting) as conn:
            assert conn.execute(text("PRAGMA synchronous")).scalar() == level
