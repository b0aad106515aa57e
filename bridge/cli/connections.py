"""Connections: seen, set, stopped for a while, ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, Store, command, now
from bridge.cli.names import Group, complete_connection, complete_resource, unknown
from bridge.cli.printing import fields, say, table
from bridge.cli.setting import set_
from bridge.cli.status import in_words, look, remarks
from bridge.errors import BridgeError
from bridge.model.resource import ConnectionId

if TYPE_CHECKING:
    from bridge.store.connections import ConnectionRow
    from bridge.store.database import Transaction


@click.group(cls=Group)
def connections() -> None:
    """Accounts that resources read from."""


connections.add_command(set_)


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
        found = _find(store, connection) | {"connected_account": _whose(store, connection)}
    ground.show(found, lambda: _tell(found))


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def pause(ground: Ground, connection: str) -> None:
    """Stop pulling CONNECTION until `resume`; its last busy time stays."""
    from bridge.connecting import pause as stop

    _switch(ground, connection, stop)


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def resume(ground: Ground, connection: str) -> None:
    """Pull CONNECTION again, now."""
    from bridge.connecting import resume as go_on
    from bridge.registry import KINDS

    def change(conn: Transaction, row: ConnectionRow) -> ConnectionRow:
        kind = KINDS.get(row.provider)
        needs = kind is not None and kind.authorizer is not None
        return go_on(conn, row, now(), needs_consent=needs)

    _switch(ground, connection, change)


@connections.command()
@click.argument("connection", shell_complete=complete_connection)
@click.option(
    "--purge-written", is_flag=True, help="Delete first what was written to its calendars."
)
@command
def disconnect(ground: Ground, connection: str, *, purge_written: bool) -> None:
    """Give back what the owner of CONNECTION permitted, and forget what was read from it.

    It stays where it is configured, and can be connected again; one with a password is read again
    after `resume`. With --purge-written, events of bookings and mirrored blocks are deleted from
    its calendars first, as `purge` does it; it is not disconnected while something is left.
    """
    from bridge.cli.auth import end_connection

    end_connection(ground, connection, purge_written=purge_written)


def _find(store: Store, connection: str) -> dict[str, Any]:
    known = {each["id"]: each for each in look(store)}
    if connection not in known:
        raise unknown("connection", connection, known)
    return known[connection]


def _whose(store: Store, connection: str) -> str:
    """Name the account that was connected, which need not be that of `account_email`."""
    from bridge.store import credentials
    from bridge.tokens import OAUTH

    with store.database.read() as conn:
        return credentials.known_as(conn, ConnectionId(connection), OAUTH)


def _tell(found: dict[str, Any]) -> None:
    hidden = ("calendars", "error", "resource_id")
    state, reason = found["push"]["state"], found["push"]["reason"]
    shown = in_words(found) | {"push": f"{state}: {reason}" if reason else state}
    fields({name: value for name, value in shown.items() if name not in hidden})
    # The freshness of answers counts what failed, however old it is; the policy goes by its age.
    rows = [
        each | {"name": each["name"] or "(not seen yet)", "too_old": each["stale"]}
        for each in found["calendars"]
    ]
    columns = ("name", "reads", "time_zone", "last_sync_at", "failed_since", "too_old")
    table(rows, columns, empty="no calendars")
    for line in remarks([found]):
        say(line)


def _switch(
    ground: Ground, connection: str, change: Callable[[Transaction, ConnectionRow], ConnectionRow]
) -> None:
    from bridge.connecting import Disconnected, ManagedByFile
    from bridge.store import connections as stored
    from bridge.store.wake import Wake

    with ground.store() as store:
        _find(store, connection)
        with store.database.write() as conn:
            row = stored.get(conn, ConnectionId(connection))
            if row is None:
                raise BridgeError(f"{connection} was removed at this moment")
            try:
                row = change(conn, row)
            except ManagedByFile as err:
                raise BridgeError(f"managed_by_file: {err}, then `busybridge reload`") from err
            except Disconnected as err:
                hint = f"busybridge auth login {row.resource_id} {row.provider}"
                raise BridgeError(f"{err}: `{hint}`") from err
        wake = Wake(store.database)
        wake.notify("schedule")
        wake.close()
    status = row.status.value
    ground.show({"id": connection, "status": status}, lambda: say(f"{connection} is {status}"))
