"""What commands stand on: the configuration, the database, and one way of printing."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bridge.errors import BridgeError, ConfigError, ConfigProblem

if TYPE_CHECKING:
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
    click.option("--config", type=click.Path(), metavar="FILE", help="Configuration file."),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """How the program was called."""

    config: str | None
    as_json: bool

    @property
    def config_path(self) -> Path:
        """The configuration file: `--config`, else the environment's, else the first default.

        Raises:
            ConfigError: there is none.
        """
        named = self.config or os.environ.get(VARIABLE)
        if named:
            return Path(named)
        for path in DEFAULTS:
            if path.exists():
                return path
        hint = "`busybridge init` writes one here; --config names another"
        raise ConfigError([ConfigProblem("there is no configuration", str(DEFAULTS[0]), hint=hint)])

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the database of the configuration; provider keys stay unread.

        Raises:
            ConfigError: the file cannot be used.
            StoreError: the database cannot be used.
        """
        from bridge.config.keyfile import KeyFile
        from bridge.config.load import load
        from bridge.store.database import Database

        settings = load(self.config_path)
        keyfile = KeyFile.read(Path(settings.storage.encryption_key_file))
        password = settings.storage.database_password
        database = Database(
            settings.storage.database,
            password=password.get_secret_value() if password else None,
        )
        try:
            database.migrate()
            yield Store(settings, keyfile, database)
        finally:
            database.close()

    def show(self, data: object, text: Callable[[], None]) -> None:
        """Print data as JSON, or call what prints it for people."""
        if self.as_json:
            click.echo(json.dumps(data, indent=2, ensure_ascii=False))
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
        if resource_id in {resource.id for resource in self.settings.resources}:
            raise BridgeError(
                f"{resource_id} is in the file and not in the database yet; "
                "start the server, or `busybridge sync`"
            )
        raise BridgeError(f"there is no resource {resource_id!r}; there are: {', '.join(known)}")


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


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Print rows under the names of their columns; framed on a terminal, aligned elsewhere."""
    shown = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not shown:
        click.echo("nothing")
        return
    if not sys.stdout.isatty():
        _plain([list(columns), *shown])
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    framed = Table(*columns)
    for cells in shown:
        framed.add_row(*(Text(cell) for cell in cells))
    Console().print(framed)


def _plain(lines: list[list[str]]) -> None:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    # What calendars say may hold control characters, and a terminal obeys them.
    return "".join(char if char.isprintable() else "\ufffd" for char in str(value))
