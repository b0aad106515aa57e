"""Backups of the database; the key file is kept apart."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.ground import Ground, command, now, open_database
from bridge.cli.printing import say
from bridge.errors import StoreError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@command
def backup(ground: Ground, file: Path) -> None:
    """Copy the database into FILE, consistently, while the server runs.

    The key file is not in it; keep it elsewhere, and keep it.
    """
    from bridge.config.load import load
    from bridge.store.backup import backup as copy

    database = open_database(load(ground.config_path, whole=False))
    try:
        size = copy(database, file)
    finally:
        database.close()
    ground.show(
        {"file": str(file), "size": size, "key_file_included": False},
        lambda: say(f"{file}: {size} bytes; the key file is not in it, keep it apart"),
    )


@click.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Replace a database that exists.")
@command
def restore(ground: Ground, file: Path, force: bool) -> None:  # noqa: FBT001 - click names it
    """Put the backup FILE in the place of the database; no server may be running.

    The key file has to be the one that the database was made with.
    """
    from bridge.app.presence import alone
    from bridge.config.load import load
    from bridge.store.backup import restore as put_back
    from bridge.store.failures import Damaged

    database = open_database(load(ground.config_path, whole=False))
    if database.path is None:
        raise StoreError("this is a PostgreSQL database; use pg_restore")
    try:
        with alone(database.path):
            put_back(file, database, now(), force=force)
    except Damaged as err:
        raise StoreError(f"{file} is no backup of BusyBridge, or is damaged") from err
    finally:
        database.close()
    ground.show(
        {"restored": str(file)},
        lambda: say(f"{database.path} is what {file} held; `busybridge serve` goes on with it"),
    )
