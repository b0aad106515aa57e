"""What becomes of a grant: kept when it is whole and the right account's, else given back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bridge.accounts import Accounts
from bridge.errors import ProviderError, RemoteRejected, TemporarilyUnavailable
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.provider import Authorizer, Grant
from bridge.store import connections, credentials
from bridge.store.connections import Failure
from bridge.store.database import Database
from bridge.tokens import OAUTH, Tokens

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps grants, and gives back those that nobody keeps."""

    database: Database
    accounts: Accounts
    tokens: Tokens
    clock: Callable[[], Instant]

    def keep(
        self,
        connection_id: ConnectionId,
        authorizer: Authorizer,
        grant: Grant,
        *,
        is_lent: bool = False,
    ) -> None:
        """Look what a grant permits and whose it is, and put it in the place of what stood.

        An account that was connected stays so whatever goes wrong here.

        Args:
            connection_id: whose.
            authorizer: of its kind.
            grant: good at this moment.
            is_lent: somebody had it before and goes on using it: it is not ours to give back.

        Raises:
            AccountMismatch: it is another account's than what stands.
            ProviderError: it permits too little, does not last, or nobody says whose it is.
            StoreError: it cannot be stored.
        """
        try:
            granted = grant.scopes or tuple(authorizer.scopes)
            if missing := authorizer.lacks(granted):
                raise RemoteRejected(
                    f"not everything was permitted: {', '.join(missing)}",
                    code=connections.CONSENT_INCOMPLETE,
                    hint="connect the account again and leave every box ticked",
                )
            owner = authorizer.identify(grant)
            whole = replace(grant, scopes=granted, subject=owner.subject)
            if grant.refresh_token is None:
                raise TemporarilyUnavailable(
                    "no lasting permission was given",
                    code="no_refresh_token",
                    hint="take the permission back in the account's settings and connect it again",
                )
        except ProviderError as err:
            self._note(connection_id, err)
            raise
        try:
            self.tokens.connect(connection_id, whole)
        except ProviderError:
            if not is_lent:
                self._try_giving_back(connection_id, authorizer, whole)
            raise

    def give_back(self, connection_id: ConnectionId, authorizer: Authorizer, grant: Grant) -> None:
        """Revoke, unless another connection lives on the same account's grant.

        A provider ends everything that an owner granted to an application, whichever token it is
        shown.

        Raises:
            ProviderError: the provider did not take it, or not now.
        """
        kind, _ = self.accounts.describe(connection_id)
        with self.database.read() as conn:
            if credentials.shared(conn, connection_id, grant.subject, kind.name):
                return
        authorizer.revoke(grant)

    def _try_giving_back(
        self, connection_id: ConnectionId, authorizer: Authorizer, grant: Grant
    ) -> None:
        try:
            self.give_back(connection_id, authorizer, grant)
        except ProviderError as err:
            logger.warning("%s: not given back: %s", connection_id, err)

    def _note(self, connection_id: ConnectionId, err: ProviderError) -> None:
        """Show what went wrong with a connection that does not work without."""
        if err.code != connections.CONSENT_INCOMPLETE:
            return
        failure = Failure(err.code, str(err), err.hint, ConnectionStatus.ERROR)
        with self.database.write() as conn:
            row = connections.get(conn, connection_id)
            if row is None:
                return
            works = row.status is ConnectionStatus.ACTIVE
            if not works or not credentials.version(conn, row.id, OAUTH):
                connections.record_failure(conn, row.id, self.clock(), failure)
