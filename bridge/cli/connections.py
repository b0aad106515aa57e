"""Connections: what the file says of them stays with the file; here they are seen and stopped."""

from __future__ import annotations

from typing import Any

import click

from bridge.cli.ground import Ground, Store, command, now
from bridge.cli.names import Group, complete_connection, complete_resource, unknown
from bridge.cli.printing import fields, say, table
from bridge.cli.status import look, remarks
from bridge.errors import BridgeError
from bridge.model.resource import ConnectionId, ConnectionStatus


@click.group(cls=Group)
def connections() -> None:
    """Accounts that resources read from."""


@connections.command(name="list")
@click.argument("resource", required=False, shell_complete=complete_resource)
@command
def list_(ground: Ground, resource: str | None) -> None:
    """List the connections of RESOURCE, or of all."""
    with ground.store() as store:
        found = look(store, store.resource(resource).id if resource else None)
    columns = ("id", "provider", "status", "state", "last_sync_at", "calendars")
    rows = [each | {"calendars": [own["name"] for own in each["calendars"]]} for each in found]
    ground.show(found, lambda: table(rows, columns, empty="no connections"))


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def show(ground: Ground, connection: str) -> None:
    """Show CONNECTION (`room-a.work`) with its calendars."""
    with ground.store() as store:
        found = _find(store, connection)
    ground.show(found, lambda: _tell(found))


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def pause(ground: Ground, connection: str) -> None:
    """Stop pulling CONNECTION until `resume`; its last busy time stays."""
    _switch(ground, connection, ConnectionStatus.PAUSED)


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def resume(ground: Ground, connection: str) -> None:
    """Pull CONNECTION again, now."""
    _switch(ground, connection, ConnectionStatus.ACTIVE)


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def disconnect(ground: Ground, connection: str) -> None:
    """Refuse to remove CONNECTION: the file that names it would bring it back."""
    with ground.store() as store:
        _find(store, connection)
    raise BridgeError(
        f"managed_by_file: {connection} stands in {ground.config_path}; "
        "remove it there, then `busybridge reload`"
    )


def _find(store: Store, connection: str) -> dict[str, Any]:
    known = {each["id"]: each for each in look(store)}
    if connection not in known:
        raise unknown("connection", connection, known)
    return known[connection]


def _tell(found: dict[str, Any]) -> None:
    hidden = ("calendars", "error", "resource_id")
    fields({name: value for name, value in found.items() if name not in hidden})
    columns = ("name", "reads", "time_zone", "last_sync_at", "stale")
    table(found["calendars"], columns, empty="no calendars")
    for line in remarks([found]):
        say(line)


def _switch(ground: Ground, connection: str, status: ConnectionStatus) -> None:
    from bridge.config.plan import ConnectionPlan
    from bridge.store import connections as stored
    from bridge.store import schedule
    from bridge.store.wake import Wake

    with ground.store() as store:
        _find(store, connection)
        name = ConnectionId(connection)
        with store.database.write() as conn:
            row = stored.get(conn, name)
            if row is not None and ConnectionPlan.model_validate_json(row.plan).paused:
                raise BridgeError(
                    f"managed_by_file: {connection} is `paused: true` in {ground.config_path}; "
                    "change it there, then `busybridge reload`"
                )
            stored.set_status(conn, name, status)
            if status is ConnectionStatus.ACTIVE:
                schedule.mark(conn, [name], now())
        wake = Wake(store.database)
        wake.notify("schedule")
        wake.close()
    ground.show(
        {"id": connection, "status": status.value}, lambda: say(f"{connection} is {status.value}")
    )
