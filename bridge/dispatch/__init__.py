"""Carrying out what was proposed: meeting, event, and what becomes visible.

Nothing here knows when: `bridge.scheduler.dispatching` claims, and has each claim run once. A claim
that ends without a word, because its process was killed, is run again by somebody else: whatever
was begun is looked for before it is done once more.
"""

from bridge.dispatch.engine import Dispatch
from bridge.dispatch.report import Recheck, Report

__all__ = ["Dispatch", "Recheck", "Report"]
