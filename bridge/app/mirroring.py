"""The parts of a process that write mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bridge import deadline
from bridge.config.plan import MirrorPlan, plan
from bridge.mirror import Foreseen, Mirroring
from bridge.store import mirrors

_PATIENCE = 15.0
"""Seconds in which a target is looked at for a plan."""

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.config.settings import Settings
    from bridge.model.resource import ResourceId
    from bridge.scheduler.mirroring import Report, Rounds


def make_mirroring(bridge: Bridge) -> Mirroring:
    """Make what carries rounds out."""
    return Mirroring(
        database=bridge.database,
        accounts=bridge.accounts,
        instance=bridge.keyfile.instance,
        clock=bridge.clock,
        admits=bridge.budgets.admits,
    )


def make_rounds(bridge: Bridge) -> Rounds:
    """Make what has mirrors written when they are due; not started."""
    from bridge.scheduler.mirroring import Rounds

    def ended(outcome: str, report: Report | None) -> None:
        counts = (report.made, report.moved, report.dropped) if report else (0, 0, 0)
        bridge.metrics.mirror(outcome, *counts)

    return Rounds(bridge.ground, make_mirroring(bridge), observe=ended)


def foresee(bridge: Bridge, settings: Settings) -> list[tuple[ResourceId, Foreseen]]:
    """Tell what mirrors would write under settings; targets are looked at, nothing is written.

    Raises:
        StoreError: the store cannot be read.
    """
    mirroring = make_mirroring(bridge)
    found: list[tuple[ResourceId, Foreseen]] = []
    for resource_id, each in _wanted(settings).values():
        with deadline.within(_PATIENCE):
            found.append((resource_id, mirroring.foresee(resource_id, each)))
    return [*found, *_left(mirroring, settings)]


def unforeseeable(settings: Settings) -> list[tuple[ResourceId, Foreseen]]:
    """Name the mirrors of settings where nothing was ever stored."""
    return [
        (resource_id, Foreseen(each.to, each.title, problem="no calendar was read yet"))
        for resource_id, each in _wanted(settings).values()
    ]


def _wanted(settings: Settings) -> dict[str, tuple[ResourceId, MirrorPlan]]:
    return {
        mirrors.mirror_id(resource.id, each.to): (resource.id, each)
        for resource, _ in plan(settings)
        for each in resource.mirror
    }


def _left(mirroring: Mirroring, settings: Settings) -> Iterator[tuple[ResourceId, Foreseen]]:
    """Tell what becomes of mirrors that left the settings, while their resource is in them."""
    wanted = _wanted(settings)
    known = {resource.id: {each.id for each in own} for resource, own in plan(settings)}
    with mirroring.database.read() as conn:
        rows = [row for row in mirrors.every(conn) if row.resource_id in known]
    for row in rows:
        if row.id not in wanted:
            gone = MirrorPlan.model_validate_json(row.plan)
            told = mirroring.foresee(row.resource_id, gone, leaving=True)
            if row.connection_id not in known[row.resource_id]:
                stay = f"its blocks stay unless `busybridge purge {row.connection_id}` comes first"
                told = told._replace(dropped=0, kept=told.dropped, problem=stay)
            yield row.resource_id, told
