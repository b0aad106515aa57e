"""The configuration's resources and connections against the rows of the store. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.errors import ConfigProblem
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store.connections import ConnectionRow, NewConnection
from bridge.store.resources import Owner, ResourceRow, ResourceState


@dataclass(frozen=True, slots=True)
class InventoryReport:
    """What `apply` changed: ids of resources (`room-a`) and of connections (`room-a.work`)."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Resources count as changed with any of their connections."""
    returned: tuple[str, ...] = ()
    """Resources that were parked and are back."""
    parked: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()
    """What was made by API and belongs to the file from now on; counted as changed, too."""
    unchanged: int = 0
    """Resources."""
    rebuild: tuple[ResourceId, ...] = ()
    """Resources whose published time has to be made anew: all that are new, changed or back.

    The store remembers them (`store.resources.rebuilds`) until that was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The settings against what stands; nothing here is written yet."""

    clashes: list[ConfigProblem]
    owners: dict[str, Owner]
    """Of every resource and connection of the settings."""
    plans: dict[ResourceId, str]
    """JSON of every resource of the settings."""
    stands: dict[ResourceId, ResourceRow]
    entries: dict[ConnectionId, NewConnection]
    """Every connection of the settings."""
    rows: dict[ConnectionId, ConnectionRow]
    stirred: set[ResourceId]
    """Resources of which a connection came, went or changed."""
    dropped: list[ConnectionId]

    def added(self) -> list[ResourceId]:
        """Name resources that are new."""
        return [id_ for id_ in self.plans if id_ not in self.stands]

    def returned(self) -> list[ResourceId]:
        """Name resources that were parked and are back."""
        return [
            row.id
            for row in self.stands.values()
            if row.id in self.plans and row.state is ResourceState.PARKED
        ]

    def changed(self) -> list[ResourceId]:
        """Name resources that changed, with any of their connections."""
        return [
            row.id
            for row in self.stands.values()
            if row.id in self.plans
            and row.state is ResourceState.ACTIVE
            and (
                row.plan != self.plans[row.id]
                or row.managed_by is not self.owners[row.id]
                or row.id in self.stirred
            )
        ]

    def gone(self, *, purge: bool) -> list[ResourceId]:
        """Name the resources to delete, or to park where that was not done before."""
        return [
            row.id
            for row in self.stands.values()
            if row.id not in self.plans
            and row.managed_by is Owner.FILE
            and (purge or row.state is ResourceState.ACTIVE)
        ]

    def new_connections(self) -> list[ConnectionId]:
        """Name connections that are new."""
        return [id_ for id_ in self.entries if id_ not in self.rows]

    def changed_connections(self) -> list[ConnectionId]:
        """Name connections that are set otherwise by now."""
        return [
            row.id
            for row in self.rows.values()
            if row.id in self.entries and row.plan != self.entries[row.id].plan
        ]

    def adopted(self) -> list[str]:
        """Name what was made by API and stands in the file now."""
        rows: list[ResourceRow | ConnectionRow] = [*self.stands.values(), *self.rows.values()]
        return [
            row.id
            for row in rows
            if row.managed_by is Owner.API and self.owners.get(row.id) is Owner.FILE
        ]

    def report(self, *, purge: bool) -> InventoryReport:
        """Tell all of it."""
        added, changed, returned = self.added(), self.changed(), self.returned()
        gone = self.gone(purge=purge)
        return InventoryReport(
            added=(*added, *self.new_connections()),
            changed=(*changed, *self.changed_connections()),
            returned=tuple(returned),
            parked=() if purge else tuple(gone),
            removed=(*(gone if purge else ()), *self.dropped),
            adopted=tuple(self.adopted()),
            unchanged=len(self.plans) - len(added) - len(changed) - len(returned),
            rebuild=(*added, *changed, *returned),
        )


def compare(
    settings: Settings,
    awaiting: Collection[str],
    stands: list[ResourceRow],
    rows: list[ConnectionRow],
    *,
    sweep: bool = True,
) -> Difference:
    """Compare; without `sweep` nothing of the rows goes that the settings do not have."""
    plans = plan(settings)
    texts = {resource.id: resource.model_dump_json() for resource, _ in plans}
    by_id = {row.id: row for row in rows}
    entries = {
        connection.id: _entry(connection, position, by_id.get(connection.id), awaiting)
        for _, own in plans
        for position, connection in enumerate(own)
    }
    dropped = [
        row
        for row in rows
        if sweep
        and row.resource_id in texts
        and row.id not in entries
        and row.managed_by is Owner.FILE
    ]
    made = settings.made_by_api
    names: list[str] = [*texts, *entries]
    stirred = {row.resource_id for row in dropped} | {
        entry.resource_id
        for entry in entries.values()
        if entry.id not in by_id or by_id[entry.id].plan != entry.plan
    }
    return Difference(
        clashes=list(_clashes(settings, stands, rows)),
        owners={id_: Owner.API if id_ in made else Owner.FILE for id_ in names},
        plans=texts,
        stands={row.id: row for row in stands},
        entries=entries,
        rows=by_id,
        stirred=stirred,
        dropped=[row.id for row in dropped],
    )


def _entry(
    wanted: ConnectionPlan, position: int, row: ConnectionRow | None, awaiting: Collection[str]
) -> NewConnection:
    text = wanted.model_dump_json()
    waits = wanted.provider in awaiting and not wanted.is_delegated
    first = ConnectionStatus.PENDING if waits else ConnectionStatus.ACTIVE
    if row is None:
        status = ConnectionStatus.PAUSED if wanted.paused else first
    elif row.plan == text:
        status = row.status
    else:
        status = _next_status(wanted, row)
    return NewConnection(
        wanted.id, wanted.resource_id, wanted.provider, text, position=position, status=status
    )


def _next_status(wanted: ConnectionPlan, row: ConnectionRow) -> ConnectionStatus:
    if wanted.paused:
        return ConnectionStatus.PAUSED
    if row.status is ConnectionStatus.PAUSED:  # by the file, or by a person, who has to resume it
        by_file = json.loads(row.plan)["paused"]
        return ConnectionStatus.ACTIVE if by_file else ConnectionStatus.PAUSED
    return ConnectionStatus.ACTIVE if is_another_account(wanted.fingerprint, row) else row.status


def is_another_account(fingerprint: str, row: ConnectionRow) -> bool:
    """Tell whether a connection was another account than the one of this fingerprint."""
    known: bool = json.loads(row.plan)["fingerprint"] == fingerprint
    return not known


def _clashes(
    settings: Settings, stands: list[ResourceRow], rows: list[ConnectionRow]
) -> Iterator[ConfigProblem]:
    made_by_api: set[str] = {row.id for row in stands if row.managed_by is Owner.API}
    made_by_api |= {row.id for row in rows if row.managed_by is Owner.API}
    for number, resource in enumerate(settings.resources):
        ids = {f"resources[{number}].id": (str(resource.id), resource.adopt)} | {
            f"resources[{number}].connections[{place}].id": (
                f"{resource.id}.{connection.id}",
                connection.adopt,
            )
            for place, connection in enumerate(resource.connections)
        }
        for key, (id_, adopt) in ids.items():
            if id_ in made_by_api - settings.made_by_api and not adopt:
                yield ConfigProblem(
                    f"{id_} was made by API",
                    key=key,
                    hint="adopt: true takes it over; else choose another id, or delete that one",
                )
