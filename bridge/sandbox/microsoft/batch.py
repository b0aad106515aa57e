"""$batch: up to twenty requests in one (https://learn.microsoft.com/graph/json-batching)."""

from __future__ import annotations

import json
from typing import Any

from bridge.sandbox.messages import Answer, Request
from bridge.sandbox.microsoft.api import PREFIX, Api
from bridge.sandbox.microsoft.errors import GraphError, bad_request
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.world import World

_MOST = 20
_FAILED = {"error": {"code": "FailedDependency", "message": "A request this one depends on failed"}}


def answer(world: World, api: Api, request: Request, root: str) -> Answer:
    """Answer a batch; its parts come back in any order, each with its own status."""
    try:
        api.admit(request)
        parts = _parts(request)
    except GraphError as err:
        return api.refused(err, request)
    made: dict[str, Json] = {}
    for part in parts:
        depends = part.get("dependsOn") or []
        if any(made[str(each)]["status"] >= 400 for each in depends):
            made[part["id"]] = {"id": part["id"], "status": 424, "headers": {}, "body": _FAILED}
        else:
            made[part["id"]] = _response(part, api.answer(_request(part, request), root))
    responses = list(made.values())
    with world.lock:
        world.random.shuffle(responses)
    body = json.dumps({"responses": responses}).encode()
    return Answer(200, body, {"Content-Type": "application/json"})


def _parts(request: Request) -> list[Json]:
    try:
        document = json.loads(request.body)
        parts: list[Json] = [dict(each) for each in document["requests"]]
    except (ValueError, KeyError, TypeError) as err:
        raise bad_request("Invalid batch payload format.") from err
    if not parts:
        raise bad_request("The batch has no requests.")
    if len(parts) > _MOST:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {_MOST}.")
    known: set[str] = set()
    for part in parts:
        if not all(isinstance(part.get(name), str) for name in ("id", "method", "url")):
            raise bad_request("A request of a batch needs id, method and url.")
        if part["id"] in known:
            raise bad_request("The ids of a batch are not unique.")
        if not known.issuperset(map(str, part.get("dependsOn") or [])):
            raise bad_request("A request of a batch depends on one that does not come before it.")
        known.add(part["id"])
    return parts


def _request(part: Json, whole: Request) -> Request:
    given = part.get("headers") or {}
    own = {str(name).lower(): str(value) for name, value in given.items()}
    shared = {name: whole.headers[name] for name in ("authorization",) if name in whole.headers}
    body = json.dumps(part["body"]).encode() if part.get("body") is not None else b""
    target = PREFIX.rstrip("/") + "/" + part["url"].lstrip("/")
    return Request(part["method"].upper(), target, {**shared, **own}, body)


def _response(part: Json, answer: Answer) -> Json:
    made: Json = {"id": part["id"], "status": answer.status, "headers": dict(answer.headers)}
    if answer.body:
        text = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        made["body"] = _read(text)
    return made


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        # Not everything that fails does so in JSON.
        return body.decode("utf-8", "replace")
