"""What calendars a connected account has: as its last pull saw them, or asked anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from bridge import deadline
from bridge.accounts import Accounts
from bridge.config.plan import ConnectionPlan
from bridge.connecting.asked import Crowded
from bridge.connecting.connecting import AT_ONCE
from bridge.provider import CalendarInfo
from bridge.store import connections, listings
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database

LONGEST = 20.0
"""Seconds in which a provider has to have named all its calendars."""
_PATIENCE = 2.0
"""Seconds to wait until one of those before is done."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Lists the calendars of accounts; any number of threads may share it.

    Few ask providers at the same time, and none for long: a provider that hangs must not hold
    every thread that answers requests.
    """

    database: Database
    accounts: Accounts
    _room: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))

    def known(self, row: ConnectionRow) -> list[CalendarInfo] | None:
        """Give the calendars that the last pull saw; None when there was none of this account."""
        with self.database.read() as conn:
            return listings.get(conn, row.id, _account(row))

    def fresh(self, row: ConnectionRow) -> Sequence[CalendarInfo]:
        """Ask the provider, and keep what it says.

        Raises:
            Crowded: too many ask at this moment.
            ConfigError: the connection is not configured (any more), or as another account.
            ProviderError: the provider cannot be asked, or refuses.
        """
        account = _account(row)
        with self.turn():
            infos = self.accounts.open(row.id, account).calendars()
        text = listings.text(infos)
        with self.database.write(lasting=False) as conn:
            now = connections.get(conn, row.id)
            if now is not None and _account(now) == account and now.status is row.status:
                listings.save(conn, row.id, account, text)
        return infos

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be one of the few that ask a provider, until the time for that is up.

        Raises:
            Crowded: too many do at this moment.
        """
        if not self._room.acquire(timeout=_PATIENCE):
            raise Crowded("too many accounts are being looked at at this moment")
        try:
            with deadline.within(LONGEST):
                yield
        finally:
            self._room.release()


def _account(row: ConnectionRow) -> str:
    return ConnectionPlan.model_validate_json(row.plan).fingerprint
