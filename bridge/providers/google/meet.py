"""Meet: asked for once with an event, and what has become of it. Pure.

https://developers.google.com/workspace/calendar/api/guides/create-events#conferencing. Google makes
a meeting after it has answered (`pending`). A PATCH that does not name `conferenceData` leaves it
as it is; naming it as null takes it away.
"""

from __future__ import annotations

from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.providers.google import wire

_MEET = "hangoutsMeet"
_NOT_MADE = "Google Calendar made no Meet link for it; Meet may be off for this account"
_FAILED = "Google could not make the Meet link"
_OTHER = "somebody gave the event another conference at Google"


def is_meet(event: wire.Event) -> bool:
    """Tell whether an event has a Meet link, or one is on its way, or failed."""
    data = event.conference_data
    if data is None:
        return bool(event.hangout_link)
    request = data.create_request
    keys = (
        data.conference_solution and data.conference_solution.key,
        request and request.conference_solution_key,
    )
    return any(key and key.type == _MEET for key in keys)


def is_to_be_asked(event: wire.Event) -> bool:
    """Tell whether an event that shall have a Meet link has to be given one."""
    if event.conference_data is None:
        return not event.hangout_link
    return is_meet(event) and _status(event) == "failure"


def request(token: str, event: wire.Event | None = None) -> wire.Conference:
    """Ask for a meeting.

    Google ignores a request with the name of the one before, so that a repeated insert asks once,
    and an event which had a meeting before asks under another name.

    Args:
        token: of the booking.
        event: as it stands; None: it is new.
    """
    name = token if event is None else "-".join((token, event.etag.strip('"')))
    return wire.Conference(
        create_request=wire.CreateRequest(
            request_id=name, conference_solution_key=wire.SolutionKey(type=_MEET)
        )
    )


def read_meet(event: wire.Event) -> Conference | None:
    """Say how far the meeting of an event is; None where it has none."""
    if not is_meet(event):
        return None
    points = event.conference_data.entry_points if event.conference_data else []
    videos = [each.uri for each in points if each.entry_point_type == "video"]
    link = next((uri for uri in videos if uri.startswith("https://")), event.hangout_link)
    if link:
        details = _details(points)
        return Conference(
            ConferenceKind.GOOGLE_MEET, ConferenceState.READY, join_url=link, details=details
        )
    if _status(event) == "pending":
        return Conference(ConferenceKind.GOOGLE_MEET, ConferenceState.PENDING)
    return failing(_FAILED)


def missing(event: wire.Event) -> Conference:
    """Say that an event has no Meet link although one was asked for."""
    return failing(_NOT_MADE if event.conference_data is None else _OTHER)


def refused(why: str) -> Conference:
    """Say that an event could be written without its Meet link alone."""
    return failing(f"Google Calendar takes it only without a Meet link: {why}")


def failing(reason: str) -> Conference:
    """Say why there is no meeting."""
    return Conference(ConferenceKind.GOOGLE_MEET, ConferenceState.FAILING, reason=reason)


def _status(event: wire.Event) -> str:
    asked = event.conference_data and event.conference_data.create_request
    return asked.status.status_code if asked and asked.status else ""


def _details(points: list[wire.EntryPoint]) -> str:
    """Write the numbers to dial, a line for each, and the passcode of the video."""
    lines = []
    for each in points:
        code = each.pin or each.passcode
        if each.entry_point_type == "phone":
            number = each.label or each.uri.removeprefix("tel:")
            lines.append(f"{number} PIN {code}" if code else number)
        elif each.entry_point_type == "video" and code:
            lines.append(f"Passcode {code}")
    return "\n".join(lines)
