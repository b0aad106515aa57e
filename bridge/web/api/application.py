"""The Flask application of the API: keys, scopes, errors, and the document that describes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, g, request
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError
from pydantic_core import from_json
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed

from bridge import __version__
from bridge.access.credentials import read_bearer
from bridge.access.principal import acting_for
from bridge.config.wording import plain
from bridge.web.api import docs
from bridge.web.api.accounts import AccountRoutes
from bridge.web.api.bookings import BookingRoutes
from bridge.web.api.busy import BusyRoutes
from bridge.web.api.calendars import CalendarRoutes
from bridge.web.api.conflicts import ConflictRoutes
from bridge.web.api.connections import ConnectionRoutes
from bridge.web.api.models import ProblemModel
from bridge.web.api.once import Once
from bridge.web.api.providers import ProviderRoutes
from bridge.web.api.raw import RawRoutes
from bridge.web.api.resources import ResourceRoutes
from bridge.web.api.routes import ACTING, Routes, asking
from bridge.web.api.selection import SelectionRoutes
from bridge.web.api.syncing import SyncRoutes
from bridge.web.context import WebContext
from bridge.web.exchange import Reply, Request
from bridge.web.mounted import call
from bridge.web.problem import MEDIA_TYPE, Problem, method_not_allowed, not_found
from bridge.web.reading import Reader

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_CODES = {400: "invalid_request", 415: "not_json"}


class Api:
    """Answers everything below `/api`."""

    def __init__(self, context: WebContext, reader: Reader) -> None:
        self._context = context
        self.app = _make_app()
        self.routes = Routes(self.app, Once(context).answer)
        BusyRoutes(context, reader).register(self.routes)
        ProviderRoutes(context).register(self.routes)
        ConnectionRoutes(context).register(self.routes)
        ResourceRoutes(context).register(self.routes)
        accounts = AccountRoutes(context)
        accounts.register(self.routes)
        SelectionRoutes(context, accounts).register(self.routes)
        CalendarRoutes(context).register(self.routes)
        RawRoutes(context).register(self.routes)
        SyncRoutes(context, reader).register(self.routes)
        ConflictRoutes(context, reader).register(self.routes)
        BookingRoutes(context).register(self.routes)
        docs.register(self.routes, _make_app)
        self.routes.close()
        self.app.before_request(self._admit)

    def answer(self, request: Request) -> Reply:
        """Answer one request; a body that is left out counts as `{}`."""
        if request.method in _WITH_BODY and not request.body:
            environ = request.environ
            if not environ.get("CONTENT_TYPE"):
                filled = {**environ, "CONTENT_TYPE": "application/json"}
                request = replace(request, environ=filled, body=b"{}")
        return call(self.app, request)

    def _admit(self) -> None:
        """Let in whoever has a key with the route's scope; Basic never does (INTERFACE section 1).

        Raises:
            Problem: 401 without a good key, 403 without the scope, 415 or 400 for a bad body.
        """
        if request.endpoint is None:
            return  # Flask answers 404 or 405
        scope = self.routes.scope(request.endpoint)
        if scope is not None:
            token = read_bearer(request.headers.get("Authorization"))
            principal = self._context.gate.key(token, asking().now) if token is not None else None
            if principal is None:
                raise Problem(
                    401,
                    "key_required",
                    "Send an API key as Authorization: Bearer; make one: busybridge keys create"
                    if token is None
                    else "There is no such API key any more; `busybridge keys list` shows those "
                    "that there are.",
                    headers=[("WWW-Authenticate", 'Bearer realm="BusyBridge"')],
                )
            if scope.value not in principal.scopes:
                raise Problem(403, "access_denied", f"The key lacks the scope {scope.value}.")
            acting = asking().header(ACTING)
            g.principal = principal if acting is None else acting_for(principal, acting)
        if request.method in _WITH_BODY:
            if not request.is_json:
                raise Problem(415, "not_json", "Send the body as application/json.")
            try:
                request.get_json()
            except BadRequest as err:
                raise Problem(400, "invalid_request", "The body is not JSON.") from err


class _Json(DefaultJSONProvider):
    """JSON without the traps of the standard parser: bounded depth, no NaN."""

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return from_json(s, allow_inf_nan=False)


class _Application(OpenAPI):
    json_provider_class = _Json


def _make_app() -> OpenAPI:
    problem = {
        "description": "Problem details (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemModel"}}},
    }
    app = _Application(
        "busybridge",
        info=Info(title="BusyBridge", version=__version__, description="API version 1"),
        security_schemes={"key": {"type": "http", "scheme": "bearer"}},
        responses={"4XX": dict(problem), "5XX": dict(problem), "422": dict(problem)},
        validation_error_model=ProblemModel,
        validation_error_callback=_invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["PROPAGATE_EXCEPTIONS"] = True  # the dispatcher answers what is not a Problem
    # No redirect to a tidier path: its target would be made of the Host that a stranger sent.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False
    app.register_error_handler(Problem, _response)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _response(problem: Problem) -> Response:
    reply = problem.reply()
    return Response(reply.body, reply.status, reply.headers)


def _invalid(err: ValidationError) -> Response:
    errors = [
        {"field": ".".join(map(str, each["loc"])) or "body", "message": plain(each)}
        for each in err.errors(include_url=False)
    ]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors[:5])
    return _response(Problem(422, "invalid_request", detail, errors=errors[:50]))


def _http_error(err: HTTPException) -> Response | HTTPException:
    if err.response is not None:
        return err  # made by `_invalid`
    status = err.code or 500
    methods = err.valid_methods if isinstance(err, MethodNotAllowed) else None
    if methods:
        return _response(method_not_allowed(sorted(methods)))
    if status == 404:
        return _response(not_found())
    return _response(Problem(status, _CODES.get(status, "invalid_request"), err.description or ""))
