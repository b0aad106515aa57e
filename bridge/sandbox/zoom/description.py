"""Zoom's published description, read as those of the other providers.

It is an edition of 2021, in the form of OpenAPI. What Zoom's own library of 2025 knows beyond it
(https://github.com/zoom/rivet-javascript) is laid over it here; the file stays as it was published.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bridge.sandbox import description
from bridge.sandbox.description import Description
from bridge.sandbox.world import Json

METHODS = ("user", "meetings", "meetingCreate", "meeting", "meetingUpdate", "meetingDelete")
_JSON = "application/json"
_FLAG: Json = {"type": "boolean"}
_TEXT: Json = {"type": "string"}
_INVITEES: Json = {
    "type": "array",
    "items": {"type": "object", "properties": {"email": _TEXT}},
}
_SETTINGS: Json = {
    "calendar_type": {"type": "integer", "enum": [1, 2]},
    "email_notification": _FLAG,
    "focus_mode": _FLAG,
    "host_save_video_order": _FLAG,
    "internal_meeting": _FLAG,
    "jbh_time": {"type": "integer", "enum": [0, 5, 10, 15]},
    "meeting_invitees": _INVITEES,
    "private_meeting": _FLAG,
    "registrants_confirmation_email": _FLAG,
    "device_testing": _FLAG,
}
_RECURRENCE: Json = {
    # One day only, says the type; its text and its examples name several.
    "weekly_days": {"type": "string", "pattern": "^[1-7](,[1-7])*$"},
}
_TOP: Json = {"default_password": _FLAG, "pre_schedule": _FLAG}
_LISTS = ["scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings"]


@lru_cache(maxsize=1)
def load() -> Description:
    """Load the description of the methods that the stand-in has."""
    document = description.read("zoom-meetings")
    methods: Json = {}
    types: Json = {}
    for path, operations in document["paths"].items():
        for http_method, operation in operations.items():
            name = operation["operationId"]
            if name in METHODS:
                methods[name] = _method(path, http_method, operation, types)
    kind = methods["meetings"]["parameters"]["type"]
    kind["enum"] = _LISTS
    return Description({"methods": methods, "$defs": types}, ignored=frozenset())


def _method(path: str, http_method: str, operation: Json, types: Json) -> Json:
    name = operation["operationId"]
    request, response = "", ""
    if body := operation.get("requestBody"):
        request = f"{name}Request"
        types[request] = _closed(_newer(body["content"][_JSON]["schema"]))
    for answer in operation["responses"].values():
        if content := answer.get("content"):
            response = f"{name}Response"
            types[response] = _closed(_newer(content[_JSON]["schema"]))
    return {
        "httpMethod": http_method.upper(),
        "path": path.removeprefix("/"),
        "parameters": {
            each["name"]: {
                **each["schema"],
                "location": each["in"],
                "required": each.get("required", False),
            }
            for each in operation.get("parameters", [])
        },
        "request": request or None,
        "response": response or None,
        "scopes": (),
    }


def _newer(schema: Any) -> Any:
    """Lay over a type what is newer than the file."""
    if isinstance(schema, list):
        return [_newer(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _newer(value) for name, value in schema.items()}
    known = made.get("properties")
    if not isinstance(known, dict):
        return made
    if "join_before_host" in known:
        known.update(_SETTINGS)
    if "weekly_days" in known:
        known.update(_RECURRENCE)
    if {"topic", "settings"} <= known.keys():
        known.update(_TOP)
    return made


def _closed(schema: Any, *, is_part: bool = False) -> Any:
    """Allow nothing but what is named: Zoom overlooks the rest, and with it what is misspelt."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: _closed(each) for name, each in made["properties"].items()}
    if "items" in made:
        made["items"] = _closed(made["items"])
    if "allOf" in made:
        made["allOf"] = [_closed(each, is_part=True) for each in made["allOf"]]
    if not is_part and ("properties" in made or "allOf" in made):
        made["unevaluatedProperties"] = False
    return made
