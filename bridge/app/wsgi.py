"""The WSGI callable for other servers: `gunicorn bridge.app.wsgi:application`.

The configuration is named by BUSYBRIDGE_CONFIG. Requests are answered and nothing is pulled, as
with `server.role: web`; at least one `busybridge serve` with role `worker` or `all` does that.
While it cannot start, requests are answered 503, and it tries again now and then.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import ExitStack
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from bridge.app.bridge import Bridge
from bridge.app.logs import Logs
from bridge.app.presence import serving
from bridge.errors import BridgeError, ConfigError, ConfigProblem

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

VARIABLE = "BUSYBRIDGE_CONFIG"

logger = logging.getLogger(__name__)

_PAUSE = 10
"""Seconds between two tries to start."""
_UNAVAILABLE = b"BusyBridge cannot start; its log says why.\n"


class _Hosted:
    """The callable of this process, made by the first request that can."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: WSGIApplication | None = None
        self._next_try = 0.0
        self._held = ExitStack()
        """What is held until the process ends."""

    def get(self) -> WSGIApplication | None:
        """Return it; None while it cannot start."""
        if self._made is not None:
            return self._made
        with self._lock:
            if self._made is None and monotonic() >= self._next_try:
                try:
                    with ExitStack() as held:
                        self._made = _make(held)
                        self._held = held.pop_all()
                except BridgeError as err:
                    self._next_try = monotonic() + _PAUSE
                    logger.error("not started: %s", err)  # noqa: TRY400 - it names the remedy
            return self._made


_hosted = _Hosted()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request; the first one opens the database, in the process that got it."""
    made = _hosted.get()
    if made is not None:
        return made(environ, start_response)
    length = str(len(_UNAVAILABLE))
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", length)]
    start_response("503 Service Unavailable", [*headers, ("Retry-After", str(_PAUSE))])
    return [_UNAVAILABLE]


def _make(held: ExitStack) -> WSGIApplication:
    path = os.environ.get(VARIABLE)
    if not path:
        problem = ConfigProblem("not set", key=VARIABLE, hint="it names the configuration file")
        raise ConfigError([problem])
    bridge = Bridge(path)
    logs = Logs()
    logs.begin(bridge.settings, bridge.keyfile)
    bridge.followers.append(logs.follow)
    held.enter_context(serving(bridge.database.path))
    held.callback(bridge.close)
    bridge.open()
    bridge.scheduler = bridge.make_scheduler(pulling=False)
    bridge.scheduler.start()
    return bridge.wsgi
