"""Serving until a signal says otherwise: SIGTERM and SIGINT end, SIGHUP reloads."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic

from bridge import __version__
from bridge.app.bridge import Bridge
from bridge.app.logs import Logs
from bridge.app.memory import share_arenas
from bridge.app.presence import serving
from bridge.app.server import Server
from bridge.app.signals import caught

logger = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds that requests and pulls have to end."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(
    bridge: Bridge, *, ready: Callable[[str], None] = lambda _: None, reloads: bool = True
) -> int:
    """Run a bridge in this process' main thread until SIGTERM or SIGINT.

    Args:
        bridge: not opened yet.
        ready: told the address, `127.0.0.1:5232`, once requests are answered; an empty text in a
            process that answers none.
        reloads: SIGHUP reloads. Else it ends, as it does whatever a closed terminal leaves behind.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: the database belongs to another key file.
        StoreError: the database cannot be used.
        BridgeError: the address cannot be listened on.
    """
    share_arenas()
    logs = Logs()
    logs.begin(bridge.settings, bridge.keyfile)
    bridge.followers.append(logs.follow)
    bridge.keyring.followers.append(logs.learn)
    with ExitStack() as held:
        signals = held.enter_context(caught(_SIGNALS))
        held.enter_context(serving(bridge.database.path))
        process = Process(bridge)
        process.start()
        try:
            ready(process.address)
            while (number := signals.wait()) == signal.SIGHUP and reloads:
                bridge.reload()
            logger.info("%s: ending", signal.Signals(number).name)
        finally:
            # What hangs in a provider was given back; its thread, a daemon, ends with the process.
            process.stop()
    logger.info("ended")
    return 0


class Process:
    """One running bridge: its scheduler and, unless it is a mere worker, its server."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Where it listens; empty when it does not."""
        return self._server.address if self._server else ""

    def start(self) -> None:
        """Open the database, follow the settings, begin to work.

        Raises:
            BridgeError: see `serve`; nothing runs then.
        """
        bridge = self._bridge
        try:
            report = bridge.open()
            role = bridge.settings.server.role
            if role != "worker":
                self._server = Server(bridge.wsgi, bridge.settings)
                bridge.followers.append(self._server.follow)
            bridge.scheduler.start()
        except BaseException:
            if self._server is not None:
                self._server.begin_stop(0)
            bridge.close()
            raise
        if self._server is not None:
            self._server.start()
        logger.info(
            "BusyBridge %s, instance %s, role %s, resources: %d%s",
            __version__,
            bridge.keyfile.instance,
            role,
            len(bridge.settings.resources),
            f", listening on {self.address}" if self._server else "",
        )
        for warning in (*bridge.settings.warnings, *bridge.keyfile.warnings):
            logger.warning("%s", warning)
        if report.added or report.changed:
            logger.info("configured anew: %s", ", ".join((*report.added, *report.changed)))

    def stop(self, grace: float = GRACE) -> bool:
        """Begin nothing new, and end what runs; requests and pulls at the same time.

        Returns:
            Whether everything ended within the grace.
        """
        deadline = monotonic() + grace
        if self._server is not None:
            self._server.begin_stop(grace)
        finished = self._bridge.scheduler.stop(grace)
        if self._server is not None:
            finished = self._server.wait(max(0.0, deadline - monotonic())) and finished
        if finished:
            self._bridge.close()
        return finished
