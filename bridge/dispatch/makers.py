"""Who makes meetings that belong to no calendar, for the bookings of a resource."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bridge.errors import BridgeError
from bridge.model.conference import Conference, ConferenceKind
from bridge.model.event import EventSeries
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import Opener
from bridge.sink import ConferenceMaker
from bridge.store import connections
from bridge.store.database import Database

_STOPPED = frozenset(
    {ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED, ConnectionStatus.PENDING}
)
logger = logging.getLogger(__name__)


class Accounts(Opener, Protocol):
    """Opens accounts, also such as make meetings; `bridge.accounts.Accounts` is one."""

    def serving(self, resource_id: ResourceId, /) -> Sequence[ConnectionId]:
        """Name the accounts that make meetings for a resource without being its connections."""
        ...


class Makers:
    """Finds the account at which meetings of a kind are made."""

    def __init__(self, database: Database, accounts: Accounts) -> None:
        self._database = database
        self._accounts = accounts

    def find(self, resource_id: ResourceId, kind: ConferenceKind) -> ConferenceMaker | None:
        """Find who makes such meetings for a resource.

        It is the first of its own connections that does, else an account that serves all.

        Raises:
            BridgeError: it cannot be opened now.
        """
        with self._database.read() as conn:
            rows = connections.of_resource(conn, resource_id)
        own = [row.id for row in rows if row.status not in _STOPPED]
        problem: BridgeError | None = None
        for name in (*own, *self._accounts.serving(resource_id)):
            try:
                maker = self._accounts.open(name).conferences
            except BridgeError as err:
                logger.debug("%s makes no meetings now: %s", name, err)
                problem = err
                continue
            if maker is not None and maker.kind is kind:
                return _Named(kind, maker, name)
        if problem is not None:
            raise problem  # it might have been the one
        return None


@dataclass(slots=True)
class _Named:
    """A maker whose meetings say at which account they were made."""

    kind: ConferenceKind
    maker: ConferenceMaker
    name: ConnectionId

    def find(self, token: str) -> Conference | None:
        found = self.maker.find(token)
        return None if found is None else replace(found, maker=self.name)

    def create(self, token: str, series: EventSeries) -> Conference:
        return replace(self.maker.create(token, series), maker=self.name)

    def update(self, reference: str, series: EventSeries) -> Conference:
        return replace(self.maker.update(reference, series), maker=self.name)

    def is_in_line(self, reference: str, series: EventSeries) -> bool:
        return self.maker.is_in_line(reference, series)

    def cancel(self, reference: str) -> None:
        self.maker.cancel(reference)
