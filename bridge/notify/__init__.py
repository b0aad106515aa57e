"""Alerts to the admin: one for each change of a connection's state; see `Notifier`."""

from bridge.notify.notifier import Notifier
from bridge.notify.ways import Log, Mail, Way, Webhook, make_ways

__all__ = ["Log", "Mail", "Notifier", "Way", "Webhook", "make_ways"]
