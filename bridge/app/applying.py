"""Making the store follow a configuration; who leaves it gives back what was granted."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from bridge.channels import shown
from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.inventory import InventoryReport, apply
from bridge.store import bookings, connections, mirrors

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.connecting.parting import Parting

logger = logging.getLogger(__name__)


def apply_settings(
    bridge: Bridge, settings: Settings, *, purge: bool | None = None
) -> InventoryReport:
    """Make the store follow settings, whole or not at all; see `bridge.inventory.apply`.

    What was granted to connections that leave is given back afterwards, beside everything else.
    """
    farewell = _Farewell(bridge, settings)
    report = apply(
        bridge.database,
        settings,
        bridge.clock(),
        identity=bridge.keyfile.identity,
        awaiting=[kind.name for kind in bridge.kinds.values() if kind.authorizer],
        purge=purge,
    )
    shown.note(bridge.database, settings, bridge.kinds)
    farewell.warn(report)
    farewell.begin()
    return report


class _Farewell:
    """Looks at what leaves, before it is gone."""

    def __init__(self, bridge: Bridge, settings: Settings) -> None:
        """Look.

        Raises:
            StoreError: the store cannot be read.
        """
        stays = {each.id for _, own in plan(settings) for each in own}
        with bridge.database.read() as conn:
            # What was made by API goes, too, when its resource leaves the file for good.
            rows = [row for row in connections.every(conn) if row.id not in stays]
            self._written = [
                row
                for row in rows
                if bookings.stand_in(conn, row.id) or mirrors.stand_in(conn, row.id)
            ]
        self._bridge = bridge
        self._found: tuple[Parting, ...] = ()
        if rows:
            from bridge.connecting.parting import partings

            self._found = tuple(partings(bridge.accounts, bridge.tokens, rows))

    def warn(self, report: InventoryReport) -> None:
        """Say whose events stay in calendars that nobody here writes to any more."""
        for row in self._written:
            if {row.id, row.resource_id} & set(report.removed):
                logger.warning("%s left; what was written to its calendars stays there", row.id)

    def begin(self) -> None:
        """Give it back, beside everything else: providers may take their time."""
        if self._found:
            from bridge.connecting.parting import give_back

            work = (self._bridge.database, self._found)
            thread = threading.Thread(target=give_back, args=work, name="farewell", daemon=True)
            # A command ends sooner than a provider answers; it waits for this.
            self._bridge.farewells[:] = [it for it in self._bridge.farewells if it.is_alive()]
            self._bridge.farewells.append(thread)
            thread.start()
