"""The configuration's resources and connections -> rows of the store, whole or not at all.

`apply` brings everything to what a start or a reload found; `change` one resource to what was set
by API, and touches no other.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.errors import ConfigError, ConfigProblem, StoreError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store import (
    calendars,
    connections,
    feeds,
    keys,
    meta,
    resources,
    schedule,
    supplements,
)
from bridge.store.connections import ConnectionRow, NewConnection
from bridge.store.database import Database, Transaction
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
    unchanged: int = 0
    """Resources."""
    rebuild: tuple[ResourceId, ...] = ()
    """Resources whose published time has to be made anew: all that are new, changed or back.

    The store remembers them (`store.resources.rebuilds`) until that was done."""


def apply(
    database: Database,
    settings: Settings,
    now: Instant,
    *,
    identity: bytes,
    awaiting: Collection[str] = (),
) -> InventoryReport:
    """Make the store follow the settings; safe when several processes start at once.

    - New and changed connections are due now. A connection that now is another account (its
      fingerprint changed) starts afresh with a full listing; the busy time of the account before
      stays until that listing is complete, since an unread calendar is not an empty one.
    - A removed connection goes at once, with everything read from it.
    - A resource that left the settings is parked (not pulled, not published, whole again when it
      returns) or deleted, as `removed_resources` says. What was made by API stays.
    - Connections that fail or wait for a new credential are tried once more: a reload is how an
      admin says that it was put right. Those whose provider asked for a pause are left alone.
    - Users and feeds of the settings become those of the store.

    Args:
        database: migrated.
        settings: what shall be.
        now: the present.
        identity: `KeyFile.identity`, which feed tokens are made from.
        awaiting: kinds whose accounts wait for their owner's consent at first.

    Raises:
        ConfigError: an id of the settings belongs to something made by API; nothing is changed.
        Overtaken: something was set by API since the settings were made.
        StoreError: the database cannot be written.
    """
    with database.write() as conn:
        lock(conn, settings)
        found = _compare(settings, awaiting, resources.every(conn), connections.every(conn))
        if found.clashes:
            raise ConfigError(found.clashes)
        purge = settings.removed_resources == "purge"
        if purge:
            supplements.remove(conn, found.gone(purge=True))
        supplements.remove(conn, found.dropped)
        if adopted := found.adopted():
            supplements.hand_over(conn, adopted)
            supplements.advance(conn)
        _write_resources(conn, found, purge=purge)
        _write_connections(conn, found, now)
        report = found.report(purge=purge)
        resources.want_rebuild(conn, report.rebuild)
        keys.sync_users(conn, settings.auth.users, now)
        for resource in settings.resources:
            feeds.sync_feeds(conn, identity, ResourceId(resource.id), resource.feeds)
    return report


class Overtaken(StoreError):
    """Settings were made of what is not the last that was set by API: make them again."""

    def __init__(self) -> None:
        super().__init__("something else was set by API at this moment", busy=True)


def lock(conn: Transaction, settings: Settings) -> None:
    """Let nobody else change the inventory until this transaction ends.

    Raises:
        Overtaken: something was set by API since the settings were made.
    """
    meta.lock(conn, "inventory")
    known = settings.origin.generation if settings.origin else None
    if known not in (None, supplements.generation(conn)):
        raise Overtaken


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be done to one resource."""

    resource_id: ResourceId
    removed: Collection[ConnectionId] = ()
    """Its connections that go."""


def change(
    conn: Transaction,
    settings: Settings,
    now: Instant,
    wanted: Change,
    *,
    identity: bytes,
    awaiting: Collection[str] = (),
) -> None:
    """Make the store follow the settings of one resource, as `apply` does for all.

    The caller holds `lock`. A resource that the settings do not have goes.
    """
    id_ = wanted.resource_id
    own = [each for each in settings.resources if each.id == id_]
    row = resources.get(conn, id_)
    if not own:
        resources.remove(conn, [id_] if row else [])
        return
    narrow = settings.model_copy(update={"resources": tuple(own)})
    rows = [each for each in connections.of_resource(conn, id_) if each.id not in wanted.removed]
    connections.remove(conn, list(wanted.removed))
    found = _compare(narrow, awaiting, [row] if row else [], rows, sweep=False)
    _write_resources(conn, found, purge=False)
    _write_connections(conn, found, now)
    rebuild = found.report(purge=False).rebuild
    resources.want_rebuild(conn, rebuild or ([id_] if wanted.removed else []))
    for resource in own:
        feeds.sync_feeds(conn, identity, id_, resource.feeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
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
        return [id_ for id_ in self.plans if id_ not in self.stands]

    def returned(self) -> list[ResourceId]:
        return [
            row.id
            for row in self.stands.values()
            if row.id in self.plans and row.state is ResourceState.PARKED
        ]

    def changed(self) -> list[ResourceId]:
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
        """Resources to delete, or to park where that was not done before."""
        return [
            row.id
            for row in self.stands.values()
            if row.id not in self.plans
            and row.managed_by is Owner.FILE
            and (purge or row.state is ResourceState.ACTIVE)
        ]

    def new_connections(self) -> list[ConnectionId]:
        return [id_ for id_ in self.entries if id_ not in self.rows]

    def changed_connections(self) -> list[ConnectionId]:
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
        added, changed, returned = self.added(), self.changed(), self.returned()
        gone = self.gone(purge=purge)
        return InventoryReport(
            added=(*added, *self.new_connections()),
            changed=(*changed, *self.changed_connections()),
            returned=tuple(returned),
            parked=() if purge else tuple(gone),
            removed=(*(gone if purge else ()), *self.dropped),
            unchanged=len(self.plans) - len(added) - len(changed) - len(returned),
            rebuild=(*added, *changed, *returned),
        )


def _compare(
    settings: Settings,
    awaiting: Collection[str],
    stands: list[ResourceRow],
    rows: list[ConnectionRow],
    *,
    sweep: bool = True,
) -> _Difference:
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
    return _Difference(
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
    return ConnectionStatus.ACTIVE if _is_another_account(wanted.fingerprint, row) else row.status


def _is_another_account(fingerprint: str, row: ConnectionRow) -> bool:
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


def _write_resources(conn: Transaction, found: _Difference, *, purge: bool) -> None:
    write = {*found.added(), *found.changed(), *found.returned()}
    for owner in Owner:
        own = {id_: found.plans[id_] for id_ in write if found.owners[id_] is owner}
        resources.upsert(conn, own, managed_by=owner)
    if purge:
        resources.remove(conn, found.gone(purge=True))
    else:
        resources.park(conn, found.gone(purge=False))


def _write_connections(conn: Transaction, found: _Difference, now: Instant) -> None:
    connections.remove(conn, found.dropped)
    changed = [
        entry
        for entry in found.entries.values()
        if (row := found.rows.get(entry.id)) is None
        or (row.plan, row.position, row.managed_by)
        != (entry.plan, entry.position, found.owners[entry.id])
    ]
    for owner in Owner:
        own = [entry for entry in changed if found.owners[entry.id] is owner]
        connections.upsert(conn, own, managed_by=owner)
    schedule.add(conn, found.new_connections(), now)

    others = [
        id_
        for id_ in found.changed_connections()
        if _is_another_account(json.loads(found.entries[id_].plan)["fingerprint"], found.rows[id_])
    ]
    connections.forgive(conn, others)
    schedule.mark(conn, others, now, full=True)
    schedule.mark(conn, [id_ for id_ in _due(found, now) if id_ not in others], now)
    calendars.forget_tokens(conn, others)


def _due(found: _Difference, now: Instant) -> Iterator[ConnectionId]:
    """Name the known connections to be pulled now: a wider window, say, needs more to be read."""
    affected = {*found.changed(), *found.returned()}
    for entry in found.entries.values():
        row = found.rows.get(entry.id)
        if row is not None and (entry.resource_id in affected or _is_retried(entry, row, now)):
            yield entry.id


def _is_retried(entry: NewConnection, row: ConnectionRow, now: Instant) -> bool:
    if entry.status is ConnectionStatus.TOKEN_EXPIRED:
        return True
    return row.failures > 0 and (row.limited_until or 0) <= now
