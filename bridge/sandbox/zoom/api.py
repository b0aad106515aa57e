"""Zoom's API: from a request to a checked answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from bridge.sandbox.description import Description, Method, Undescribed
from bridge.sandbox.faults import Faults
from bridge.sandbox.messages import Answer, Request, spoiled
from bridge.sandbox.world import Json
from bridge.sandbox.zoom import quotas
from bridge.sandbox.zoom.directory import Directory, Meeting, User
from bridge.sandbox.zoom.errors import (
    ZoomError,
    bad_request,
    no_meeting,
    no_scopes,
    no_token,
    no_user,
)
from bridge.sandbox.zoom.grants import Grants, Sender
from bridge.sandbox.zoom.listing import Listing
from bridge.sandbox.zoom.quotas import Quotas
from bridge.sandbox.zoom.routes import Call, Route, routes

PREFIX = "/v2/"
_JSON = "application/json;charset=UTF-8"
_LARGEST = 1 << 20
_REFUSALS: Mapping[str, tuple[int, int, str]] = {
    "unauthorized": (401, 124, "Invalid access token."),
    "forbidden": (403, 200, "No permission."),
    "server_error": (500, 5010, "Internal server error."),
    "unavailable": (503, 5030, "Service unavailable."),
}


class _Asked(NamedTuple):
    """A request of which sender and subject are known."""

    request: Request
    token: str
    sender: Sender
    method: Method
    user: User | None
    meeting: Meeting | None
    name: str
    """What the path names: a user or a meeting."""


class Api:
    """The methods that the stand-in has, and everything that happens before and after each."""

    def __init__(
        self, directory: Directory, grants: Grants, description: Description, limits: Quotas
    ) -> None:
        self._directory = directory
        self._world = directory.world
        self._grants = grants
        self._description = description
        self._quotas = limits
        self._routes = routes(Listing(directory.world))
        self._stopped = threading.Event()
        # Apart from the world's chance: what that makes up does not depend on who asks how often.
        self._traces = Random(self._world.name)  # noqa: S311 - no secret of anybody's

    def stop(self) -> None:
        """Let slow answers go."""
        self._stopped.set()

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        with self._world.lock:
            try:
                asked = self._asked(request)
            except ZoomError as err:
                return self._error(err, None)
            user = asked.user or asked.sender.user
            faults = user.faults if user else None
            wait = faults.happens("slow") if faults else None
        if wait:
            self._stopped.wait(float(wait))
        with self._world.lock:
            # Whatever was meanwhile: the meeting may be gone.
            try:
                asked = self._asked(request)
                return self._answer(asked, self._routes[asked.method.id])
            except ZoomError as err:
                return self._error(err, faults)

    def _asked(self, request: Request) -> _Asked:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        sender = self._grants.sender(token) if kind.lower() == "bearer" else None
        if sender is None:
            sent = "authorization" in request.headers
            raise no_token("Invalid access token." if sent else "Access token is empty.")
        path = urlsplit(request.target).path.removeprefix(PREFIX)
        found = self._description.find(request.http_method, path)
        if found is None:
            raise ZoomError(404, 2300, "This API endpoint is not recognized.")
        method, names = found
        if "userId" in names:
            user = self._named(names["userId"], sender)
            return _Asked(request, token, sender, method, user, None, names["userId"])
        name = names["meetingId"]
        hosted = self._directory.meeting(int(name)) if name.isdecimal() else None
        user, meeting = hosted or (None, None)
        return _Asked(request, token, sender, method, user, meeting, name)

    def _named(self, name: str, sender: Sender) -> User | None:
        if name == "me":
            # A Server-to-Server program is nobody: the documentation forbids it the word.
            return sender.user
        return self._directory.find(name)

    def _answer(self, asked: _Asked, route: Route) -> Answer:
        user = asked.user or asked.sender.user
        faults = user.faults if user else None
        if faults:
            self._refuse(asked, route, faults)
            if faults.happens("bad_gateway"):
                page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
                return Answer(502, page, {"Content-Type": "text/html"})
        account = asked.sender.account
        now = self._world.now
        self._quotas.request(account, route.category, now, faults or Faults({}))
        self._admit(asked, route)
        user = self._subject(asked)
        query, body = self._read(asked)
        if route.is_write:
            self._quotas.write(user, route.category, now)
        call = Call(self._world, self._directory, asked.sender, user, asked.meeting, query, body)
        document = route.handler(call)
        return self._lost(self._written(asked.method, route, document), route, user.faults)

    def _refuse(self, asked: _Asked, route: Route, faults: Faults) -> None:
        for name, (status, code, text) in _REFUSALS.items():
            if faults.happens(name):
                raise ZoomError(status, code, text)
        if self._is_stale(asked):
            raise no_token()
        if faults.happens("too_many_requests"):
            raise quotas.a_second(route.category, quotas.Limits().of(route.category), faults)
        if route.is_write and faults.happens("daily_limit"):
            raise quotas.a_day(route.category, quotas.Limits().daily, self._world.now, faults)
        if faults.happens("insufficient_scopes"):
            raise no_scopes(route.scopes)
        if faults.happens("user_gone"):
            raise no_user(asked.name)
        if "meetingId" in asked.method.parameters and faults.happens("meeting_gone"):
            raise no_meeting(asked.name)

    def _is_stale(self, asked: _Asked) -> bool:
        if asked.user is None or asked.sender.user is not None:
            return False
        return self._grants.is_stale(asked.token, asked.user)

    def _admit(self, asked: _Asked, route: Route) -> None:
        """Let in who has the scopes; whoever names a user, even itself, needs those of an admin."""
        everybody = frozenset(f"{each}:admin" for each in route.scopes)
        is_own = asked.name == "me" or "userId" not in asked.method.parameters
        wanted = everybody | (route.scopes if is_own else frozenset())
        if not wanted & asked.sender.scopes:
            raise no_scopes(wanted)

    def _subject(self, asked: _Asked) -> User:
        """Tell whom a request is about.

        Raises:
            ZoomError: 400, 404.
        """
        sender, user = asked.sender, asked.user
        if "userId" in asked.method.parameters:
            if user is None or user.account != sender.account:
                raise no_user(asked.name)
            return user
        if not asked.name.isdecimal():
            raise bad_request("Invalid field: meetingId.")
        if user is None or user.account != sender.account:
            raise no_meeting(asked.name)
        if sender.user is not None and sender.user is not user:
            raise ZoomError(400, 3003, "You are not the meeting host.")
        return user

    def _read(self, asked: _Asked) -> tuple[Json, Json]:
        pairs = parse_qsl(urlsplit(asked.request.target).query, keep_blank_values=True)
        body: Json = {}
        try:
            query = self._description.query(asked.method, pairs)
            if asked.method.request:
                body = _body(asked.request)
                self._description.check(asked.method.request, body)
        except Undescribed as err:
            raise ZoomError(
                400, 300, "Validation Failed.", fields={_field(str(err)): str(err)}
            ) from err
        return query, body

    def _written(self, method: Method, route: Route, document: Json | None) -> Answer:
        headers = self._headers()
        if document is None:
            return Answer(204, b"", headers)
        try:
            self._description.check(method.response or "", document)
        except Undescribed as err:
            # Ours to mend: the stand-in said what Zoom does not say.
            self._world.defects.append(f"{method.id}: {err}")
            raise ZoomError(500, 5010, f"stand-in: {err}") from err
        body = json.dumps(document).encode()
        return Answer(route.status, body, {"Content-Type": _JSON, **headers})

    def _lost(self, answer: Answer, route: Route, faults: Faults) -> Answer:
        """Keep back the answer to what was done, where that is switched on."""
        if route.lost and faults.happens(route.lost):
            return Answer(answer.status, is_lost=True)
        if route.lost == "create_lost" and faults.happens("create_error"):
            raise ZoomError(500, 5010, "Internal server error.")
        if route.lost == "delete_lost" and faults.happens("delete_gone"):
            raise no_meeting("it was deleted")
        return spoiled(answer, faults)

    def _error(self, err: ZoomError, faults: Faults | None) -> Answer:
        headers = {**self._headers(), **err.headers}
        if faults and faults.is_on("xml_errors"):
            text = (
                f'<?xml version="1.0" encoding="UTF-8"?><Response><code>{err.code}</code>'
                f"<message>{escape(err.message)}</message></Response>"
            )
            kind = "application/xml;charset=UTF-8"
            return Answer(err.status, text.encode(), {"Content-Type": kind, **headers})
        written = json.dumps(err.document()).encode()
        return Answer(err.status, written, {"Content-Type": _JSON, **headers})

    def _headers(self) -> dict[str, str]:
        trace = f"{self._traces.getrandbits(128):032x}"
        return {"x-zm-trackingid": f"v=2.0;clid=us05;rid=WEB_{trace}"}


def _body(request: Request) -> Json:
    if len(request.body) > _LARGEST:
        raise ZoomError(413, 300, "The request is too large.")
    kind = request.headers.get("content-type", "").lower()
    if not kind.startswith("application/json"):
        raise ZoomError(415, 300, "Content-Type has to be application/json.")
    try:
        body = json.loads(request.body)
    except ValueError as err:
        raise bad_request("Request Body should be a valid JSON object.") from err
    if not isinstance(body, dict):
        raise bad_request("Request Body should be a valid JSON object.")
    return body


def _field(text: str) -> str:
    """Find the field in what is said of an undescribed document: `Type: settings/x: why`."""
    parts = text.split(": ")
    return parts[1].replace("/", ".") if len(parts) > 2 else ""
