"""`reload`: ask the serving process to swap its configuration, and print its verdict."""

from __future__ import annotations

import click

from bridge.cli.ground import Ground, command, now
from bridge.errors import BridgeError

_PATIENCE = 30.0


@click.command()
@command
def reload(ground: Ground) -> None:
    """Swap the configuration inside the running server: whole, or not at all.

    The file is checked here first, then by the server, whose verdict is printed. Exit code 2 when
    it was refused; then the old configuration goes on.
    """
    from bridge.config.load import load
    from bridge.registry import KINDS
    from bridge.store import commands
    from bridge.store.wake import Wake

    load(ground.config_path, KINDS)
    with ground.store() as store:
        wake = Wake(store.database)
        try:
            seen = wake.seen("commands")
            with store.database.write() as conn:
                number = commands.submit(conn, "reload", "{}", now())
            wake.notify("commands")
            row, ends = None, now() + _PATIENCE
            while (row is None or row.done_at is None) and now() < ends:
                seen = wake.wait("commands", 1.0, seen) or seen
                with store.database.read() as conn:
                    row = commands.get(conn, number)
            if row is None or row.done_at is None:
                with store.database.write() as conn:
                    commands.finish(conn, number, now(), ok=False, verdict="nobody answered")
                raise BridgeError("no server answered; is one running on this database?")
        finally:
            wake.close()
    ground.show({"ok": row.ok, "verdict": row.verdict}, lambda: click.echo(row.verdict))
    if not row.ok:
        raise click.exceptions.Exit(2)
