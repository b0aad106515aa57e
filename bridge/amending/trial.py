"""Asking a provider before anything is stored: does the password open the account?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import BoundedSemaphore

from bridge import deadline
from bridge.accounts import Accounts
from bridge.budgets import Budgets
from bridge.config.live import Live
from bridge.config.settings import Settings
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http
from bridge.model.resource import ConnectionId
from bridge.provider import CalendarInfo, ProviderKind
from bridge.tokens import Tokens

AT_ONCE = 4
"""Accounts that are tried at the same time."""
LONGEST = 20.0
"""Seconds in which a provider has to have named all its calendars."""
_PATIENCE = 2.0


class Trial:
    """Lists the calendars of an account, a few at a time."""

    def __init__(
        self,
        http: Http,
        kinds: Mapping[str, ProviderKind],
        tokens: Tokens,
        budgets: Budgets,
    ) -> None:
        self._http = http
        self._kinds = kinds
        self._tokens = tokens
        self._budgets = budgets
        self._room = BoundedSemaphore(AT_ONCE)

    def calendars(self, settings: Settings, connection_id: ConnectionId) -> Sequence[CalendarInfo]:
        """List the calendars of a connection, as these settings describe it.

        Raises:
            ConfigError: there is no such connection.
            ProviderError: the account cannot be read, or too many are being tried.
        """
        if not self._room.acquire(timeout=_PATIENCE):
            raise TemporarilyUnavailable("too many accounts are being tried at this moment")
        accounts = Accounts(Live(settings), self._http, self._kinds, self._tokens, self._budgets)
        try:
            provider = accounts.open(connection_id)
            with deadline.within(LONGEST):
                return provider.calendars()
        finally:
            accounts.close()
            self._room.release()
