"""Owners who take back at the provider what they permitted: what we have of them goes.

Their connections say so, and wait for another consent; bookings go on, and keep their links.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bridge.errors import AuthorizationExpired
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.notifier import Farewell
from bridge.store import bookings, connections, credentials, listings, outbox, resources, schedule
from bridge.store.connections import Failure
from bridge.store.database import Database
from bridge.store.wake import Wake
from bridge.tokens import OAUTH, Tokens

_TOLD = "its owner took the permission back at the provider"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Takes farewells; any thread may call."""

    database: Database
    tokens: Tokens
    wake: Wake
    clock: Callable[[], Instant]

    def __call__(self, provider: str, farewell: Farewell) -> None:
        """Forget an account that left.

        Raises:
            StoreError: it could not be forgotten; whoever told it may tell it again.
        """
        application = (farewell.client_id, farewell.subject)
        with self.database.read() as conn:
            found = credentials.of_account(conn, OAUTH, provider, application)
        for connection_id, _ in found:
            self._leave(connection_id, provider, farewell)
        if found:
            self.wake.notify("schedule")

    def _leave(self, connection_id: ConnectionId, provider: str, farewell: Farewell) -> None:
        now, application = self.clock(), (farewell.client_id, farewell.subject)
        with self.database.write() as conn:
            row = connections.get(conn, connection_id)
            if row is None:
                return
            resources.lock(conn, row.resource_id)
            since = dict(credentials.of_account(conn, OAUTH, provider, application))
            if connection_id not in since:
                return
            if since[connection_id] >= farewell.at:
                # It was granted anew after that, or refreshed in that moment: the provider knows.
                schedule.mark(conn, [connection_id], now)
                return
            schedule.abandon(conn, [connection_id])
            credentials.erase(conn, connection_id)
            listings.remove(conn, connection_id)
            hint = f"connect it again; `busybridge auth url {row.resource_id}` prints a link"
            failure = Failure(
                AuthorizationExpired.code, _TOLD, hint, ConnectionStatus.TOKEN_EXPIRED
            )
            connections.record_failure(conn, connection_id, now, failure)
            if not farewell.may_keep:
                bookings.forget_meetings(conn, row.resource_id, farewell.meetings.value, row.id)
                outbox.forget_progress(conn, row.resource_id, row.id)
        self.tokens.forget(connection_id)
        logger.warning("%s: %s", connection_id, _TOLD)
