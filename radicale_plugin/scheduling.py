"""What RFC 6638 has a login show: its inbox and outbox, what may be sent from there, and to where.

The provider of a booking's calendar is the only one that invites anybody. So nothing is ever put
into an inbox, where replies show as new revisions of the bookings themselves, and an outbox takes
one kind of message: the question when others are busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bridge.access import Principal, authorize
from bridge.access.directory import Directory
from bridge.model.resource import Access
from radicale_plugin import places
from radicale_plugin.places import Kind, Place
from radicale_plugin.xml import caldav

if TYPE_CHECKING:
    from radicale_plugin.properties import Subject

FEATURE = "calendar-auto-schedule"
"""Of the DAV header (section 2)."""
TITLES = {Kind.INBOX: "Inbox", Kind.OUTBOX: "Outbox"}
TYPES = {Kind.INBOX: "<C:schedule-inbox/>", Kind.OUTBOX: "<C:schedule-outbox/>"}
"""Sections 2.1 and 2.2: of DAV:resourcetype."""


def is_announced(principal: Principal | None, directory: Directory) -> bool:
    """Tell whether a login is told that the server invites guests: where it sees bookings at all.

    Clients then do not mail guests themselves. Who has not logged in is told what holds for
    somebody, so that nobody mails twice, and nobody learns whose home has bookings.
    """
    if principal is None:
        return any(True for _ in directory.ids())
    return any(authorize(principal, each, Access.READ) for each in directory.ids())


def inbox(subject: Subject) -> str:
    """Section 2.2.1: CALDAV:schedule-inbox-URL."""
    return subject.link(places.box_path(subject.principal, Kind.INBOX))


def outbox(subject: Subject) -> str:
    """Section 2.1.1: CALDAV:schedule-outbox-URL."""
    return subject.link(places.box_path(subject.principal, Kind.OUTBOX))


def default_calendar(subject: Subject) -> str:
    """Section 9.2: where events go that name no calendar; empty where there is none."""
    first = next(_writable(subject.principal, subject.ground.directory), None)
    return subject.link(first.path) if first else ""


def privileges(subject: Subject) -> Iterator[str]:
    """Name what a login may do with a box, beside reading it (section 6).

    Everybody may ask when others are busy. Invitations are sent by who writes bookings, through
    the calendar's provider, and nobody delivers anything to an inbox.
    """
    if subject.place.kind is not Kind.OUTBOX:
        return
    if next(_writable(subject.principal, subject.ground.directory), None) is not None:
        yield from map(caldav, ("schedule-send", "schedule-send-invite", "schedule-send-reply"))
    yield caldav("schedule-send-freebusy")


def _writable(principal: Principal, directory: Directory) -> Iterator[Place]:
    for place in places.calendars(principal, directory):
        entry = place.entry if place.kind is Kind.BOOKINGS else None
        if entry is not None and authorize(principal, entry.plan.id, Access.WRITE):
            yield place
