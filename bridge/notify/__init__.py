"""Alerts to the admin: one for each change of a connection's state; see `Notifier`."""

from bridge.notify.notifier import Notifier
from bridge.notify.ways import Way, make_ways
from bridge.notify.wording import trial

__all__ = ["Notifier", "Way", "make_ways", "trial"]
