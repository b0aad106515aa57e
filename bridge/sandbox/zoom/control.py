"""Control URLs below /sandbox/zoom/: faults, edits by a host, webhooks, as JSON."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox import switches
from bridge.sandbox.http import body
from bridge.sandbox.world import Json
from bridge.sandbox.zoom import push, scenario, shown, times
from bridge.sandbox.zoom.editing import Editor
from bridge.sandbox.zoom.errors import ZoomError
from bridge.sandbox.zoom.faults import FAULTS
from bridge.sandbox.zoom.server import Zoom


def blueprint(zoom: Zoom) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("zoom-control", __name__, url_prefix="/sandbox/zoom")
    directory = zoom.directory
    switches.add(routes, zoom.world, FAULTS, lambda email: directory.user(email).faults)
    _directory(routes, zoom)
    _meetings(routes, zoom)

    @routes.errorhandler(ZoomError)
    def as_zoom(err: ZoomError) -> ResponseReturnValue:
        return jsonify(err.document()), err.status

    return routes


def _directory(routes: Blueprint, zoom: Zoom) -> None:
    lock = zoom.world.lock

    @routes.post("/accounts")
    def add_account() -> ResponseReturnValue:
        with lock:
            user = scenario.add_account(zoom, body())
            return jsonify(id=user.id, email=user.email, account_id=user.account), 201

    @routes.post("/clients")
    def add_client() -> ResponseReturnValue:
        return jsonify(id=scenario.add_client(zoom, body()).id), 201

    @routes.route("/clients/<client>/webhook", methods=["PUT", "DELETE"])
    def webhook(client: str) -> ResponseReturnValue:
        """Have a program told, once its address has answered the challenge; or no more."""
        wanted = push.webhook(body()) if request.method == "PUT" else None
        zoom.subscribe(client, wanted)
        return "", 204

    @routes.post("/accounts/<email>/revoke")
    def revoke(email: str) -> ResponseReturnValue:
        """Remove the programs that the person let in, or the one that `client_id` names."""
        with lock:
            user = zoom.directory.user(email)
            for grant in zoom.grants.of(user):
                if grant.client == body().get("client_id", grant.client):
                    zoom.deauthorize(user, grant.client)
        return "", 204


def _meetings(routes: Blueprint, zoom: Zoom) -> None:
    """Edits by a host, with bodies as the API has them."""
    lock = zoom.world.lock

    @routes.get("/accounts/<email>/meetings")
    def every(email: str) -> ResponseReturnValue:
        """Show the meetings, with all that there is to know."""
        with lock:
            user = zoom.directory.user(email)
            return jsonify([shown.whole(user, each, 0.0) for each in user.meetings.values()])

    @routes.get("/accounts/<email>/deeds")
    def deeds(email: str) -> ResponseReturnValue:
        """Show what was ever done to the meetings, and by which program."""
        made: list[Json] = [
            {**each._asdict(), "when": times.written(each.when)}
            for each in zoom.person(email).deeds()
        ]
        return jsonify(made)

    @routes.post("/accounts/<email>/meetings")
    def create(email: str) -> ResponseReturnValue:
        with lock:
            user = zoom.directory.user(email)
            return jsonify(id=Editor(zoom.directory, user).create(body()).id), 201

    @routes.patch("/accounts/<email>/meetings/<int:meeting>")
    def change(email: str, meeting: int) -> ResponseReturnValue:
        """Change a meeting, or the occurrence that the query names."""
        zoom.person(email).change(meeting, request.args.get("occurrence_id", ""), **body())
        return "", 204

    @routes.delete("/accounts/<email>/meetings/<int:meeting>")
    def delete(email: str, meeting: int) -> ResponseReturnValue:
        zoom.person(email).delete(meeting, request.args.get("occurrence_id", ""))
        return "", 204

    @routes.post("/accounts/<email>/meetings/<int:meeting>/<any(begin, end):what>")
    def attend(email: str, meeting: int, what: str) -> ResponseReturnValue:
        """Begin a meeting, or end it."""
        person = zoom.person(email)
        (person.begin if what == "begin" else person.end)(meeting)
        return "", 204
