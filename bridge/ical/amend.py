"""A series of events as a whole calendar object, or as a change of one that stands somewhere.

Writing anew is changing an empty calendar. Of a standing object only what says something else than
is wanted is written again: properties that nobody here knows, PARTSTAT of guests and alarms that
the model has no word for stay, in their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import DEFAULT
from bridge.ical.contentline import RawEvent, time_parameters
from bridge.ical.definition import zone_definition
from bridge.ical.details import rank, web
from bridge.ical.invited import amend_alarms, amend_attachments, amend_people
from bridge.ical.serialize import PRODID, escape_text
from bridge.ical.tree import Component, name_of, parts_of, read_tree, write_tree
from bridge.ical.values import Unreadable
from bridge.ical.vevent import EventReader
from bridge.ical.vtimezone import CustomZone, custom_zone, names
from bridge.ical.wording import GROUPS, moment_line, moments, zone_name
from bridge.ical.zones import Zones
from bridge.model.event import Event, EventSeries, EventTime
from bridge.model.interval import Instant, instant

_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""DTSTAMP, which RFC 5545 section 3.6.1 requires, of an event that does not say when it changed."""
_QUARTER = timedelta(days=91)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """In whose name events are written."""

    own: Sequence[str] = ()
    """Calendar user addresses of the account, `mailto:ann@example.com`; the first of that form is
    reminded where somebody is to be by mail. ORGANIZER and attendees that have one stay."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Further properties of every event, by name; texts."""

    def object_text(self, series: EventSeries) -> str:
        """Write a series as one VCALENDAR with the VTIMEZONEs that it uses; CRLF, folded.

        Raises:
            InvalidCalendarObject: a time has a zone without a name, or nobody is known who could
                be reminded by mail.
        """
        empty = Component("VCALENDAR", ["VERSION:2.0", f"PRODID:{PRODID}"])
        return self._amended(empty, series)

    def amended_text(self, standing: bytes | str, series: EventSeries) -> str:
        """Change the text of an object so that it says what a series says.

        Raises:
            InvalidCalendarObject: as above, or the text cannot be understood.
        """
        return self._amended(read_tree(standing), series)

    def _amended(self, calendar: Component, series: EventSeries) -> str:
        before = _tzids(calendar)
        known = _known(calendar)
        for event in series.events():
            component, current = next(
                iter(known.pop(_place(event.recurrence_id), ())), (None, None)
            )
            if component is None:
                head = [f"UID:{escape_text(series.uid)}", moment_line("DTSTAMP", _UNKNOWN)]
                component = Component("VEVENT", head)
                calendar.parts.append(component)
            self._amend(component, current, event)
        unwanted = {id(component) for copies in known.values() for component, _ in copies}
        calendar.parts = [part for part in calendar.parts if id(part) not in unwanted]
        _define_zones(calendar, series, before)
        return write_tree(calendar)

    def _amend(self, component: Component, current: Event | None, wanted: Event) -> None:
        before = component.text()
        moved = False
        for group in GROUPS:
            if current is None or group.differs(current, wanted):
                component.replace(group.names, group.lines(wanted), only=_goes)
                moved = moved or group.is_time
        for name, value in self.marks.items():
            line = f"{name}:{escape_text(value)}"
            if component.named({name}) != [line]:
                component.replace({name}, [line])
        amend_people(component, wanted, self.own)
        amend_attachments(component, wanted)
        mails = (it for it in self.own if it.startswith("mailto:"))
        amend_alarms(component, current, wanted, next(mails, ""))
        if component.text() != before:
            _stamp(component, current, wanted, moved=moved)


def _goes(line: str) -> bool:
    """Keep the phone numbers of a conference."""
    return name_of(line) != "CONFERENCE" or bool(web(parts_of(line)[1]))


def _stamp(component: Component, current: Event | None, wanted: Event, *, moved: bool) -> None:
    known = (it.last_modified for it in (current, wanted) if it is not None)
    changed = max((it for it in known if it is not None), default=None)
    stamp = changed or wanted.created or _UNKNOWN
    component.replace({"DTSTAMP"}, [moment_line("DTSTAMP", stamp.astimezone(UTC))])
    if wanted.last_modified is not None:
        component.replace({"LAST-MODIFIED"}, [moment_line("LAST-MODIFIED", stamp.astimezone(UTC))])
    if current is None and wanted.created is not None:
        component.replace({"CREATED"}, [moment_line("CREATED", wanted.created.astimezone(UTC))])
    # RFC 5546 section 2.1.4: a change of the time is a new revision
    least = 0 if current is None else current.sequence + moved
    sequence = max(wanted.sequence, least)
    if current is None or sequence > current.sequence:
        component.replace({"SEQUENCE"}, [f"SEQUENCE:{sequence}"])


# What stands


def _known(calendar: Component) -> dict[object, list[tuple[Component, Event]]]:
    """Read the events of a calendar, by the occurrence that they stand for; the best copy first."""
    zones = Zones([part.text().rstrip("\n") for part in calendar.every("VTIMEZONE")])
    reader = EventReader(zones, "", DEFAULT, whole=True)
    found: dict[object, list[tuple[Component, Event]]] = {}
    masters = []
    for component in calendar.every("VEVENT"):
        alarms = ["\n".join(part.lines) for part in component.every("VALARM")]
        try:
            event = reader.read(RawEvent("\n".join(component.lines), alarms=alarms)).event
        except Unreadable as err:
            raise InvalidCalendarObject(str(err)) from err
        if event.recurrence_id is None:
            masters.append((component, event))
        else:
            found.setdefault(_place(event.recurrence_id), []).append((component, event))
    # several events without RECURRENCE-ID are told apart as `parse` does
    master = next((it for it in masters if it[1].is_recurring), next(iter(masters), None))
    for it in masters:
        same = master is not None and it[1].start == master[1].start
        found.setdefault(None if same else _place(it[1].start), []).append(it)
    for copies in found.values():
        copies.sort(key=lambda it: rank(it[1]), reverse=True)
    return found


def _place(moment: EventTime | None) -> object:
    return instant(moment) if isinstance(moment, datetime) else moment


# Zones


def _tzids(calendar: Component) -> set[str]:
    """Return the TZIDs that the events of a calendar name."""
    lines = [line for event in calendar.every("VEVENT") for line in event.lines]
    raws = [parts_of(line)[0] for line in lines if "TZID" in line.upper()]
    return {tzid for raw in raws if (tzid := time_parameters(raw).get("TZID", ""))}


def _define_zones(calendar: Component, series: EventSeries, before: set[str]) -> None:
    """Define the zones that are used as they are meant; take away what nothing uses any more."""
    used = _tzids(calendar)
    told: dict[str, list[datetime]] = {}
    for event in series.events():
        for moment in moments(event):
            told.setdefault(zone_name(moment.tzinfo), []).append(moment)
    kept = []
    for part in calendar.parts:
        tzid = _tzid_of(part) if part.name == "VTIMEZONE" else ""
        if tzid in before - used:
            continue
        meant = told.pop(tzid, None) if tzid in used else None
        kept.append(part if meant is None or _holds(part, meant) else _definition(meant))
    new = [_definition(told[tzid]) for tzid in sorted(used & told.keys())]
    calendar.parts = [*new, *kept]


def _tzid_of(definition: Component) -> str:
    return names(definition.text().rstrip("\n"))[0]


def _holds(standing: Component, told: list[datetime]) -> bool:
    """Tell whether a definition gives times the offsets that their zone gives them, for a while."""
    try:
        zone = custom_zone(standing.text().rstrip("\n"))
    except (Unreadable, InvalidCalendarObject):
        return False
    return all(zone.offset_at(when) == offset for when, offset in _offsets(told))


def _offsets(told: list[datetime]) -> Iterator[tuple[Instant, int]]:
    for moment in (min(told), max(told)):
        for number in range(9):
            later = (moment.astimezone(UTC) + number * _QUARTER).astimezone(moment.tzinfo)
            yield instant(later), round((later.utcoffset() or timedelta()).total_seconds())


def _definition(told: list[datetime]) -> Component:
    zone = told[0].tzinfo
    if isinstance(zone, ZoneInfo):
        text = zone_definition(zone.key, min(told).year)
    else:
        assert isinstance(zone, CustomZone)  # noqa: S101 - no other zone has a name
        text = zone.definition
    (definition,) = read_tree(f"BEGIN:VCALENDAR\n{text}\nEND:VCALENDAR").parts
    return definition
