"""Control URLs below /sandbox/: faults, edits by a person, the clock, all as JSON.

A body has to be declared as JSON, which a foreign web page cannot do without being asked first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox import scenario, switches
from bridge.sandbox.faults import FAULTS
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.server import Google
from bridge.sandbox.google.times import Json
from bridge.sandbox.http import body
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.world import Calendar
from bridge.sandbox.zoom.server import Zoom


def blueprint(google: Google, microsoft: Microsoft, zoom: Zoom) -> Blueprint:
    """Make the routes over one world."""
    routes = Blueprint("control", __name__, url_prefix="/sandbox")
    world = google.world
    switches.add(routes, world, FAULTS, lambda email: world.account(email).faults)
    _world(routes, google)
    _people(routes, google)
    _flush(routes, google, microsoft, zoom)
    _events(routes, google)
    routes.register_error_handler(ApiError, _as_google)
    return routes


def _world(routes: Blueprint, google: Google) -> None:
    world = google.world

    @routes.post("/accounts")
    def add_account() -> ResponseReturnValue:
        with world.lock:
            return jsonify(email=scenario.add_account(google, body()).email), 201

    @routes.post("/rooms")
    def add_room() -> ResponseReturnValue:
        with world.lock:
            return jsonify(id=scenario.add_room(google, body()).id), 201

    @routes.post("/clients")
    def add_client() -> ResponseReturnValue:
        return jsonify(id=scenario.add_client(google, body()).id), 201

    @routes.post("/service-accounts")
    def add_service_account() -> ResponseReturnValue:
        with world.lock:
            return jsonify(email=scenario.add_service_account(google, body()).email), 201

    @routes.get("/service-accounts/<email>")
    def key_file(email: str) -> ResponseReturnValue:
        """The JSON file that the owner of a service account downloads."""
        with world.lock:
            account = google.services.get(email)
        return jsonify(account.file(f"{request.host_url}token"))

    @routes.get("/mail")
    def mail() -> ResponseReturnValue:
        """What would have been sent to guests."""
        with world.lock:
            every = [{**asdict(each), "when": each.when.isoformat()} for each in world.mail]
        return jsonify(every)

    @routes.post("/clock")
    def clock() -> ResponseReturnValue:
        """Let `advance` seconds pass."""
        with world.lock:
            world.advance(timedelta(seconds=float(body()["advance"])))
            return jsonify(now=world.now.isoformat())


def _people(routes: Blueprint, google: Google) -> None:
    world = google.world

    @routes.post("/accounts/<email>/revoke")
    def revoke(email: str) -> ResponseReturnValue:
        """Take back what was allowed to programs."""
        with google.world.lock:
            for grant in google.grants.of(google.world.account(email).email):
                google.grants.end(grant)
        return "", 204

    @routes.post("/calendars/<calendar>/share")
    def share(calendar: str) -> ResponseReturnValue:
        """Give `email` a `role`."""
        with world.lock:
            given = body()
            world.share(world.calendar(calendar), given["email"], given["role"])
        return "", 204


def _flush(routes: Blueprint, google: Google, microsoft: Microsoft, zoom: Zoom) -> None:
    @routes.post("/flush")
    def flush() -> ResponseReturnValue:
        """Wait until every notification that is due was posted."""
        google.push.flush()
        microsoft.push.poster.flush()
        zoom.push.poster.flush()
        return "", 204


def _events(routes: Blueprint, google: Google) -> None:
    """Edits by the calendar's owner, with bodies as the Calendar API has them."""
    world = google.world

    def edited(calendar: str, edit: Callable[[Editor], Any]) -> Any:
        with world.lock:
            there: Calendar = world.calendar(calendar)
            return edit(Editor(world, there, there.owner, updates="all", conference=True))

    @routes.post("/calendars/<calendar>/events")
    def create(calendar: str) -> ResponseReturnValue:
        made: Json = edited(calendar, lambda editor: editor.insert(body()).event)
        return jsonify(made), 201

    @routes.patch("/calendars/<calendar>/events/<event>")
    def change(calendar: str, event: str) -> ResponseReturnValue:
        made: Json = edited(calendar, lambda editor: editor.patch(event, body()).event)
        return jsonify(made)

    @routes.delete("/calendars/<calendar>/events/<event>")
    def delete(calendar: str, event: str) -> ResponseReturnValue:
        edited(calendar, lambda editor: editor.delete(event))
        return "", 204

    @routes.post("/calendars/<calendar>/events/<event>/answer")
    def answer(calendar: str, event: str) -> ResponseReturnValue:
        """Answer an invitation: `response` is accepted, tentative or declined."""
        owner = world.calendar(calendar).owner
        google.person(owner).answer(event, body()["response"], calendar=calendar)
        return "", 204


def _as_google(err: Exception) -> ResponseReturnValue:
    assert isinstance(err, ApiError)  # noqa: S101 - for the type checker
    return jsonify(err.document()), err.status
