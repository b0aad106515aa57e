"""Rows of the store brought to what the settings say."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.errors import ConfigError, ConfigProblem, StoreError
from bridge.inventory.difference import Difference, InventoryReport, compare, is_another_account
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store import (
    calendars,
    connections,
    credentials,
    feeds,
    keys,
    meta,
    mirrors,
    resources,
    schedule,
    supplements,
)
from bridge.store.connections import ConnectionRow, NewConnection
from bridge.store.database import Database, Transaction
from bridge.store.resources import Owner, ResourceRow, ResourceState


def apply(
    database: Database,
    settings: Settings,
    now: Instant,
    *,
    identity: bytes,
    awaiting: Collection[str] = (),
    purge: bool | None = None,
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
        purge: delete what left, whatever `removed_resources` says.

    Raises:
        ConfigError: an id of the settings belongs to something made by API; nothing is changed.
        Overtaken: something was set by API since the settings were made.
        StoreError: the database cannot be written.
    """
    with database.write() as conn:
        lock(conn, settings)
        found = compare(settings, awaiting, resources.every(conn), connections.every(conn))
        if found.clashes:
            raise ConfigError(found.clashes)
        if purge is None:
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
        _follow_mirrors(conn, settings, now)
    return report


def foresee(
    conn: Transaction, settings: Settings, *, awaiting: Collection[str] = (), purge: bool
) -> InventoryReport:
    """Tell what `apply` would change; nothing is written.

    Raises:
        ConfigError: an id of the settings belongs to something made by API.
    """
    found = compare(settings, awaiting, resources.every(conn), connections.every(conn))
    if found.clashes:
        raise ConfigError(found.clashes)
    return found.report(purge=purge)


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

    Raises:
        ConfigError: it is the file's: of another process, which read a newer one, or parked.
        StoreError: what is to go was connected since it was disconnected; nothing is changed.
    """
    id_ = wanted.resource_id
    own = [each for each in settings.resources if each.id == id_]
    row = resources.get(conn, id_)
    if row is not None and row.managed_by is Owner.FILE:
        _refuse_of_another_file(row, settings, is_known=bool(own))
    rows = connections.of_resource(conn, id_)
    leaving = [each for each in rows if not own or each.id in wanted.removed]
    if leaving:
        resources.lock(conn, id_)  # before their own locks, as whoever disconnects them
        _refuse_connected(conn, leaving)
    connections.remove(conn, [each.id for each in leaving])
    if not own:
        resources.remove(conn, [id_] if row else [])
        return
    narrow = settings.model_copy(update={"resources": tuple(own)})
    rows = [each for each in rows if each not in leaving]
    found = compare(narrow, awaiting, [row] if row else [], rows, sweep=False)
    _write_resources(conn, found, purge=False)
    _write_connections(conn, found, now)
    rebuild = found.report(purge=False).rebuild
    resources.want_rebuild(conn, rebuild or ([id_] if wanted.removed else []))
    for resource in own:
        feeds.sync_feeds(conn, identity, id_, resource.feeds)
    _follow_mirrors(conn, narrow, now)


def _follow_mirrors(conn: Transaction, settings: Settings, now: Instant) -> None:
    """Make mirrors follow; most resources have none, and never had."""
    known = mirrors.resource_ids(conn)
    affected = tuple(each for each in settings.resources if each.mirror or each.id in known)
    for resource, own in plan(settings.model_copy(update={"resources": affected})):
        names = {connection.id for connection in own}
        wanted = [mirror for mirror in resource.mirror if mirror.connection_id in names]
        mirrors.sync_mirrors(conn, resource.id, wanted, now)


def _refuse_of_another_file(row: ResourceRow, settings: Settings, *, is_known: bool) -> None:
    """Leave alone what a configuration file has that these settings were not made of."""
    if not is_known:
        problem = ConfigProblem(
            f"{row.id} stands in a configuration file that this process has not read",
            key=row.id,
            hint="reload every process",
        )
        raise ConfigError([problem])
    if row.state is ResourceState.PARKED and row.id in settings.made_by_api:
        # Its accounts and their busy time would be those of whatever is made under its id.
        problem = ConfigProblem(
            f"{row.id} left the configuration file and is kept until it returns",
            key=row.id,
            hint="choose another id; removed_resources: purge deletes what left",
        )
        raise ConfigError([problem])


def _refuse_connected(conn: Transaction, leaving: list[ConnectionRow]) -> None:
    """Lose nothing that an owner granted: it has to be given back first."""
    for row in leaving:
        schedule.abandon(conn, [row.id])  # whoever connects it begins with that, and waits here
        if credentials.version(conn, row.id, credentials.GRANT):
            raise StoreError(f"{row.id} was connected at this moment", busy=True)


def _write_resources(conn: Transaction, found: Difference, *, purge: bool) -> None:
    write = {*found.added(), *found.changed(), *found.returned()}
    for owner in Owner:
        own = {id_: found.plans[id_] for id_ in write if found.owners[id_] is owner}
        resources.upsert(conn, own, managed_by=owner)
    if purge:
        resources.remove(conn, found.gone(purge=True))
    else:
        resources.park(conn, found.gone(purge=False))


def _write_connections(conn: Transaction, found: Difference, now: Instant) -> None:
    due = set(_due(found, now))
    schedule.hold(conn, {*found.dropped, *found.changed_connections(), *due})
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
        if is_another_account(json.loads(found.entries[id_].plan)["fingerprint"], found.rows[id_])
    ]
    connections.forgive(conn, others)
    schedule.mark(conn, others, now, full=True)
    schedule.mark(conn, due.difference(others), now)
    calendars.forget_tokens(conn, others)


def _due(found: Difference, now: Instant) -> Iterator[ConnectionId]:
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
