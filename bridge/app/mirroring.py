"""The parts of a process that write mirrors."""

from __future__ import annotations

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
    wanted = {
        mirrors.mirror_id(resource.id, each.to): (resource.id, each)
        for resource, _ in plan(settings)
        for each in resource.mirror
    }
    with bridge.database.read() as conn:
        standing = mirrors.every(conn)
    known = {resource.id for resource, _ in plan(settings)}
    left = [row for row in standing if row.id not in wanted and row.resource_id in known]
    found: list[tuple[ResourceId, Foreseen]] = []
    for resource_id, each in wanted.values():
        with deadline.within(_PATIENCE):
            found.append((resource_id, mirroring.foresee(resource_id, each)))
    for row in left:
        gone = MirrorPlan.model_validate_json(row.plan)
        found.append((row.resource_id, mirroring.foresee(row.resource_id, gone, leaving=True)))
    return found
