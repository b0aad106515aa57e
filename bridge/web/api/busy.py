"""Busy time of one resource, and of many at once."""

from __future__ import annotations

import json

from flask import Response, g

from bridge.access import Scope, authorize
from bridge.access.directory import Entry
from bridge.errors import BeyondHorizon, NotReadYet
from bridge.model.interval import Window, rfc3339
from bridge.model.resource import Access, Projection
from bridge.publish.outlook import View
from bridge.store.database import Transaction
from bridge.web.api.models import Busy, BusyQuery, FreeBusyAnswer, FreeBusyRequest, ResourcePath
from bridge.web.api.routes import Routes, asking
from bridge.web.context import WebContext
from bridge.web.documents import busy_json, freshness_json, periods_json
from bridge.web.problem import Problem, nothing_known
from bridge.web.reading import Reader, Shape

MOST_PERIODS = 50_000
"""Periods in one answer to POST /free-busy; about 100 ms of work."""
_JSON = "application/json"
_TOO_MANY = "too_many_periods"


class BusyRoutes:
    """Reading busy time."""

    def __init__(self, context: WebContext, reader: Reader) -> None:
        self._context = context
        self._reader = reader

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        scope = Scope.BUSY_READ
        path = "/resources/<resource_id>/busy"
        routes.add("GET", path, self.get_busy, scope=scope, answer=Busy)
        routes.add(
            "POST",
            "/free-busy",
            self.post_free_busy,
            scope=scope,
            answer=FreeBusyAnswer,
            reads=True,
        )

    def get_busy(self, path: ResourcePath, query: BusyQuery) -> Response:
        """Busy time of a resource.

        Supports If-None-Match. Ask only for what is known: a window that leaves the horizon is
        answered with 422 `beyond_horizon`, since nothing beyond it may be called free.
        """
        entry = self._find(path.resource_id)
        if query.sync:
            self._reader.refresh([entry.plan.id])
        with self._context.database.read() as conn:
            view = self._look(conn, entry, query.window)
            reply = self._reader.answer(
                asking(),
                view,
                Shape(query.window, _JSON, weak=True),
                lambda: busy_json(
                    entry.plan.id,
                    query.window,
                    self._context.publisher.periods(conn, entry.plan.id, query.window),
                    view.freshness,
                ),
            )
        return Response(reply.body, reply.status, reply.headers)

    def post_free_busy(self, body: FreeBusyRequest) -> Response:
        """Busy time of many resources in one window.

        A resource that cannot be answered has an `error` of its own; the others are not harmed.
        """
        parts: list[str] = []
        left = MOST_PERIODS
        with self._context.database.read() as conn:
            for name in body.resources:
                try:
                    text, left = self._one_of_many(conn, name, body.window, left)
                except (Problem, NotReadYet, BeyondHorizon) as err:
                    problem = err if isinstance(err, Problem) else nothing_known(err)
                    error = {"code": problem.code, "message": problem.detail}
                    text = f'"error":{json.dumps(error)}'
                    if problem.code == _TOO_MANY:
                        left = 0  # what follows is not even read
                parts.append(f'{{"resource_id":{json.dumps(name)},{text}}}')
        document = (
            f'{{"start":"{rfc3339(body.start)}","end":"{rfc3339(body.end)}",'
            f'"resources":[{",".join(parts)}]}}'
        )
        return Response(document, 200, [("Cache-Control", "no-store")], content_type=_JSON)

    def _one_of_many(
        self, conn: Transaction, name: str, window: Window, left: int
    ) -> tuple[str, int]:
        """Write one resource's part, and return how many periods the others may have."""
        view = self._look(conn, self._find(name), window)
        periods = self._context.publisher.periods(conn, view.entry.plan.id, window) if left else []
        if not left or len(periods) > left:
            raise Problem(422, _TOO_MANY, "Ask for fewer resources or a shorter window.")
        text = f'"periods":{periods_json(periods)},"freshness":{freshness_json(view.freshness)}'
        return text, left - len(periods)

    def _find(self, name: str) -> Entry:
        """Find a resource that the key may read; others are as if they did not exist (T49)."""
        entry = self._reader.directory.find(name)
        if entry is None or not authorize(g.principal, entry.plan.id, Access.FREE_BUSY):
            raise _unknown()
        return entry

    def _look(self, conn: Transaction, entry: Entry, window: Window) -> View:
        view = self._reader.look(conn, entry, Projection.TIMES)
        known = view.state.horizon
        if window.start < known.start or window.end > known.end:
            raise BeyondHorizon(known)
        return view


def _unknown() -> Problem:
    return Problem(404, "resource_not_found", "No such resource, or none that this key may read.")
