"""POST to an outbox: when are others busy (RFC 6638 section 5)?

Every resource is answered with the same periods as everywhere else. Whom this login may not look
up, and whom nobody knows, are answered alike.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from radicale.types import WSGIResponse

from bridge.access import authorize
from bridge.access.directory import Entry
from bridge.errors import BeyondHorizon, InvalidCalendarObject, NotReadYet
from bridge.ical import serialize
from bridge.ical.itip import BusyQuestion, CalendarUser, read_busy_question
from bridge.ical.serialize import utc_text
from bridge.model.resource import Access, Projection
from bridge.publish import outlook
from radicale_plugin import places, properties, xml
from radicale_plugin.places import Kind
from radicale_plugin.refusals import forbidden
from radicale_plugin.visit import Visit
from radicale_plugin.writes import not_allowed
from radicale_plugin.xml import caldav, dav

_MOST = 100
"""Whom one request may ask about."""
_MAIL = "mailto:"


class _Answer(NamedTuple):
    """About one attendee."""

    status: str
    """REQUEST-STATUS of RFC 5546 section 3.6."""
    text: str = ""
    reason: str = ""


_NOBODY = _Answer("3.7;Invalid calendar user")


def answer(visit: Visit) -> WSGIResponse:
    """Answer for each attendee."""
    place = places.find(visit.path, visit.principal, visit.ground.directory)
    if place is None or place.kind is not Kind.OUTBOX or place.name:
        raise not_allowed("There is nothing to post to.", visit.path)
    media_type = str(visit.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if media_type != "text/calendar":
        raise forbidden(caldav("supported-calendar-data"), "send text/calendar")
    try:
        question = read_busy_question(visit.body())
    except InvalidCalendarObject as err:
        raise forbidden(caldav(err.precondition), str(err)) from err
    _check_organizer(visit, question)
    asked = {each.address.lower(): each for each in question.attendees}
    if len(asked) > _MOST:
        raise forbidden(caldav("valid-scheduling-message"), f"ask about at most {_MOST}")
    inner = "".join(_response(visit, question, each) for each in asked.values())
    body = xml.document(caldav("schedule-response"), inner)
    return 200, {"Content-Type": xml.MEDIA_TYPE, "Cache-Control": "no-store"}, body, None


def _check_organizer(visit: Visit, question: BusyQuestion) -> None:
    """Section 5.2.2: who asks is who owns the outbox.

    Where nobody has said what a login's address is, none can be called wrong.
    """
    home = places.find(places.home_path(visit.principal), visit.principal, visit.ground.directory)
    mail = properties.addresses(visit.subject(home)) if home else []
    address = question.organizer.address
    named = address.lower().removeprefix(_MAIL) in {each.lower() for each in mail}
    if mail and not named and visit.locate(_path(address)) != home:
        raise forbidden(caldav("valid-organizer"), "ORGANIZER is an address of who asks")


def _response(visit: Visit, question: BusyQuestion, attendee: CalendarUser) -> str:
    found = _look_up(visit, question, attendee)
    recipient = xml.element(dav("href"), xml.text(attendee.address))
    inner = xml.element(caldav("recipient"), recipient)
    inner += xml.element(caldav("request-status"), xml.text(found.status))
    if found.text:
        inner += xml.element(caldav("calendar-data"), xml.text(found.text))
    if found.reason:
        inner += xml.element(dav("responsedescription"), xml.text(found.reason))
    return xml.element(caldav("response"), inner)


def _look_up(visit: Visit, question: BusyQuestion, attendee: CalendarUser) -> _Answer:
    entry = _entry(visit, attendee.address)
    if entry is None or not authorize(visit.principal, entry.plan.id, Access.FREE_BUSY):
        return _NOBODY
    ground = visit.ground
    try:
        view = outlook.look(visit.conn, ground.publisher, entry, Projection.TIMES, ground.clock())
        window = view.clip(question.window)
    except NotReadYet:
        # An error is never an empty answer: that would be called free.
        return _Answer(
            "5.1;Service unavailable", reason="The calendars of this resource were not read yet."
        )
    except BeyondHorizon as err:
        start, end = map(utc_text, err.known)
        return _Answer(
            "5.1;Service unavailable", reason=f"Busy time is known from {start} to {end}."
        )
    text = serialize.freebusy_reply(
        ground.publisher.periods(visit.conn, entry.plan.id, window),
        window,
        uid=question.uid,
        dtstamp=view.stamp,
        organizer=question.organizer,
        attendee=attendee,
    )
    return _Answer("2.0;Success", text)


def _entry(visit: Visit, address: str) -> Entry | None:
    """Find the resource of a mail address, or of the address of its principal."""
    if address.lower().startswith(_MAIL):
        mail = address[len(_MAIL) :]
        return visit.ground.directory.find(mail) if "@" in mail else None
    place = visit.locate(_path(address))
    return place.entry if place and place.kind in places.PRINCIPALS else None


def _path(address: str) -> str:
    try:
        return unquote(urlsplit(address).path, errors="strict")
    except ValueError:
        return ""
