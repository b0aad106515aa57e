"""The stand-in for Zoom as routes of the sandbox's application."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox.http import headers, page, root, target, written
from bridge.sandbox.messages import Answer, Request
from bridge.sandbox.zoom.grants import AnswerLost, OAuthError
from bridge.sandbox.zoom.server import Zoom

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def blueprint(zoom: Zoom) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("zoom", __name__)
    oauth, lock = zoom.oauth, zoom.world.lock

    @routes.route("/v2/<path:rest>", methods=_METHODS)
    def api(rest: str) -> ResponseReturnValue:  # noqa: ARG001 - `target` has it, still encoded
        return written(
            zoom.api.answer(Request(request.method, target(), headers(), request.get_data()))
        )

    @routes.get("/oauth/authorize")
    def ask() -> ResponseReturnValue:
        with lock:
            return page(oauth.ask(request.args))

    @routes.post("/oauth/authorize")
    def decide() -> ResponseReturnValue:
        with lock:
            return page(oauth.decide(request.args, request.form))

    @routes.post("/oauth/token")
    def token() -> ResponseReturnValue:
        sent = request.headers.get("Authorization", "")
        with lock:
            document = oauth.token(request.args, request.form, sent, root())
        return jsonify(document), 200, {"Cache-Control": "no-store"}

    @routes.post("/oauth/revoke")
    def revoke() -> ResponseReturnValue:
        with lock:
            return jsonify(oauth.revoke(request.form, request.headers.get("Authorization", "")))

    @routes.errorhandler(OAuthError)
    def refused(err: OAuthError) -> ResponseReturnValue:
        return jsonify(reason=err.reason, error=err.error), err.status

    @routes.errorhandler(AnswerLost)
    def lost(_err: AnswerLost) -> ResponseReturnValue:
        return written(Answer(200, is_lost=True))

    return routes
