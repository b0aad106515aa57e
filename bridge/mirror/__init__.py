"""Mirroring: busy time of some connections, kept as blocks in a calendar of another.

A round makes the blocks in the target what the sources say. It goes by what it finds there: every
block carries the marks of its instance and its mirror, so that nothing is doubled or forgotten when
a process was killed, a person was at it, or the database is another one.

Nothing here knows when: `bridge.scheduler.mirroring` claims, and has each claim run once.
"""

from bridge.mirror.engine import Mirroring
from bridge.mirror.report import Foreseen, Report

__all__ = ["Foreseen", "Mirroring", "Report"]
