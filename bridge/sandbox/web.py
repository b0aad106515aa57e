"""The stand-in as a WSGI application: routes that hand over to what answers."""

from __future__ import annotations

import logging
from email.utils import format_datetime

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox import control, desk, pages
from bridge.sandbox.google import batch
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.grants import OAuthError
from bridge.sandbox.google.server import Google
from bridge.sandbox.html import POLICY
from bridge.sandbox.http import headers, page, root, target, written
from bridge.sandbox.messages import Request
from bridge.sandbox.microsoft import control as microsoft_control
from bridge.sandbox.microsoft import pages as microsoft_pages
from bridge.sandbox.microsoft import web as microsoft_web
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.routing import ROUTES
from bridge.sandbox.world import Unknown
from bridge.sandbox.zoom import control as zoom_control
from bridge.sandbox.zoom import pages as zoom_pages
from bridge.sandbox.zoom import web as zoom_web
from bridge.sandbox.zoom.server import Zoom

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_LARGEST = 4 << 20


def application(google: Google, microsoft: Microsoft, zoom: Zoom) -> Flask:
    """Make the application."""
    app = Flask("busybridge-sandbox", static_folder=None)
    app.url_map = ROUTES
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST
    app.logger.setLevel(logging.ERROR)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _api(app, google)
    _oauth(app, google)
    _pages(app, google, microsoft, zoom)
    app.register_blueprint(microsoft_web.blueprint(microsoft))
    app.register_blueprint(microsoft_control.blueprint(microsoft))
    app.register_blueprint(zoom_web.blueprint(zoom))
    app.register_blueprint(zoom_control.blueprint(zoom))
    app.register_blueprint(control.blueprint(google, microsoft, zoom))
    app.register_blueprint(desk.blueprint(google))

    @app.after_request
    def guard(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = POLICY
        # Of the world's clock, which may be set: else the answer contradicts itself.
        response.headers.setdefault("Date", format_datetime(google.world.now, usegmt=True))
        return response

    return app


def _api(app: Flask, google: Google) -> None:
    @app.route("/calendar/v3/<path:rest>", methods=_METHODS)
    def api(rest: str) -> ResponseReturnValue:  # noqa: ARG001 - `target` has it, still encoded
        return written(
            google.api.answer(Request(request.method, target(), headers(), request.get_data()))
        )

    @app.post("/batch/calendar/v3")
    def many() -> ResponseReturnValue:
        try:
            return written(batch.answer(google.world, google.api, headers(), request.get_data()))
        except ApiError as err:
            return jsonify(err.document()), err.status


def _oauth(app: Flask, google: Google) -> None:
    oauth, lock = google.oauth, google.world.lock

    @app.get("/o/oauth2/v2/auth")
    def ask() -> ResponseReturnValue:
        with lock:
            return page(oauth.ask(request.args, root()))

    @app.post("/o/oauth2/v2/auth")
    def decide() -> ResponseReturnValue:
        with lock:
            form = list(request.form.items(multi=True))
            return page(oauth.decide(request.args, form, root()))

    @app.post("/token")
    def token() -> ResponseReturnValue:
        with lock:
            document = oauth.token(request.form, request.headers.get("Authorization", ""), root())
        return jsonify(document), 200, {"Cache-Control": "no-store"}

    @app.post("/revoke")
    def revoke() -> ResponseReturnValue:
        with lock:
            google.grants.revoke(request.values.get("token", ""))
        return jsonify({})

    @app.get("/oauth2/v3/userinfo")
    def userinfo() -> ResponseReturnValue:
        with lock:
            return jsonify(oauth.userinfo(request.headers.get("Authorization", "")))

    @app.get("/oauth2/v3/certs")
    def certs() -> ResponseReturnValue:
        return jsonify(oauth.keys())

    @app.errorhandler(OAuthError)
    def refused(err: OAuthError) -> ResponseReturnValue:
        return jsonify(error=err.error, error_description=err.description), err.status


def _pages(app: Flask, google: Google, microsoft: Microsoft, zoom: Zoom) -> None:
    @app.get("/")
    def index() -> ResponseReturnValue:
        with google.world.lock:
            more = microsoft_pages.section(microsoft, root())
            return pages.index(google, root(), more + zoom_pages.section(zoom, root()))

    @app.get("/accounts/<email>")
    def account(email: str) -> ResponseReturnValue:
        with google.world.lock:
            return pages.account(google, google.world.account(email))

    @app.get("/microsoft/accounts/<email>")
    def microsoft_account(email: str) -> ResponseReturnValue:
        with google.world.lock:
            return microsoft_pages.account(microsoft, microsoft.directory.mailbox(email))

    @app.get("/zoom/accounts/<email>")
    def zoom_account(email: str) -> ResponseReturnValue:
        with google.world.lock:
            return zoom_pages.account(zoom, zoom.directory.user(email))

    @app.errorhandler(Unknown)
    def nobody(err: Unknown) -> ResponseReturnValue:
        return str(err), 404, {"Content-Type": "text/plain; charset=utf-8"}
