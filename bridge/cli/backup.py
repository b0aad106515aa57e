"""Backups of the database; the key file is kept apart."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.ground import Ground, command


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@command
def backup(ground: Ground, file: Path) -> None:
    """Copy the database into FILE, consistently, while the server runs.

    The key file is not in it; keep it elsewhere, and keep it.
    """
    from bridge.store.backup import backup as copy

    with ground.store() as store:
        size = copy(store.database, file)
    ground.show(
        {"file": str(file), "size": size, "key_file_included": False},
        lambda: click.echo(f"{file}: {size} bytes; the key file is not in it"),
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a database that exists.")
@command
def restore(ground: Ground, file: Path, force: bool) -> None:  # noqa: FBT001 - click names it
    """Put the backup FILE in the place of the database; nothing may be running."""
    from bridge.app.presence import alone
    from bridge.config.load import load
    from bridge.errors import StoreError
    from bridge.store.backup import restore as put_back
    from bridge.store.database import Database

    database = Database(load(ground.config_path).storage.database)
    if database.path is None:
        raise StoreError("this is a PostgreSQL database; use pg_restore")
    try:
        with alone(database.path):
            put_back(file, database, force=force)
    finally:
        database.close()
    ground.show({"restored": str(file)}, lambda: click.echo(f"restored from {file}"))
