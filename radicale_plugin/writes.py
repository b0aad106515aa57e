"""What would change a calendar: refused, with a reason that a person understands.

DAVx5 repeats a PUT for ever after 409 or 412; a 403 with DAV:need-privileges tells it, as it tells
every client, that this collection cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping

from radicale.types import WSGIResponse

from radicale_plugin import places
from radicale_plugin.places import Kind
from radicale_plugin.refusals import Refused, need_privileges
from radicale_plugin.visit import Visit

_REASONS: Mapping[Kind | None, str] = {
    Kind.BUSY: "Busy time is made from the calendars that are read; change the event there.",
    Kind.BOOKINGS: "This server does not take bookings yet.",
}
_OTHERWISE = "Calendars are made in the configuration of BusyBridge."
_PRIVILEGES: Mapping[str, str] = {
    "PUT": "<D:write-content/>",
    "DELETE": "<D:unbind/>",
    "MOVE": "<D:unbind/>",
    "MKCALENDAR": "<D:bind/>",
    "MKCOL": "<D:bind/>",
}


def answer(visit: Visit) -> WSGIResponse:
    """Refuse; whether there is something at the path makes no difference."""
    method = str(visit.environ["REQUEST_METHOD"])
    place = places.find(visit.path, visit.principal, visit.ground.directory)
    reason = _REASONS.get(place.kind if place else None, _OTHERWISE)
    raise need_privileges(visit.prefix + visit.path, _PRIVILEGES[method], reason)


def not_allowed(reason: str = "This method is not spoken here.", path: str = "/") -> Refused:
    """Say which methods are (RFC 9110 section 15.5.6)."""
    return Refused(405, reason=reason, headers={"Allow": allowed(path)})


def allowed(path: str) -> str:
    """List the methods that a path knows, by its form alone: whether it exists nobody is told."""
    parts = path.strip("/").split("/")
    more = ", POST" if parts[1:] == [Kind.OUTBOX.value] else ""
    return f"OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT{more}"
