"""Asking an owner for consent, and what comes of the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from secrets import token_bytes
from threading import BoundedSemaphore

from pydantic import SecretStr

from bridge import deadline
from bridge.accounts import Accounts
from bridge.authorizer import Authorizer, Grant
from bridge.config.live import Live
from bridge.connecting.asked import (
    Asked,
    ConsentRefused,
    Crowded,
    Ended,
    Response,
    denied,
    may_connect,
)
from bridge.connecting.elsewhere import Elsewhere
from bridge.connecting.ending import BeforeRevoking, Ending, Purge
from bridge.connecting.invitations import check_redirect
from bridge.connecting.keeping import Keeping
from bridge.connecting.lent import Lent, RawCalendars, exercise, raw_calendars
from bridge.errors import (
    ConfigError,
    ProviderError,
    RemoteRejected,
)
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import connections, consents, links
from bridge.store.consents import Consent, Returned
from bridge.store.database import Database, Transaction
from bridge.store.keys import base32, digest
from bridge.store.vault import SealBroken, UnknownKey, Vault
from bridge.store.wake import Wake
from bridge.tokens import Tokens

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Answers of owners that are worked on at the same time; each may take half a minute."""
LONGEST = 60.0
"""Seconds that one of them may take, however many requests it is made of."""
_PATIENCE = 2.0
"""Seconds to wait until one of them is done."""


class Connecting:
    """Connects accounts and disconnects them; any number of threads may share it."""

    def __init__(  # noqa: PLR0913 - all are named
        self,
        *,
        database: Database,
        wake: Wake,
        live: Live,
        accounts: Accounts,
        tokens: Tokens,
        vault: Vault,
        clock: Callable[[], Instant],
        before_revoking: BeforeRevoking | None = None,
    ) -> None:
        """Ask nobody yet.

        Args:
            database: migrated.
            wake: told of what changed.
            live: the settings in force.
            accounts: describe connections.
            tokens: keep grants.
            vault: encrypts verifiers.
            clock: the present.
            before_revoking: see `BeforeRevoking`; called by `disconnect`.
        """
        self._database = database
        self._wake = wake
        self._live = live
        self._accounts = accounts
        self._tokens = tokens
        self._vault = vault
        self._clock = clock
        self._keeping = Keeping(database, accounts, tokens, clock)
        self._ending = Ending(database, tokens, self._keeping, before_revoking)
        self._room = BoundedSemaphore(AT_ONCE)
        self.elsewhere = Elsewhere(accounts, self._keeping, self.needed, self._turn)
        self.followers: list[Callable[[ConnectionId], None]] = []
        """Told of each account that its owner connected."""

    def offer(self, connection_id: ConnectionId) -> tuple[str, bool]:
        """Tell the title of a connection's provider, and whether its owner connects it.

        Raises:
            ConfigError: no connection of this id is configured.
        """
        kind, account = self._accounts.describe(connection_id)
        return kind.title, kind.authorizer is not None and not account.acts_for

    def authorizer(self, connection_id: ConnectionId) -> Authorizer | None:
        """Give what asks for consent to an account; None when it needs none.

        Raises:
            ConfigError: no connection of this id is configured.
        """
        kind, account = self._accounts.describe(connection_id)
        return kind.authorizer(account) if kind.authorizer and not account.acts_for else None

    def begin(self, asked: Asked) -> str:
        """Note a question, and give the address at which the owner is asked.

        Raises:
            ConfigError: no connection of this id is configured.
            Crowded: too many at once.
            ProviderError: its kind asks nobody, or the settings name no application.
            StoreError: the question cannot be stored.
        """
        kind, account = self._accounts.describe(asked.connection_id)
        authorizer = self.needed(asked.connection_id)
        settings = self._live.current
        state, verifier = base32(token_bytes(32)), base32(token_bytes(32))
        callback = asked.callback or f"{settings.server.public_url}/oauth/{kind.name}/callback"
        with self._turn():
            try:  # some look up first where that is
                url = authorizer.url(callback, state, verifier, account.owner)
            except ProviderError as err:
                self._keeping.note(asked.connection_id, err)
                raise
        now, life = self._clock(), int(settings.auth.oauth.state_ttl.total_seconds())
        with self._database.write() as conn:
            row = connections.get(conn, asked.connection_id)
            if row is None:
                raise ConsentRefused(f"{asked.connection_id} is not in force yet")
            question = Consent(
                connection_id=asked.connection_id,
                resource_id=row.resource_id,
                provider=kind.name,
                actor=asked.actor,
                callback=callback,
                redirect_url=asked.redirect_url,
                popup=asked.popup,
                replaces=asked.replaces,
                link_id=asked.link_id,
                verifier=SecretStr(verifier),
            )
            back = Returned(kind.name, state, asked.browser)
            consents.add(conn, self._vault, question, back, (now, life))
        return url

    def finish(self, response: Response) -> Ended:
        """Take an answer: trade its code, look whose account it is, keep the grant.

        An account that was connected stays so whatever goes wrong here.

        Raises:
            ConsentRefused: the answer belongs to no question; nobody was asked anything.
            Crowded: too many at once; nothing was used up.
            StoreError: the store cannot be used.
        """
        with self._turn():
            asked, authorizer = self._question(response)
            try:
                self._connect(response, asked, authorizer)
            except ProviderError as err:
                logger.warning("%s was not connected: %s", asked.connection_id, err)
                self._keeping.note(asked.connection_id, err)
                return Ended(asked.connection_id, asked.redirect_url, err, asked.popup)
        logger.info("%s is connected, asked for by %s", asked.connection_id, asked.actor)
        for follower in self.followers:
            follower(asked.connection_id)
        return Ended(asked.connection_id, asked.redirect_url, popup=asked.popup)

    def redeem(
        self, connection_id: ConnectionId, code: str, redirect_uri: str, verifier: str = ""
    ) -> None:
        """Connect an account by the code that came to an application's own callback.

        Whoever may connect the connection's account answers for the rest: that the code came back
        with a state of theirs, to the browser that they had sent. A code that came to a callback
        of ours is worth nothing here, since its verifier never leaves this process.

        Args:
            connection_id: global id.
            code: good once.
            redirect_uri: where it came to; listed in `auth.oauth.allowed_redirects`.
            verifier: of RFC 7636, where the application sent a challenge.

        Raises:
            ConfigError: no connection of this id is configured.
            RedirectNotAllowed: `redirect_uri` is not listed; nobody was asked anything.
            Crowded: too many at once; the code is as good as before.
            AuthorizationExpired: the code is not good, or not without its verifier.
            ProviderError: as `adopt`; what was granted is given back.
            StoreError: the store cannot be used.
        """
        check_redirect(self._live.current, redirect_uri)
        authorizer = self.needed(connection_id)
        with self._turn():
            grant = authorizer.exchange(code, redirect_uri, verifier)
            self._keeping.keep(connection_id, authorizer, grant)
        logger.info("%s is connected by a code of an application", connection_id)

    def adopt(
        self,
        connection_id: ConnectionId,
        refresh_token: SecretStr,
        client_id: str = "",
        client_secret: SecretStr | None = None,
    ) -> None:
        """Connect an account by a refresh token that somebody has already.

        It is tried at once, and never given back. Where the provider gives another one for it, that
        one is kept before anything else is asked, whatever goes wrong then: the same token can be
        lent again.

        Args:
            connection_id: global id.
            refresh_token: of the account.
            client_id: the application that it was given to; empty: the one in the settings.
            client_secret: of that application, where it has one.

        Raises:
            ConfigError: no connection of this id is configured.
            Crowded: too many at once; nothing was asked.
            AuthorizationExpired: the token is over, or another application's.
            AccountMismatch: another account is connected; that one stays.
            ProviderError: by its `code`: `invalid_client`, `invalid_scope` (it permits too
                little), or what kept the provider from answering.
            StoreError: the store cannot be used.
        """
        lent = Lent(refresh_token, client_id, client_secret)
        kind, account = self._accounts.describe(connection_id)
        authorizer = self.needed(connection_id)
        with self._turn():
            name = digest(refresh_token.get_secret_value())
            aside = self._tokens.aside(connection_id, name)
            if aside is not None and aside.refresh_token is not None:
                lent = replace(lent, refresh_token=aside.refresh_token)
            grant = exercise(kind, account, lent)
            if grant.refresh_token != lent.refresh_token:
                self._tokens.set_aside(connection_id, name, grant)
            self._keeping.keep(connection_id, authorizer, grant, is_lent=True)
        logger.info("%s is connected by a refresh token", connection_id)

    def waiting(self, resource_id: ResourceId, refresh_token: SecretStr) -> ConnectionId | None:
        """Find the connection of a resource that `adopt` could not connect by this token yet."""
        found = self._tokens.waiting(digest(refresh_token.get_secret_value()))
        return next((it for it in found if it.startswith(f"{resource_id}.")), None)

    def raw_calendars(
        self,
        provider: str,
        settings: Mapping[str, object] | None = None,
        lent: Lent | None = None,
    ) -> RawCalendars:
        """List the calendars of an account that no connection has; nothing is stored.

        Args:
            provider: name or synonym of a kind.
            settings: keys of a connection of that kind, its secrets in clear.
            lent: a refresh token, for kinds whose accounts are connected by consent.

        Raises:
            ConfigError: there is no such kind, or it does not take these keys, or needs more.
            Crowded: too many at once; nothing was asked.
            AuthorizationExpired: the account's login or token is not good.
            ProviderError: it could not be listed.
        """
        with self._turn():
            return raw_calendars(self._accounts, provider, settings or {}, lent)

    def refresh(self, connection_id: ConnectionId) -> None:
        """Ask for a new access token, needed or not.

        Raises:
            Crowded: too many at once.
            ProviderError: as `Tokens.token` says.
        """
        kind, account = self._accounts.describe(connection_id)
        refresh = kind.refresh
        if refresh is None:
            raise RemoteRejected(f"{kind.title} has no tokens", code="invalid_config")
        with self._turn():
            if account.acts_for:  # none is kept here
                refresh(account, Grant(SecretStr("")))
                return
            self._tokens.renew(connection_id, lambda grant: refresh(account, grant))

    def disconnect(
        self, connection_id: ConnectionId, *, purge: Purge | None = None
    ) -> ProviderError | None:
        """Give back what was granted, and forget it with everything that was read.

        Args:
            connection_id: which.
            purge: deletes first what was written to its calendars.

        Returns:
            Why the provider did not take it back; it is forgotten here all the same.

        Raises:
            ConfigError: no connection of this id is configured.
            Crowded: too many at once; nothing is done.
            StoreError: it is not forgotten.
            BridgeError: `purge` was not possible: it is stopped, and not disconnected.
        """
        kind, account = self._accounts.describe(connection_id)
        # What was granted before there was a service account is given back, too.
        authorizer = kind.authorizer(account) if kind.authorizer else None
        if purge is not None:  # it takes as long as it takes, and nobody else's turn
            self._ending.stop(connection_id)
            purge(connection_id)
        with self._turn():
            trouble = self._ending.end(connection_id, authorizer)
        self._wake.notify("schedule")
        return trouble

    def needed(self, connection_id: ConnectionId) -> Authorizer:
        """Give what asks for the consent that an account needs.

        Raises:
            ConfigError: no connection of this id is configured.
            RemoteRejected: nobody has to agree, or not in a browser.
        """
        authorizer = self.authorizer(connection_id)
        if authorizer is None:
            kind, account = self._accounts.describe(connection_id)
            if account.acts_for:
                raise RemoteRejected(
                    f"nobody has to agree that {account.acts_for} is read",
                    code="invalid_config",
                    hint="consent: true in the file asks the account's owner all the same",
                )
            raise RemoteRejected(
                f"{kind.title} is not connected in a browser",
                code="invalid_config",
                hint="name its account in the configuration",
            )
        return authorizer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(timeout=_PATIENCE):
            raise Crowded("too many accounts are being connected at this moment")
        try:
            with deadline.within(LONGEST):
                yield
        finally:
            self._room.release()

    def _question(self, response: Response) -> tuple[Consent, Authorizer]:
        """Find the question of an answer, use it up, and look whether it still stands."""
        now = self._clock()
        with self._database.write() as conn:
            try:
                asked = consents.take(conn, self._vault, response.returned, now)
            except (UnknownKey, SealBroken) as err:
                raise ConsentRefused("the question cannot be read any more") from err
            stands = asked is not None and self._stands(conn, asked, now)
            if asked is not None and asked.link_id and stands:
                stands = links.claim(conn, asked.link_id, response.returned.browser)
        if asked is None or not stands:
            raise ConsentRefused("this belongs to no question that is open in this browser")
        try:
            authorizer = self.authorizer(asked.connection_id)
        except ConfigError as err:
            raise ConsentRefused(f"{asked.connection_id} is not configured any more") from err
        # RFC 9207 section 2.4: else the code may be another server's.
        named = response.issuer
        if authorizer is None or (named and not authorizer.is_issuer(named)):
            raise ConsentRefused("the answer is of another authorization server")
        return asked, authorizer

    def _stands(self, conn: Transaction, asked: Consent, now: Instant) -> bool:
        """Tell whether who asked may still ask for this, and it is what it was."""
        row = connections.get(conn, asked.connection_id)
        if row is None or (row.resource_id, row.provider) != (asked.resource_id, asked.provider):
            return False
        who, _, name = asked.actor.partition(":")
        return who != "key" or may_connect(conn, name, row.resource_id, now)

    def _connect(self, response: Response, asked: Consent, authorizer: Authorizer) -> None:
        if response.error or not response.code:
            refusal = authorizer.refusal(response.error, response.description)
            raise refusal or denied(response.error)
        verifier = asked.verifier.get_secret_value()
        grant = authorizer.exchange(response.code, asked.callback, verifier)
        self._keeping.keep(
            asked.connection_id,
            authorizer,
            grant,
            make_room=self._ending.end if asked.replaces else None,
        )
