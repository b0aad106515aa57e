"""Meet links: asked for, pending, there or refused."""

from __future__ import annotations

from bridge.sandbox.faults import Faults
from bridge.sandbox.google import invitations
from bridge.sandbox.google.errors import ApiError, invalid
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import MEET, Calendar, Record, World


def settle(
    world: World, calendar: Calendar, faults: Faults, before: Json | None, event: Json
) -> int:
    """Work out `conferenceData` of an event that is about to be written.

    Only for requests with conferenceDataVersion=1; the others leave it as it is.

    Returns:
        After how many reads the link is there; 0 where nothing is pending.

    Raises:
        ApiError: 400: no such conference is possible here; 403 where that is switched on.
    """
    data: Json | None = event.get("conferenceData")
    known: Json = (before or {}).get("conferenceData", {})
    event.pop("hangoutLink", None)
    if not data:
        event.pop("conferenceData", None)
        return 0
    request = data.get("createRequest")
    if request and request.get("requestId") != known.get("createRequest", {}).get("requestId"):
        return _create(world, calendar, faults, event, request)
    if request is None and data.get("conferenceId") != known.get("conferenceId"):
        raise invalid("Invalid conference data: no such conference belongs to this event.")
    # The same request once more is ignored.
    event["conferenceData"] = known
    _link(event)
    return 0


def keep(before: Json | None, event: Json) -> None:
    """Leave the conference as it was, whatever the request says: version 0."""
    event.pop("conferenceData", None)
    event.pop("hangoutLink", None)
    if before and "conferenceData" in before:
        event["conferenceData"] = before["conferenceData"]
        _link(event)


def read(world: World, calendar: Calendar, record: Record) -> None:
    """Count a read of an event whose conference is pending; after the last one it is there."""
    if record.pending_reads:
        record.pending_reads -= 1
        if not record.pending_reads:
            request = record.event["conferenceData"]["createRequest"]
            event = {**record.event, "conferenceData": _meeting(world, request)}
            _link(event)
            before = record.event
            world.put(calendar, event)
            invitations.spread(world, calendar, before, event)


def _create(world: World, calendar: Calendar, faults: Faults, event: Json, request: Json) -> int:
    kind = request.get("conferenceSolutionKey", {}).get("type", MEET)
    if not request.get("requestId"):
        raise invalid("Missing conference request id.")
    if kind not in calendar.solutions:
        raise invalid("Invalid conference type value.")
    if faults.happens("meet_forbidden"):
        raise ApiError(403, "forbidden")
    if faults.happens("meet_missing"):
        event.pop("conferenceData")
        return 0
    asked = {"requestId": request["requestId"], "conferenceSolutionKey": {"type": kind}}
    if faults.happens("meet_fails"):
        event["conferenceData"] = {"createRequest": {**asked, "status": {"statusCode": "failure"}}}
        return 0
    if reads := faults.happens("meet_pending"):
        event["conferenceData"] = {"createRequest": {**asked, "status": {"statusCode": "pending"}}}
        return int(reads)
    event["conferenceData"] = _meeting(world, asked)
    _link(event)
    return 0


def _meeting(world: World, request: Json) -> Json:
    letters = "".join(world.random.choices("abcdefghijkmnopqrstuvwxyz", k=10))
    code = f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
    return {
        "createRequest": {**request, "status": {"statusCode": "success"}},
        "conferenceId": code,
        "conferenceSolution": {"key": {"type": MEET}, "name": "Google Meet"},
        "entryPoints": [
            {
                "entryPointType": "video",
                "uri": f"https://meet.google.com/{code}",
                "label": f"meet.google.com/{code}",
            }
        ],
    }


def _link(event: Json) -> None:
    for entry in event["conferenceData"].get("entryPoints", []):
        event["hangoutLink"] = entry["uri"]
