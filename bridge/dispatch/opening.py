"""The calendar of a claim, opened for writing."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.config.plan import ConnectionPlan
from bridge.dispatch.events import Events
from bridge.dispatch.makers import Accounts
from bridge.dispatch.work import Refused, Work
from bridge.provider import Provider
from bridge.store import connections
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens accounts; any thread may call."""

    database: Database
    accounts: Accounts

    def open(self, work: Work) -> tuple[ConnectionRow, Events]:
        """Open the account of the calendar.

        Raises:
            Refused: it cannot be written to.
            BridgeError: not now.
        """
        with self.database.read() as conn:
            row = connections.get(conn, work.connection_id)
        if row is None:
            raise Refused("the calendar is not connected any more", "not_connected")
        plan = ConnectionPlan.model_validate_json(row.plan)
        provider: Provider = self.accounts.open(work.connection_id, plan.fingerprint)
        if provider.sink is None:
            raise Refused("this calendar cannot be written to", "calendar_not_writable")
        work.natively = provider.sink.natively
        return row, Events(work, provider, provider.sink)
