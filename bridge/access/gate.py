"""Finding out who asks: name and password, API key, feed token.

An answer tells nothing about why it is no: an unknown login costs as much as a known one, and all
tokens that are not in force look alike.
"""

from __future__ import annotations

import hmac
from ipaddress import IPv6Address, ip_address
from threading import Lock

from bridge.access.failures import Failures
from bridge.access.logins import Logins
from bridge.access.passwords import Verifier
from bridge.access.principal import Principal, PrincipalKind, api_key_principal
from bridge.config.live import Live
from bridge.config.settings import Feed
from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.store import feeds, keys
from bridge.store.database import Database

_LONGEST = 1024
"""Characters of a name, a password or a token that are looked at."""


class Gate:
    """Tells who asks; safe to use from many threads, follows a reload by itself."""

    def __init__(self, database: Database, live: Live) -> None:
        self._database = database
        self._live = live
        self._failures = Failures()
        self._verifier = Verifier()
        self._logins: Logins | None = None
        self._used: dict[str, Instant] = {}
        self._used_lock = Lock()

    @property
    def hashed(self) -> int:
        """How many passwords were hashed since the start."""
        return self._verifier.hashed

    def login(self, name: str, password: str, remote: str, now: Instant) -> Principal | None:
        """Check a name and a password, which may be an app password; None when it is no.

        After too many failures it is no at once, see `retry_after`; an app password that is right
        is let in even then, since nobody can have guessed it.

        Args:
            name: the login.
            password: in clear.
            remote: address of the client.
            now: this moment.

        Raises:
            StoreError: the database cannot be read, or too many passwords are being checked.
        """
        name, password = name[:_LONGEST], password[: _LONGEST + 1]
        if (password_id := keys.key_id(password, keys.APP_PASSWORD)) is not None:
            return self._app_password(name, password, password_id, now)
        address = _address(remote)
        if self._failures.wait(name, address, now):
            return None
        logins = self._current_logins()
        with self._database.read() as conn:
            login = logins.find(conn, name)
        decoy = logins.decoy(name, now)
        stored = login.password_hash if login else ""
        rate = logins.settings.server.rate_limit.login_failures
        counted = False

        def admit() -> bool:
            nonlocal counted
            counted = self._failures.admit(name, address, rate, now)
            return counted

        try:
            right = self._verifier.check(name, password, stored or decoy, now, admit)
        except StoreError:
            if counted:
                self._failures.take_back(name, address)
            raise
        if login is None or not stored or not right:
            return None
        self._failures.succeed(name, address, counted=counted)
        return login.principal(PrincipalKind.LOGIN)

    def retry_after(self, name: str, remote: str, now: Instant) -> int:
        """Return the seconds for which `login` refuses this name from this address; 0 = none."""
        return self._failures.wait(name[:_LONGEST], _address(remote), now)

    def key(self, token: str, now: Instant) -> Principal | None:
        """Check an API key.

        Raises:
            StoreError: the database cannot be read.
        """
        api_key_id = keys.key_id(token, keys.API_KEY)
        if api_key_id is None:
            return None
        with self._database.read() as conn:
            row = keys.api_key(conn, api_key_id)
        right = hmac.compare_digest(keys.digest(token), row.digest if row else "")
        if row is None or not right or row.revoked_at is not None:
            return None
        if row.expires_at is not None and row.expires_at <= now:
            return None
        self._note_use(row.id, now)
        return api_key_principal(row.id, row.scopes, row.resources)

    def feed(self, token: str) -> tuple[ResourceId, Feed] | None:
        """Find the feed of a token; None for every token that is not in force.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as conn:
            row = feeds.find_feed(conn, token[:_LONGEST])
        return (row.resource_id, row.feed) if row else None

    def record_uses(self) -> None:
        """Write down when app passwords and API keys were last used; for housekeeping.

        Raises:
            StoreError: the database cannot be written; what was to be noted is not lost.
        """
        with self._used_lock:
            used = dict(self._used)
        if not used:
            return
        with self._database.write() as conn:
            keys.touch(conn, used)
        with self._used_lock:
            for used_id, when in used.items():
                if self._used.get(used_id) == when:
                    del self._used[used_id]

    def _app_password(
        self, name: str, password: str, password_id: str, now: Instant
    ) -> Principal | None:
        with self._database.read() as conn:
            row = keys.app_password(conn, password_id)
            right = hmac.compare_digest(keys.digest(password), row.digest if row else "")
            if row is None or not right or row.login != name or row.revoked_at is not None:
                return None
            login = self._current_logins().find(conn, name)
        if login is None:
            return None
        self._note_use(row.id, now)
        return login.principal(PrincipalKind.APP_PASSWORD)

    def _note_use(self, used_id: str, now: Instant) -> None:
        with self._used_lock:
            self._used[used_id] = now

    def _current_logins(self) -> Logins:
        settings, logins = self._live.current, self._logins
        if logins is None or logins.settings is not settings:
            logins = self._logins = Logins(self._database, settings)
        return logins


def _address(remote: str) -> str:
    """Name whom an address belongs to: of IPv6, one customer has at least a whole /64."""
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
