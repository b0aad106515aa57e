"""The parts of a process that write mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.mirror import Mirroring

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
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
