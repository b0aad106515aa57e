"""Every property that PROPFIND and REPORT can show: which kinds of thing have it, and its value.

A function per property, each returning the XML inside of it. What an object's row decides is apart
from what is the same for all objects of a calendar, so that a listing writes the latter once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from bridge.access import Principal
from bridge.ical.serialize import utc_text
from bridge.model.interval import Instant
from bridge.model.resource import CUType
from bridge.store.busy import BlockRow, Mark
from radicale_plugin import xml
from radicale_plugin.calendars import Calendar
from radicale_plugin.ground import Ground
from radicale_plugin.places import CALENDARS, PRINCIPALS, Kind, Place, resource_path
from radicale_plugin.refusals import forbidden
from radicale_plugin.xml import apple, caldav, calendarserver, dav

CALENDAR_TYPE = "text/calendar; charset=utf-8"
OBJECT_TYPE = "text/calendar; charset=utf-8; component=VEVENT"
COLLATIONS = ("i;ascii-casemap", "i;octet", "i;unicode-casemap")
CALENDAR_REPORTS = (
    dav("sync-collection"),
    caldav("calendar-query"),
    caldav("calendar-multiget"),
    caldav("free-busy-query"),
)
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

    def link(self, path: str) -> str:
        """Write DAV:href of one of our paths."""
        return xml.href(self.prefix + path)


_MOST_REPEATED = 24 << 20
"""Characters that an answer may repeat, the same for each of its objects."""
MOST_PROPERTIES = 200
"""Properties that one request may name."""

Value = Callable[[Subject], str]
MarkValue = Callable[[Calendar, BlockRow | Mark], str]
TextValue = Callable[[str], str]
"""Of an object's text."""


class _Property(NamedTuple):
    kinds: frozenset[Kind]
    value: Value
    on_allprop: bool = True


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
    return inner


def displayname(subject: Subject) -> str:
    """Return what clients call a collection: what the login chose, or the resource's name."""
    place = subject.place
    if kept := subject.kept.get(dav("displayname")):
        return kept
    if place.kind is Kind.ROOT:
        return "BusyBridge"
    if place.entry is None:
        return subject.principal.name
    name = place.entry.plan.name
    return f"{name} - {place.kind.value}" if place.kind in CALENDARS else name


def _displayname(subject: Subject) -> str:
    return xml.text(displayname(subject))


def _current_user_principal(subject: Subject) -> str:
    return subject.link(f"/{subject.principal.name}/")


def _owner(subject: Subject) -> str:
    entry = subject.place.entry
    if entry and subject.place.kind in CALENDARS:
        return subject.link(resource_path(entry))
    return _own_link(subject)


def _own_link(subject: Subject) -> str:
    return subject.link(subject.place.path)


def _root_link(subject: Subject) -> str:
    return subject.link("/")


def _privileges(subject: Subject) -> str:
    """RFC 3744 section 5.5: reading, and nothing else, so that clients show a lock."""
    names = [dav("read"), dav("read-current-user-privilege-set")]
    if subject.place.kind in CALENDARS:
        names.append(caldav("read-free-busy"))
    return "".join(f"<D:privilege>{xml.element(name)}</D:privilege>" for name in names)


def _reports(subject: Subject) -> str:
    names = CALENDAR_REPORTS if subject.place.kind in CALENDARS else PRINCIPAL_REPORTS
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
    return xml.text(_calendar(subject).etag)


def _sync_token(subject: Subject) -> str:
    return xml.text(_calendar(subject).token)


def _last_modified(subject: Subject) -> str:
    return http_date(_calendar(subject).changed_at)


def _description(subject: Subject) -> str:
    entry = subject.place.entry
    name = entry.plan.name if entry else ""
    if subject.place.kind is Kind.BUSY:
        return xml.text(f"When {name} is busy. It is made by BusyBridge and cannot be edited.")
    return xml.text(f"Bookings of {name}.")


def _min_date_time(subject: Subject) -> str:
    horizon = _calendar(subject).horizon
    return utc_text(horizon.start) if horizon else ""


def _max_date_time(subject: Subject) -> str:
    horizon = _calendar(subject).horizon
    return utc_text(horizon.end) if horizon else ""


def _max_size(subject: Subject) -> str:
    return str(int(subject.ground.live.current.server.max_request_size))


def _zone(subject: Subject) -> str:
    entry = subject.place.entry
    return xml.text(str(entry.plan.timezone)) if entry else ""


def _kept(name: str, subject: Subject) -> str:
    return xml.text(subject.kept[name])


def _constant(inner: str) -> Value:
    return lambda _subject: inner


def _calendar(subject: Subject) -> Calendar:
    if subject.calendar is None:
        raise LookupError(subject.place.path)
    return subject.calendar


_EVERYWHERE = frozenset(Kind)
_HOMES = frozenset({Kind.HOME})

_PROPERTIES: Mapping[str, _Property] = {
    dav("resourcetype"): _Property(_EVERYWHERE, _resourcetype),
    dav("displayname"): _Property(_EVERYWHERE, _displayname),
    dav("current-user-principal"): _Property(_EVERYWHERE, _current_user_principal),
    dav("current-user-privilege-set"): _Property(_EVERYWHERE, _privileges),
    dav("supported-report-set"): _Property(_EVERYWHERE, _reports),
    dav("principal-collection-set"): _Property(_EVERYWHERE, _root_link),
    dav("owner"): _Property(PRINCIPALS | CALENDARS, _owner),
    dav("principal-URL"): _Property(PRINCIPALS, _own_link),
    dav("group-membership"): _Property(PRINCIPALS, _constant(""), on_allprop=False),
    dav("getetag"): _Property(CALENDARS, _etag),
    dav("getcontenttype"): _Property(CALENDARS, _constant(CALENDAR_TYPE)),
    dav("getlastmodified"): _Property(CALENDARS, _last_modified),
    dav("sync-token"): _Property(CALENDARS, _sync_token),
    calendarserver("getctag"): _Property(CALENDARS, _etag),
    calendarserver("email-address-set"): _Property(PRINCIPALS, _mail_addresses, on_allprop=False),
    caldav("calendar-home-set"): _Property(_HOMES, _own_link),
    caldav("calendar-user-address-set"): _Property(PRINCIPALS, _user_addresses),
    caldav("calendar-user-type"): _Property(PRINCIPALS, user_type),
    caldav("calendar-description"): _Property(CALENDARS, _description),
    # RFC 4791 section 5.2: none of these on allprop.
    caldav("supported-calendar-component-set"): _Property(
        CALENDARS, _constant('<C:comp name="VEVENT"/>'), on_allprop=False
    ),
    caldav("supported-calendar-data"): _Property(
        CALENDARS,
        _constant('<C:calendar-data content-type="text/calendar" version="2.0"/>'),
        on_allprop=False,
    ),
    caldav("supported-collation-set"): _Property(
        CALENDARS,
        _constant(
            "".join(f"<C:supported-collation>{each}</C:supported-collation>" for each in COLLATIONS)
        ),
        on_allprop=False,
    ),
    caldav("max-resource-size"): _Property(CALENDARS, _max_size, on_allprop=False),
    caldav("min-date-time"): _Property(CALENDARS, _min_date_time, on_allprop=False),
    caldav("max-date-time"): _Property(CALENDARS, _max_date_time, on_allprop=False),
    caldav("calendar-timezone-id"): _Property(CALENDARS, _zone, on_allprop=False),
    caldav("schedule-calendar-transp"): _Property(
        CALENDARS, _constant("<C:opaque/>"), on_allprop=False
    ),
}

KEPT = frozenset({dav("displayname"), apple("calendar-color"), apple("calendar-order")})
"""What a client may keep with a calendar, for itself."""

_OF_OBJECTS: Mapping[str, Value] = {
    dav("resourcetype"): _constant(""),
    dav("getcontenttype"): _constant(OBJECT_TYPE),
    dav("current-user-principal"): _current_user_principal,
    dav("current-user-privilege-set"): _privileges,
    dav("owner"): _owner,
    dav("principal-collection-set"): _root_link,
}
"""The same for every object of a calendar."""

_OF_MARKS: Mapping[str, MarkValue] = {
    dav("getetag"): lambda calendar, row: calendar.object_etag(row),  # no character to escape
    dav("getlastmodified"): lambda _, row: http_date(row.changed_at),
}
"""What a listing knows of each object."""

_OF_TEXTS: Mapping[str, TextValue] = {
    dav("getcontentlength"): lambda text: str(len(text.encode())),
}


_OK = (
    "<D:propstat><D:prop>",
    "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>",
)


def names(subject: Subject) -> list[str]:
    """Name the properties that a collection has, for propname and allprop."""
    found = [name for name, each in _PROPERTIES.items() if subject.place.kind in each.kinds]
    return found + [name for name in subject.kept if name not in found]


def on_allprop(name: str) -> bool:
    """Tell whether allprop shows it."""
    return name not in _PROPERTIES or _PROPERTIES[name].on_allprop


def object_names() -> list[str]:
    """Name the properties that an object has."""
    return [*_OF_OBJECTS, *_OF_MARKS, *_OF_TEXTS]


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
    return _join(found, missing)


class ObjectWriter:
    """Writes DAV:response for the objects of one calendar, all with the same properties."""

    def __init__(
        self,
        subject: Subject,
        wanted: Sequence[str],
        data: TextValue | None = None,
        *,
        names_only: bool = False,
    ) -> None:
        """Sort out what is the same for all of them.

        Args:
            subject: the calendar.
            wanted: Clark names.
            data: writes CALDAV:calendar-data, where a report asks for it.
            names_only: name the properties, without their values.
        """
        self._calendar = _calendar(subject)
        of_texts = _OF_TEXTS if data is None else {**_OF_TEXTS, caldav("calendar-data"): data}
        self._marks: list[tuple[str, str, MarkValue]] = []
        self._texts: list[tuple[str, str, TextValue]] = []
        constant, missing = [], []
        for name in wanted:
            if names_only:
                constant.append(xml.element(name))
            elif value := _OF_OBJECTS.get(name):
                constant.append(xml.element(name, value(subject)))
            elif mark_value := _OF_MARKS.get(name):
                self._marks.append((*xml.tags(name), mark_value))
            elif text_value := of_texts.get(name):
                self._texts.append((*xml.tags(name), text_value))
            else:
                missing.append(xml.element(name))
        self._constant = "".join(constant)
        any_found = bool(constant or self._marks or self._texts or not missing)
        begin, end = _OK if any_found else ("", "")
        not_here = xml.propstat(404, missing) if missing else ""
        # Names of objects need no encoding, and the path is encoded once.
        self._begin = f"<D:response><D:href>{quote(subject.prefix + subject.place.path)}"
        self._middle = f"</D:href>{begin}"
        self._end = f"{end}{not_here}</D:response>"

    @property
    def needs_texts(self) -> bool:
        """Whether the objects are to be read whole; marks are enough otherwise."""
        return bool(self._texts)

    def check(self, count: int) -> None:
        """Refuse to write the same text for so many objects that the answer grows beyond bounds.

        What does not exist is named for each object, by names as long as the client likes.

        Raises:
            Refused: 403 with DAV:number-of-matches-within-limits.
        """
        if count * (len(self._constant) + len(self._end)) > _MOST_REPEATED:
            raise forbidden(
                dav("number-of-matches-within-limits"),
                "so many properties of so many objects; ask for fewer of either",
            )

    def write(self, row: BlockRow | Mark) -> str:
        """Write one object."""
        calendar = self._calendar
        found = self._constant
        for begin, end, value in self._marks:
            found += f"{begin}{value(calendar, row)}{end}"
        if self._texts:
            found += self._of_text(row)
        return f"{self._begin}{calendar.name(row.uid)}{self._middle}{found}{self._end}"

    def _of_text(self, row: BlockRow | Mark) -> str:
        if isinstance(row, Mark):
            raise TypeError("an object's text is written of its whole row")
        text = self._calendar.text(row)
        return "".join(f"{begin}{value(text)}{end}" for begin, end, value in self._texts)


def _join(found: Sequence[str], missing: Sequence[str]) -> str:
    stats = [xml.propstat(200, found)] if found or not missing else []
    if missing:
        stats.append(xml.propstat(404, missing))
    return "".join(stats)
