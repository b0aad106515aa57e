"""Every property of a collection that PROPFIND can show: which kinds have it, and its value.

A function per property, each returning the XML inside of it. The objects of a calendar are written
by `objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import NamedTuple
from xml.etree.ElementTree import Element

from bridge.access import Principal, authorize
from bridge.ical.serialize import utc_text
from bridge.model.interval import Instant
from bridge.model.resource import Access, CUType
from radicale_plugin import scheduling, xml
from radicale_plugin.calendars import Calendar
from radicale_plugin.ground import Ground
from radicale_plugin.places import (
    BOXES,
    CALENDARS,
    LISTS,
    PRINCIPALS,
    Kind,
    Place,
    home_path,
    resource_path,
)
from radicale_plugin.refusals import Refused
from radicale_plugin.xml import apple, caldav, calendarserver, dav

CALENDAR_TYPE = "text/calendar; charset=utf-8"
COLLATIONS = ("i;ascii-casemap", "i;octet", "i;unicode-casemap")
LIST_REPORTS = (
    dav("sync-collection"),
    caldav("calendar-query"),
    caldav("calendar-multiget"),
)
CALENDAR_REPORTS = (*LIST_REPORTS, caldav("free-busy-query"))
PRINCIPAL_REPORTS = (dav("principal-property-search"), dav("principal-search-property-set"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One collection whose properties are asked for, and by whom."""

    ground: Ground
    principal: Principal
    prefix: str
    """Path under which a proxy shows us, without a slash at its end."""
    place: Place
    calendar: Calendar | None = None
    kept: Mapping[str, str] = field(default_factory=dict)
    """What this login's client keeps with the collection, by Clark name."""
    minimal: bool = False
    """Properties that it does not have go unmentioned."""

    def link(self, path: str) -> str:
        """Write DAV:href of one of our paths."""
        return xml.href(self.prefix + path)


_MOST_PROPERTIES = 200
"""Properties that one request may name."""
_LONGEST_NAMES = 32 << 10
"""Characters of all their names: what does not exist is named again for each thing in an answer."""

Value = Callable[[Subject], str]


class _Property(NamedTuple):
    kinds: frozenset[Kind]
    value: Value
    on_allprop: bool = True


def read_names(prop: Element | None) -> list[str]:
    """Read the names of the properties that a request asks for, each once.

    Raises:
        Refused: 400.
    """
    names = [] if prop is None else list(dict.fromkeys(str(each.tag) for each in prop))
    if len(names) > _MOST_PROPERTIES:
        raise Refused(400, reason=f"a request names at most {_MOST_PROPERTIES} properties")
    if sum(map(len, names)) > _LONGEST_NAMES:
        raise Refused(400, reason="the names of the properties are too long")
    return names


def http_date(when: Instant) -> str:
    """Write an instant as HTTP does."""
    return formatdate(when, usegmt=True)


def _resourcetype(subject: Subject) -> str:
    kind = subject.place.kind
    inner = "<D:collection/>"
    if kind in PRINCIPALS:
        inner += "<D:principal/>"
    if kind in CALENDARS:
        inner += "<C:calendar/>"
    return inner + scheduling.TYPES.get(kind, "")


def displayname(subject: Subject) -> str:
    """Return what clients call a collection: what the login chose, or the resource's name."""
    place = subject.place
    if kept := subject.kept.get(dav("displayname")):
        return kept
    if place.kind is Kind.ROOT:
        return "BusyBridge"
    if place.kind in BOXES:
        return scheduling.TITLES[place.kind]
    if place.entry is None:
        return subject.principal.name
    name = place.entry.plan.name
    return f"{name} - {place.kind.value}" if place.kind in CALENDARS else name


def _displayname(subject: Subject) -> str:
    return xml.text(displayname(subject))


def current_user_principal(subject: Subject) -> str:
    return subject.link(home_path(subject.principal))


def owner(subject: Subject) -> str:
    entry = subject.place.entry
    if entry and subject.place.kind in CALENDARS:
        return subject.link(resource_path(entry))
    return current_user_principal(subject) if subject.place.kind in BOXES else _own_link(subject)


def _own_link(subject: Subject) -> str:
    return subject.link(subject.place.path)


def root_link(subject: Subject) -> str:
    return subject.link("/")


def privileges(subject: Subject) -> str:
    """RFC 3744 section 5.5: bookings may be written; of all else clients show a lock."""
    names = [dav("read"), dav("read-current-user-privilege-set")]
    if _may_book(subject):
        names += map(dav, ("write", "write-content", "write-properties", "bind", "unbind"))
    if subject.place.kind in CALENDARS:
        names.append(caldav("read-free-busy"))
    names += scheduling.privileges(subject)
    return "".join(f"<D:privilege>{xml.element(name)}</D:privilege>" for name in names)


def _may_book(subject: Subject) -> bool:
    entry = subject.place.entry
    if subject.place.kind is not Kind.BOOKINGS or entry is None or subject.ground.bookings is None:
        return False
    return authorize(subject.principal, entry.plan.id, Access.WRITE)


def _reports(subject: Subject) -> str:
    kind = subject.place.kind
    names: Sequence[str] = () if kind in BOXES else PRINCIPAL_REPORTS
    if kind in LISTS:
        names = CALENDAR_REPORTS if kind in CALENDARS else LIST_REPORTS
    return "".join(
        f"<D:supported-report><D:report>{xml.element(name)}</D:report></D:supported-report>"
        for name in names
    )


def addresses(subject: Subject) -> list[str]:
    """Return the mail addresses of a principal."""
    entry, principal = subject.place.entry, subject.principal
    found = [entry.plan.email] if entry and entry.plan.email else []
    if subject.place.kind is Kind.HOME and principal.email and principal.email not in found:
        found.append(principal.email)
    return found


def _user_addresses(subject: Subject) -> str:
    """RFC 6638 section 2.4.1: by these an attendee is matched with a principal."""
    mail = "".join(f"<D:href>mailto:{xml.text(each)}</D:href>" for each in addresses(subject))
    return mail + _own_link(subject)


def _mail_addresses(subject: Subject) -> str:
    name = calendarserver("email-address")
    return "".join(xml.element(name, xml.text(each)) for each in addresses(subject))


def user_type(subject: Subject) -> str:
    """RFC 6638 section 2.4.2."""
    entry = subject.place.entry
    return (entry.plan.type if entry else CUType.INDIVIDUAL).name


def _etag(subject: Subject) -> str:
    return xml.text(calendar_of(subject).etag)


def _sync_token(subject: Subject) -> str:
    return xml.text(calendar_of(subject).token)


def _last_modified(subject: Subject) -> str:
    return http_date(calendar_of(subject).changed_at)


def _description(subject: Subject) -> str:
    entry = subject.place.entry
    name = entry.plan.name if entry else ""
    if subject.place.kind is Kind.BUSY:
        return xml.text(f"When {name} is busy. It is made by BusyBridge and cannot be edited.")
    return xml.text(f"Bookings of {name}.")


def _min_date_time(subject: Subject) -> str:
    horizon = calendar_of(subject).horizon
    return utc_text(horizon.start) if horizon else ""


def _max_date_time(subject: Subject) -> str:
    horizon = calendar_of(subject).horizon
    return utc_text(horizon.end) if horizon else ""


def _max_size(subject: Subject) -> str:
    return str(int(subject.ground.live.current.server.max_request_size))


def _max_instances(subject: Subject) -> str:
    entry = subject.place.entry
    return str(entry.plan.limits.occurrences_per_series) if entry else ""


def _max_attendees(subject: Subject) -> str:
    entry = subject.place.entry
    return str(entry.plan.bookings.max_attendees) if entry else ""


def _zone(subject: Subject) -> str:
    entry = subject.place.entry
    return xml.text(str(entry.plan.timezone)) if entry else ""


def _kept(name: str, subject: Subject) -> str:
    return xml.text(subject.kept[name])


def constant(inner: str) -> Value:
    return lambda _subject: inner


def calendar_of(subject: Subject) -> Calendar:
    """Return the calendar of a subject that is one."""
    if subject.calendar is None:
        raise LookupError(subject.place.path)
    return subject.calendar


_EVERYWHERE = frozenset(Kind)
_HOMES = frozenset({Kind.HOME})
_BOOKINGS = frozenset({Kind.BOOKINGS})

_PROPERTIES: Mapping[str, _Property] = {
    dav("resourcetype"): _Property(_EVERYWHERE, _resourcetype),
    dav("displayname"): _Property(_EVERYWHERE, _displayname),
    dav("current-user-principal"): _Property(_EVERYWHERE, current_user_principal),
    dav("current-user-privilege-set"): _Property(_EVERYWHERE, privileges),
    dav("supported-report-set"): _Property(_EVERYWHERE, _reports),
    dav("principal-collection-set"): _Property(_EVERYWHERE, root_link),
    dav("owner"): _Property(PRINCIPALS | CALENDARS | BOXES, owner),
    dav("principal-URL"): _Property(PRINCIPALS, _own_link),
    dav("group-membership"): _Property(PRINCIPALS, constant(""), on_allprop=False),
    dav("getetag"): _Property(LISTS, _etag),
    dav("getcontenttype"): _Property(CALENDARS, constant(CALENDAR_TYPE)),
    dav("getlastmodified"): _Property(LISTS, _last_modified),
    dav("sync-token"): _Property(LISTS, _sync_token),
    calendarserver("getctag"): _Property(LISTS, _etag),
    calendarserver("email-address-set"): _Property(PRINCIPALS, _mail_addresses, on_allprop=False),
    caldav("calendar-home-set"): _Property(_HOMES, _own_link),
    caldav("schedule-inbox-URL"): _Property(_HOMES, scheduling.inbox, on_allprop=False),
    caldav("schedule-outbox-URL"): _Property(_HOMES, scheduling.outbox, on_allprop=False),
    caldav("schedule-default-calendar-URL"): _Property(
        frozenset({Kind.INBOX}), scheduling.default_calendar, on_allprop=False
    ),
    caldav("calendar-user-address-set"): _Property(PRINCIPALS, _user_addresses),
    caldav("calendar-user-type"): _Property(PRINCIPALS, user_type),
    caldav("calendar-description"): _Property(CALENDARS, _description),
    # RFC 4791 section 5.2: none of these on allprop.
    caldav("supported-calendar-component-set"): _Property(
        LISTS, constant('<C:comp name="VEVENT"/>'), on_allprop=False
    ),
    caldav("supported-calendar-data"): _Property(
        CALENDARS | BOXES,
        constant('<C:calendar-data content-type="text/calendar" version="2.0"/>'),
        on_allprop=False,
    ),
    caldav("supported-collation-set"): _Property(
        CALENDARS,
        constant(
            "".join(f"<C:supported-collation>{each}</C:supported-collation>" for each in COLLATIONS)
        ),
        on_allprop=False,
    ),
    caldav("max-resource-size"): _Property(CALENDARS | BOXES, _max_size, on_allprop=False),
    caldav("min-date-time"): _Property(CALENDARS, _min_date_time, on_allprop=False),
    caldav("max-date-time"): _Property(CALENDARS, _max_date_time, on_allprop=False),
    caldav("max-instances"): _Property(_BOOKINGS, _max_instances, on_allprop=False),
    caldav("max-attendees-per-instance"): _Property(_BOOKINGS, _max_attendees, on_allprop=False),
    caldav("calendar-timezone-id"): _Property(CALENDARS, _zone, on_allprop=False),
    caldav("schedule-calendar-transp"): _Property(
        CALENDARS, constant("<C:opaque/>"), on_allprop=False
    ),
}

KEPT = frozenset({dav("displayname"), apple("calendar-color"), apple("calendar-order")})
"""What a client may keep with a calendar, for itself."""


def names(subject: Subject) -> list[str]:
    """Name the properties that a collection has, for propname and allprop."""
    found = [name for name, each in _PROPERTIES.items() if subject.place.kind in each.kinds]
    return found + [name for name in subject.kept if name not in found]


def on_allprop(name: str) -> bool:
    """Tell whether allprop shows it."""
    return name not in _PROPERTIES or _PROPERTIES[name].on_allprop


def propstats(subject: Subject, wanted: Iterable[str]) -> str:
    """Write the wanted properties of a collection, and which of them it does not have."""
    found, missing = [], []
    for name in wanted:
        known = _PROPERTIES.get(name)
        value: Value | None = known.value if known and subject.place.kind in known.kinds else None
        if value is None and name in subject.kept:
            value = partial(_kept, name)
        if value is None:
            missing.append(xml.element(name))
        else:
            found.append(xml.element(name, value(subject)))
    return _join(found, [] if subject.minimal else missing)


def _join(found: Sequence[str], missing: Sequence[str]) -> str:
    stats = [xml.propstat(200, found)] if found or not missing else []
    if missing:
        stats.append(xml.propstat(404, missing))
    return "".join(stats)
