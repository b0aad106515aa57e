"""Logins: those of the file, and those made here."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from bridge.cli.ground import Ground, Store, command, not_in_force, now
from bridge.cli.moments import rfc3339
from bridge.cli.names import Group, complete_login, unknown
from bridge.cli.printing import say, table
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.store.database import Transaction

_SHORTEST = 8


@click.group(cls=Group)
def users() -> None:
    """Logins, their passwords and app passwords."""


@users.command(name="list")
@command
def list_(ground: Ground) -> None:
    """List the logins."""
    from bridge.store import keys

    with ground.store() as store, store.database.read() as conn:
        rows = [
            {
                "name": row.name,
                "email": row.email,
                "role": row.role,
                "access": {name: grant.level.value for name, grant in row.access.items()},
                "managed_by": row.managed_by.value,
            }
            for row in keys.all_users(conn)
        ]
    shown = [
        row | {"access": [f"{name}: {level}" for name, level in row["access"].items()]}
        for row in rows
        if isinstance(row["access"], dict)
    ]
    columns = ("name", "email", "role", "access", "managed_by")
    ground.show(rows, lambda: table(shown, columns, empty="no logins"))


@users.command()
@click.argument("name")
@click.option("--email", default="", help="Address of the person.")
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option(
    "--access",
    "grants",
    multiple=True,
    metavar="RESOURCE=LEVEL",
    help="Resource or glob, and free-busy, read, write or manage; again for each.",
)
@command
def add(ground: Ground, name: str, email: str, admin: bool, grants: tuple[str, ...]) -> None:  # noqa: FBT001 - click names it
    """Make a login that the file does not have; `users passwd` gives it a password."""
    from pydantic import ValidationError

    from bridge.config.checks import RESERVED
    from bridge.config.logins import ID_PATTERN, User
    from bridge.config.wording import told
    from bridge.store import keys
    from bridge.store.resources import Owner

    access = {on: level for on, _, level in (grant.partition("=") for grant in grants)}
    role = "admin" if admin else "user"
    try:
        user = User.model_validate({"name": name, "email": email, "role": role, "access": access})
    except ValidationError as err:
        raise click.UsageError("; ".join(told(err, User))) from err
    if name in RESERVED:
        raise click.UsageError(f"name: {name!r} is a part of BusyBridge's own URLs")
    row = keys.UserRow(name, email, role, access=user.access, managed_by=Owner.API)
    with ground.store(make=True) as store:
        resources = [resource.id for resource in store.settings.resources]
        for grant in user.access:
            if re.fullmatch(ID_PATTERN, grant) and grant not in resources:
                raise unknown("resource", grant, resources)
        with store.database.write() as conn:
            if name in _of_file(store) or not keys.add_user(conn, row):
                raise BridgeError(f"there is a login {name!r} already")
    ground.show(
        {"added": name},
        lambda: say(f"{name} is added; `busybridge users passwd {name}` sets a password"),
    )


@users.command()
@click.argument("name", shell_complete=complete_login)
@click.option("--stdin", is_flag=True, help="Read the password from the first line of the input.")
@command
def passwd(ground: Ground, name: str, stdin: bool) -> None:  # noqa: FBT001 - click names it
    """Set the password of a login whose hash is not in the file."""
    from bridge.access.passwords import hash_password
    from bridge.store import keys

    with ground.store() as store:
        with store.database.read() as conn:
            _find(store, conn, name)
        if _of_file(store).get(name):
            raise BridgeError(
                f"managed_by_file: the password hash of {name} stands in {ground.config_path} and "
                "goes before any other; change it there, or take it out"
            )
        hashed = hash_password(_ask(stdin=stdin))
        with store.database.write() as conn:
            keys.set_password(conn, name, hashed)
    ground.show({"changed": name}, lambda: say(f"the password of {name} is set"))


def _ask(*, stdin: bool) -> str:
    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; --stdin reads the password")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < _SHORTEST:
        raise click.UsageError(f"a password has at least {_SHORTEST} characters")
    return password


def _of_file(store: Store) -> dict[str, bool]:
    """Name the logins of the file, each with whether its password hash stands there, too."""
    return {user.name: user.password_hash is not None for user in store.settings.auth.users}


def _find(store: Store, conn: Transaction, name: str) -> None:
    """Make sure that there is a login.

    Raises:
        BridgeError: there is none; the nearest ones are named.
    """
    from bridge.store import keys

    known = [row.name for row in keys.all_users(conn)]
    if name in known:
        return
    if name in _of_file(store):
        raise BridgeError(not_in_force([name]))
    raise unknown("login", name, known)


@users.group(name="app-password", cls=Group)
def app_password() -> None:
    """Passwords of one program of one login, shown once."""


@app_password.command()
@click.argument("login", shell_complete=complete_login)
@click.argument("label")
@command
def create(ground: Ground, login: str, label: str) -> None:
    """Make an app password of LOGIN for the program LABEL."""
    from bridge.store import keys

    with ground.store() as store, store.database.write() as conn:
        _find(store, conn, login)
        row, secret = keys.create_app_password(conn, login, label, now())
    ground.show({"id": row.id, "password": secret}, lambda: click.echo(secret))
    if not ground.as_json:
        say(f"id {row.id}; the password itself is not shown again", err=True)


@app_password.command(name="list")
@click.argument("login", shell_complete=complete_login)
@command
def list_app_passwords(ground: Ground, login: str) -> None:
    """List the app passwords of LOGIN, ended ones too."""
    from bridge.store import keys

    with ground.store() as store, store.database.read() as conn:
        _find(store, conn, login)
        rows = [
            {
                "id": row.id,
                "label": row.label,
                "created_at": rfc3339(row.created_at),
                "last_used_at": rfc3339(row.last_used_at),
                "revoked_at": rfc3339(row.revoked_at),
            }
            for row in keys.app_passwords_of(conn, login)
        ]
    columns = ("id", "label", "created_at", "last_used_at", "revoked_at")
    ground.show(rows, lambda: table(rows, columns, empty=f"no app passwords of {login}"))


@app_password.command()
@click.argument("password_id")
@command
def revoke(ground: Ground, password_id: str) -> None:
    """End an app password by its id, at once."""
    from bridge.store import keys

    with ground.store() as store, store.database.write() as conn:
        if not keys.revoke_app_password(conn, password_id, now()):
            raise BridgeError(f"there is no app password {password_id!r} in force")
    ground.show({"revoked": password_id}, lambda: click.echo(f"{password_id} is revoked"))
