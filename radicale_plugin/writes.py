"""What would change a calendar: a booking, made, changed, moved or deleted; all else is refused.

A refusal names a reason that a person understands, and DAV:need-privileges: DAVx5 gives up a whole
collection after a 403 without it, and repeats a PUT for ever after 409 or 412.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import unquote, urlsplit

from radicale.types import WSGIResponse

from bridge.access import authorize
from bridge.access.directory import Entry
from bridge.bookings import Bookings
from bridge.bookings.words import (
    Act,
    BookingRefused,
    NoSuchBooking,
    NotNow,
    Outcome,
    Outdated,
    Result,
    UidTaken,
    Write,
    sentence,
)
from bridge.errors import InvalidCalendarObject
from bridge.model.resource import Access
from radicale_plugin import conditional, places, representation, xml
from radicale_plugin.booked import invites, viewer
from radicale_plugin.places import BOXES, Kind, Place
from radicale_plugin.refusals import Refused, need_privileges, not_found, precondition_failed
from radicale_plugin.visit import Visit
from radicale_plugin.xml import caldav

_BUSY = "Busy time is made from the calendars that are read; change the event there."
_REASONS: Mapping[Kind, str] = {
    Kind.BUSY: _BUSY,
    Kind.BOOKINGS: "A calendar of bookings is there for as long as its resource.",
    **dict.fromkeys(BOXES, "Nothing can be put here, or taken away: replies show in bookings."),
}
_OTHERWISE = "Calendars are made in the configuration of BusyBridge."
_READ_ONLY = "You may see these bookings, and make none."
_NO_BOOKINGS = "This server does not take bookings."
_ELSEWHERE = "A booking stays with its resource; make another one there, and delete this one."
_PRIVILEGES: Mapping[str, str] = {
    "PUT": "<D:write-content/>",
    "DELETE": "<D:unbind/>",
    "MOVE": "<D:unbind/>",
    "MKCALENDAR": "<D:bind/>",
    "MKCOL": "<D:bind/>",
}


def answer(visit: Visit) -> WSGIResponse:
    """Refuse what is no write of a booking; whether there is something makes no difference."""
    method = str(visit.environ["REQUEST_METHOD"])
    place = places.find(visit.path, visit.principal, visit.ground.directory)
    if place is not None and place.kind is Kind.BOOKINGS and place.name and place.entry:
        desk = _desk(visit, place.entry)
        if action := _ACTIONS.get(method):
            visit.finally_answer = partial(action(visit, place, place.entry), desk)
            return 204, {}, None, None  # replaced by what comes of it
    if place is None and method == "PUT" and _parent(visit, visit.path) is None:
        # RFC 4918 section 9.7.1
        raise Refused(409, reason="There is no collection to put this into.")
    raise _refused(visit, _REASONS.get(place.kind, _OTHERWISE) if place else _OTHERWISE)


def _desk(visit: Visit, entry: Entry) -> Bookings:
    if not authorize(visit.principal, entry.plan.id, Access.WRITE):
        raise _refused(visit, _READ_ONLY)
    if visit.ground.bookings is None:
        raise _refused(visit, _NO_BOOKINGS)
    return visit.ground.bookings


Action = Callable[[Bookings], WSGIResponse]
"""What is done once nothing of the store is held any more: it may wait for a provider."""


def _put(visit: Visit, place: Place, entry: Entry) -> Action:
    media_type = str(visit.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if media_type not in {"", "text/calendar"}:
        raise _unmet(InvalidCalendarObject("send text/calendar", precondition=_DATA), visit)
    octets = visit.body()
    if not octets.strip():
        raise _unmet(InvalidCalendarObject("the body is empty"), visit)
    write = _write(visit, place, entry, Act.PUT, octets=octets)
    return partial(_perform, visit, place, write)


def _delete(visit: Visit, place: Place, entry: Entry) -> Action:
    write = _write(visit, place, entry, Act.DELETE)

    def perform(desk: Bookings) -> WSGIResponse:
        try:
            return _perform(visit, place, write, desk)
        except Refused as err:
            if err.status in {403, 503}:
                # DAVx5 forgets the event whatever it is told (SyncManager.kt, August 2026), and
                # finds it again only among what has changed.
                desk.remind(entry.plan.id, place.name)
            raise

    return perform


def _move(visit: Visit, place: Place, entry: Entry) -> Action:
    """RFC 4918 section 9.9: a booking gets another name, and no other collection."""
    destination = _destination(visit)
    there = places.find(destination, visit.principal, visit.ground.directory)
    if there is None and _parent(visit, destination) is None:
        raise Refused(409, reason="There is no collection to move this into.")
    if there is None or not there.name or there.collection != place.collection:
        raise _refused(visit, _ELSEWHERE)
    if there.name == place.name:
        raise _refused(visit, "It has this name already.")
    if visit.header("Overwrite").strip().upper() == "F" and _exists(visit, there):
        raise precondition_failed("Something has that name already.")
    write = _write(visit, place, entry, Act.MOVE, destination=there.name)
    return partial(_perform, visit, there, write)


_ACTIONS: Mapping[str, Callable[[Visit, Place, Entry], Action]] = {
    "PUT": _put,
    "DELETE": _delete,
    "MOVE": _move,
}
_DATA = "supported-calendar-data"


def _write(
    visit: Visit,
    place: Place,
    entry: Entry,
    act: Act,
    *,
    octets: bytes = b"",
    destination: str = "",
) -> Write:
    wanted = conditional.read(visit)
    if wanted.none_of is not None:
        row = visit.calendar(place).named(visit.conn, [place.name]).get(place.name)
        if row is not None and row.etag in wanted.none_of:
            raise precondition_failed("This is the state that must not be there.")
    return Write(
        resource_id=entry.plan.id,
        viewer=viewer(visit.principal),
        act=act,
        name=place.name,
        octets=octets,
        if_match=wanted.match,
        if_none_match=wanted.nothing,
        if_schedule_tag_match=wanted.schedule_tag,
        destination=destination,
    )


def _perform(visit: Visit, place: Place, write: Write, desk: Bookings) -> WSGIResponse:
    try:
        outcome = desk.perform(write)
    except InvalidCalendarObject as err:
        raise _unmet(err, visit) from err
    except Outdated as err:
        if visit.prefers("return", "representation") and write.act is Act.PUT:
            raise representation.of_conflict(visit, place, sentence(err)) from err
        raise precondition_failed(sentence(err)) from err
    except NoSuchBooking as err:
        raise not_found() from err
    except NotNow as err:
        raise _later(str(err), err.retry_after) from err
    except BookingRefused as err:
        raise _refused(visit, sentence(err)) from err
    if outcome.result is Result.REFUSED:
        raise _refused(visit, sentence(outcome.reason))
    if outcome.result is Result.WITHDRAWN:
        raise _later(sentence(outcome.reason))
    return _done(visit, place, write, outcome)


def _done(visit: Visit, place: Place, write: Write, outcome: Outcome) -> WSGIResponse:
    if write.act is Act.DELETE or outcome.booking is None:
        return 204, {}, None, None
    status = 201 if outcome.created else 204
    if write.act is Act.PUT and visit.prefers("return", "representation"):
        return representation.of_success(visit, place, status)
    headers = {}
    if outcome.verbatim or write.act is Act.MOVE:
        # RFC 4791 section 5.3.4: none where a reader gets other octets than were sent.
        headers["ETag"] = f'"{outcome.etag}"'
    if invites(outcome.booking.text):
        headers["Schedule-Tag"] = f'"{outcome.booking.schedule_tag}"'
    return status, headers, None, None


def _unmet(err: InvalidCalendarObject, visit: Visit) -> Refused:
    """Name the precondition of RFC 4791 section 5.3.2.1 that is not met."""
    inner = ""
    if isinstance(err, UidTaken):
        parent = visit.path.rpartition("/")[0]
        inner = xml.href(f"{visit.prefix}{parent}/{err.name}")
    return Refused(
        403,
        xml.element(caldav(err.precondition), inner),
        "<D:need-privileges/>",
        reason=sentence(err),
    )


def _refused(visit: Visit, reason: str) -> Refused:
    method = str(visit.environ["REQUEST_METHOD"])
    return need_privileges(visit.prefix + visit.path, _PRIVILEGES[method], reason)


def _later(reason: str, seconds: int = 30) -> Refused:
    return Refused(503, reason=sentence(reason), headers={"Retry-After": str(seconds)})


def _destination(visit: Visit) -> str:
    """Read where a MOVE leads to (RFC 4918 section 10.3).

    Raises:
        Refused: 400 without one; 502 where it is another server's.
    """
    try:
        url = urlsplit(visit.header("Destination").strip())
        path = unquote(url.path, errors="strict")
    except ValueError as err:
        raise Refused(400, reason="Destination is no URL") from err
    if not path:
        raise Refused(400, reason="a MOVE says where to, by Destination")
    ours = {visit.header("Host"), urlsplit(visit.ground.live.current.server.base_url).netloc}
    if url.netloc and url.netloc not in ours:
        raise Refused(502, reason="that is another server")
    if visit.prefix and not path.startswith(f"{visit.prefix}/"):
        raise Refused(502, reason="that is another server")
    return path.removeprefix(visit.prefix)


def _parent(visit: Visit, path: str) -> Place | None:
    parent = path.rstrip("/").rpartition("/")[0]
    return places.find(parent or "/", visit.principal, visit.ground.directory)


def _exists(visit: Visit, place: Place) -> bool:
    return bool(visit.calendar(place).named(visit.conn, [place.name]))


def not_allowed(reason: str = "This method is not spoken here.", path: str = "/") -> Refused:
    """Say which methods are (RFC 9110 section 15.5.6)."""
    return Refused(405, reason=reason, headers={"Allow": allowed(path)})


def allowed(path: str) -> str:
    """List the methods that a path knows, by its form alone: whether it exists nobody is told."""
    parts = path.strip("/").split("/")
    more = ""
    if parts[1:] == [Kind.OUTBOX.value]:
        more = ", POST"
    elif len(parts) > 1 and parts[1].rpartition(".")[2] == Kind.BOOKINGS.value:
        more = ", PUT, DELETE, MOVE"
    return f"OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT{more}"
