"""The scheduler of a process, with everything that it has done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.app.chores import chores
from bridge.app.commanded import handlers
from bridge.app.observed import Observed
from bridge.scheduler.scheduler import Scheduler

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge


def make_scheduler(bridge: Bridge, *, pulling: bool) -> Scheduler:
    """Make a scheduler that pulls, or one that only passes wishes on; not started."""
    scheduler = Scheduler(
        bridge.ground,
        bridge.ingest if pulling else None,
        tender=bridge.keeper if pulling else None,
        dispatching=bridge.dispatching if pulling else None,
        rounds=bridge.rounds if pulling else None,
        handlers=handlers(bridge),
        chores=chores(bridge, pulling=pulling),
        observer=Observed(bridge.metrics),
    )
    bridge.metrics.running(lambda: scheduler.running)
    return scheduler
