"""Purging, with the store where there is one, and without it where there is none."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bridge.accounts import Accounts
from bridge.config.plan import plan
from bridge.dispatch.clearing import Clearing
from bridge.dispatch.purging import Purging
from bridge.errors import NotConnected
from bridge.model.resource import ConnectionId

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge


def is_stored(bridge: Bridge) -> bool:
    """Tell whether there is a database with something in it; none is made."""
    path = bridge.database.path
    return (path is None or path.exists()) and bridge.database.revision() is not None


def make_purging(bridge: Bridge, accounts: Accounts | None = None) -> Purging:
    """Put it together for a database that is there.

    Args:
        bridge: whose instance's marks are looked for.
        accounts: opens the accounts; None: as the settings in force have them.
    """
    clearing = Clearing(
        database=bridge.database,
        publisher=bridge.publisher,
        wake=bridge.wake,
        clock=bridge.clock,
    )
    return Purging(
        accounts=accounts or bridge.accounts,
        instance=bridge.keyfile.instance,
        clock=bridge.clock,
        clearing=clearing,
        is_silent=partial(_is_silent, bridge),
    )


def make_purging_without_store(bridge: Bridge) -> Purging:
    """Put it together of the configuration file alone."""
    accounts = Accounts(bridge.live, bridge.http, bridge.kinds, None, bridge.budgets)
    return Purging(
        accounts=accounts,
        instance=bridge.keyfile.instance,
        clock=bridge.clock,
        clearing=None,
        is_silent=partial(_is_silent, bridge),
    )


def _is_silent(bridge: Bridge, connection_id: ConnectionId) -> bool:
    for resource, own in plan(bridge.settings):
        for connection in own:
            if connection.id == connection_id:
                notifies = connection.notify_attendees
                default = resource.event_defaults.notify_attendees
                return not (default if notifies is None else notifies)
    return False


def refuse_without_consent(bridge: Bridge, connection_id: ConnectionId) -> None:
    """Refuse what can only be opened by what its owner permitted, where no database holds that.

    Raises:
        NotConnected: it is such an account.
        ConfigError: no connection of this id is configured.
    """
    kind, account = bridge.accounts.describe(connection_id)
    if kind.authorizer is not None and not account.acts_for:
        raise NotConnected(
            f"{connection_id} is opened by what its owner permitted, and that stood in the "
            "database, which is not there",
            hint="`busybridge serve` makes another one, `busybridge auth login "
            f"{connection_id.partition('.')[0]} {kind.name}` asks the owner again; then purge",
        )
