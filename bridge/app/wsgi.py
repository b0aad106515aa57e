"""The WSGI callable for other servers: `gunicorn bridge.app.wsgi:application`.

The configuration is named by BUSYBRIDGE_CONFIG. Requests are answered and nothing is pulled, as
with `server.role: web`; at least one `busybridge serve` with role `worker` or `all` does that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from bridge.app.bridge import Bridge
from bridge.app.logs import Logs
from bridge.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

VARIABLE = "BUSYBRIDGE_CONFIG"

_lock = Lock()
_made: list[WSGIApplication] = []


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request; the first one opens the database, in the process that got it."""
    if not _made:
        with _lock:
            if not _made:
                _made.append(_make())
    return _made[0](environ, start_response)


def _make() -> WSGIApplication:
    path = os.environ.get(VARIABLE)
    if not path:
        problem = ConfigProblem("not set", key=VARIABLE, hint="it names the configuration file")
        raise ConfigError([problem])
    bridge = Bridge(path)
    logs = Logs()
    logs.begin(bridge.settings, bridge.keyfile)
    bridge.followers.append(logs.follow)
    bridge.open()
    bridge.scheduler = bridge.make_scheduler(pulling=False)
    bridge.scheduler.start()
    return bridge.wsgi
