"""One refresh at a time for each credential, whatever asks, in whatever process.

Authorization servers that rotate refresh tokens end the whole grant when an old one is used again:
two refreshes at once, or an answer that is lost, cost a visit by the account's owner. So whoever
refreshes holds a lease in the credential's row, not a lock; what it got is committed before any of
it is used; and the version decides when a lease ended too early.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from secrets import token_hex
from time import monotonic
from typing import TypeAlias

from pydantic import SecretStr

from bridge.authorizer import Grant
from bridge.errors import (
    AccountMismatch,
    AuthorizationExpired,
    CredentialUnreadable,
    NotConnected,
    RemoteRejected,
    StoreError,
    TemporarilyUnavailable,
)
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.store import connections, credentials, schedule
from bridge.store.credentials import Credential
from bridge.store.database import Database, Transaction
from bridge.store.vault import SealBroken, Vault
from bridge.store.wake import Wake

Refresh: TypeAlias = Callable[[Grant], Grant]
"""See `ProviderKind.refresh`."""

OAUTH = credentials.GRANT
"""Kind of the credentials that are kept here."""
ASIDE = "aside"
"""Kind of what a provider gave for a token of an application, until it is connected."""
REST = 3600
"""Seconds between two tries with a grant that was refused."""
_EARLY = 120
"""Seconds before its end at which a token is refreshed; a short-lived one later."""
_LEASE = 60
"""Seconds. Twice what a refresh may take; a process that dies gives its credential back then."""
_PATIENCE = 30.0
"""Seconds to wait for somebody else's refresh."""
_LOOK = 1.0
"""Seconds between looks whether a lease ended, which nobody tells."""
_TOPIC = "credentials"
_ACCESS, _REFRESH, _CLIENT = "access_token", "refresh_token", "client_secret"
_RECONNECT = "connect the account again"


class Tokens:
    """Keeps grants and gives their access tokens; any number of threads may share it."""

    def __init__(
        self,
        database: Database,
        wake: Wake,
        vault: Vault,
        clock: Callable[[], Instant],
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._database = database
        self._wake = wake
        self._vault = vault
        self._clock = clock
        self._patience = patience
        self._unsaved: dict[ConnectionId, Credential] = {}

    def connect(self, connection_id: ConnectionId, grant: Grant) -> None:
        """Keep what an owner granted, in the place of what was there; its connection is due now.

        A pull that runs was begun with what was there: what it ends with is not recorded.

        Raises:
            AccountMismatch: it is another account's than what stands, which stays.
            RemoteRejected: there is no such connection any more.
            StoreError: it cannot be stored.
        """
        now = self._clock()
        with self._database.write() as conn:
            schedule.abandon(conn, [connection_id])
            _present(conn, connection_id)
            known = credentials.subject(conn, connection_id, OAUTH)
            if known and grant.subject and known != grant.subject:
                raise AccountMismatch(
                    "this is another account than the one that is connected",
                    hint="choose the account that was connected before, or disconnect it first",
                )
            version = credentials.version(conn, connection_id, OAUTH)
            made = _merged(Credential(connection_id, OAUTH, {}, version=version), grant, now)
            if not credentials.save(conn, self._vault, made, now):
                raise StoreError("the account is being connected elsewhere", busy=True)
            credentials.erase(conn, connection_id, ASIDE)
            connections.authorized(conn, connection_id)
            schedule.mark(conn, [connection_id], now)
        self._wake.notify(_TOPIC)
        self._wake.notify("schedule")

    def set_aside(self, connection_id: ConnectionId, lent: str, grant: Grant) -> None:
        """Keep what a provider gave for a refresh token that was lent, which is over by that.

        It is all that is left of it until the account is connected, which may fail: whose it is
        has to be asked first.

        Args:
            connection_id: which the token was lent for.
            lent: names that token; not itself.
            grant: to be used in its place.

        Raises:
            RemoteRejected: there is no such connection any more.
            StoreError: it cannot be stored.
        """
        now = self._clock()
        with self._database.write() as conn:
            _present(conn, connection_id)
            credentials.erase(conn, connection_id, ASIDE)
            made = _merged(Credential(connection_id, ASIDE, {}), replace(grant, subject=lent), now)
            credentials.save(conn, self._vault, made, now)

    def waiting(self, lent: str) -> list[ConnectionId]:
        """Name the connections for which something was set aside for a token that was lent.

        Raises:
            StoreError: it cannot be read.
        """
        with self._database.read() as conn:
            return credentials.of_subject(conn, ASIDE, lent)

    def aside(self, connection_id: ConnectionId, lent: str) -> Grant | None:
        """Give what was set aside for a token that was lent.

        Raises:
            StoreError: it cannot be read.
        """
        with self._database.read() as conn:
            held = credentials.load(conn, self._vault, connection_id, ASIDE)
        return _grant(held) if held and held.subject == lent else None

    def grant(self, connection_id: ConnectionId) -> Grant | None:
        """Give what stands, to revoke it for instance.

        Raises:
            CredentialUnreadable: it is not what was stored.
            StoreError: it cannot be read.
        """
        held = self._load(connection_id)
        return _grant(held) if held else None

    def subject(self, connection_id: ConnectionId) -> str:
        """Tell whose account it is, by the provider's word; empty when nobody knows."""
        with self._database.read() as conn:
            return credentials.subject(conn, connection_id, OAUTH)

    def renew(self, connection_id: ConnectionId, refresh: Refresh) -> None:
        """Refresh now, whether that is needed or not; raises as `token` does."""
        stands = self.grant(connection_id)
        refused = stands.access_token.get_secret_value() if stands else ""
        self.token(connection_id, refresh, refused=refused)

    def erase(self, connection_id: ConnectionId) -> bool:
        """Delete what was granted; False when nothing was."""
        with self._database.write() as conn:
            found = credentials.erase(conn, connection_id)
        self.forget(connection_id)
        return found

    def forget(self, connection_id: ConnectionId) -> None:
        """Do without what was erased."""
        self._unsaved.pop(connection_id, None)
        self._wake.notify(_TOPIC)

    def source(self, connection_id: ConnectionId, refresh: Refresh) -> Source:
        """Give what an adapter takes its tokens from."""
        return Source(self, connection_id, refresh)

    def token(self, connection_id: ConnectionId, refresh: Refresh, *, refused: str = "") -> str:
        """Give an access token that is good as far as anybody knows.

        Args:
            connection_id: whose.
            refresh: asks for a new one.
            refused: a token that was answered 401: another one is needed, whatever its end.

        Raises:
            NotConnected: nobody has granted anything.
            AuthorizationExpired: the grant is over; asked of the provider once an hour at most.
            CredentialUnreadable: what is stored is not what was granted.
            ProviderError: the provider could not be asked.
            StoreError: the store cannot be used, or the answer not be kept: it is not used then.
        """
        deadline = monotonic() + self._patience
        while True:
            seen = self._wake.seen(_TOPIC)
            held = self._held(connection_id)
            now, access = self._clock(), held.secret(_ACCESS)
            if access != refused and now < _early(held):
                return access
            _rest(held, now)
            if (owner := self._lease(held, now)) is not None:
                if found := self._refresh(held, refresh, owner):
                    return found
                continue
            if access != refused and now < _end(held):
                return access  # somebody refreshes it early; it lasts until then
            left = deadline - monotonic()
            if left <= 0:
                raise TemporarilyUnavailable(
                    "another process is refreshing the access token", code="refreshing"
                )
            self._wake.wait(_TOPIC, min(left, _LOOK), seen)

    def _held(self, connection_id: ConnectionId) -> Credential:
        if (unsaved := self._unsaved.get(connection_id)) is not None:
            self._save(unsaved)  # first of all: it may hold the only refresh token that works
            self._unsaved.pop(connection_id, None)
        held = self._load(connection_id)
        if held is None:
            raise NotConnected("nobody has connected this account yet", hint="connect it")
        return held

    def _load(self, connection_id: ConnectionId) -> Credential | None:
        try:
            with self._database.read() as conn:
                return credentials.load(conn, self._vault, connection_id, OAUTH)
        except SealBroken as err:
            raise CredentialUnreadable(
                "the stored credential was changed or moved from elsewhere",
                hint=f"{_RECONNECT}; and find out who can write to the database",
            ) from err

    def _lease(self, held: Credential, now: Instant) -> str | None:
        if held.lease_until > now:
            return None
        owner = token_hex(8)
        with self._database.write() as conn:
            if credentials.lease(conn, held, owner, now, now + _LEASE):
                return owner
        return None

    def _refresh(self, held: Credential, refresh: Refresh, owner: str) -> str | None:
        """Refresh; None when what stands is another grant by now."""
        began = self._clock()
        try:
            grant = refresh(_grant(held))
        except AuthorizationExpired as err:
            told = AuthorizationExpired(str(err), code=err.code, hint=err.hint or _RECONNECT)
            with self._database.write() as conn:
                ours = credentials.refuse(conn, held, _noted(told), self._clock())
            self._wake.notify(_TOPIC)
            if not ours:
                return None
            raise told from err
        except BaseException:
            with suppress(StoreError), self._database.write() as conn:
                credentials.release(conn, held, owner)
            self._wake.notify(_TOPIC)
            raise
        made = _merged(held, grant, began)
        self._unsaved[held.connection_id] = made
        saved = self._save(made)
        self._unsaved.pop(held.connection_id, None)
        return made.secret(_ACCESS) if saved else None

    def _save(self, made: Credential) -> bool:
        with self._database.write() as conn:
            saved = credentials.save(conn, self._vault, made, self._clock())
        self._wake.notify(_TOPIC)
        return saved


@dataclass(frozen=True, slots=True)
class Source:
    """Implements `bridge.provider.TokenSource` for one connection."""

    tokens: Tokens
    connection_id: ConnectionId
    refresh: Refresh = field(compare=False, repr=False)
    """Made anew with the settings, which `Account` compares."""

    def token(self) -> str:
        """See `TokenSource`."""
        return self.tokens.token(self.connection_id, self.refresh)

    def renewed(self, refused: str) -> str:
        """See `TokenSource`."""
        return self.tokens.token(self.connection_id, self.refresh, refused=refused)


def _present(conn: Transaction, connection_id: ConnectionId) -> None:
    if connections.get(conn, connection_id) is None:
        raise RemoteRejected(f"{connection_id} is gone", code="resource_not_found")


def _end(held: Credential) -> float:
    return float("inf") if held.expires_at is None else held.expires_at


def _early(held: Credential) -> float:
    end = _end(held)
    return end - min(_EARLY, (end - held.updated_at) / 4) if held.expires_at else end


def _rest(held: Credential, now: Instant) -> None:
    """Do not ask again for what was refused, for a while.

    Raises:
        AuthorizationExpired: that while is not over.
    """
    if held.refused_at is not None and abs(now - held.refused_at) < REST:
        text, _, rest = held.refused.partition("\n")
        code, _, hint = rest.partition("\n")
        raise AuthorizationExpired(text, code=code or None, hint=hint or _RECONNECT)


def _noted(err: AuthorizationExpired) -> str:
    """Write a refusal down, for who asks while it is not asked of the provider again."""
    return "\n".join(" ".join(each.split("\n")) for each in (str(err), err.code, err.hint))


def _grant(held: Credential) -> Grant:
    return Grant(
        access_token=held.secrets.get(_ACCESS, SecretStr("")),
        refresh_token=held.secrets.get(_REFRESH),
        scopes=held.scopes,
        subject=held.subject,
        email=held.email,
        client_id=held.client_id,
        client_secret=held.secrets.get(_CLIENT),
    )


def _merged(held: Credential, grant: Grant, asked_at: Instant) -> Credential:
    given = {
        _ACCESS: grant.access_token,
        _REFRESH: grant.refresh_token,
        _CLIENT: grant.client_secret,
    }
    lifetime = grant.lifetime
    return replace(
        held,
        secrets={**held.secrets, **{name: value for name, value in given.items() if value}},
        expires_at=None if lifetime is None else asked_at + int(lifetime.total_seconds()),
        scopes=grant.scopes or held.scopes,
        subject=grant.subject or held.subject,
        email=grant.email or held.email,
        client_id=grant.client_id or held.client_id,
    )
