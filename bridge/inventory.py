"""The configuration's resources and connections -> rows of the store, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.errors import ConfigError, ConfigProblem
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store import calendars, connections, feeds, keys, meta, resources, schedule
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
        StoreError: the database cannot be written.
    """
    with database.write() as conn:
        meta.lock(conn, "inventory")
        found = _compare(settings, awaiting, resources.every(conn), connections.every(conn))
        if found.clashes:
            raise ConfigError(found.clashes)
        purge = settings.removed_resources == "purge"
        _write_resources(conn, found, purge=purge)
        _write_connections(conn, found, now)
        report = found.report(purge=purge)
        resources.want_rebuild(conn, report.rebuild)
        keys.sync_users(conn, settings.auth.users, now)
        for resource in settings.resources:
            feeds.sync_feeds(conn, identity, ResourceId(resource.id), resource.feeds)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """The settings against what stands; nothing here is written yet."""

    clashes: list[ConfigProblem]
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
            and (row.plan != self.plans[row.id] or row.id in self.stirred)
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
) -> _Difference:
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
        if row.resource_id in texts and row.id not in entries and row.managed_by is Owner.FILE
    ]
    stirred = {row.resource_id for row in dropped} | {
        entry.resource_id
        for entry in entries.values()
        if entry.id not in by_id or by_id[entry.id].plan != entry.plan
    }
    return _Difference(
        clashes=list(_clashes(settings, stands, rows)),
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
    first = ConnectionStatus.PENDING if wanted.provider in awaiting else ConnectionStatus.ACTIVE
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
        ids = {f"resources[{number}].id": str(resource.id)} | {
            f"resources[{number}].connections[{place}].id": f"{resource.id}.{connection.id}"
            for place, connection in enumerate(resource.connections)
        }
        for key, id_ in ids.items():
            if id_ in made_by_api:
                yield ConfigProblem(
                    f"{id_} was made by API", key=key, hint="choose another id, or delete that one"
                )


def _write_resources(conn: Transaction, found: _Difference, *, purge: bool) -> None:
    write = {*found.added(), *found.changed(), *found.returned()}
    resources.upsert(conn, {id_: found.plans[id_] for id_ in write}, managed_by=Owner.FILE)
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
        or (row.plan, row.position) != (entry.plan, entry.position)
    ]
    connections.upsert(conn, changed, managed_by=Owner.FILE)
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
