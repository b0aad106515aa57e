"""API keys."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase

import click

from bridge.cli.ground import Ground, command, now
from bridge.cli.moments import read_duration, rfc3339
from bridge.cli.names import Group, complete_resource, unknown
from bridge.cli.printing import say, table
from bridge.errors import BridgeError

SCOPES = (
    "busy:read",
    "connections:read",
    "connections:write",
    "resources:read",
    "resources:write",
    "bookings:read",
    "bookings:write",
)
"""Values of `bridge.access.Scope`, which takes too long to import for a mere --help."""


@click.group(cls=Group)
def keys() -> None:
    """Keys for the HTTP API."""


@keys.command()
@click.argument("label")
@click.option(
    "--resource",
    "globs",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_resource,
    help="Resource or glob, again for each; all by default.",
)
@click.option(
    "--expires", metavar="DURATION", callback=read_duration, help="End it after this time, 90d."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=SCOPES[:1],
    show_default=True,
    help="What it is for, again for each.",
)
@command
def create(
    ground: Ground,
    label: str,
    globs: tuple[str, ...],
    expires: timedelta | None,
    scopes: tuple[str, ...],
) -> None:
    """Make a key for the program LABEL; it is shown this once."""
    from bridge.store import keys as stored

    moment = now()
    ends = moment + int(expires.total_seconds()) if expires else None
    with ground.store(make=True) as store:
        resources = [resource.id for resource in store.settings.resources]
        with store.database.write() as conn:
            row, secret = stored.create_api_key(
                conn,
                label,
                scopes=scopes,
                resources=globs or ["*"],
                now=moment,
                expires_at=ends,
            )
    for glob in globs:
        if not any(fnmatchcase(resource, glob) for resource in resources):
            say(f"warning: no resource of the file matches {glob!r} now", err=True)
    data = {"id": row.id, "key": secret, "scopes": row.scopes, "resources": row.resources}
    ground.show(data | {"expires_at": rfc3339(ends)}, lambda: click.echo(secret))
    if not ground.as_json:
        say(f"id {row.id}; the key itself is not shown again", err=True)


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
    columns = list(rows[0]) if rows else ()
    ground.show(rows, lambda: table(rows, columns, empty="no keys"))


@keys.command()
@click.argument("key_id")
@command
def revoke(ground: Ground, key_id: str) -> None:
    """End a key by its id, at once."""
    from bridge.store import keys as stored

    with ground.store() as store, store.database.write() as conn:
        if not stored.revoke_api_key(conn, key_id, now()):
            known = {row.id: row for row in stored.all_api_keys(conn)}
            if key_id in known:
                raise BridgeError(f"the key {key_id} is revoked already")
            raise unknown("key", key_id, [id_ for id_, row in known.items() if not row.revoked_at])
    ground.show({"revoked": key_id}, lambda: click.echo(f"{key_id} is revoked"))
