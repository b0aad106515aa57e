"""What a process does now and then beside answering and pulling."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bridge.amending.amending import TOPIC
from bridge.notify.notifier import DELIVER_EVERY, LOOK_EVERY
from bridge.scheduler.jobs import Job
from bridge.store import compact

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge


def chores(bridge: Bridge, *, pulling: bool) -> list[Job]:
    """List the jobs of a process; alerts come from those that pull."""
    jobs = [
        Job("uses", bridge.gate.record_uses, 60),
        Job("rebuilds", bridge.rebuild, 60),
        Job("settings", bridge.amending.follow, 5, topic=TOPIC),
        Job("compact", partial(compact.run, bridge.database), 60),
    ]
    if pulling:
        jobs.append(Job("alerts", bridge.notifier.look, LOOK_EVERY))
        jobs.append(Job("alert-delivery", bridge.notifier.deliver, DELIVER_EVERY))
    return jobs
