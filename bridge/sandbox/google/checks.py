"""What Google takes as an event, and the form it keeps it in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.sandbox.google import times
from bridge.sandbox.google.errors import ApiError, invalid
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar

WRITABLE = frozenset(
    {
        "summary",
        "description",
        "location",
        "start",
        "end",
        "recurrence",
        "attendees",
        "transparency",
        "visibility",
        "status",
        "reminders",
        "extendedProperties",
        "colorId",
        "conferenceData",
        "guestsCanInviteOthers",
        "guestsCanModify",
        "guestsCanSeeOtherGuests",
        "anyoneCanAddSelf",
        "source",
        "attachments",
        "sequence",
        "gadget",
        "eventType",
        "birthdayProperties",
        "focusTimeProperties",
        "outOfOfficeProperties",
        "workingLocationProperties",
    }
)
"""What a client may set; the rest of a body is ignored, as Google ignores it."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "eventType": ("default", "birthday", "focusTime", "outOfOffice", "workingLocation"),
}
_ANSWERS = ("needsAction", "declined", "tentative", "accepted")
_WORKED_OUT = ("self", "organizer")
_ID = re.compile(r"[a-v0-9]{5,1024}")
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
# The join information that Google appends to what an invitation shows is its own; it stands between
# two such lines, and what is between one block and the next is the client's.
_MARK = r"-::~:~::~[:~]*::-"
_OWN_BLOCK = re.compile(rf"\s*{_MARK}.*?{_MARK}\s*", re.DOTALL)


def _without_blocks(text: str) -> str:
    left, blocks = _OWN_BLOCK.subn("\n\n", text)
    return left.strip() if blocks else text


def draft(body: Json) -> Json:
    """Keep what a client may set."""
    return {name: value for name, value in body.items() if name in WRITABLE and value is not None}


def merged(current: Any, changes: Json) -> Json:
    """Apply a PATCH: objects merge, lists are replaced, null removes (RFC 7386)."""
    made: Json = dict(current) if isinstance(current, dict) else {}
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, dict):
            made[name] = merged(made.get(name), value)
        else:
            made[name] = value
    return made


def check_id(identity: str) -> None:
    """Refuse an id that a client may not make up: RFC 2938 base32hex, 5 to 1024 letters."""
    if not _ID.fullmatch(identity):
        raise invalid("Invalid resource id value.")


def settled(event: Json, calendar: Calendar) -> Json:
    """Check an event and bring it into the form that is kept.

    Raises:
        ApiError: 400, as Google refuses it.
    """
    for name, words in _WORDS.items():
        if name in event and event[name] not in words:
            raise invalid(f"Invalid value for: {name}")
    made = {**event, **_times(event, calendar)}
    made.setdefault("status", "confirmed")
    made.setdefault("eventType", "default")
    if recurrence := made.get("recurrence"):
        if "recurringEventId" in made:
            raise invalid("Recurring event instances cannot have recurrence.")
        # Before the zone is filled in: of a series it has to be given.
        times.check_recurrence(recurrence, event["start"], calendar.timezone)
    else:
        made.pop("recurrence", None)
    if "description" in made:
        made["description"] = _without_blocks(made["description"])
    if "attendees" in made:
        made["attendees"] = _guests(made["attendees"])
    _check_reminders(made.get("reminders", {}))
    for properties in made.get("extendedProperties", {}).values():
        _check_properties(properties)
    return made


def _times(event: Json, calendar: Calendar) -> Json:
    if "start" not in event or "end" not in event:
        raise ApiError(400, "required", "Missing start or end time.")
    if ("date" in event["start"]) != ("date" in event["end"]):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    span = times.span(event, calendar.timezone)
    if span.end <= span.start:
        raise ApiError(400, "timeRangeEmpty")
    if "date" in event["start"]:
        return {name: {"date": event[name]["date"]} for name in ("start", "end")}
    return {
        name: times.timed(when, event[name].get("timeZone") or calendar.timezone)
        for name, when in (("start", span.start), ("end", span.end))
    }


def _guests(guests: list[Json]) -> list[Json]:
    """Keep the guests; who among them is oneself or the organiser depends on who looks."""
    kept = [
        {
            "responseStatus": "needsAction",
            **{name: value for name, value in guest.items() if name not in _WORKED_OUT},
            "email": guest.get("email", "").lower(),
        }
        for guest in guests
    ]
    addresses = [guest["email"] for guest in kept]
    if not all(_EMAIL.fullmatch(address) for address in addresses):
        raise invalid("Invalid attendee email.")
    if len(set(addresses)) < len(addresses):
        raise invalid("Duplicate attendees.")
    if any(guest["responseStatus"] not in _ANSWERS for guest in kept):
        raise invalid("Invalid value for: responseStatus")
    return kept


def _check_reminders(reminders: Json) -> None:
    overrides = reminders.get("overrides", [])
    if "overrides" in reminders and reminders.get("useDefault"):
        raise ApiError(
            400,
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
        )
    if len(overrides) > 5:
        raise invalid("Too many reminders.")
    for each in overrides:
        if (
            each.get("method") not in ("email", "popup")
            or not 0 <= each.get("minutes", -1) <= 40320
        ):
            raise invalid("Invalid reminder.")


def _check_properties(properties: Mapping[str, str]) -> None:
    if len(properties) > 300 or sum(len(k) + len(v) for k, v in properties.items()) > 32_768:
        raise invalid("The extended properties are too large.")
    if any(len(k) > 44 or len(v) > 1024 for k, v in properties.items()):
        raise invalid("An extended property is too long.")
