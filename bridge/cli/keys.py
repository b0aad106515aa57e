"""API keys."""

from __future__ import annotations

import click

from bridge.cli.ground import Ground, command, now, table
from bridge.cli.moments import rfc3339
from bridge.errors import BridgeError


@click.group()
def keys() -> None:
    """Keys for the HTTP API."""


@keys.command()
@click.argument("label")
@click.option("--resource", "globs", multiple=True, help="Resource or glob; all by default.")
@click.option("--expires", metavar="DURATION", help="End it after this time, 90d.")
@command
def create(ground: Ground, label: str, globs: tuple[str, ...], expires: str | None) -> None:
    """Make a key for the program LABEL; it is shown this once."""
    from bridge.access import Scope
    from bridge.config.values import parse_duration
    from bridge.store import keys as stored

    try:
        ends = now() + int(parse_duration(expires).total_seconds()) if expires else None
    except ValueError as err:
        raise click.BadParameter(str(err)) from err
    with ground.store() as store, store.database.write() as conn:
        row, secret = stored.create_api_key(
            conn,
            label,
            scopes=[Scope.BUSY_READ.value],
            resources=globs or ["*"],
            now=now(),
            expires_at=ends,
        )
    data = {"id": row.id, "key": secret, "scopes": row.scopes, "resources": row.resources}
    ground.show(data | {"expires_at": rfc3339(ends)}, lambda: click.echo(secret))
    if not ground.as_json:
        click.echo(f"id {row.id}; the key itself is not shown again", err=True)


@keys.command(name="list")
@command
def list_(ground: Ground) -> None:
    """List the keys, ended ones too."""
    from bridge.store import keys as stored

    with ground.store() as store, store.database.read() as conn:
        rows = [
            {
                "id": row.id,
                "label": row.label,
                "scopes": list(row.scopes),
                "resources": list(row.resources),
                "created_at": rfc3339(row.created_at),
                "expires_at": rfc3339(row.expires_at),
                "last_used_at": rfc3339(row.last_used_at),
                "revoked_at": rfc3339(row.revoked_at),
            }
            for row in stored.all_api_keys(conn)
        ]
    ground.show(rows, lambda: table(rows, list(rows[0]) if rows else ()))


@keys.command()
@click.argument("key_id")
@command
def revoke(ground: Ground, key_id: str) -> None:
    """End a key by its id, at once."""
    from bridge.store import keys as stored

    with ground.store() as store, store.database.write() as conn:
        if not stored.revoke_api_key(conn, key_id, now()):
            raise BridgeError(f"there is no key {key_id!r} in force")
    ground.show({"revoked": key_id}, lambda: click.echo(f"{key_id} is revoked"))
