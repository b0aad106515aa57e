"""Graph: from a request to a checked answer."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import format_datetime
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bridge.sandbox.description import Description, Undescribed
from bridge.sandbox.messages import Answer, Request, spoiled
from bridge.sandbox.microsoft.calls import Accepted, Call, Collection, Created, Result, Sender
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.errors import GraphError, bad_body, bad_request
from bridge.sandbox.microsoft.grants import Grants
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sandbox.microsoft.push import Push, Unvalidated
from bridge.sandbox.microsoft.queries import Query
from bridge.sandbox.microsoft.quotas import Quotas
from bridge.sandbox.microsoft.routes import Route, Routes
from bridge.sandbox.microsoft.shown import Wishes
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import zone

PREFIX = "/v1.0/"
_JSON = "application/json; odata.metadata=minimal; charset=utf-8"
_LARGEST = 4 << 20
_REFUSALS: Mapping[str, tuple[int, str, bool]] = {
    "unauthorized": (401, "InvalidAuthenticationToken", False),
    "forbidden": (403, "ErrorAccessDenied", False),
    "mailbox_gone": (404, "MailboxNotEnabledForRESTAPI", False),
    "too_many_requests": (429, "TooManyRequests", True),
    "concurrency": (503, "ApplicationThrottled", True),
    "server_error": (500, "ErrorInternalServerError", False),
    "transient_error": (500, "ErrorInternalServerTransientError", False),
    "unavailable": (503, "serviceNotAvailable", False),
    "gateway_timeout": (504, "UnknownError", False),
}
"""Faults that are an error: status, code, and whether Retry-After says so many seconds."""


class Api:
    """The methods that the stand-in has, and everything that happens before and after each."""

    def __init__(
        self,
        directory: Directory,
        grants: Grants,
        description: Description,
        routes: Routes,
        push: Push,
        quotas: Quotas,
    ) -> None:
        self._push = push
        self._directory = directory
        self._world = directory.world
        self._grants = grants
        self._description = description
        self._routes = routes
        self._quotas = quotas
        self._stopped = threading.Event()
        # Apart from the world's chance: what that makes up does not depend on who asks how often.
        self._traces = Random(self._world.name)  # noqa: S311 - no secret of anybody's

    def stop(self) -> None:
        """Let slow answers go."""
        self._stopped.set()

    def answer(self, request: Request, root: str) -> Answer:
        """Answer one request.

        Args:
            request: what came.
            root: of the server as the sender called it, `http://127.0.0.1:8765`.
        """
        with self._world.lock:
            sender = self._sender(request)
            owner = self._owner(request, sender)
        faults = owner.faults if owner else None
        key = (sender.client, owner.id) if sender and owner else None
        try:
            with self._in_flight(key):
                if wait := faults.happens("slow") if faults else None:
                    self._stopped.wait(float(wait))
                return self._tried(request, sender, owner, root)
        except GraphError as err:
            return self.refused(err, request)

    def admit(self, request: Request) -> None:
        """Refuse what has no good token.

        Raises:
            GraphError: 401.
        """
        with self._world.lock:
            if self._sender(request) is None:
                raise _unauthorized(request)

    def refused(self, err: GraphError, request: Request) -> Answer:
        """Write an error."""
        with self._world.lock:
            return self._error(err, request)

    def _tried(
        self, request: Request, sender: Sender | None, owner: Mailbox | None, root: str
    ) -> Answer:
        faults = owner.faults if owner else None
        try:
            with self._world.lock:
                if faults and faults.happens("bad_gateway"):
                    page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
                    return Answer(502, page, {"Content-Type": "text/html"})
                answer = self._answer(request, sender, owner, root)
                if faults and request.http_method != "GET" and faults.happens("lost_answers"):
                    raise GraphError(504, "UnknownError")
                return spoiled(answer, faults) if faults else answer
        except Unvalidated as err:
            # Whoever is asked may ask the stand-in in turn: nothing is held meanwhile.
            self._push.validate(err.addresses)
            with self._world.lock:
                return self._answer(request, sender, owner, root, err.addresses)

    @contextmanager
    def _in_flight(self, key: tuple[str, str] | None) -> Iterator[None]:
        if key is None:
            yield
            return
        with self._world.lock:
            self._quotas.begin(key, self._world.now)
        try:
            yield
        finally:
            with self._world.lock:
                self._quotas.end(key)

    def _sender(self, request: Request) -> Sender | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self._grants.sender(token) if kind.lower() == "bearer" else None

    def _owner(self, request: Request, sender: Sender | None) -> Mailbox | None:
        """Tell whose mailbox a request is about; of one that names none, the sender's."""
        if sender is None:
            return None
        try:
            _, path = self._routes.find(request.http_method, _path(request))
        except LookupError:
            return sender.user
        return self._directory.find(path["user"]) if "user" in path else sender.user

    def _answer(
        self,
        request: Request,
        sender: Sender | None,
        owner: Mailbox | None,
        root: str,
        validated: frozenset[str] = frozenset(),
    ) -> Answer:
        if sender is None:
            raise _unauthorized(request)
        if owner is not None:
            _refuse(owner)
        try:
            route, path = self._routes.find(request.http_method, _path(request))
        except LookupError as err:
            text = f"Resource not found for the segment '{_path(request).split('/')[0]}'."
            raise bad_request(text) from err
        if route is None:
            raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed.")
        self._admit(route, path, sender, owner)
        query = Query.read(
            parse_qsl(urlsplit(request.target).query, keep_blank_values=True), self._names(route)
        )
        wishes = Wishes.read(request.headers.get("prefer", ""))
        zone(wishes.zone)
        call = Call(
            self._world,
            self._directory,
            sender,
            owner,
            path,
            query,
            self._body(request, route),
            wishes,
            f"{root}{PREFIX.rstrip('/')}",
            _path(request),
            request.headers.get("if-match", ""),
            validated,
        )
        return self._written(route, call, route.handler(call), request)

    def _admit(
        self, route: Route, path: Mapping[str, str], sender: Sender, owner: Mailbox | None
    ) -> None:
        if sender.user is None and "user" in route.pattern.groupindex and "user" not in path:
            raise bad_request("/me request is only valid with delegated authentication flow.")
        if not sender.scopes & route.scopes:
            is_user = any(each.startswith("user.") for each in route.scopes)
            raise GraphError(403, "Authorization_RequestDenied" if is_user else "ErrorAccessDenied")
        if "user" in path:
            _check_owner(path["user"], sender, owner)
        if owner is not None and not owner.is_enabled and "calendars.read" in route.scopes:
            raise GraphError(404, "MailboxNotEnabledForRESTAPI")

    def _names(self, route: Route) -> frozenset[str]:
        return self._description.properties(route.options) if route.options else frozenset()

    def _body(self, request: Request, route: Route) -> Json:
        if not route.request:
            return {}
        if len(request.body) > _LARGEST:
            raise GraphError(413, "RequestEntityTooLarge")
        if route.request == "-" and not request.body:
            return {}
        if not request.headers.get("content-type", "").lower().startswith("application/json"):
            raise GraphError(415, "RequestBodyRead", "The Content-Type is not supported.")
        try:
            body = json.loads(request.body)
        except ValueError as err:
            raise bad_request("Unable to read JSON request payload.") from err
        if not isinstance(body, dict):
            raise bad_request("Unable to read JSON request payload.")
        if route.request != "-":
            try:
                self._description.check(route.request, body)
            except Undescribed as err:
                raise bad_body(str(err)) from err
        return body

    def _written(self, route: Route, call: Call, result: Result, request: Request) -> Answer:
        headers = self._headers(request)
        if call.wishes.applied:
            headers["Preference-Applied"] = ", ".join(call.wishes.applied)
        if result is None or isinstance(result, Accepted):
            return Answer(202 if isinstance(result, Accepted) else 204, b"", headers)
        status = 201 if isinstance(result, Created) else 200
        document = result.document if isinstance(result, Created) else result
        if isinstance(document, Collection):
            self._check(route, document.items)
            whole = _listed(document)
        else:
            self._check(route, [document])
            whole = dict(document)
            if etag := document.get("@odata.etag"):
                headers["ETag"] = etag
        context = f"{call.base}/$metadata#{call.target.split('?')[0]}"
        body = json.dumps({"@odata.context": context, **whole}).encode()
        return Answer(status, body, {"Content-Type": _JSON, **headers})

    def _check(self, route: Route, documents: list[Json]) -> None:
        if not route.response:
            return
        try:
            for each in documents:
                self._description.check(route.response, each)
        except Undescribed as err:
            # Ours to mend: the stand-in said what Graph does not say.
            self._world.defects.append(f"{route.http_method} {route.pattern.pattern}: {err}")
            raise GraphError(500, "standInDefect", str(err)) from err

    def _error(self, err: GraphError, request: Request) -> Answer:
        headers = self._headers(request)
        inner = {
            "date": self._world.now.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": headers["request-id"],
            "client-request-id": headers["client-request-id"],
        }
        told = {"code": err.code, "message": err.message, **err.more, "innerError": inner}
        document = {"error": told}
        written = json.dumps(document).encode()
        return Answer(err.status, written, {"Content-Type": _JSON, **headers, **err.headers})

    def _headers(self, request: Request) -> dict[str, str]:
        identity = str(uuid.UUID(int=self._traces.getrandbits(128), version=4))
        own = request.headers.get("client-request-id", identity)
        now = format_datetime(self._world.now, usegmt=True)
        return {"request-id": identity, "client-request-id": own, "Date": now}


def _path(request: Request) -> str:
    return urlsplit(request.target).path.removeprefix(PREFIX).rstrip("/")


def _check_owner(name: str, sender: Sender, owner: Mailbox | None) -> None:
    """Let a user to its own tenant's people, and a program where its policy lets it."""
    if owner is None or owner.tenant != sender.tenant:
        text = f"Resource '{name}' does not exist or one of its queried reference-property "
        raise GraphError(404, "Request_ResourceNotFound", f"{text}objects are not present.")
    if sender.mailboxes is not None and owner.email.lower() not in sender.mailboxes:
        text = "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly "
        raise GraphError(403, "ErrorAccessDenied", f"{text}AccessPolicy settings.")


def _listed(collection: Collection) -> Json:
    made: dict[str, Any] = {}
    if collection.number is not None:
        made["@odata.count"] = collection.number
    made["value"] = collection.items
    if collection.following:
        made["@odata.nextLink"] = collection.following
    if collection.delta:
        made["@odata.deltaLink"] = collection.delta
    return made


def _unauthorized(request: Request) -> GraphError:
    sent = request.headers.get("authorization", "")
    text = "Lifetime validation failed, the token is expired." if sent else "Access token is empty."
    challenge = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common"'
    headers = {"WWW-Authenticate": challenge}
    return GraphError(401, "InvalidAuthenticationToken", text, headers=headers)


def _refuse(owner: Mailbox) -> None:
    for name, (status, code, is_timed) in _REFUSALS.items():
        if value := owner.faults.happens(name):
            headers = {"Retry-After": "1" if value is True else str(value)} if is_timed else {}
            raise GraphError(status, code, headers=headers)
