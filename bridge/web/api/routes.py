"""Registering routes: each says which scope it needs, or that it is open to everybody.

A route without either does not get as far as a running server: `close` refuses it (T59).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from typing import Final, TypeAlias

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel

from bridge.access import Scope
from bridge.web.exchange import Request

PREFIX = "/api/v1"
ACTING = "X-BusyBridge-Resource"
"""Header that narrows a request to one resource."""
Answering: TypeAlias = Callable[[Callable[[], Response]], Response]


def asking() -> Request:
    """Return the request that is being answered, as the dispatcher took it in."""
    taken_in: Request = request.environ["busybridge.request"]
    return taken_in


class Routes:
    """The routes of one application."""

    def __init__(self, app: OpenAPI, once: Answering) -> None:
        """Begin with none; `once` answers what changes something, by the view or from memory."""
        self.app: Final = app
        self._once = once
        self._scopes: dict[str, Scope | None] = {}
        self._described: list[Callable[[OpenAPI], None]] = []
        self.repeatable: Final[set[str]] = set()
        """Paths whose POST is done once for each Idempotency-Key, as the document writes them."""

    def add(  # noqa: PLR0913 - most are named
        self,
        method: str,
        path: str,
        view: Callable[..., Response],
        *,
        scope: Scope,
        answer: type[BaseModel],
        status: Sequence[int] = (200,),
        reads: bool = False,
    ) -> None:
        """Add a route that needs a key with `scope`; its docstring becomes its description.

        Args:
            method: of HTTP.
            path: behind `PREFIX`.
            view: takes `path`, `query` and `body` as it names them.
            scope: what the key has to be for.
            answer: what a success looks like.
            status: with which it comes.
            reads: a POST that changes nothing; it may be done as often as it comes.
        """
        self._scopes[view.__name__] = scope
        repeatable = method == "POST" and not reads
        if repeatable:
            self.repeatable.add(PREFIX + path.replace("<", "{").replace(">", "}"))
        summary, _, description = (inspect.getdoc(view) or "").partition("\n")

        @wraps(view)
        def called(**given: object) -> Response:  # methods take no attributes, which Flask sets
            if not repeatable:
                return view(**given)
            return self._once(lambda: view(**given))

        def register(app: OpenAPI, *, described: bool) -> None:
            getattr(app, method.lower())(
                PREFIX + path,
                endpoint=view.__name__,
                summary=summary,
                description=" ".join(description.split()),
                responses=dict.fromkeys(status, answer),
                security=[{"key": [scope.value]}],
                doc_ui=described,
            )(called)

        # Describing them all takes longer than the rest of a start, and few ever read it.
        register(self.app, described=False)
        self._described.append(partial(register, described=True))

    def open(self, path: str, view: Callable[[], Response]) -> None:
        """Add a route for everybody; it stands in no document."""
        self._scopes[view.__name__] = None
        self.app.add_url_rule(PREFIX + path, endpoint=view.__name__, view_func=view)

    def describe(self, app: OpenAPI) -> OpenAPI:
        """Add to another application, which answers nobody, what its document has to say."""
        for add in self._described:
            add(app)
        return app

    def scope(self, endpoint: str) -> Scope | None:
        """Return the scope that a route needs; None when it is open."""
        return self._scopes[endpoint]

    def close(self) -> None:
        """Refuse an application that has a route of unknown scope.

        Raises:
            RuntimeError: naming the routes.
        """
        unknown = {rule.endpoint for rule in self.app.url_map.iter_rules()} - set(self._scopes)
        if unknown:
            raise RuntimeError(f"routes without a scope: {', '.join(sorted(unknown))}")

    def __iter__(self) -> Iterator[tuple[str, str, Scope | None]]:
        """Iterate over (method, path, scope)."""
        for rule in self.app.url_map.iter_rules():
            for method in sorted(rule.methods or ()):
                yield method, rule.rule, self._scopes[rule.endpoint]
