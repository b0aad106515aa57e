"""`connections set` and `calendars select`: what the file leaves open, set as by API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command, now
from bridge.cli.names import complete_connection
from bridge.cli.printing import fields
from bridge.errors import BridgeError, ConfigError
from bridge.model.resource import ResourceId

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.store.connections import ConnectionRow
    from bridge.web.api.settable import ConnectionKeys

_SECRETS = {"password": "BUSYBRIDGE_PASSWORD", "url": "BUSYBRIDGE_URL"}
"""Keys that are no arguments, since other people of this machine see those -> their variables."""


@click.command(name="set")
@click.argument("connection", shell_complete=complete_connection)
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@command
def set_(ground: Ground, connection: str, pairs: tuple[str, ...]) -> None:
    """Set keys of CONNECTION that the file leaves open, such as validate_availability=false.

    Values are JSON or plain text; KEY= gives a key back to what it is without. `password` and `url`
    stand alone: they are asked for, or taken from BUSYBRIDGE_PASSWORD and BUSYBRIDGE_URL. A running
    server follows at once.
    """
    body = _read(pairs)
    with ground.bridge() as bridge, _in_words():
        row = _row(bridge, connection)
        _set(bridge, row, body)
        _show(ground, bridge, row, sorted(body.model_fields_set))


@click.command()
@click.argument("connection", shell_complete=complete_connection)
@click.option("--read", "reads", multiple=True, metavar="ID", help="Blocks time; several times.")
@click.option("--read-all", is_flag=True, help="All of the account block time.")
@click.option("--write", metavar="ID", help="Receives the bookings.")
@click.option("--no-write", is_flag=True, help="None receives bookings.")
@click.option("--primary", is_flag=True, help="With --write: the resource's bookings go there.")
@click.option("--move", is_flag=True, help="With --write: those that were made before, too.")
@command
def select(  # noqa: PLR0913, PLR0917 - click names them
    ground: Ground,
    connection: str,
    reads: tuple[str, ...],
    read_all: bool,  # noqa: FBT001
    write: str | None,
    no_write: bool,  # noqa: FBT001
    primary: bool,  # noqa: FBT001
    move: bool,  # noqa: FBT001
) -> None:
    """Choose which calendars of CONNECTION block time, and which one bookings go to.

    IDs are those of `calendars list`; names do, too, and `primary`. What is not said stays as it
    is. A running server follows at once. Bookings stay in the calendar that they were written to,
    unless --move lets them go as `bookings move` does.
    """
    if (reads and read_all) or (write is not None and no_write):
        raise click.UsageError("--read or --read-all, --write or --no-write")
    if (primary or move) and write is None:
        raise click.UsageError("--primary and --move go with --write")
    keys: dict[str, Any] = {}
    if reads or read_all:
        keys["read_calendars"] = list(dict.fromkeys(reads)) or None
    if write is not None or no_write:
        keys["write_calendar"] = write
    if not keys:
        raise click.UsageError("say what to choose: --read, --read-all, --write or --no-write")
    with ground.bridge() as bridge, _in_words():
        row = _row(bridge, connection)
        _select(bridge, row, keys, primary=primary)
        _show(ground, bridge, row, ["read_calendars", "write_calendar"], move=move)


def _read(pairs: Sequence[str]) -> ConnectionKeys:
    """Make what was typed what a program would send.

    Raises:
        click.UsageError: a key is none, or its value is not what it takes.
    """
    from pydantic import ValidationError

    from bridge.cli.names import unknown
    from bridge.web.api.settable import ConnectionKeys

    said: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in ConnectionKeys.model_fields:
            raise click.UsageError(str(unknown("key", key, ConnectionKeys.model_fields)))
        if key in said:
            raise click.UsageError(f"{key} is said twice")
        if key in _SECRETS and value:
            raise click.UsageError(
                f"others of this machine see arguments: say {key} alone; it is asked for, "
                f"or taken from {_SECRETS[key]}"
            )
        if not equals and key not in _SECRETS:
            raise click.UsageError(f"{pair}: write {key}=VALUE")
        said[key] = _value(key, value) if equals else _ask(key)
    try:
        return ConnectionKeys.model_validate(said)
    except ValidationError as err:
        problems = [f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in err.errors()]
        raise click.UsageError("; ".join(problems)) from None  # its text may quote a secret


def _value(key: str, text: str) -> object:
    if not text:
        return None
    try:
        value: object = json.loads(text)
    except ValueError:
        value = text
    # A calendar may be called 2026.
    plain = text if isinstance(value, int | float) and not isinstance(value, bool) else value
    return [plain] if key == "read_calendars" and isinstance(plain, str) else plain


def _ask(key: str) -> str:
    found = os.environ.get(_SECRETS[key])
    return found if found is not None else str(click.prompt(key, hide_input=True, err=True))


def _row(bridge: Bridge, name: str) -> ConnectionRow:
    """Find a connection, whose resource the file does not have otherwise than the store.

    Raises:
        BridgeError: there is none, or the file waits for a reload.
    """
    from bridge.app.foresight import look_ahead
    from bridge.cli.auth import find_connection
    from bridge.store import connections

    id_ = find_connection(bridge, name)
    with bridge.database.read() as conn:
        row = connections.get(conn, id_)
    if row is None:
        raise BridgeError(f"{name} was removed at this moment")
    soon = look_ahead(bridge, bridge.settings).reload
    if {row.id, row.resource_id} & {*soon.changed, *soon.returned, *soon.parked, *soon.removed}:
        raise BridgeError(
            f"the file has {row.resource_id} otherwise than it is in force; "
            "`busybridge reload` first"
        )
    return row


def _set(bridge: Bridge, row: ConnectionRow, body: ConnectionKeys) -> None:
    from bridge.amending import Draft, Trial
    from bridge.errors import ProviderError
    from bridge.web.api import choosing
    from bridge.web.api.wish import ACCOUNT, guard_password, refuse_of_file, refused

    refuse_of_file(row, body)
    keys, secrets = body.keys(), body.secrets()
    if choosing.chosen(keys):
        keys = _looked_for(bridge, row, keys)

    def edit(draft: Draft) -> None:
        guard_password(draft.find(row.id), body)
        draft.set(row.id, keys, secrets)

    if secrets or keys.keys() & set(ACCOUNT):
        trial = Trial(bridge.http, bridge.kinds, bridge.tokens, bridge.budgets)
        try:
            trial.calendars(bridge.amending.preview(row.resource_id, edit), row.id)
        except ProviderError as err:
            raise refused(err) from err
    bridge.amending.change(row.resource_id, edit)


def _select(bridge: Bridge, row: ConnectionRow, keys: dict[str, Any], *, primary: bool) -> None:
    from bridge.amending import Draft
    from bridge.amending.primary import let_receive
    from bridge.amending.primary import select as choose

    found = _looked_for(bridge, row, keys) if any(keys.values()) else keys

    def edit(draft: Draft) -> None:
        if primary:
            let_receive(draft, row.id, None)
            draft.set(row.id, found)
        else:
            choose(draft, row.id, found)

    bridge.amending.change(row.resource_id, edit)


def _looked_for(bridge: Bridge, row: ConnectionRow, keys: dict[str, Any]) -> dict[str, Any]:
    """Write ids for names; the provider is asked where the last pull did not see them."""
    from bridge.model.resource import ConnectionStatus
    from bridge.web.api import choosing
    from bridge.web.problem import Problem

    if row.status in (ConnectionStatus.PENDING, ConnectionStatus.DISCONNECTED):
        login = f"`busybridge auth login {row.resource_id} {row.provider}` connects it"
        raise BridgeError(f"connection_pending: it is {row.status.value}; {login}")
    if (known := bridge.listing.known(row)) is not None:
        try:
            return choosing.resolved(keys, known)
        except Problem:
            pass  # perhaps it is new
    return choosing.resolved(keys, bridge.listing.fresh(row))


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what the API answers with.

    Raises:
        BridgeError: its text begins with the API's code.
    """
    from bridge.amending import ManagedByFile
    from bridge.amending.primary import Undecided
    from bridge.web.problem import Problem

    try:
        yield
    except ManagedByFile as err:
        raise BridgeError(f"managed_by_file: {err}, then `busybridge reload`") from err
    except Undecided as err:
        raise BridgeError(
            f"multiple_write_calendars: {err}; --primary lets them go here instead"
        ) from err
    except ConfigError:
        raise
    except Problem as err:
        raise BridgeError(f"{err.code}: {err}") from err


def _show(
    ground: Ground,
    bridge: Bridge,
    row: ConnectionRow,
    names: Sequence[str],
    *,
    move: bool = False,
) -> None:
    from bridge.cli.moving import carry_over, tell
    from bridge.cli.status import in_words
    from bridge.store import connections
    from bridge.web.api.documents import ConnectionDocuments

    with bridge.database.read() as conn:
        after = connections.get(conn, row.id) or row
        document = ConnectionDocuments(conn, now()).of(after)
    shown = in_words({name: document.get(name, "set") for name in ("id", *names)})
    if not move:
        ground.show(document, lambda: fields(shown))
        return
    moved = carry_over(bridge, ResourceId(row.resource_id))

    def say_both() -> None:
        fields(shown)
        tell(moved)

    ground.show(document | {"bookings": moved}, say_both)
    if moved["failed"]:
        raise click.exceptions.Exit(1)
