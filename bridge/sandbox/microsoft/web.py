"""The stand-in for Microsoft as routes of the sandbox's application."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from bridge.sandbox.http import headers, root, target, written
from bridge.sandbox.messages import Request
from bridge.sandbox.microsoft.server import Microsoft

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def blueprint(microsoft: Microsoft) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("microsoft", __name__)

    @routes.route("/v1.0/<path:rest>", methods=_METHODS)
    def graph(rest: str) -> ResponseReturnValue:  # noqa: ARG001 - `target` has it, still encoded
        whole = Request(request.method, target(), headers(), request.get_data())
        return written(microsoft.api.answer(whole, root()))

    return routes
