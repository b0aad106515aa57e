"""The logins there are: users of the file, those made by `users add`, and an htpasswd file's."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.access.htpasswd import NO_HASHES, Htpasswd
from bridge.access.principal import Principal, PrincipalKind
from bridge.config.logins import ID_PATTERN, Grant, User
from bridge.config.settings import Settings
from bridge.model.interval import Instant
from bridge.model.resource import Access
from bridge.store import keys
from bridge.store.database import Database, Transaction
from bridge.store.resources import Owner

_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$rY"
    "80jtqkuYVrKSyHuxgYCA$yY4E+DzeSU4B26LT54APAfjRkgAOXAQcFgPf8UZkmo0"
)
"""Hash of 32 random bytes that were thrown away, as `hash_password` makes them."""
_HASHES_KEPT = 60
"""Seconds for which the hashes of the database are kept to choose a decoy from."""


@dataclass(frozen=True, slots=True)
class Login:
    """One login as it is known now."""

    name: str
    role: str
    grants: Mapping[str, Grant]
    password_hash: str = field(default="", repr=False)
    """Empty: app passwords only."""
    email: str = ""

    def principal(self, kind: PrincipalKind) -> Principal:
        """Make the principal of somebody who has shown to be this login."""
        return Principal(
            kind=kind,
            name=self.name,
            email=self.email,
            is_admin=self.role == "admin",
            grants=self.grants,
        )


class Logins:
    """Finds logins under one state of the settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.settings = settings
        self._database = database
        self._users = {user.name: user for user in settings.auth.users}
        file = settings.auth.htpasswd_file
        self._htpasswd = Htpasswd(file) if file else None
        self._decoy_key = secrets.token_bytes(16)
        self._decoys: list[str] = []
        self._decoys_until: Instant = 0
        self._decoys_beside = NO_HASHES

    def find(self, conn: Transaction, name: str) -> Login | None:
        """Find a login; the file goes before the database, and both before htpasswd.

        The same is read whether there is a login of this name or not: it takes the same time.
        """
        if not re.fullmatch(ID_PATTERN, name):
            return None  # not even text, perhaps; nobody has such a name
        row = keys.user(conn, name)
        listed = self._listed()
        if user := self._users.get(name):
            return Login(name, user.role, user.access, _hash(user) or _hash(row), user.email)
        # A row that the file made and no longer has is on its way out.
        if row is not None and row.managed_by is Owner.API:
            return Login(name, row.role, row.access, row.password_hash, row.email)
        if name in listed:
            return Login(name, "user", {name: Grant(level=Access.WRITE)}, listed[name])
        return None

    def decoy(self, name: str, now: Instant) -> str:
        """Choose the hash that a login without one is checked against: one of the real ones.

        Raises:
            StoreError: the database cannot be read.
        """
        listed = self._listed()
        if now >= self._decoys_until or listed is not self._decoys_beside:
            with self._database.read() as conn:
                stored = [row.password_hash for row in keys.all_users(conn)]
            of_file = [_hash(user) for user in self._users.values()]
            self._decoys = sorted({*of_file, *stored, *listed.values()} - {""})
            self._decoys_until, self._decoys_beside = now + _HASHES_KEPT, listed
        real = self._decoys or [_NOBODY]
        choice = hmac.digest(self._decoy_key, name.encode(errors="surrogatepass"), "sha256")
        return real[int.from_bytes(choice) % len(real)]

    def _listed(self) -> Mapping[str, str]:
        return self._htpasswd.hashes() if self._htpasswd else NO_HASHES


def _hash(user: User | keys.UserRow | None) -> str:
    if user is None or user.password_hash is None:
        return ""
    given = user.password_hash
    return given if isinstance(given, str) else given.get_secret_value()
