"""CalDAV for calendar clients: BusyBridge's store behind Radicale.

`python -m radicale` finds `Storage`, `Auth` and `Rights` here; `busybridge serve` uses
`radicale_plugin.application`, which answers more, and faster.
"""

from radicale_plugin.auth import Auth
from radicale_plugin.rights import Rights
from radicale_plugin.storage import Storage

__all__ = ["Auth", "Rights", "Storage"]
