"""The database: transactions, and the way to the schema of this version.

SQLite and PostgreSQL behave alike here: `read` sees one snapshot and cannot write, `write` is one
short transaction that holds no lock while anything is waited for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    exc,
    inspect,
    make_url,
    text,
)

from bridge.errors import StoreError
from bridge.store import failures, migrations, sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.dialects import sqlite as sqlite_dialect

Transaction: TypeAlias = Connection
"""What `read` and `write` give, for rooms that pass it on without knowing SQLAlchemy."""

_KEPT = 8
"""Connections to PostgreSQL that stay open when nobody needs them."""
_MIGRATION_LOCK = 0x62757379
"""Key of the advisory lock under which one of several starting processes migrates."""


class Database:
    """One database by its URL, `sqlite:///file` or `postgresql+psycopg://user@host/name`.

    Nothing is opened before the first transaction.
    """

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        patience: timedelta = timedelta(seconds=5),
        pool: int = 20,
    ) -> None:
        """Take the URL apart.

        Args:
            url: as in `storage.database`.
            password: of the PostgreSQL user, when the URL has none.
            patience: longest wait for a lock or a free connection, then `StoreError.busy`.
            pool: most connections to PostgreSQL; as many as there are threads that use it.

        Raises:
            StoreError: the URL names no database that BusyBridge can use.
        """
        parsed = _parse(url)
        self.url = parsed.render_as_string(hide_password=False)
        self.path: Path | None = None
        """The SQLite file, absolute."""
        self._damaged: tuple[int, int] | bool = False
        self._patience = patience
        self._writing = Lock()
        if parsed.get_backend_name() == "sqlite":
            self.path = Path(parsed.database or "").absolute()
            self._engine = sqlite.engine(self.path, patience)
        else:
            self._connect = partial(_postgresql, parsed, password, patience)
            self._engine = self._connect(pool)
        self._pool = pool
        self._options()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database and cannot change it.

        Raises:
            StoreError: the database cannot be read, or not now.
        """
        with self._explained(), self._readers.begin() as conn:
            yield conn

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """Open a transaction that is committed at the end, or not at all when the body raises.

        On SQLite it waits for other writers first. Keep it short; never wait inside.

        Args:
            lasting: False for notes that nobody outside was told of and that a loss of power may
                take back, as a whole: on SQLite they do not wait for the disk.

        Raises:
            StoreError: locked too long (`busy`), no room (`full`), read-only or damaged.
        """
        self._refuse_damaged()
        writer = self._writer if lasting else self._note_taker
        with self._turn(), self._explained(), writer.begin() as conn:
            yield conn

    def migrate(self) -> None:
        """Create the schema, or bring it to this version; safe in several processes at once.

        All steps are one transaction: whoever is killed leaves the old schema or the new one.

        Raises:
            StoreError: the schema is of a later version; nothing is changed then.
        """
        if self.path:
            sqlite.create(self.path)
        if self.revision() == migrations.HEAD:
            return
        with self._explained(), self._engine.connect() as opened:
            conn = opened.execution_options(write=True)
            with sqlite.loose(conn) if self.path else nullcontext(), conn.begin():
                self._migrate(conn)

    def revision(self) -> str | None:
        """Name the schema's revision; None in an empty database.

        Raises:
            StoreError: the schema is of a later version than this program.
        """
        with self.read() as conn:
            return _revision(conn)

    def own_connection(self) -> Any:
        """Open a driver's connection that belongs to the caller, who closes it.

        Raises:
            StoreError: the database cannot be reached.
        """
        with self._explained():
            pooled = self._engine.raw_connection()
            own = pooled.driver_connection
            pooled.detach()
            return own

    def compact(self) -> bool:
        """Rewrite a SQLite file so that it holds nothing of what was deleted; else do nothing.

        Returns:
            False when a reader kept the log from being emptied; nothing is lost by that.

        Raises:
            StoreError: the file cannot be rewritten, or not now.
        """
        if self.path is None:
            return True
        self._refuse_damaged()
        with (
            self._turn(),
            self._explained(),
            closing(sqlite.connect(self.path, self._patience)) as own,
        ):
            own.execute("VACUUM")
            (blocked, _, _) = own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not blocked

    def resize(self, pool: int) -> None:
        """Allow another number of connections to PostgreSQL; transactions that run are not cut."""
        if self.path is None and pool != self._pool:
            before, self._engine, self._pool = self._engine, self._connect(pool), pool
            self._options()
            before.dispose()

    def close(self) -> None:
        """Close every connection that is not in use."""
        if isinstance(self._readers, sqlite.Readers):
            self._readers.close()
        self._engine.dispose()

    def _options(self) -> None:
        reader = self._engine.execution_options(**_READ[self.dialect])
        self._readers = sqlite.Readers(reader, self.path) if self.path else reader
        self._writer = self._engine.execution_options(write=True)
        self._note_taker = self._engine.execution_options(write=True, lasting=False)

    def _migrate(self, conn: Connection) -> None:
        if self.dialect == "postgresql":
            conn.execute(text("SET LOCAL lock_timeout = '5min'"))
            conn.execute(text("SET LOCAL statement_timeout = 0"))
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if _revision(conn) == migrations.HEAD:  # another process was first
            return
        migrations.upgrade(conn)
        if self.path and conn.execute(text("PRAGMA foreign_key_check")).first():
            raise StoreError("the migration would leave rows without their parents; nothing done")

    def _refuse_damaged(self) -> None:
        if self._damaged and self.path and self._damaged != sqlite.identity(self.path):
            self._damaged = False  # another file was put in its place
        if self._damaged:
            raise failures.Damaged(failures.DAMAGED)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one thread write at a time on SQLite.

        SQLite's own waiting sleeps in growing steps while the lock is free again: 1,000 pulls by
        20 threads took twice as long with it alone. Other processes still meet it.
        """
        if self.path is None:
            yield
            return
        if not self._writing.acquire(timeout=self._patience.total_seconds()):
            raise StoreError(failures.LOCKED, busy=True)
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (exc.SQLAlchemyError, sqlite3.Error) as err:
            meaning = failures.explain(err)
            if meaning is None:
                raise
            if isinstance(meaning, failures.Damaged):
                self._damaged = sqlite.identity(self.path) if self.path else True
            raise meaning from err


_READ: Mapping[str, dict[str, Any]] = {
    "sqlite": {},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError as err:
        raise StoreError(
            "storage.database is not a database URL; write sqlite:////data/busybridge.sqlite3 "
            "or postgresql+psycopg://user@host/name"
        ) from err
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("storage.database needs a file: sqlite:////data/busybridge.sqlite3")
        return parsed
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(f"storage.database: {backend} is not supported; use sqlite or postgresql")


def _postgresql(url: URL, password: str | None, patience: timedelta, pool: int) -> Engine:
    lock_ms = int(patience.total_seconds() * 1000)
    limits = (
        f"-c lock_timeout={lock_ms} -c statement_timeout={lock_ms + 30_000} "
        "-c idle_in_transaction_session_timeout=60000"
    )
    return create_engine(
        url.set(password=password) if password is not None else url,
        pool_pre_ping=True,
        pool_size=min(_KEPT, pool),
        max_overflow=max(0, pool - _KEPT),
        pool_timeout=patience.total_seconds(),
        connect_args={
            "options": limits,
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "application_name": "busybridge",
        },
    )


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found not in migrations.known():
        raise StoreError(
            f"the database was made by a later version of BusyBridge (schema {found}, "
            f"this program knows up to {migrations.HEAD}); install that version, "
            "or restore a backup from before its upgrade"
        )
    return found


def upsert(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    update: Iterable[str],
) -> None:
    """Insert rows; where the primary key exists, overwrite the columns of `update`."""
    if not rows:
        return
    statement = _dialect_insert(conn.dialect.name, table)
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in update},
    )
    conn.execute(statement, list(rows))


def insert_new(conn: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert a row unless its primary key exists; False then. It waits for who is inserting it."""
    statement = _dialect_insert(conn.dialect.name, table).values(**row)
    key = list(table.primary_key.columns)
    statement = statement.on_conflict_do_nothing(index_elements=key)
    return conn.execute(statement.returning(*key)).first() is not None


def _dialect_insert(dialect: str, table: Table) -> postgresql.Insert | sqlite_dialect.Insert:
    # Only one of them is used, and each takes tens of milliseconds to import.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table)
