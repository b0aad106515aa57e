"""Operation: whether the process lives, whether it may get traffic, and its figures."""

from __future__ import annotations

import json

from bridge.errors import StoreError
from bridge.model.resource import ConnectionStatus
from bridge.store import connections, migrations
from bridge.web.context import WebContext
from bridge.web.exchange import Reply, Request
from bridge.web.figures import StoreFigures
from bridge.web.metrics import CONTENT_TYPE
from bridge.web.problem import Problem, not_found

_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


class Health:
    """Answers `/healthz`, `/readyz` and `/metrics`."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._first_pulls_tried = False
        context.metrics.register(StoreFigures(context))

    def alive(self, request: Request) -> Reply:
        """Say that requests are answered; looks at nothing else, so that it never fails with it."""
        _only(request, "/healthz")
        return Reply(200, list(_HEADERS), b'{"status":"ok"}')

    def ready(self, request: Request) -> Reply:
        """Say whether the answers can be relied on: 200, or 503 with every reason why not.

        Ready means that the engine runs, that the database is there with the schema of this
        version, and that every connection was tried once since the database was made; what became
        of it shows in status and freshness, not here.
        """
        _only(request, "/readyz")
        reasons = self._reasons()
        status = "ready" if not reasons else "not_ready"
        document = json.dumps({"status": status, "reasons": reasons})
        return Reply(503 if reasons else 200, list(_HEADERS), document.encode())

    def metrics(self, request: Request) -> Reply:
        """Give the figures to the networks that may read them."""
        _only(request, "/metrics")
        settings = self._context.live.current.metrics
        if not settings.enabled:
            raise not_found()
        if not request.client.is_in(settings.allow_networks):
            raise Problem(403, "access_denied", "metrics.allow_networks does not list you.")
        return Reply(
            200,
            [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")],
            self._context.metrics.render(),
        )

    def _reasons(self) -> list[str]:
        database = self._context.database
        try:
            if database.revision() != migrations.HEAD:
                return ["schema"]
            if not self._first_pulls_tried:
                with database.read() as conn:
                    self._first_pulls_tried = all(
                        row.attempt_at is not None or row.status is not ConnectionStatus.ACTIVE
                        for row in connections.every(conn)
                    )
        except StoreError:
            return ["database"]
        if not self._context.engine.alive:
            return ["engine"]
        return [] if self._first_pulls_tried else ["first_pulls"]


def _only(request: Request, path: str) -> None:
    if request.path != path:
        raise not_found()
