"""Calendars as text to series of events.

`parse_calendar` reads what a calendar system sends, with all its defects (`repair` names them). A
VEVENT that cannot be understood costs the others nothing; text that is not a whole calendar is
refused, since the events it lacks must not be taken for deleted.

The canonical text of a series holds what was read of it, without VALARMs and control characters,
and is what the store keeps: parsing it gives the same series again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TypeAlias
from zoneinfo import ZoneInfo

from bridge.errors import InvalidCalendarObject
from bridge.ical import repair
from bridge.ical.bounds import DEFAULT, Limits
from bridge.ical.chosen import Chosen, zones_of
from bridge.ical.contentline import (
    Properties,
    RawCalendar,
    fold,
    split_calendars,
    split_line,
    unfold,
)
from bridge.ical.details import rank
from bridge.ical.serialize import escape_text
from bridge.ical.values import Unreadable
from bridge.ical.vevent import CUT, WHOLE, EventReader, ReadEvent, cut_text
from bridge.ical.vtimezone import budget_of_a_file
from bridge.ical.zones import Zones
from bridge.model.event import Event, EventSeries, EventTime

_ABOUT = frozenset({"VERSION", "X-WR-TIMEZONE"})
_WHICH = frozenset({"UID", "RECURRENCE-ID"})
_STAMPS = re.compile(r"^DTSTAMP[:;][^\n]*\n", re.MULTILINE)
_HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//BusyBridge//EN\r\n"


@dataclass(frozen=True, slots=True)
class ParsedSeries:
    """A series and its canonical text."""

    series: EventSeries
    text: str
    """One VCALENDAR with the VTIMEZONEs that the series uses; CRLF, folded."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the text without DTSTAMP, which some servers set to the time of asking."""
        plain = _STAMPS.sub("", self.text.replace("\r\n", "\n"))
        return hashlib.sha256(plain.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Broken:
    """A UID whose event is there and cannot be understood: unknown, never gone."""

    uid: str
    reason: str
    remains: ParsedSeries | None = None
    """Its changed occurrences, which can be read: they block where nothing else is known of it."""


@dataclass(frozen=True, slots=True)
class ParsedCalendar:
    """What a calendar holds, each UID once: in `series` or in `broken`."""

    series: list[ParsedSeries]
    time_zone: str = ""
    """IANA key of X-WR-TIMEZONE, empty where there is none that is known."""
    notes: list[str] = field(default_factory=list)
    """What was repaired or guessed for the calendar as a whole."""
    broken: list[Broken] = field(default_factory=list)


def parse_calendar(
    data: bytes | str,
    *,
    owner: str = "",
    limits: Limits = DEFAULT,
    whole: bool = False,
    strict: bool = False,
) -> ParsedCalendar:
    """Read iCalendar text.

    Args:
        data: octets as they came; decoded text is read as well.
        owner: mail address whose reply becomes `self_partstat`.
        limits: sizes and counts of one event; the size of the whole is the caller's to bound.
        whole: whether alarms, attachments and the parameters of guests are read as well. They
            are in the series alone, not in its text: `series_text` writes one that has them.
        strict: guess nothing: what would have to be repaired or left out makes the UID broken,
            names of zones excepted.

    Raises:
        InvalidCalendarObject: the text is not iCalendar, or was cut short.
    """
    text, notes = unfold(data)
    _refuse_other_text(text)
    calendars = split_calendars(text, limits, alarms=whole)
    gathered: dict[str, _Gathered] = {}
    time_zone = ""
    budget = budget_of_a_file()
    for raw in calendars:
        zones = Zones(raw.timezones, budget)
        reader = EventReader(zones, owner, limits, whole=whole, strict=strict)
        reading = _Calendar(raw, reader, notes)
        time_zone = time_zone or reading.time_zone
        reading.gather(gathered)
    series = []
    broken = []
    for uid, found in gathered.items():
        if strict and not found.reason:
            found.reason = found.guessed()
        if found.reason or not found.chosen:
            remains = found.parsed() if found.chosen else None
            broken.append(Broken(uid, found.reason or found.lost[0], remains))
        else:
            series.append(found.parsed())
    return ParsedCalendar(series, time_zone, list(dict.fromkeys(notes)), broken)


def _refuse_other_text(text: str) -> None:
    head = text.lstrip()[:500]
    if not head:
        raise InvalidCalendarObject("not a calendar: there is no text at all")
    if head[0] == "<":
        raise InvalidCalendarObject("not a calendar: it is an HTML or XML page")


_Key: TypeAlias = tuple[EventTime | None, EventTime | None]
"""RECURRENCE-ID of an override, else the start."""


@dataclass(slots=True)
class _Gathered:
    """All VEVENTs of one UID."""

    uid: str
    head: str
    chosen: dict[_Key, Chosen] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Why overrides cannot be understood: their occurrences stay where the series has them."""
    reason: str = ""
    """Why the master cannot be understood, and with it how the series goes on."""

    def add(self, read: ReadEvent, text: str, zones: Zones) -> None:
        """Take a VEVENT, or the better of two copies of it (highest SEQUENCE, then newest)."""
        key: _Key = read.event.recurrence_id, None
        if key[0] is None:
            key = None, read.event.start
        if key in self.chosen:
            what = "the event" if key[0] is None else "an override"
            self.notes.append(f"{what} is there twice: the one with the highest SEQUENCE was taken")
            if rank(self.chosen[key].read.event) > rank(read.event):
                return
        self.chosen[key] = Chosen(read, text, zones)

    def guessed(self) -> str:
        """Say what was left out, or put in order, of this series; empty where nothing was."""
        if len([it for it in self.chosen.values() if it.read.event.recurrence_id is None]) > 1:
            return "several events without RECURRENCE-ID have this UID"
        return next(iter([*self.lost, *self.notes]), "")

    def parsed(self) -> ParsedSeries:
        """Return the series with its text."""
        reads = [it.read for it in self.chosen.values()]
        notes = [f"an override was left out: {reason}" for reason in self.lost]
        notes += self.notes
        for read in reads:
            notes += read.notes
        master, overrides = self._master_and_overrides(notes)
        series = EventSeries(
            uid=self.uid,
            master=master,
            overrides=tuple(overrides),
            notes=tuple(dict.fromkeys(notes)),
        )
        definitions, texts = zones_of(self.chosen.values())
        parts = [self.head, *definitions]
        for text in texts:
            parts += ("BEGIN:VEVENT\r\n", text, "END:VEVENT\r\n")
        parts.append("END:VCALENDAR\r\n")
        return ParsedSeries(series, "".join(parts))

    def _master_and_overrides(self, notes: list[str]) -> tuple[Event | None, list[Event]]:
        """Return the master, and with the overrides what else has no RECURRENCE-ID.

        Some exporters give several events one UID, or forget the RECURRENCE-ID of a changed
        occurrence. The one that recurs is the master, else the first; each other one stands for
        the occurrence at its start, which EXDATE does not take away, and recurs by itself.
        """
        events = [it.read.event for it in self.chosen.values()]
        masters = [it for it in events if it.recurrence_id is None]
        overrides = [it for it in events if it.recurrence_id is not None]
        if len(masters) < 2:
            return (masters[0] if masters else None), overrides
        notes.append("several events have this UID: each blocks its own time")
        master = next((it for it in masters if it.is_recurring), masters[0])
        others = [replace(it, recurrence_id=it.start) for it in masters if it is not master]
        apart = {it.start for it in others}
        exdates = tuple(it for it in master.exdates if it not in apart)
        return replace(master, exdates=exdates), overrides + others


class _Calendar:
    """The reading of one VCALENDAR."""

    def __init__(self, raw: RawCalendar, reader: EventReader, notes: list[str]) -> None:
        about = Properties(raw.text, _ABOUT)
        self._raw = raw
        self._reader = reader
        self.zones = reader.zones
        self.time_zone = ""
        self._head = _HEAD
        if "VERSION" not in about:
            notes.append("VERSION is missing: read as 2.0")
        if "X-WR-TIMEZONE" in about:
            name = about.value("X-WR-TIMEZONE").strip()
            self._head = _HEAD + fold(f"X-WR-TIMEZONE:{name}\n")
            self._name_zone(name, notes)

    def _name_zone(self, name: str, notes: list[str]) -> None:
        zone, note = self.zones.resolve(name) if name else (None, "")
        if note:
            notes.append(f"X-WR-TIMEZONE: {note}")
        if zone is UTC:
            self.time_zone = "UTC"
        elif isinstance(zone, ZoneInfo):
            self.time_zone = zone.key

    def gather(self, gathered: dict[str, _Gathered]) -> None:
        """Read every VEVENT into what was gathered of its UID."""
        for raw in self._raw.events:
            try:
                read = self._reader.read(raw)
            except Unreadable as err:
                self._break(gathered, raw.text, str(err))
                continue
            text = _canonical(raw.text, read, self._reader.limits)
            self._of(gathered, read.event.uid).add(read, text, self.zones)

    def _of(self, gathered: dict[str, _Gathered], uid: str) -> _Gathered:
        found = gathered.get(uid)
        if found is None:
            found = gathered[uid] = _Gathered(uid, self._head)
        return found

    def _break(self, gathered: dict[str, _Gathered], text: str, reason: str) -> None:
        which = Properties(text, _WHICH)
        value = which.value("UID")
        found = self._of(gathered, repair.uid(value, text)[0])
        if "RECURRENCE-ID" in which:
            found.lost.append(reason)
        else:
            found.reason = reason


def _canonical(text: str, read: ReadEvent, limits: Limits) -> str:
    """Return the content lines that are kept of a VEVENT."""
    if read.irregular:
        kept = [f"UID:{escape_text(read.event.uid)}", *_kept_lines(text, limits)]
        text = "\n".join(kept) + "\n"
    modified = _after(text, "LAST-MODIFIED:")
    stamp = _after(text, "DTSTAMP:")
    if modified is not None and stamp is not None:
        # Google sets DTSTAMP to the time of asking; the last change is what it should say
        text = text[: stamp.start] + text[modified] + text[stamp.stop :]
    return fold(text)


def _after(text: str, head: str) -> slice | None:
    """Return where the value of a property without parameters stands."""
    start = text.find(head)
    if start < 0 or (start and text[start - 1] != "\n"):
        return None
    return slice(start + len(head), text.find("\n", start))


def _kept_lines(text: str, limits: Limits) -> Iterator[str]:
    for line in text.split("\n"):
        head, colon, value = split_line(line)
        name = repair.property_name(head.partition(";")[0])
        if not (colon and name) or name == "UID":
            continue
        if len(value) <= limits.property_size:
            yield line
        elif name in ("RDATE", "EXDATE"):
            yield from _in_lines(head, value, limits.property_size)
        elif name in WHOLE:
            yield line
        elif name in CUT:
            yield f"{head}:{cut_text(value, limits)}"


def _in_lines(head: str, values: str, size: int) -> Iterator[str]:
    """Write a list of dates as several properties, each as long as others may be."""
    parts: list[str] = []
    length = 0
    for part in filter(None, map(str.strip, values.split(","))):
        if parts and length + len(part) > size:
            yield f"{head}:{','.join(parts)}"
            parts, length = [], 0
        parts.append(part)
        length += len(part) + 1
    if parts:
        yield f"{head}:{','.join(parts)}"
