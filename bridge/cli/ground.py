"""What commands stand on: how they were called, the configuration, the database."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bridge.cli import printing
from bridge.cli.names import unknown
from bridge.errors import BridgeError, ConfigError, ConfigProblem

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.config.keyfile import KeyFile
    from bridge.config.settings import Settings
    from bridge.model.interval import Instant
    from bridge.store.database import Database
    from bridge.store.resources import ResourceRow

DEFAULTS = (Path("busybridge.yaml"), Path("/etc/busybridge/busybridge.yaml"))
VARIABLE = "BUSYBRIDGE_CONFIG"

_R = TypeVar("_R")
_COMMON = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option(
        "--config", type=click.Path(dir_okay=False), metavar="FILE", help="Configuration file."
    ),
)


class NothingStored(BridgeError):
    """There is no database yet: nobody has served."""


def configuration(named: str | None) -> Path:
    """Return the configuration file: the named one, else the environment's, else a default.

    Raises:
        ConfigError: there is none.
    """
    if named := named or os.environ.get(VARIABLE):
        return Path(named)
    for path in DEFAULTS:
        if path.exists():
            return path
    hint = f"nor is {DEFAULTS[1]}; `busybridge init` writes one here, --config names another"
    raise ConfigError([ConfigProblem("there is no such file", str(DEFAULTS[0]), hint=hint)])


@dataclass(frozen=True, slots=True)
class Ground:
    """How the program was called."""

    config: str | None
    as_json: bool

    @property
    def config_path(self) -> Path:
        """The configuration file; raises ConfigError when there is none."""
        return configuration(self.config)

    @contextmanager
    def store(self, *, make: bool = False) -> Iterator[Store]:
        """Open the database of the configuration; secrets of providers stay unread.

        Args:
            make: create the database when there is none. Only commands that write do: a database
                made by `sudo busybridge status` would be closed to the user who serves.

        Raises:
            ConfigError: the configuration or the key file cannot be used.
            NothingStored: there is no database yet.
            StoreError: the database cannot be used.
        """
        from bridge.config.keyfile import KeyFile
        from bridge.config.load import load

        settings = load(self.config_path, whole=False)
        keyfile = KeyFile.read(settings.storage.encryption_key_file)
        database = open_database(settings)
        try:
            _bring_up(database, make=make)
            _refuse_foreign(database, keyfile, settings)
            yield Store(settings, keyfile, database)
        finally:
            database.close()

    @contextmanager
    def bridge(self) -> Iterator[Bridge]:
        """Put a process' parts together, for commands that reach providers.

        What goes wrong is the command's to tell; only faults of ours are logged, without secrets.

        Raises:
            ConfigError: the configuration or the key file cannot be used.
        """
        from bridge.app.bridge import Bridge
        from bridge.app.logs import Logs

        bridge = Bridge(self.config_path)
        Logs().begin(bridge.settings, bridge.keyfile)
        logging.getLogger().setLevel(logging.ERROR)
        try:
            yield bridge
        finally:
            bridge.close()

    def show(self, data: object, text: Callable[[], None]) -> None:
        """Print data as JSON, or call what prints it for people."""
        if self.as_json:
            click.echo(printing.as_json(data))
        else:
            text()


@dataclass(frozen=True, slots=True)
class Store:
    """The database and what is needed to understand it."""

    settings: Settings
    keyfile: KeyFile
    database: Database

    def resource(self, resource_id: str) -> ResourceRow:
        """Find a resource that is in force.

        Raises:
            BridgeError: there is none of this id; the nearest ones are named.
        """
        from bridge.model.resource import ResourceId
        from bridge.store import resources

        with self.database.read() as conn:
            row = resources.get(conn, ResourceId(resource_id))
            known = [other.id for other in resources.all_active(conn)]
        if row is not None and row.id in known:
            return row
        if resource_id in self.waiting(known):
            raise BridgeError(not_in_force([resource_id]))
        raise unknown("resource", resource_id, known)

    def waiting(self, known: Collection[str]) -> list[str]:
        """Name the resources of the file that are not among those in force."""
        return [each.id for each in self.settings.resources if each.id not in known]


def command(function: Callable[..., _R]) -> Callable[..., _R]:
    """Give a command its `Ground` as first argument, and the options that all of them take."""

    def wrapped(*args: Any, config: str | None, as_json: bool, **kwargs: Any) -> _R:
        ctx = click.get_current_context()
        given: dict[str, Any] = ctx.obj or {}
        ground = Ground(config or given.get("config"), as_json or given.get("json", False))
        return function(ground, *args, **kwargs)

    functools.update_wrapper(wrapped, function)
    for option in _COMMON:
        wrapped = option(wrapped)
    return wrapped


def now() -> Instant:
    """Return this moment."""
    return int(time.time())  # noqa: TID251 - the command line is one of the rooms that read a clock


def open_database(settings: Settings) -> Database:
    """Name the database of a configuration; it is opened with its first transaction.

    Raises:
        StoreError: it is no database that BusyBridge can use.
    """
    from bridge.store.database import Database

    password = settings.storage.database_password
    return Database(
        settings.storage.database, password=password.get_secret_value() if password else None
    )


def not_in_force(names: Sequence[str]) -> str:
    """Say that resources stand in the file alone, and what changes that."""
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{', '.join(names)} {verb} in the file and not in force yet: "
        "`busybridge reload` tells a running server; without one, `busybridge serve` begins"
    )


def _bring_up(database: Database, *, make: bool) -> None:
    there = database.path is None or database.path.exists()
    if not make and not (there and database.revision()):
        raise NothingStored(
            "nothing is stored yet: `busybridge serve` begins, or `busybridge sync`"
        )
    database.migrate()


def _refuse_foreign(database: Database, keyfile: KeyFile, settings: Settings) -> None:
    """Refuse a database of another key file: what is made here would be worth nothing there."""
    from bridge.store import meta

    with database.read() as conn:
        instance = meta.get(conn, "instance")
    if instance not in (None, keyfile.instance):
        problem = ConfigProblem(
            f"this key file is of instance {keyfile.instance}, the database of {instance}",
            str(settings.storage.encryption_key_file),
            hint="name in storage.encryption_key_file the one that the database was made with",
        )
        raise ConfigError([problem])
