"""Who and what may come in: users, app passwords, API keys. No secret is kept as it is.

Our own secrets are random and long, so a plain SHA-256 keeps them; the passwords of people come as
bcrypt or argon2 hashes. A hash that stands in the YAML stays there and is never copied to here.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from bridge.config.logins import Grant, User
from bridge.model.interval import Instant
from bridge.store.database import upsert
from bridge.store.prepared import Prepared
from bridge.store.resources import Owner
from bridge.store.schema import api_keys, app_passwords, users

APP_PASSWORD = "bb"  # noqa: S105 - what secrets of this sort begin with
API_KEY = "bbk"

_GRANTS: TypeAdapter[dict[str, Grant]] = TypeAdapter(dict[str, Grant])

# Made once: building a statement takes five times as long as running it.
_API_KEY = select(api_keys).where(api_keys.c.id == bindparam("key"))


# Users


@dataclass(frozen=True, slots=True)
class UserRow:
    """One login."""

    name: str
    email: str = ""
    role: str = "user"
    """`user` or `admin`."""
    password_hash: str = field(default="", repr=False)
    """Set by `users passwd`; a hash in the YAML goes before it. Empty: app passwords only."""
    access: Mapping[str, Grant] = field(default_factory=dict)
    """Resource id or glob -> what is granted."""
    managed_by: Owner = Owner.FILE


def sync_users(conn: Connection, wanted: Sequence[User], now: Instant) -> list[str]:
    """Make the users of the file those of the database; return the names of those who left.

    Who leaves loses the app passwords, too: another person may get the name some day. A password
    that was set by `users passwd` stays.
    """
    rows = [
        {
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "access": _dump(user.access),
            "managed_by": Owner.FILE.value,
        }
        for user in wanted
    ]
    upsert(conn, users, rows, update=["email", "role", "access", "managed_by"])
    named = {user.name for user in wanted}
    of_file = select(users.c.name).where(users.c.managed_by == Owner.FILE.value)
    left = sorted(set(conn.execute(of_file).scalars()) - named)
    if left:
        conn.execute(delete(users).where(users.c.name.in_(left)))
        conn.execute(
            update(app_passwords)
            .where(app_passwords.c.login.in_(left), app_passwords.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )
    return left


_USERS = select(*(users.c[each.name] for each in fields(UserRow)))
_USER = Prepared(_USERS.where(users.c.name == bindparam("name")))


def user(conn: Connection, name: str) -> UserRow | None:
    """Find a login."""
    row = _USER.first(conn, name=name)
    return _user(row) if row else None


def all_users(conn: Connection) -> list[UserRow]:
    """List every login by name."""
    return [_user(row) for row in conn.execute(_USERS.order_by(users.c.name))]


def add_user(conn: Connection, row: UserRow) -> bool:
    """Make a login that the file does not have; False when the name is taken."""
    if user(conn, row.name) is not None:
        return False
    conn.execute(
        insert(users).values(
            name=row.name,
            email=row.email,
            role=row.role,
            password_hash=row.password_hash,
            access=_dump(row.access),
            managed_by=Owner.API.value,
        )
    )
    return True


def set_password(conn: Connection, name: str, password_hash: str) -> bool:
    """Store a bcrypt or argon2 hash; False when there is no such login."""
    statement = update(users).where(users.c.name == name).values(password_hash=password_hash)
    return conn.execute(statement).rowcount == 1


def _user(row: Sequence[Any]) -> UserRow:
    name, email, role, password_hash, access, managed_by = row
    return UserRow(name, email, role, password_hash, _load(access), Owner(managed_by))


@lru_cache(maxsize=1024)
def _load(access: str) -> Mapping[str, Grant]:
    """Read grants; every request of a login brings the same."""
    return MappingProxyType(_GRANTS.validate_json(access))


def _dump(access: Mapping[str, Grant]) -> str:
    return _GRANTS.dump_json(dict(access)).decode()


# Secrets of our own making


def new_secret(prefix: str) -> tuple[str, str]:
    """Make an id of 40 random bits and the text `prefix_id_secret`, its secret of 160 bits."""
    key_id = base32(secrets.token_bytes(5))
    return key_id, f"{prefix}_{key_id}_{base32(secrets.token_bytes(20))}"


def digest(token: str) -> str:
    """Return what is kept of a secret of ours: its SHA-256."""
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


def key_id(token: str, prefix: str) -> str | None:
    """Return the id in a text that has the form of our secrets, None for any other text."""
    match = re.fullmatch(rf"{prefix}_([a-z2-7]{{8}})_[a-z2-7]{{32}}", token)
    return match[1] if match else None


# App passwords


@dataclass(frozen=True, slots=True)
class AppPasswordRow:
    """A password of one program of one login."""

    id: str
    login: str
    label: str
    digest: str = field(repr=False)
    created_at: Instant
    last_used_at: Instant | None
    revoked_at: Instant | None


def create_app_password(
    conn: Connection, login: str, label: str, now: Instant
) -> tuple[AppPasswordRow, str]:
    """Make one; the second value is the password itself, which is shown this once."""
    made, secret = new_secret(APP_PASSWORD)
    row = AppPasswordRow(made, login, label, digest(secret), now, None, None)
    values = {"id": made, "login": login, "label": label, "digest": row.digest, "created_at": now}
    conn.execute(insert(app_passwords).values(values))
    return row, secret


_APP_PASSWORD = Prepared(select(app_passwords).where(app_passwords.c.id == bindparam("id")))


def app_password(conn: Connection, password_id: str) -> AppPasswordRow | None:
    """Find one by its id, revoked ones included."""
    row = _APP_PASSWORD.first(conn, id=password_id)
    return AppPasswordRow(*row) if row else None


def app_passwords_of(conn: Connection, login: str) -> list[AppPasswordRow]:
    """List those of a login, oldest first, revoked ones included."""
    query = (
        select(app_passwords)
        .where(app_passwords.c.login == login)
        .order_by(app_passwords.c.created_at, app_passwords.c.id)
    )
    return [AppPasswordRow(*row) for row in conn.execute(query)]


def revoke_app_password(conn: Connection, password_id: str, now: Instant) -> bool:
    """End one; False when there is none, or it had ended before."""
    statement = (
        update(app_passwords)
        .where(app_passwords.c.id == password_id, app_passwords.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return conn.execute(statement).rowcount == 1


# API keys


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """A key of a program."""

    id: str
    label: str
    digest: str = field(repr=False)
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    """Globs of the resource ids that the key may touch."""
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


def create_api_key(
    conn: Connection,
    label: str,
    *,
    scopes: Collection[str],
    resources: Collection[str],
    now: Instant,
    expires_at: Instant | None = None,
) -> tuple[ApiKeyRow, str]:
    """Make one; the second value is the key itself, which is shown this once."""
    made, secret = new_secret(API_KEY)
    row = ApiKeyRow(
        id=made,
        label=label,
        digest=digest(secret),
        scopes=tuple(sorted(scopes)),
        resources=tuple(resources),
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
    )
    conn.execute(
        insert(api_keys).values(
            id=row.id,
            label=label,
            digest=row.digest,
            scopes=json.dumps(row.scopes),
            resources=json.dumps(row.resources),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return row, secret


def api_key(conn: Connection, api_key_id: str) -> ApiKeyRow | None:
    """Find one by its id, revoked and expired ones included."""
    row = conn.execute(_API_KEY, {"key": api_key_id}).first()
    return _api_key(row) if row else None


def all_api_keys(conn: Connection) -> list[ApiKeyRow]:
    """List every key, oldest first, revoked and expired ones included."""
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    return [_api_key(row) for row in conn.execute(query)]


def revoke_api_key(conn: Connection, api_key_id: str, now: Instant) -> bool:
    """End one; False when there is none, or it had ended before."""
    statement = (
        update(api_keys)
        .where(api_keys.c.id == api_key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return conn.execute(statement).rowcount == 1


def touch(conn: Connection, used: Mapping[str, Instant]) -> None:
    """Note when app passwords and API keys were last used, by their ids."""
    for table in (app_passwords, api_keys):
        for used_id, when in used.items():
            statement = update(table).where(table.c.id == used_id)
            conn.execute(statement.values(last_used_at=when))


def _api_key(row: Row[tuple[object, ...]]) -> ApiKeyRow:
    return ApiKeyRow(
        id=row.id,
        label=row.label,
        digest=row.digest,
        scopes=tuple(json.loads(row.scopes)),
        resources=tuple(json.loads(row.resources)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def base32(data: bytes) -> str:
    """Write bytes in lower-case letters and digits."""
    return base64.b32encode(data).decode().rstrip("=").lower()
