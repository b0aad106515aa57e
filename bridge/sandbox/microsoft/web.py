"""The stand-in for Microsoft as routes of the sandbox's application."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox.http import headers, page, root, target, written
from bridge.sandbox.messages import Request
from bridge.sandbox.microsoft import batch
from bridge.sandbox.microsoft.refusals import EntraError
from bridge.sandbox.microsoft.server import Microsoft

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def blueprint(microsoft: Microsoft) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("microsoft", __name__)

    @routes.route("/v1.0/<path:rest>", methods=_METHODS)
    def graph(rest: str) -> ResponseReturnValue:
        whole = Request(request.method, target(), headers(), request.get_data())
        if rest.lower() == "$batch" and request.method == "POST":
            return written(batch.answer(microsoft.world, microsoft.api, whole, root()))
        return written(microsoft.api.answer(whole, root()))

    _pages(routes, microsoft)
    _endpoints(routes, microsoft)
    return routes


def _pages(routes: Blueprint, microsoft: Microsoft) -> None:
    entra, lock = microsoft.entra, microsoft.world.lock

    @routes.route("/<tenant>/oauth2/v2.0/authorize", methods=["GET", "POST"])
    def authorize(tenant: str) -> ResponseReturnValue:
        with lock:
            if request.method == "GET":
                return page(entra.pages.ask(tenant, request.args))
            return page(entra.pages.decide(tenant, request.args, request.form))

    @routes.route("/<tenant>/adminconsent", methods=["GET", "POST"])
    @routes.route("/<tenant>/v2.0/adminconsent", methods=["GET", "POST"])
    def admin(tenant: str) -> ResponseReturnValue:
        with lock:
            form = request.form if request.method == "POST" else None
            return page(entra.pages.admin(tenant, request.args, form))

    @routes.route("/devicelogin", methods=["GET", "POST"])
    def device() -> ResponseReturnValue:
        with lock:
            form = request.form if request.method == "POST" else None
            return page(entra.enter(request.args.get("otc", ""), form))


def _endpoints(routes: Blueprint, microsoft: Microsoft) -> None:
    entra, lock = microsoft.entra, microsoft.world.lock

    @routes.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def metadata(tenant: str) -> ResponseReturnValue:
        with lock:
            return jsonify(entra.metadata(tenant, root()))

    @routes.get("/<tenant>/discovery/v2.0/keys")
    def keys(tenant: str) -> ResponseReturnValue:  # noqa: ARG001 - the same for all
        return jsonify(entra.keys())

    @routes.post("/<tenant>/oauth2/v2.0/token")
    def token(tenant: str) -> ResponseReturnValue:
        with lock:
            sent = request.headers.get("Authorization", "")
            document = entra.token(tenant, request.form, sent)
        return jsonify(document), 200, {"Cache-Control": "no-store"}

    @routes.post("/<tenant>/oauth2/v2.0/devicecode")
    def device_code(tenant: str) -> ResponseReturnValue:
        with lock:
            return jsonify(entra.device(tenant, request.form, root()))

    @routes.errorhandler(EntraError)
    def refused(err: EntraError) -> ResponseReturnValue:
        with lock:
            asked = request.headers.get("client-request-id")
            correlation = asked or microsoft.directory.guid()
            return jsonify(entra.refused(err, correlation)), err.status
