"""Control URLs below /sandbox/microsoft/: faults, edits by a person, lifecycle events, as JSON."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox import switches
from bridge.sandbox.http import body
from bridge.sandbox.microsoft import scenario
from bridge.sandbox.microsoft.editing import Editor
from bridge.sandbox.microsoft.errors import GraphError, not_found
from bridge.sandbox.microsoft.faults import FAULTS
from bridge.sandbox.microsoft.mailbox import Found, event_id
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.world import Unknown


def blueprint(microsoft: Microsoft) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("microsoft-control", __name__, url_prefix="/sandbox/microsoft")
    directory = microsoft.directory
    switches.add(routes, microsoft.world, FAULTS, lambda email: directory.mailbox(email).faults)
    _directory(routes, microsoft)
    _mailbox(routes, microsoft)
    _events(routes, microsoft)

    @routes.errorhandler(GraphError)
    def as_graph(err: GraphError) -> ResponseReturnValue:
        return jsonify(error={"code": err.code, "message": err.message}), err.status

    return routes


def _directory(routes: Blueprint, microsoft: Microsoft) -> None:
    lock = microsoft.world.lock

    @routes.post("/tenants")
    def add_tenant() -> ResponseReturnValue:
        with lock:
            return jsonify(id=scenario.add_tenant(microsoft, body())), 201

    @routes.post("/accounts")
    def add_account() -> ResponseReturnValue:
        with lock:
            box = scenario.add_account(microsoft, body())
            return jsonify(id=box.id, email=box.email, tenant=box.tenant), 201

    @routes.post("/clients")
    def add_client() -> ResponseReturnValue:
        return jsonify(id=scenario.add_client(microsoft, body()).id), 201


def _mailbox(routes: Blueprint, microsoft: Microsoft) -> None:
    directory, lock = microsoft.directory, microsoft.world.lock

    @routes.post("/accounts/<email>/calendars")
    def add_calendar(email: str) -> ResponseReturnValue:
        with lock:
            return jsonify(id=directory.add_calendar(directory.mailbox(email), body()["name"]).id)

    @routes.post("/accounts/<email>/share")
    def share(email: str) -> ResponseReturnValue:
        """Give `email` a `role` in a `calendar`, or in the first one."""
        given = body()
        person = microsoft.person(email)
        person.share(given["email"], given["role"], calendar=given.get("calendar", ""))
        return "", 204

    @routes.post("/accounts/<email>/lifecycle")
    def lifecycle(email: str) -> ResponseReturnValue:
        """Send an `event` to what is subscribed."""
        microsoft.tell(email, body()["event"])
        return "", 204

    @routes.post("/accounts/<email>/revoke")
    def revoke(email: str) -> ResponseReturnValue:
        """Take back what was allowed to programs."""
        with lock:
            microsoft.grants.revoke(directory.mailbox(email))
        return "", 204


def _events(routes: Blueprint, microsoft: Microsoft) -> None:
    """Edits by the owner of a mailbox, with bodies as Graph has them."""
    directory, lock = microsoft.directory, microsoft.world.lock

    def edited(email: str, name: str, edit: Callable[[Editor, Found], None]) -> None:
        with lock:
            box = directory.mailbox(email)
            found = box.find(name)
            if found is None:
                raise not_found()
            edit(Editor(directory, box), found)

    @routes.post("/accounts/<email>/events")
    def create(email: str) -> ResponseReturnValue:
        """Create an event in the calendar that the query names, or in the first one."""
        with lock:
            box = directory.mailbox(email)
            name = request.args.get("calendar", box.default.id)
            if name not in box.calendars:
                raise Unknown(f"no calendar {name}")
            calendar = box.calendars[name]
            item = Editor(directory, box).create(calendar, body())
            return jsonify(id=event_id(calendar, item, None, immutable=True)), 201

    @routes.patch("/accounts/<email>/events/<event>")
    def change(email: str, event: str) -> ResponseReturnValue:
        edited(email, event, lambda editor, found: editor.patch(found, body()))
        return "", 204

    @routes.delete("/accounts/<email>/events/<event>")
    def delete(email: str, event: str) -> ResponseReturnValue:
        edited(email, event, lambda editor, found: editor.delete(found))
        return "", 204

    @routes.post("/accounts/<email>/events/<event>/answer")
    def answer(email: str, event: str) -> ResponseReturnValue:
        """Answer an invitation: `response` is accepted, tentativelyAccepted or declined."""
        response = body()["response"]
        if response not in ("accepted", "tentativelyAccepted", "declined"):
            raise ValueError(f"{response!r}: there are accepted, tentativelyAccepted, declined")
        edited(email, event, lambda editor, found: editor.respond(found, response))
        return "", 204
