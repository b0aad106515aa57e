"""The properties that say what an event is, in groups of which each says one thing.

A group is what is written for it, and what makes two events say the same; `compose` writes them
all, `amend` those that have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from bridge.errors import InvalidCalendarObject
from bridge.ical.rules import Rule, read_rule
from bridge.ical.serialize import duration_text, escape_text, parameter, uri
from bridge.ical.values import Unreadable
from bridge.ical.vtimezone import CustomZone
from bridge.model.event import Event, EventTime, Floating, Period, ShowAs

_SHOWN = {
    ShowAs.FREE: "FREE",
    ShowAs.TENTATIVE: "TENTATIVE",
    ShowAs.BUSY: "BUSY",
    ShowAs.OUT_OF_OFFICE: "OOF",
    ShowAs.WORKING_ELSEWHERE: "WORKINGELSEWHERE",
}
_TWO = [f"{number:02}" for number in range(60)]
"""Looking digits up takes a fifth of the time of formatting them, and every pull writes many."""


def moments(event: Event) -> Iterator[datetime]:
    """Yield the times of an event that are in a zone or in UTC."""
    for moment in (event.start, event.end, event.recurrence_id, *event.rdates, *event.exdates):
        of = moment.start if isinstance(moment, Period) else moment
        if isinstance(of, datetime):
            yield of


def moment_line(name: str, moment: EventTime) -> str:
    """Write a property whose value is a time.

    Raises:
        InvalidCalendarObject: it has a zone that has no name.
    """
    if isinstance(moment, Floating):
        return f"{name}:{_wall(moment.wall)}"
    if not isinstance(moment, datetime):
        return f"{name};VALUE=DATE:{_day(moment)}"
    key = zone_name(moment.tzinfo)
    if key and moment.fold and moment.utcoffset() != moment.replace(fold=0).utcoffset():
        # a wall clock without more is the first of two (RFC 5545 section 3.3.5)
        key, moment = "", moment.astimezone(UTC)
    if not key:
        return f"{name}:{_wall(moment)}Z"
    quoted = parameter(key) if isinstance(moment.tzinfo, CustomZone) else key
    return f"{name};TZID={quoted}:{_wall(moment)}"


def _wall(moment: datetime) -> str:
    time = f"{_TWO[moment.hour]}{_TWO[moment.minute]}{_TWO[moment.second]}"
    return f"{_day(moment)}T{time}"


def _day(day: date) -> str:
    return f"{day.year:04}{_TWO[day.month]}{_TWO[day.day]}"


def zone_name(zone: tzinfo | None) -> str:
    """Name a zone as its TZID; empty for UTC."""
    if zone is UTC:
        return ""
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if isinstance(zone, CustomZone):
        return zone.name
    raise InvalidCalendarObject(f"a time in {zone!r}, which has no name")


# Times


def _times(event: Event) -> list[str]:
    return [_start(event), _length(event)]


def _start(event: Event) -> str:
    start = event.start
    if event.is_recurring and isinstance(start, datetime):
        start = start.replace(fold=0)  # in UTC its further occurrences would lose their clock
    return moment_line("DTSTART", start)


def _length(event: Event) -> str:
    if event.exact is not None:
        return f"DURATION:PT{event.exact.total_seconds():.0f}S"
    if event.duration is None:
        return moment_line("DTEND", event.end)
    return f"DURATION:{duration_text(event.duration)}"


def _when(event: Event) -> object:
    """Tell when it is: DURATION says more than DTEND only where there are several occurrences.

    Some servers write 24 hours as one day, which differs only where the clocks change.
    """
    recurs = event.is_recurring or event.this_and_future
    return _start(event), (event.exact or event.duration if recurs else None) or event.end


def _which(event: Event) -> list[str]:
    if event.recurrence_id is None or (event.is_recurring and not event.this_and_future):
        return []  # one that recurs is of its own and shares the UID of another, see `parse`
    reach = ";RANGE=THISANDFUTURE" if event.this_and_future else ""
    return [moment_line(f"RECURRENCE-ID{reach}", event.recurrence_id)]


def _rules(texts: tuple[str, ...]) -> list[Rule | str]:
    return [_rule(text) for text in texts]


def _rule(text: str) -> Rule | str:
    try:
        return read_rule(text)
    except (Unreadable, InvalidCalendarObject):
        return text


def _line(rule: str) -> str:
    """Keep a rule one line, whoever wrote it: what RFC 5545 does not know in it is passed on."""
    return rule if rule.isprintable() else "".join(filter(str.isprintable, rule))


def _rdates(event: Event) -> list[str]:
    return [
        f"{moment_line('RDATE;VALUE=PERIOD', it.start)}/{duration_text(it.duration)}"
        if isinstance(it, Period)
        else moment_line("RDATE", it)
        for it in event.rdates
    ]


# Texts and how it is shown


def _text(name: str, value: str) -> Sequence[str]:
    return (f"{name}:{escape_text(value)}",) if value else ()


def _categories(event: Event) -> list[str]:
    return (
        [f"CATEGORIES:{','.join(map(escape_text, event.categories))}"] if event.categories else []
    )


def _conference(event: Event) -> list[str]:
    link = event.conference_url  # RFC 7986 section 5.11
    return [f"CONFERENCE;VALUE=URI;FEATURE=VIDEO:{uri(link)}"] if link else []


def _shown(event: Event) -> list[str]:
    return [f"X-MICROSOFT-CDO-BUSYSTATUS:{_SHOWN[event.show_as]}"] if event.show_as else []


def _event_type(event: Event) -> Sequence[str]:
    name = event.event_type
    return _text("X-BUSYBRIDGE-EVENT-TYPE", "" if name == "default" else name)


@dataclass(frozen=True, slots=True)
class Group:
    """Properties that together say one thing of an event."""

    names: frozenset[str]
    """Those that no longer hold where it changes."""
    lines: Callable[[Event], Sequence[str]]
    meaning: Callable[[Event], object] | None = None
    """What is the same in two events that say the same; None: the lines."""
    is_time: bool = False

    def differs(self, one: Event, other: Event) -> bool:
        """Tell whether two events say different things."""
        meaning = self.meaning or self.lines
        return meaning(one) != meaning(other)


_ALL_DAY = ("X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT")
GROUPS = (
    Group(frozenset({"DTSTART", "DTEND", "DURATION", *_ALL_DAY}), _times, _when, is_time=True),
    Group(frozenset({"RECURRENCE-ID"}), _which),
    Group(
        frozenset({"RRULE"}),
        lambda it: [f"RRULE:{_line(rule)}" for rule in it.rrules],
        lambda it: _rules(it.rrules),
        is_time=True,
    ),
    Group(
        frozenset({"EXRULE"}),
        lambda it: [f"EXRULE:{_line(rule)}" for rule in it.exrules],
        lambda it: _rules(it.exrules),
        is_time=True,
    ),
    Group(frozenset({"RDATE"}), _rdates, lambda it: frozenset(it.rdates), is_time=True),
    Group(
        frozenset({"EXDATE"}),
        lambda it: [moment_line("EXDATE", moment) for moment in it.exdates],
        lambda it: frozenset(it.exdates),
        is_time=True,
    ),
    Group(frozenset({"SUMMARY"}), lambda it: _text("SUMMARY", it.summary)),
    Group(  # X-ALT-DESC has it as HTML
        frozenset({"DESCRIPTION", "X-ALT-DESC"}), lambda it: _text("DESCRIPTION", it.description)
    ),
    Group(
        frozenset({"LOCATION", "GEO", "X-APPLE-STRUCTURED-LOCATION"}),
        lambda it: _text("LOCATION", it.location),
    ),
    Group(frozenset({"X-BUSYBRIDGE-ORIGIN"}), lambda it: _text("X-BUSYBRIDGE-ORIGIN", it.origin)),
    Group(frozenset({"X-BUSYBRIDGE-MIRROR"}), lambda it: _text("X-BUSYBRIDGE-MIRROR", it.mirror)),
    Group(frozenset({"CATEGORIES"}), _categories),
    Group(frozenset({"URL"}), lambda it: [f"URL:{uri(it.url)}"] if it.url else []),
    Group(
        frozenset({"CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"}),
        _conference,
    ),
    Group(frozenset({"TRANSP"}), lambda it: [f"TRANSP:{it.transp.value}"]),
    Group(frozenset({"CLASS"}), lambda it: [f"CLASS:{it.classification.value}"]),
    Group(frozenset({"STATUS"}), lambda it: [f"STATUS:{it.status.value}"] if it.status else []),
    Group(frozenset({"X-MICROSOFT-CDO-BUSYSTATUS", "X-MICROSOFT-MSNCALENDAR-BUSYSTATUS"}), _shown),
    Group(frozenset({"X-BUSYBRIDGE-EVENT-TYPE"}), _event_type),
)
"""In the order in which they are written."""
