"""Publishing anew what was asked for in the store, whoever asked, and whichever process died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.model.resource import ResourceId
from bridge.store import resources

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge


def rebuild_wanted(bridge: Bridge) -> list[ResourceId]:
    """Do what is wanted; return the resources that pulls kept changing meanwhile.

    Raises:
        StoreError: each resource is done whole or not at all.
    """
    with bridge.database.read() as conn:
        wanted = resources.rebuilds(conn)
    left = []
    for resource_id, number in wanted.items():
        if bridge.ingest.rebuild(resource_id, bridge.clock()) is None:
            left.append(resource_id)
            continue
        with bridge.database.write() as conn:
            resources.rebuilt(conn, resource_id, number)
    return left
