"""What becomes of a grant: kept when it is whole and the right account's, else given back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from bridge.accounts import Accounts
from bridge.authorizer import Authorizer, Grant
from bridge.errors import (
    AccountMismatch,
    AlreadyConnected,
    NotRevocable,
    ProviderError,
    RemoteRejected,
    StoreError,
    TemporarilyUnavailable,
)
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import connections, credentials
from bridge.store.connections import Failure
from bridge.store.database import Database
from bridge.store.resources import Owner
from bridge.tokens import OAUTH, Tokens

logger = logging.getLogger(__name__)

_DECLINED = "access_denied"
MakeRoom: TypeAlias = Callable[[ConnectionId, Authorizer], ProviderError | None]
"""Ends what stands; tells what its provider did not take back, which is in the log."""


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
        make_room: MakeRoom | None = None,
    ) -> None:
        """Look what a grant permits and whose it is, and put it in the place of what stood.

        An account that was connected stays so whatever goes wrong here.

        Args:
            connection_id: whose.
            authorizer: of its kind.
            grant: good at this moment.
            is_lent: somebody had it before and goes on using it: it is not ours to give back.
            make_room: ends another account that stands, which else stays.

        Raises:
            AccountMismatch: it is another account's than what stands.
            AlreadyConnected: the connection was made by API, and another one of its resource is
                this account.
            ProviderError: it permits too little, does not last, or nobody says whose it is.
            StoreError: it cannot be stored.
        """
        whole = grant
        try:
            granted = grant.scopes or tuple(authorizer.scopes)
            if missing := authorizer.lacks(granted):
                raise RemoteRejected(
                    f"not everything was permitted: {', '.join(missing)}",
                    code=connections.CONSENT_INCOMPLETE,
                    hint="connect the account again and leave every box ticked",
                )
            owner = authorizer.identify(grant)
            whole = replace(grant, scopes=granted, subject=owner.subject, email=owner.email)
            if grant.refresh_token is None:
                raise TemporarilyUnavailable(
                    "no lasting permission was given",
                    code="no_refresh_token",
                    hint="take the permission back in the account's settings and connect it again",
                )
            self._refuse_second(connection_id, whole)
            try:
                self._connect(connection_id, whole)
            except AccountMismatch:
                if make_room is None:
                    raise
                # Nothing that was read of the one account may be shown as the other's.
                make_room(connection_id, authorizer)
                self._connect(connection_id, whole)
        except (ProviderError, StoreError) as err:
            if not is_lent:
                self._give_back_unkept(connection_id, authorizer, whole)
            if isinstance(err, ProviderError) and err.code == connections.CONSENT_INCOMPLETE:
                self.note(connection_id, err)
            raise

    def give_back(self, connection_id: ConnectionId, authorizer: Authorizer, grant: Grant) -> None:
        """Revoke what a connection has, unless another one lives on the same grant.

        A provider ends everything that an owner granted to an application, whichever token it is
        shown.

        Raises:
            ProviderError: the provider did not take it, or not now.
        """
        if not self._stands(connection_id, grant, besides=connection_id):
            authorizer.revoke(grant)

    def _refuse_second(self, connection_id: ConnectionId, grant: Grant) -> None:
        """Let no program connect an account twice; two in the file are the admin's wish."""
        with self.database.read() as conn:
            row = connections.get(conn, connection_id)
            if row is None or row.managed_by is not Owner.API:
                return
            if credentials.subject(conn, row.id, OAUTH) == grant.subject:
                return
            for other in connections.of_resource(conn, row.resource_id):
                subject = credentials.subject(conn, other.id, OAUTH)
                if (other.provider, subject) == (row.provider, grant.subject):
                    raise AlreadyConnected(other.id)

    def _connect(self, connection_id: ConnectionId, grant: Grant) -> None:
        for last in (False, False, True):
            try:
                self.tokens.connect(connection_id, grant)
            except StoreError as err:  # its owner would have to be asked once more
                if last or not err.busy:
                    raise
            else:
                return

    def _give_back_unkept(
        self, connection_id: ConnectionId, authorizer: Authorizer, grant: Grant
    ) -> None:
        """Revoke what was granted in vain, if nobody lives on what was granted before.

        When nobody says whose it is, it may be any account's that is connected.
        """
        try:
            if not grant.subject:
                with suppress(ProviderError):
                    grant = replace(grant, subject=authorizer.identify(grant).subject)
            if not self._stands(connection_id, grant):
                authorizer.revoke(grant)
        except NotRevocable:
            pass  # nobody can see to that
        except (ProviderError, StoreError) as err:
            logger.warning("%s: not given back: %s", connection_id, err)

    def _stands(self, connection_id: ConnectionId, grant: Grant, besides: str = "") -> bool:
        kind, _ = self.accounts.describe(connection_id)
        application = (grant.client_id, grant.subject)
        with self.database.read() as conn:
            return credentials.stands(conn, OAUTH, kind.name, application, besides)

    def note(self, connection_id: ConnectionId, err: ProviderError) -> None:
        """Show what kept a connection from being connected with it, unless it works without.

        What only its owner can know of, who saw it, is no trouble of the connection.
        """
        if not isinstance(err, RemoteRejected) or err.code == _DECLINED:
            return
        failure = Failure(err.code, str(err), err.hint, ConnectionStatus.ERROR)
        with self.database.write() as conn:
            row = connections.get(conn, connection_id)
            if row is None:
                return
            works = row.status is ConnectionStatus.ACTIVE
            if not works or not credentials.version(conn, row.id, OAUTH):
                connections.record_failure(conn, row.id, self.clock(), failure)
