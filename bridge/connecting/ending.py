"""Disconnecting: first nothing more is read, then everything is given back, then forgotten.

Others go on meanwhile: a pull that runs, a refresh, an owner who connects the account again. What
a pull brings after that is not taken; a refresh makes another round; and of two people who want
the opposite the later one has it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bridge.authorizer import Authorizer
from bridge.connecting.keeping import Keeping
from bridge.errors import NotRevocable, ProviderError, StoreError
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import calendars, compact, connections, credentials, listings, resources, schedule
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.vault import UnknownKey
from bridge.tokens import OAUTH, Tokens

logger = logging.getLogger(__name__)

BeforeRevoking = Callable[[ConnectionId], None]
"""Ends what stands at the provider beside the grant, notifications for instance, as long as the
grant is good. The connection is not pulled any more; what was read of it still stands. What it
raises as ProviderError is told, and stops nothing."""

Purge = Callable[[ConnectionId], None]
"""Deletes what was written to the account's calendars, while it may still be written to. What it
raises keeps the account: nothing is given back or forgotten."""

_ROUNDS = 5
"""More refreshes than that do not come between: nothing is pulled any more."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Disconnects accounts."""

    database: Database
    tokens: Tokens
    keeping: Keeping
    before_revoking: BeforeRevoking | None = None

    def end(
        self, connection_id: ConnectionId, authorizer: Authorizer | None
    ) -> ProviderError | None:
        """Disconnect; done again, it does what was left.

        Returns:
            Why something is left at the provider; here it is forgotten all the same.

        Raises:
            StoreError: something is left here.
        """
        row = self.stop(connection_id)
        if row is None:
            return None
        trouble: ProviderError | None = None
        if self.before_revoking is not None:
            try:
                self.before_revoking(connection_id)
            except ProviderError as err:
                logger.warning("%s: not all was ended at its provider: %s", connection_id, err)
                trouble = err
        for _ in range(_ROUNDS):
            version, refused = self._give_back(connection_id, authorizer)
            trouble = refused or trouble
            if self._forget(row, version):
                break
        else:
            raise StoreError("the account is being connected elsewhere", busy=True)
        return trouble

    def stop(self, connection_id: ConnectionId) -> ConnectionRow | None:
        """Let nothing more be read or written, nor what is being read be taken."""
        with self.database.write() as conn:
            row = connections.get(conn, connection_id)
            if row is None:
                return None
            resources.lock(conn, row.resource_id)
            schedule.abandon(conn, [connection_id])
            connections.sever(conn, connection_id)
            resources.disturb(conn, row.resource_id)
            return connections.get(conn, connection_id)

    def _give_back(
        self, connection_id: ConnectionId, authorizer: Authorizer | None
    ) -> tuple[int, ProviderError | None]:
        """Give back what stands; return its version, and why it was not taken."""
        with self.database.read() as conn:
            version = credentials.version(conn, connection_id, OAUTH)
        trouble: ProviderError | None = None
        try:
            grant = self.tokens.grant(connection_id)
            if authorizer is not None and grant is not None:
                self.keeping.give_back(connection_id, authorizer, grant)
        except ProviderError as err:
            trouble = err
        except UnknownKey as err:
            trouble = ProviderError(str(err), code="credential_unreadable")
        if trouble is not None and not isinstance(trouble, NotRevocable):
            logger.warning("%s: not given back: %s", connection_id, trouble)
        return version, trouble

    def _forget(self, row: ConnectionRow, version: int) -> bool:
        """Forget everything; False when another grant stands by now than was given back."""
        with self.database.write() as conn:
            resources.lock(conn, row.resource_id)
            schedule.abandon(conn, [row.id])
            now = connections.get(conn, row.id)
            if now is None or now.severed != row.severed:
                return True  # somebody else disconnects it, and ends what there is
            if now.status is not ConnectionStatus.DISCONNECTED:
                return True  # it was connected again: the later wish counts
            if credentials.version(conn, row.id, OAUTH) != version:
                return False
            credentials.erase(conn, row.id)
            listings.remove(conn, row.id)
            calendars.remove(conn, [it.id for it in calendars.of_connection(conn, row.id)])
            resources.want_rebuild(conn, [row.resource_id])
            compact.want(conn)
        self.tokens.forget(row.id)
        logger.info("%s is disconnected", row.id)
        return True
