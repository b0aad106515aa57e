"""The stand-in as a server on loopback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from waitress import wasyncore
from waitress.server import create_server

from bridge.sandbox import scenario
from bridge.sandbox.google.person import Person
from bridge.sandbox.google.quotas import Limits
from bridge.sandbox.google.server import Google
from bridge.sandbox.microsoft import scenario as at_microsoft
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.web import application
from bridge.sandbox.world import World, system_clock
from bridge.sandbox.zoom import scenario as at_zoom
from bridge.sandbox.zoom.server import Zoom

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_HOST = "127.0.0.1"
_PATIENCE = 10.0


class Sandbox:
    """A running stand-in; use as a context manager.

    Args:
        document: what is in it, see `bridge.sandbox.scenario`.
        port: 0 for any free one.
        clock: what it takes for the time; `world.advance` moves it on.
        seed: makes what it makes up the same each time.
        limits: requests a minute; None for no limits.
        around: what every request passes before it is answered.
    """

    def __init__(
        self,
        document: dict[str, Any] | None = None,
        *,
        port: int = 0,
        clock: Callable[[], datetime] = system_clock,
        seed: int | None = None,
        limits: Limits | None = None,
        around: Callable[[WSGIApplication], WSGIApplication] = lambda application: application,
    ) -> None:
        self.world = World(clock, seed)
        self.google = Google(self.world, limits)
        self.google.add_client(scenario.CLIENT)
        self.microsoft = Microsoft(self.world)
        self.microsoft.add_client(at_microsoft.client())
        self.zoom = Zoom(self.world)
        for client in at_zoom.clients():
            self.zoom.add_client(client)
        scenario.build(self.google, self.microsoft, self.zoom, document or {})
        # waitress says what a client did wrong as warnings; here that is the point.
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self._map: dict[int, Any] = {}
        # Any: the published stubs are those of an older waitress.
        self._server: Any = create_server(
            around(application(self.google, self.microsoft, self.zoom)),
            map=self._map,
            host=_HOST,
            port=port,
            threads=8,
            ident=None,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._server.effective_port
        return number

    @property
    def url(self) -> str:
        """Its root, without a slash at the end."""
        return f"http://{_HOST}:{self.port}"

    def person(self, email: str) -> Person:
        """Be somebody in front of the web calendar."""
        return self.google.person(email)

    def misbehave(
        self,
        email: str,
        fault: str,
        value: Any = True,  # noqa: FBT002
        times: int | None = None,
    ) -> None:
        """Switch misbehaviour of an account, see `bridge.sandbox.faults`."""
        with self.world.lock:
            self.world.account(email).faults.switch(fault, value, times)

    def behave(self, *emails: str) -> None:
        """Switch all misbehaviour off, of these accounts or of everybody."""
        with self.world.lock:
            for email in emails or self.world.accounts:
                self.world.account(email).faults.clear()

    def access_token(self, email: str, *scopes: str) -> str:
        """Give an access token, as if the person had just agreed; by default to everything."""
        wanted = frozenset(scopes or ("https://www.googleapis.com/auth/calendar",))
        with self.world.lock:
            account = self.world.account(email).email
            return self.google.grants.act(
                account, scenario.CLIENT.id, wanted, may_invite=True
            ).access

    def flush(self) -> None:
        """Return when every notification that is due was posted."""
        self.google.push.flush()
        self.microsoft.push.poster.flush()
        self.zoom.push.poster.flush()

    def __enter__(self) -> Self:
        self._thread.start()
        self.google.start()
        self.microsoft.start()
        self.zoom.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.google.stop()
        self.microsoft.stop()
        self.zoom.stop()
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join(_PATIENCE)
        self._server.task_dispatcher.shutdown(timeout=int(_PATIENCE))
        wasyncore.close_all(self._map, ignore_all=True)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._map, count=1)
