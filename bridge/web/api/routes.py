"""Registering routes: each says which scope it needs, or that it is open to everybody.

A route without either does not get as far as a running server: `close` refuses it (T59).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Final

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel

from bridge.access import Scope
from bridge.web.exchange import Request

PREFIX = "/api/v1"


def asking() -> Request:
    """Return the request that is being answered, as the dispatcher took it in."""
    taken_in: Request = request.environ["busybridge.request"]
    return taken_in


class Routes:
    """The routes of one application."""

    def __init__(self, app: OpenAPI) -> None:
        self.app: Final = app
        self._scopes: dict[str, Scope | None] = {}

    def add(
        self,
        method: str,
        path: str,
        view: Callable[..., Response],
        *,
        scope: Scope,
        answer: type[BaseModel],
        status: Sequence[int] = (200,),
    ) -> None:
        """Add a route that needs a key with `scope`; its docstring becomes its description.

        Args:
            method: of HTTP.
            path: behind `PREFIX`.
            view: takes `path`, `query` and `body` as it names them.
            scope: what the key has to be for.
            answer: what a success looks like.
            status: with which it comes.
        """
        self._scopes[view.__name__] = scope
        summary, _, description = (inspect.getdoc(view) or "").partition("\n")

        @wraps(view)
        def called(**given: object) -> Response:  # methods take no attributes, which Flask sets
            return view(**given)

        register = getattr(self.app, method.lower())
        register(
            PREFIX + path,
            endpoint=view.__name__,
            summary=summary,
            description=" ".join(description.split()),
            responses=dict.fromkeys(status, answer),
            security=[{"key": [scope.value]}],
        )(called)

    def open(self, path: str, view: Callable[[], Response]) -> None:
        """Add a route for everybody; it stands in no document."""
        self._scopes[view.__name__] = None
        self.app.add_url_rule(PREFIX + path, endpoint=view.__name__, view_func=view)

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
