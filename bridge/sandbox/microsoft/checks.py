"""What Graph takes as an event, and the form it keeps it in."""

from __future__ import annotations

import re

from bridge.sandbox.microsoft import recurrence, times
from bridge.sandbox.microsoft.errors import bad_property
from bridge.sandbox.microsoft.times import Json

WRITABLE = frozenset(
    {
        *("subject", "body", "start", "end", "isAllDay", "showAs", "sensitivity", "importance"),
        *("attendees", "location", "locations", "recurrence", "categories", "isReminderOn"),
        *("reminderMinutesBeforeStart", "responseRequested", "allowNewTimeProposals"),
        *("hideAttendees", "transactionId", "isOnlineMeeting", "onlineMeetingProvider"),
        *("singleValueExtendedProperties", "multiValueExtendedProperties"),
    }
)
"""What a client may set; what else an event has is the server's and ignored."""

_DEFAULTS: Json = {
    "subject": None,
    "body": {"contentType": "html", "content": ""},
    "isAllDay": False,
    "showAs": "busy",
    "sensitivity": "normal",
    "importance": "normal",
    "attendees": [],
    "location": None,
    "categories": [],
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
}
_NOT_NULL = ("start", "end", *(name for name, value in _DEFAULTS.items() if value is not None))
_UNKNOWN_RESPONSE = {"response": "none", "time": "0001-01-01T00:00:00Z"}
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_EXTENDED = re.compile(
    r"(String|Integer|Boolean|SystemTime|Binary)(Array)? "
    r"(\{[0-9a-fA-F-]{36}\} (Name .+|Id 0x[0-9a-fA-F]+)|0x[0-9a-fA-F]+)"
)
_PROPERTIES = ("singleValueExtendedProperties", "multiValueExtendedProperties")
_KINDS = ("required", "optional", "resource")


def draft(body: Json) -> Json:
    """Make a new event of what a client sent."""
    given = {name: value for name, value in body.items() if name in WRITABLE}
    return {**_DEFAULTS, **{name: value for name, value in given.items() if value is not None}}


def merged(event: Json, changes: Json) -> Json:
    """Apply a PATCH: what is named is replaced, extended properties one by one.

    Raises:
        GraphError: 400: null where there is always a value.
    """
    made = dict(event)
    for name, value in changes.items():
        if name not in WRITABLE or name == "transactionId":
            continue
        if value is None and name in _NOT_NULL:
            raise bad_property(f"The property {name} can't be null.")
        made[name] = value
    if "body" in changes:
        made["body"] = {**event["body"], **changes["body"]}
    for name in _PROPERTIES:
        if changes.get(name) is not None:
            known = {each["id"]: each for each in event.get(name, [])}
            given = {(each or {}).get("id"): each for each in changes[name]}
            made[name] = list({**known, **given}.values())
    return made


def settled(event: Json, before: Json | None) -> Json:
    """Check an event and bring it into the form that is kept.

    Raises:
        GraphError: 400, as Graph refuses it.
    """
    made = dict(event)
    for name in ("start", "end"):
        if not made.get(name):
            raise bad_property(f"The property {name} is required.")
        made[name] = times.kept(made[name])
    times.check_span(made)
    if made.get("recurrence"):
        made["recurrence"] = recurrence.kept(made["recurrence"], made)
        made = _begun(made)
    else:
        made.pop("recurrence", None)
    made["attendees"] = _guests(made["attendees"], before)
    if not 0 <= made["reminderMinutesBeforeStart"] <= 2_629_800:
        raise bad_property("The reminder is out of range.")
    made["body"] = {
        "contentType": made["body"].get("contentType") or "text",
        "content": made["body"].get("content") or "",
    }
    made["locations"] = [each for each in made.get("locations") or [] if each]
    for name in _PROPERTIES:
        made[name] = list(made.get(name) or [])
        for each in made[name]:
            if not each or not _EXTENDED.fullmatch(each.get("id") or "") or not each.get("value"):
                raise bad_property("The id of an extended property is not valid.")
    return made


def _begun(event: Json) -> Json:
    """Let a series begin with its first occurrence, whatever day was given."""
    span = event["recurrence"]["range"]
    first = next(recurrence.days(event["recurrence"], times.day("9990-01-01")), None)
    if first is None:
        raise bad_property("The recurrence has no occurrence.")
    late = first - times.day(span["startDate"])
    if not late:
        return event
    moved = {
        name: {
            **event[name],
            "dateTime": (times.wall(event[name]) + late).isoformat(timespec="seconds"),
        }
        for name in ("start", "end")
    }
    whole = {**event["recurrence"], "range": {**span, "startDate": first.isoformat()}}
    return {**event, **moved, "recurrence": whole}


def _guests(guests: list[Json], before: Json | None) -> list[Json]:
    """Keep the guests; what they answered is not for the organiser to say."""
    known = {address(each): each for each in (before or {}).get("attendees", [])}
    made: dict[str, Json] = {}
    for guest in filter(None, guests):
        email = guest.get("emailAddress") or {}
        if not _EMAIL.fullmatch(email.get("address") or ""):
            raise bad_property("The address of an attendee is not valid.")
        each: Json = {
            "type": guest.get("type") or "required",
            "status": dict(_UNKNOWN_RESPONSE),
            "emailAddress": {
                "name": email.get("name") or email["address"],
                "address": email["address"],
            },
        }
        if each["type"] not in _KINDS:
            raise bad_property("The type of an attendee is not valid.")
        if address(each) in known:
            each["status"] = known[address(each)]["status"]
        made[address(each)] = each
    return list(made.values())


def address(person: Json) -> str:
    """Return whose address it is, in lower case."""
    return str(person["emailAddress"]["address"]).lower()
