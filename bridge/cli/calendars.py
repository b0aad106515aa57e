"""Calendars: of connected accounts, and of one that is about to be connected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command
from bridge.cli.names import Group, complete_either, unknown
from bridge.cli.printing import say, table, told
from bridge.cli.setting import select
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.connecting import Lent
    from bridge.provider import CalendarInfo
    from bridge.store.connections import ConnectionRow

_COLUMNS = ("name", "id", "read", "write", "access_role", "time_zone")
_PASSWORD, _TOKEN = "BUSYBRIDGE_PASSWORD", "BUSYBRIDGE_REFRESH_TOKEN"
_SECRET = "BUSYBRIDGE_CLIENT_SECRET"  # noqa: S105 - the name of one


@click.group(cls=Group)
def calendars() -> None:
    """Calendars of accounts."""


calendars.add_command(select)


@calendars.command(name="list")
@click.argument(
    "name", required=False, metavar="[RESOURCE|CONNECTION]", shell_complete=complete_either
)
@click.option("--refresh", is_flag=True, help="Ask the providers now.")
@command
def list_(ground: Ground, name: str | None, refresh: bool) -> None:  # noqa: FBT001 - click names it
    """List every calendar of an account, also those that nobody chose.

    As the last pull saw them; with --refresh, or before the first pull, the provider is asked.
    Exit code 1 when one cannot be.
    """
    with ground.bridge() as bridge:
        found = [_account(bridge, row, refresh=refresh) for row in _rows(bridge, name)]
    ground.show(found, lambda: _tell(found))
    if any(each["error"] for each in found):
        raise click.exceptions.Exit(1)


@calendars.command()
@click.argument("provider")
@click.option("--server-url", metavar="URL", help="Of the server; else the domain of --username.")
@click.option("--username", metavar="LOGIN", help=f"Its password is asked for, or in {_PASSWORD}.")
@click.option("--client-id", metavar="ID", help=f"Application of the token; its secret: {_SECRET}.")
@command
def raw(
    ground: Ground,
    provider: str,
    server_url: str | None,
    username: str | None,
    client_id: str | None,
) -> None:
    """List the calendars of a PROVIDER account that is not connected; nothing is kept.

    Without --username its refresh token is asked for, or taken from BUSYBRIDGE_REFRESH_TOKEN.
    Secrets are not taken as arguments: other people of this machine see those.
    """
    from bridge.web.listed import listed_json

    settings: dict[str, object] = {}
    lent: Lent | None = None
    if username is None:
        lent = _lend(client_id)
    else:
        settings = {"username": username, "password": _ask("Password", _PASSWORD)}
    if server_url is not None:
        settings["server_url"] = server_url
    with ground.bridge() as bridge:
        found = bridge.connecting.raw_calendars(provider, settings, lent)
    shown = [listed_json(info) for info in found.calendars]
    token = found.refresh_token.get_secret_value() if found.refresh_token else None
    data = {"calendars": shown, "refresh_token": token}
    columns = tuple(each for each in _COLUMNS if each not in ("read", "write"))
    ground.show(data, lambda: table(shown, columns, empty="no calendars"))
    if token is not None and not ground.as_json:
        say(f"the provider gave another refresh token; the one before is over: {token}", err=True)


def _lend(client_id: str | None) -> Lent:
    from pydantic import SecretStr

    from bridge.connecting import Lent

    token = SecretStr(_ask("Refresh token", _TOKEN))
    secret = SecretStr(_ask("Client secret", _SECRET)) if client_id else None
    return Lent(token, client_id or "", secret)


def _ask(what: str, variable: str) -> str:
    """Take a secret from the environment, or ask for it."""
    found = os.environ.get(variable)
    if found is None:
        found = str(click.prompt(what, hide_input=True, err=True))
    return found


def _rows(bridge: Bridge, name: str | None) -> Sequence[ConnectionRow]:
    """Find the connection that is meant, those of a resource, or all.

    Raises:
        BridgeError: there is no resource or connection of this name.
    """
    from bridge.cli.sync import follow_file
    from bridge.store import connections, resources

    follow_file(bridge)
    with bridge.database.read() as conn:
        active = {row.id for row in resources.all_active(conn)}
        rows = [row for row in connections.every(conn) if row.resource_id in active]
    known: set[str] = {row.id for row in rows}
    known |= active
    if name is not None and name not in known:
        raise unknown("resource or connection", name, known)
    return [row for row in rows if name in (None, row.id, row.resource_id)]


def _account(bridge: Bridge, row: ConnectionRow, *, refresh: bool) -> dict[str, Any]:
    from bridge.model.resource import ConnectionStatus
    from bridge.web.listed import account_calendars_json

    result: dict[str, Any] = {
        "connection_id": row.id,
        "provider": row.provider,
        "calendars": [],
        "error": None,
    }
    if row.status in (ConnectionStatus.PENDING, ConnectionStatus.DISCONNECTED):
        login = f"`busybridge auth login {row.resource_id} {row.provider}` connects it"
        result["error"] = f"connection_pending: it is {row.status.value}; {login}"
        return result
    infos: Sequence[CalendarInfo] | None = None if refresh else bridge.listing.known(row)
    try:
        infos = bridge.listing.fresh(row) if infos is None else infos
    except BridgeError as err:
        result["error"] = told(err)
    else:
        result["calendars"] = account_calendars_json(row, infos)
    return result


def _tell(found: Sequence[dict[str, Any]]) -> None:
    rows = [
        {"connection": account["connection_id"], **each}
        for account in found
        for each in account["calendars"]
    ]
    table(rows, ("connection", *_COLUMNS), empty="no calendars")
    for account in found:
        if account["error"]:
            say(f"{account['connection_id']}: {account['error']}", err=True)
