"""Logins: those of the file, and those made here."""

from __future__ import annotations

import sys

import click

from bridge.cli.ground import Ground, command, now, table
from bridge.cli.moments import rfc3339
from bridge.errors import BridgeError


@click.group()
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
    ground.show(rows, lambda: table(shown, ("name", "email", "role", "access", "managed_by")))


@users.command()
@click.argument("name")
@click.option("--email", default="")
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option("--access", "grants", multiple=True, metavar="RESOURCE=LEVEL")
@command
def add(ground: Ground, name: str, email: str, admin: bool, grants: tuple[str, ...]) -> None:  # noqa: FBT001 - click names it
    """Make a login that the file does not have; `users passwd` gives it a password."""
    from pydantic import ValidationError

    from bridge.config.settings import User
    from bridge.store import keys
    from bridge.store.resources import Owner

    access = dict(grant.partition("=")[::2] for grant in grants)
    role = "admin" if admin else "user"
    try:
        user = User.model_validate({"name": name, "email": email, "role": role, "access": access})
    except ValidationError as err:
        told = "; ".join(f"{error['loc'][0]}: {error['msg']}" for error in err.errors())
        raise click.UsageError(told) from err
    row = keys.UserRow(name, email, role, access=user.access, managed_by=Owner.API)
    with ground.store() as store, store.database.write() as conn:
        if not keys.add_user(conn, row):
            raise BridgeError(f"there is a login {name!r} already")
    ground.show({"added": name}, lambda: click.echo(f"{name} is added"))


@users.command()
@click.argument("name")
@click.option("--stdin", is_flag=True, help="Read the password from standard input.")
@command
def passwd(ground: Ground, name: str, stdin: bool) -> None:  # noqa: FBT001 - click names it
    """Set the password of a login; a hash in the file goes before it."""
    from bridge.access.passwords import hash_password
    from bridge.store import keys

    if stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(password) < 8:
        raise click.UsageError("a password has at least 8 characters")
    with ground.store() as store:
        hashed = hash_password(password)
        with store.database.write() as conn:
            if not keys.set_password(conn, name, hashed):
                raise BridgeError(f"there is no login {name!r}")
    ground.show({"changed": name}, lambda: click.echo(f"the password of {name} is set"))


@users.group(name="app-password")
def app_password() -> None:
    """Passwords of one program of one login, shown once."""


@app_password.command()
@click.argument("login")
@click.argument("label")
@command
def create(ground: Ground, login: str, label: str) -> None:
    """Make an app password of LOGIN for the program LABEL."""
    from bridge.store import keys

    with ground.store() as store, store.database.write() as conn:
        if keys.user(conn, login) is None:
            raise BridgeError(f"there is no login {login!r}")
        row, secret = keys.create_app_password(conn, login, label, now())
    ground.show({"id": row.id, "password": secret}, lambda: click.echo(secret))


@app_password.command(name="list")
@click.argument("login")
@command
def list_app_passwords(ground: Ground, login: str) -> None:
    """List the app passwords of LOGIN, ended ones too."""
    from bridge.store import keys

    with ground.store() as store, store.database.read() as conn:
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
    ground.show(rows, lambda: table(rows, columns))


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
