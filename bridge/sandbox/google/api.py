"""The Calendar API: from a request to a checked answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bridge.sandbox import partial
from bridge.sandbox.description import Description, Method, Undescribed
from bridge.sandbox.faults import Faults
from bridge.sandbox.google import calendars, events, freebusy, listing
from bridge.sandbox.google.calls import Call, Handler
from bridge.sandbox.google.errors import ApiError, invalid
from bridge.sandbox.google.grants import Access, Grants
from bridge.sandbox.google.push import Push
from bridge.sandbox.google.quotas import Quotas
from bridge.sandbox.google.times import Json
from bridge.sandbox.google.tokens import Cursors
from bridge.sandbox.messages import Answer, Request, spoiled
from bridge.sandbox.world import Account, World

PREFIX = "/calendar/v3/"
_JSON = "application/json; charset=UTF-8"
_LARGEST = 1 << 20
_LOST = "lost_answers"
_REFUSALS: Mapping[str, tuple[int, str, bool]] = {
    "unauthorized": (401, "authError", False),
    "rate_limited": (403, "rateLimitExceeded", False),
    "user_rate_limited": (403, "userRateLimitExceeded", True),
    "too_many_requests": (429, "rateLimitExceeded", True),
    "forbidden": (403, "forbidden", False),
    "insufficient_permissions": (403, "insufficientPermissions", False),
    "not_configured": (403, "accessNotConfigured", False),
    "server_error": (500, "backendError", False),
    "unavailable": (503, "backendError", False),
}
"""Faults that are an error: status, reason, and whether Retry-After says so many seconds."""


class Api:
    """The methods that the stand-in has, and everything that happens before and after each."""

    def __init__(
        self,
        world: World,
        grants: Grants,
        push: Push,
        description: Description,
        quotas: Quotas,
    ) -> None:
        self._world = world
        self._grants = grants
        self._description = description
        self._quotas = quotas
        self._stopped = threading.Event()
        cursors = Cursors()
        self._handlers: Mapping[str, Handler] = {
            "calendar.calendarList.list": lambda call: calendars.listing(call, cursors),
            "calendar.calendarList.get": calendars.entry,
            "calendar.calendarList.watch": push.watch_list,
            "calendar.calendars.get": calendars.get,
            "calendar.events.list": lambda call: listing.listing(call, cursors),
            "calendar.events.instances": lambda call: listing.instances(call, cursors),
            "calendar.events.get": events.get,
            "calendar.events.insert": events.insert,
            "calendar.events.import": events.take_in,
            "calendar.events.update": events.update,
            "calendar.events.patch": events.patch,
            "calendar.events.delete": events.delete,
            "calendar.events.move": events.move,
            "calendar.events.watch": push.watch,
            "calendar.channels.stop": push.close,
            "calendar.freebusy.query": freebusy.query,
        }

    def stop(self) -> None:
        """Let slow answers go."""
        self._stopped.set()

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        with self._world.lock:
            found = self._sender(request)
            wait = found[1].faults.happens("slow") if found else None
        if wait:
            self._stopped.wait(float(wait))
        with self._world.lock:
            try:
                answer = self._answer(request, found)
                if found and request.http_method != "GET" and found[1].faults.happens(_LOST):
                    answer = _error(ApiError(503, "backendError"))
            except ApiError as err:
                answer = _error(err)
            return spoiled(answer, found[1].faults) if found else answer

    def _sender(self, request: Request) -> tuple[Access, Account] | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self._grants.access(token) if kind == "Bearer" else None

    def _answer(self, request: Request, found: tuple[Access, Account] | None) -> Answer:
        if found is None:
            if "authorization" not in request.headers:
                raise ApiError(401, "required", "Login Required.")
            raise _unauthorized()
        access, account = found
        _refuse(account.faults)
        method, path, pairs = self._method(request)
        quota_user = next((value for name, value in pairs if name == "quotaUser"), account.email)
        self._quotas.count(access.client, quota_user, self._world.now)
        if not access.scopes & method.scopes:
            raise _insufficient()
        call = self._call(request, method, path, pairs, access, account)
        document = self._handlers[method.id](call)
        return self._written(request, method, document, pairs)

    def _method(self, request: Request) -> tuple[Method, dict[str, str], list[tuple[str, str]]]:
        parts = urlsplit(request.target)
        found = None
        if parts.path.startswith(PREFIX):
            found = self._description.find(request.http_method, parts.path.removeprefix(PREFIX))
        if found is None:
            raise ApiError(404, "notFound", "There is no such method.")
        method, path = found
        if method.id not in self._handlers:
            raise ApiError(501, "notImplemented", f"The stand-in has no {method.id}.")
        return method, path, parse_qsl(parts.query, keep_blank_values=True)

    def _call(
        self,
        request: Request,
        method: Method,
        path: dict[str, str],
        pairs: list[tuple[str, str]],
        access: Access,
        account: Account,
    ) -> Call:
        try:
            query = self._description.query(method, pairs)
            body = _body(request, method)
            if method.request:
                self._description.check(method.request, _without_nulls(body))
        except Undescribed as err:
            raise invalid(str(err)) from err
        if method.http_method != "PATCH":
            body = _without_nulls(body)
        return Call(
            self._world,
            account,
            access.scopes,
            access.client,
            method,
            path,
            query,
            body,
            if_match=request.headers.get("if-match", ""),
            may_invite=access.may_invite,
        )

    def _written(
        self, request: Request, method: Method, document: Json | None, pairs: list[tuple[str, str]]
    ) -> Answer:
        if document is None:
            return Answer(204)
        try:
            self._description.check(method.response or "", document)
        except Undescribed as err:
            # Ours to mend: the stand-in said what Google does not say.
            self._world.defects.append(f"{method.id}: {err}")
            raise ApiError(500, "standInDefect", str(err)) from err
        etag = document.get("etag")
        if method.http_method == "GET" and etag and request.headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        if mask := next((value for name, value in pairs if name == "fields"), ""):
            try:
                document = partial.select(document, partial.parse(mask))
            except partial.BadMask as err:
                raise ApiError(400, "invalidParameter", str(err)) from err
        headers = {"Content-Type": _JSON} | ({"ETag": etag} if etag else {})
        return Answer(200, json.dumps(document).encode(), headers)


def _body(request: Request, method: Method) -> Json:
    if method.request is None:
        return {}
    if len(request.body) > _LARGEST:
        raise ApiError(413, "uploadTooLarge", "The request is too large.")
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise ApiError(400, "badContent", "A body of JSON is needed.")
    try:
        body = json.loads(request.body)
    except ValueError as err:
        raise ApiError(400, "parseError", "Parse Error") from err
    if not isinstance(body, dict):
        raise ApiError(400, "parseError", "Parse Error")
    return body


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _unauthorized() -> ApiError:
    challenge = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return ApiError(401, "authError", headers={"WWW-Authenticate": challenge})


def _insufficient() -> ApiError:
    challenge = 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'
    return ApiError(403, "insufficientPermissions", headers={"WWW-Authenticate": challenge})


def _refuse(faults: Faults) -> None:
    for name, (status, reason, is_timed) in _REFUSALS.items():
        if value := faults.happens(name):
            headers = {"Retry-After": "1" if value is True else str(value)} if is_timed else {}
            raise ApiError(status, reason, headers=headers)


def _error(err: ApiError) -> Answer:
    document = err.document()
    return Answer(err.status, json.dumps(document).encode(), {"Content-Type": _JSON, **err.headers})
