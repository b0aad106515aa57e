"""What a reload and `apply` would do, before anybody does it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.errors import BridgeError
from bridge.inventory import InventoryReport, foresee
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import connections, holdings, resources
from bridge.store.resources import Owner, ResourceState
from bridge.tokens import OAUTH

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.store.connections import ConnectionRow


class Unforeseen(BridgeError):
    """More would be destroyed than whoever agreed was shown."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A connection that goes, with everything read from it."""

    id: ConnectionId
    provider: str
    account: str
    """Address of its owner, where it is known."""
    events: int
    is_granted: bool
    is_taken_back: bool
    """What was granted is, by its provider."""
    made_by_api: bool
    row: ConnectionRow


@dataclass(frozen=True, slots=True)
class Foresight:
    """What comes of the settings as they are by now."""

    reload: InventoryReport
    """What a reload does."""
    removed: Mapping[ResourceId, int]
    """Resources that `apply` removes, or a reload that purges -> their busy blocks."""
    parked: Sequence[ResourceId]
    """Those of them that are parked already."""
    leaving: Sequence[Leaving]
    """Connections that `apply` removes; of removed resources, too."""
    purges: bool = False
    """What was written to their calendars is deleted before."""

    @property
    def destroys(self) -> list[str]:
        """Ids of the resources and connections that would be gone."""
        return [*self.removed, *(each.id for each in self.leaving)]

    @property
    def is_nothing(self) -> bool:
        """Whether all is as the settings say."""
        return not self.destroys and not self._begins

    @property
    def _begins(self) -> bool:
        told = self.reload
        return bool(told.added or told.changed or told.returned or told.parked)

    def refuse_more_than(self, confirmed: Collection[str]) -> None:
        """Refuse to destroy what is not confirmed.

        Raises:
            Unforeseen: there is more.
        """
        more = [id_ for id_ in self.destroys if id_ not in confirmed]
        if more:
            raise Unforeseen(
                f"{', '.join(more)} would be removed, too, by now; look at the plan again"
            )


def everything(settings: Settings) -> Foresight:
    """Tell what comes of settings where nothing stands yet."""
    ids = [
        *(each.id for each, _ in plan(settings)),
        *(each.id for _, own in plan(settings) for each in own),
    ]
    return Foresight(InventoryReport(added=tuple(ids)), {}, (), ())


def look_ahead(bridge: Bridge, settings: Settings) -> Foresight:
    """Compare settings with what stands; nothing is written.

    Raises:
        ConfigError: an id of the settings belongs to something made by API.
        StoreError: the store cannot be read.
    """
    keeping = [kind.name for kind in bridge.kinds.values() if not kind.takes_back]
    awaiting = [kind.name for kind in bridge.kinds.values() if kind.authorizer]
    with bridge.database.read() as conn:
        purging = settings.removed_resources == "purge"
        soon = foresee(conn, settings, awaiting=awaiting, purge=purging)
        gone = set(foresee(conn, settings, awaiting=awaiting, purge=True).removed)
        blocks = holdings.of_resources(conn)
        held = holdings.of_connections(conn, OAUTH)
        stands = [row for row in resources.every(conn) if row.id in gone]
        rows = [row for row in connections.every(conn) if {row.id, row.resource_id} & gone]
    nothing = holdings.Holding()
    return Foresight(
        reload=soon,
        removed={row.id: blocks.get(row.id, 0) for row in stands},
        parked=[row.id for row in stands if row.state is ResourceState.PARKED],
        leaving=[
            Leaving(
                id=row.id,
                provider=row.provider,
                account=ConnectionPlan.model_validate_json(row.plan).account_email,
                events=held.get(row.id, nothing).events,
                is_granted=held.get(row.id, nothing).is_granted,
                is_taken_back=row.provider not in keeping,
                made_by_api=row.managed_by is Owner.API,
                row=row,
            )
            for row in rows
        ],
        purges=purging,
    )
