"""Small values for tests: settings as the YAML would give them, plans, rows of the store."""

from __future__ import annotations

from typing import Any

from bridge.config.plan import ConnectionPlan, ResourcePlan, plan
from bridge.config.settings import Connection, Resource, Settings
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.store import connections, resources, schedule
from bridge.store.connections import NewConnection
from bridge.store.database import Database
from bridge.store.resources import Owner

NOW: Instant = 1_790_000_000
"""2026-09-21T14:13:20Z, when a test has no reason for another time."""


def make_settings(**sections: Any) -> Settings:
    """Settings of the sections given, as mappings or models; `version` is understood."""
    return Settings.model_validate({"version": 1} | sections)


def make_resource(resource_id: str = "room-a", **keys: Any) -> Resource:
    """One entry of `resources`."""
    return Resource.model_validate({"id": resource_id} | keys)


def make_connection(connection_id: str = "work", **keys: Any) -> Connection:
    """One entry of `connections`, of kind `memory` unless the keys say otherwise."""
    return Connection.model_validate({"id": connection_id, "provider": "memory"} | keys)


def make_plan(**resource_keys: Any) -> tuple[ResourcePlan, tuple[ConnectionPlan, ...]]:
    """The plan of one resource with one connection, `room-a.work`."""
    keys: dict[str, Any] = {"id": "room-a", "connections": [make_connection()]} | resource_keys
    return plan(make_settings(resources=[keys]))[0]


def store_resource(
    database: Database, resource_id: str = "room-a", names: tuple[str, ...] = ("work",)
) -> list[ConnectionId]:
    """Put a resource with connections of these names into the store, due at `NOW`."""
    resource, _ = make_plan(id=resource_id)
    ids = [ConnectionId(f"{resource_id}.{name}") for name in names]
    entries = [
        NewConnection(
            id_, ResourceId(resource_id), "memory", "{}", position, ConnectionStatus.ACTIVE
        )
        for position, id_ in enumerate(ids)
    ]
    with database.write() as conn:
        plans = {ResourceId(resource_id): resource.model_dump_json()}
        resources.upsert(conn, plans, managed_by=Owner.FILE)
        connections.upsert(conn, entries, managed_by=Owner.FILE)
        schedule.add(conn, ids, NOW)
    return ids
