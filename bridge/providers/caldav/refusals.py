"""Why a server does not take what is written, in words for the person who booked."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.errors import ProviderError, RemoteNotFound, RemoteRejected
from bridge.model.http import Response
from bridge.providers.caldav import wire
from bridge.providers.caldav.wire import CALDAV, DAV

NO_UID_CONFLICT = f"{CALDAV}no-uid-conflict"
_ORGANIZER = "the account may not change what another organizes"
_REASONS: Mapping[str, tuple[str, str]] = {
    # RFC 3744 section 3.2, RFC 4331 section 6
    f"{DAV}need-privileges": ("read_only", "the account may not write to this calendar"),
    f"{DAV}quota-not-exceeded": ("no_room", "the account has no room left"),
    f"{DAV}sufficient-disk-space": ("no_room", "the server has no room left"),
    # RFC 4791 section 5.3.2.1
    f"{CALDAV}supported-calendar-data": ("rejected", "the calendar takes no iCalendar 2.0"),
    f"{CALDAV}valid-calendar-data": ("rejected", "the server calls the event invalid"),
    f"{CALDAV}valid-calendar-object-resource": ("rejected", "the server calls the event invalid"),
    f"{CALDAV}supported-calendar-component": ("rejected", "the calendar takes no events"),
    f"{CALDAV}max-resource-size": ("too_large", "the event is too large for this server"),
    f"{CALDAV}min-date-time": ("rejected", "the event is too early for this server"),
    f"{CALDAV}max-date-time": ("rejected", "the event is too late for this server"),
    f"{CALDAV}max-instances": ("rejected", "the series has too many occurrences for this server"),
    f"{CALDAV}max-attendees-per-instance": ("rejected", "it has too many guests for this server"),
    # RFC 6638 section 3.2.4
    f"{CALDAV}unique-scheduling-object-resource": (
        "uid_taken",
        "the account has an event with the same UID in another calendar",
    ),
    f"{CALDAV}same-organizer-in-all-components": (
        "rejected",
        "all occurrences must have one organizer",
    ),
    f"{CALDAV}allowed-organizer-scheduling-object-change": ("rejected", _ORGANIZER),
    f"{CALDAV}allowed-attendee-scheduling-object-change": ("rejected", _ORGANIZER),
}
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("rejected", "the server calls the event invalid"),  # Radicale 3.9 says no more than that
    405: ("read_only", "this calendar cannot be written to"),
    413: ("too_large", "the event is too large for this server"),
    415: ("rejected", "the calendar takes no iCalendar 2.0"),
    507: ("no_room", "the account has no room left"),
}


def of_writing(response: Response, what: str) -> ProviderError | None:
    """Tell why something was not written, where the server gave a reason; None where it did not.

    Args:
        response: the answer to PUT or DELETE.
        what: the thing that was to be written; begins the message.
    """
    if response.status < 400:
        return None
    for name in sorted(wire.preconditions(response.body)):
        if name in _REASONS:
            code, reason = _REASONS[name]
            return RemoteRejected(f"{what}: {reason}", code=code)
    if response.status in _BY_STATUS:
        code, reason = _BY_STATUS[response.status]
        return RemoteRejected(f"{what}: {reason}", code=code)
    if response.status == 409:  # RFC 4918 section 9.7.1: the collection is not there
        return RemoteNotFound(f"{what}: the calendar is not there")
    return None
