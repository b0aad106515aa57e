"""`reload`: ask the serving process to swap its configuration, and print its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bridge.cli.ground import Ground, command, now
from bridge.cli.printing import say
from bridge.cli.program import EXIT_USAGE
from bridge.errors import BridgeError, StoreError

if TYPE_CHECKING:
    from bridge.store.commands import CommandRow
    from bridge.store.database import Database

_PATIENCE = 30
"""Seconds within which a server answers."""
_MOMENT = 2
"""Seconds for which the other processes on the database are heard after the first one."""
_NOBODY = "no server runs on this database; `busybridge serve` takes the file as it is"


@click.command()
@command
def reload(ground: Ground) -> None:
    """Swap the configuration inside the running server: whole, or not at all.

    The file is checked here first, then by the server, whose verdict is printed. Exit code 2 when
    it was refused; then the old configuration goes on.
    """
    from bridge.config.load import load
    from bridge.registry import KINDS

    load(ground.config_path, KINDS, whole=False)
    with ground.store() as store:
        if not is_served(store.database):
            raise BridgeError(_NOBODY)
        row = ask(store.database, "reload")
    if row is None:
        raise BridgeError(
            f"no server answered within {_PATIENCE} s; does one run on this database?"
        )
    ground.show({"ok": row.ok, "verdict": row.verdict}, lambda: _tell(row))
    if not row.ok:
        raise click.exceptions.Exit(EXIT_USAGE)


def is_served(database: Database) -> bool:
    """Tell whether a server runs; who serves a PostgreSQL database cannot be seen: perhaps."""
    from bridge.app.presence import alone

    if database.path is None:
        return True
    try:
        with alone(database.path):
            return False
    except StoreError as err:
        if err.busy:
            return True
        raise


def ask(
    database: Database, kind: str, payload: str = "{}", patience: int = _PATIENCE
) -> CommandRow | None:
    """Leave a command in the store, and wait for the verdict; None when nobody answers in time."""
    from bridge.store import commands
    from bridge.store.wake import Wake

    wake = Wake(database)
    try:
        seen = wake.seen("commands")
        with database.write() as conn:
            number = commands.submit(conn, kind, payload, now())
        wake.notify("commands")
        ends = now() + patience
        row = None
        while now() < ends:
            seen = wake.wait("commands", 1.0, seen) or seen
            with database.read() as conn:
                found = commands.get(conn, number)
            if found is not None and found.done_at is not None:
                ends = min(ends, now() + _MOMENT) if row is None else ends
                row = found
        if row is None:
            with database.write() as conn:
                commands.finish(conn, number, now(), ok=False, verdict="nobody answered")
        return row
    finally:
        wake.close()


def _tell(row: CommandRow) -> None:
    for line in row.verdict.splitlines():
        say(line, err=not row.ok)
