"""Accounts whose owners agree on another device: they enter a code there (RFC 8628)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from bridge.accounts import Accounts
from bridge.authorizer import Authorizer, DeviceAuthorizer, DeviceCode
from bridge.connecting.keeping import Keeping
from bridge.errors import ProviderError, RemoteRejected, TemporarilyUnavailable
from bridge.model.resource import ConnectionId

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Connects such accounts; whoever asks keeps the code, which nobody else can use."""

    accounts: Accounts
    keeping: Keeping
    needed: Callable[[ConnectionId], Authorizer]
    """Gives what a connection is connected with, or says why it needs nobody."""
    turn: Callable[[], AbstractContextManager[None]]
    """Be one of the few that ask a provider; raises Crowded."""

    def begin(self, connection_id: ConnectionId) -> DeviceCode:
        """Ask for a code.

        Raises:
            ConfigError: no connection of this id is configured.
            Crowded: too many at once.
            ProviderError: its kind cannot do that, or not now.
        """
        authorizer = self._authorizer(connection_id)
        with self.turn(), self._noted(connection_id):
            return authorizer.begin()

    def finish(self, connection_id: ConnectionId, code: DeviceCode) -> DeviceCode | None:
        """Ask whether the owner has agreed; whoever asks waits for the code's interval before that.

        Returns:
            The code to ask with once more; None: the account is connected.

        Raises:
            Crowded: too many at once; it may be asked again.
            ProviderError: as `DeviceAuthorizer.poll`, or what was granted is not kept.
            StoreError: the store cannot be used.
        """
        authorizer = self._authorizer(connection_id)
        with self.turn(), self._noted(connection_id):
            try:
                given = authorizer.poll(code)
            except TemporarilyUnavailable:
                # RFC 8628 section 3.5: it may have too much to do.
                return replace(code, interval=code.interval * 2)
            if isinstance(given, DeviceCode):
                return given
            self.keeping.keep(connection_id, self.needed(connection_id), given)
        logger.info("%s is connected by a code on another device", connection_id)
        return None

    @contextmanager
    def _noted(self, connection_id: ConnectionId) -> Iterator[None]:
        try:
            yield
        except ProviderError as err:
            self.keeping.note(connection_id, err)
            raise

    def _authorizer(self, connection_id: ConnectionId) -> DeviceAuthorizer:
        self.needed(connection_id)
        kind, account = self.accounts.describe(connection_id)
        if kind.device is None:
            raise RemoteRejected(
                f"{kind.title} is not connected by a code on another device",
                code="invalid_config",
                hint="connect it in a browser: with --url it may be anywhere",
            )
        return kind.device(account)
