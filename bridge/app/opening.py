"""What is looked at before a configuration comes into force: that it belongs to this database."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bridge.accounts import Accounts
from bridge.config.keyring import CREDENTIALS
from bridge.config.live import Live
from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.errors import ConfigError, ConfigProblem, ProviderError
from bridge.model.resource import ConnectionId
from bridge.store import cipherkeys, meta

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge

_INSTANCE = "instance"


def try_opening(
    bridge: Bridge, settings: Settings, wanted: Collection[ConnectionId] | None = None
) -> None:
    """Open accounts that are not paused, all or those wanted; none of this uses the network.

    Raises:
        ConfigError: with every account that its kind refuses.
    """
    accounts = Accounts(Live(settings), bridge.http, bridge.kinds, bridge.tokens)
    problems = []
    try:
        for _, connections in plan(settings):
            for connection in connections:
                if connection.paused or (wanted is not None and connection.id not in wanted):
                    continue
                try:
                    accounts.open(connection.id)
                except ProviderError as err:
                    problems.append(ConfigProblem(str(err), key=connection.id, hint=err.hint))
    finally:
        accounts.close()
    if problems:
        raise ConfigError(problems)


def pin_keys(bridge: Bridge) -> None:
    """Refuse a key file without a key that credentials are encrypted with."""
    known = bridge.keyring.refresh().ring(CREDENTIALS)
    with bridge.database.write() as conn:
        cipherkeys.pin(conn, known)


def pin_instance(bridge: Bridge) -> None:
    """Refuse a database that another key file was used with: its URLs would all change."""
    ours = bridge.keyfile.instance
    with bridge.database.write() as conn:
        meta.lock(conn, _INSTANCE)
        pinned = meta.get(conn, _INSTANCE)
        if pinned is None:
            meta.put(conn, _INSTANCE, ours)
    if pinned not in (None, ours):
        raise ConfigError(
            [
                ConfigProblem(
                    f"the database belongs to instance {pinned}, this key file to {ours}",
                    file=str(bridge.settings.storage.encryption_key_file),
                    key="storage.encryption_key_file",
                    hint="name the key file that the database was made with; without it feed "
                    "URLs and published events would all become others",
                )
            ]
        )
