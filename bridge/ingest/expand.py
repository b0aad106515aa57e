"""From calendar objects to occurrences that block or do not, one object apart from the others.

An object whose recurrence is refused, or for which a pull has no CPU time left, is never taken for
free time: what was known of it stays, and the times that it names outright (first occurrence,
RDATE, changed occurrences) block as well. Of a series with too many occurrences the first ones
block as they are, and from there on everything does; so does the whole horizon for a refused one
that names nothing in it and may still go on. Its row says why.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bridge.config.policy import PrivacyMode
from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import Limits, TooMany
from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.ical.placed import instant_in
from bridge.ical.recurrence import expand
from bridge.ingest.crash import QUARANTINED, CrashMark
from bridge.ingest.own import Own, is_relayed
from bridge.ingest.rules import Rules
from bridge.model.event import Event, EventSeries, Occurrence
from bridge.model.interval import Instant, Window, utc
from bridge.privacy import details, is_reserved, narrowed, reserved
from bridge.store.events import EventRow, OccurrenceRow
from bridge.store.text import storable

WAITING = "not expanded yet: the pull had no CPU time left; the next one continues"
_UNKNOWN = "when it takes place could not be worked out"
_UNBOOKED = "written by this BusyBridge, but for no booking of this resource that it knows"
_RELAYED = "a block of another BusyBridge, which is not mirrored on"
_DAY = 86400
_SHARE = 0.01
"""CPU seconds that each object adds to `limits.expand_time`."""
_STAMPS = re.compile(r"^DTSTAMP[:;][^\n]*\n", re.MULTILINE)
_UNTIL = re.compile(r"UNTIL=(\d{8})")
_PARTS = (2, 8, 64)
"""What part of the horizon is tried for a series that has too many occurrences in all of it."""
_REST = -1
"""Original start of the row that stands for the occurrences that were not worked out."""
_UNEXPANDABLE = (InvalidCalendarObject, ValueError, ArithmeticError)


class Found(NamedTuple):
    """A calendar object as it was read."""

    remote_id: str
    series: EventSeries
    text: str
    digest: str
    etag: str | None


class Made(NamedTuple):
    """The rows of one object."""

    event: EventRow
    occurrences: list[OccurrenceRow]


class CpuBudget:
    """CPU time of this thread that the expansions of one pull may take."""

    def __init__(self, allowance: float, objects: int) -> None:
        """Begin to count; each object adds its share, so that size alone exhausts nothing."""
        self._until = time.thread_time() + allowance + _SHARE * objects

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return time.thread_time() >= self._until


@dataclass(frozen=True, slots=True)
class Target:
    """The calendar whose rows are made."""

    resource_id: str
    calendar_id: str
    rules: Rules
    horizon: Window
    own: Own = field(compare=False)


@dataclass(slots=True)
class Expander:
    """Makes the rows of a calendar's objects."""

    target: Target
    budget: CpuBudget
    mark: CrashMark
    now: Instant
    _zones: tuple[tzinfo, tzinfo] = field(init=False)
    _buffers: tuple[int, int] = field(init=False)
    _window: Window = field(init=False)
    """The horizon, wide enough to see what only a buffer brings into it."""
    _limits: Limits = field(init=False)
    _reserved: str = field(init=False)
    """Details of an event of which nothing may show."""

    def __post_init__(self) -> None:
        """Work out what is the same for every object."""
        rules, horizon = self.target.rules, self.target.horizon
        before, after = self._buffers = rules.buffers
        self._zones = rules.zones()
        self._window = Window(horizon.start - after, horizon.end + before)
        self._limits = Limits(occurrences=rules.most)
        self._reserved = _json(reserved(rules.calendar_name, rules.policy.privacy))

    def make(self, found: Found, standing: Sequence[OccurrenceRow]) -> Made:
        """Expand an object; what cannot be expanded keeps its standing rows and says why."""
        if self.budget.spent:
            return self._kept(found._replace(digest=""), standing, WAITING)
        if _recurs(found.series) and not self.mark.allows(found.remote_id):
            # No more than a start and an end: whatever killed us may be in the rest.
            made = self._kept(found._replace(series=_plain(found.series)), standing, QUARANTINED)
            return self._never_free(made, found)
        try:
            rows, notes = self._rows(found.remote_id, found.series, self._window)
        except TooMany as err:
            return self._crowded(found, standing, str(err))
        except _UNEXPANDABLE as err:
            made = self._kept(found, standing, f"cannot be expanded: {err}")
            return self._never_free(made, found)
        return Made(self._event(found, notes=notes), rows)

    def unchanged(self, row: EventRow, standing: Sequence[OccurrenceRow]) -> Made:
        """Keep an object that could not be read again, as far as the rules still allow."""
        return Made(row, self._allowed(standing))

    def _kept(self, found: Found, standing: Sequence[OccurrenceRow], problem: str) -> Made:
        rows = {row.id: row for row in [*self._allowed(standing), *self._outright(found)]}
        return Made(self._event(found, problem=problem), list(rows.values()))

    def _crowded(self, found: Found, standing: Sequence[OccurrenceRow], problem: str) -> Made:
        """Work out as much of a series as may be, and block everything after it."""
        start, end = self._window
        for part in _PARTS:
            known = Window(start, start + (end - start) // part)
            try:
                rows, notes = self._rows(found.remote_id, found.series, known)
            except _UNEXPANDABLE:
                continue
            rows += self._rest(found, known.end)
            problem = f"{problem}; everything blocks from {utc(known.end).isoformat()} on"
            return Made(self._event(found, problem=problem, notes=notes), rows)
        made = self._kept(found, standing, f"{problem}; everything blocks")
        made.occurrences.extend(self._rest(found, self.target.horizon.start))
        return made

    def _never_free(self, made: Made, found: Found) -> Made:
        """Block the whole horizon for a series of which nothing is known in it."""
        if not made.occurrences:
            made.occurrences.extend(self._rest(found, self.target.horizon.start))
        return made

    def _rest(self, found: Found, since: Instant) -> list[OccurrenceRow]:
        """Give the row that stands for what a series has from some instant on."""
        horizon, master = self.target.horizon, found.series.master
        if master is None or _ended(master, utc(horizon.start - _DAY)):
            return []
        first = instant_in(master.start, self._zones[0])
        since = max(since, horizon.start, first)
        fbtype, reason, shown = self._judge(master, found.remote_id, all_day=False)
        if not fbtype or since >= horizon.end:
            return []
        occurrence = Occurrence(master, _REST, since, horizon.end)
        row = self._row(found.remote_id, occurrence, fbtype, f"{reason}; {_UNKNOWN}", shown)
        return [row._replace(start=since, end=horizon.end)]

    def _allowed(self, standing: Sequence[OccurrenceRow]) -> list[OccurrenceRow]:
        """Give the rows that stand, with no more shown of them than the rules allow by now."""
        horizon, blocks = self.target.horizon, self.target.rules.blocks
        return [
            row._replace(details=self._narrowed(row.details)) if blocks else row._replace(fbtype=0)
            for row in standing
            if horizon.overlaps(row.start, row.end)
        ]

    def _narrowed(self, shown: str) -> str:
        privacy = self.target.rules.policy.privacy
        if privacy.mode is PrivacyMode.FULL or shown == "{}":
            return shown
        if privacy.mode is PrivacyMode.BUSY_ONLY:
            return self._reserved
        before = json.loads(shown)
        after = narrowed(before, privacy.mode, privacy)
        if not privacy.show_title:
            after |= reserved(self.target.rules.calendar_name, privacy)
        return shown if after == before else _json(after)

    def _outright(self, found: Found) -> list[OccurrenceRow]:
        """Give the occurrences that need no rule."""
        master = found.series.master
        if master is not None:
            master = replace(master, rrules=(), exrules=())
        try:
            series = replace(found.series, master=master)
            return self._rows(found.remote_id, series, self._window)[0]
        except _UNEXPANDABLE:
            return []

    def _rows(
        self, remote_id: str, series: EventSeries, window: Window
    ) -> tuple[list[OccurrenceRow], tuple[str, ...]]:
        horizon = self.target.horizon
        zone, day_zone = self._zones
        expansion = expand(series, window, zone, day_zone=day_zone, limits=self._limits)
        judged: dict[int, tuple[int, str, str]] = {}
        rows: dict[str, OccurrenceRow] = {}
        for occurrence in expansion.occurrences:
            event = occurrence.event
            if id(event) not in judged:
                judged[id(event)] = self._judge(event, remote_id, all_day=occurrence.all_day)
            row = self._row(remote_id, occurrence, *judged[id(event)])
            if horizon.overlaps(row.start, row.end):
                rows[row.id] = row
        return list(rows.values()), expansion.notes

    def _judge(self, event: Event, remote_id: str, *, all_day: bool) -> tuple[int, str, str]:
        rules = self.target.rules
        ours = rules.is_ours(event)
        own = ours and self.target.own.holds(event, remote_id)
        fbtype, reason = rules.verdict(event, all_day=all_day, own=own)
        if ours and not own:
            reason = f"{reason}; {_UNBOOKED}"
        elif fbtype and is_relayed(event):
            reason = f"{reason}; {_RELAYED}"
        return (fbtype, reason, self._details(event)) if fbtype else (0, reason, "{}")

    def _details(self, event: Event) -> str:
        rules = self.target.rules
        if is_reserved(event, rules.policy.privacy):
            return self._reserved
        return _json(details(event, rules.calendar_name, rules.policy.privacy))

    def _row(
        self, remote_id: str, occurrence: Occurrence, fbtype: int, reason: str, shown: str
    ) -> OccurrenceRow:
        target = self.target
        before, after = self._buffers if fbtype else (0, 0)
        return OccurrenceRow(
            occurrence_id(target.calendar_id, remote_id, occurrence.original_start),
            target.resource_id,
            target.calendar_id,
            remote_id,
            occurrence.original_start,
            occurrence.start - before,
            occurrence.end + after,
            fbtype,
            occurrence.all_day,
            reason,
            shown,
            is_relayed(occurrence.event),
        )

    def _event(self, found: Found, *, problem: str = "", notes: Sequence[str] = ()) -> EventRow:
        return EventRow(
            self.target.calendar_id,
            found.remote_id,
            found.series.uid,
            found.etag,
            found.text,
            found.digest,
            problem,
            _json([*dict.fromkeys([*found.series.notes, *notes])]),
            self.now,
        )


def _recurs(series: EventSeries) -> bool:
    return series.master is not None and bool(series.master.rrules)


def _plain(series: EventSeries) -> EventSeries:
    """Leave nothing of a series but its first occurrence."""
    master = series.master
    if master is not None:
        master = replace(master, rrules=(), exrules=(), rdates=(), exdates=())
    return replace(series, master=master, overrides=())


def _ended(master: Event, before: datetime) -> bool:
    """Tell whether every rule says that the series was over at an instant."""
    ends = [_UNTIL.search(rule) for rule in master.rrules]
    return all(end is not None and end[1] < f"{before:%Y%m%d}" for end in ends)


def occurrence_id(calendar_id: str, remote_id: str, original_start: Instant) -> str:
    """Name an occurrence: the same wherever it is moved to, and after every rebuild."""
    name = f"{calendar_id}\n{remote_id}\n{original_start}".encode()
    return blake2b(name, digest_size=16).hexdigest()


def found_series(
    remote_id: str, series: EventSeries, *, text: str = "", etag: str | None = None
) -> Found:
    """Take an object from a provider, writing its canonical text where the adapter had none."""
    text = text or series_text(series)
    return Found(remote_id, series, text, digest_of(text), etag)


def stored_series(row: EventRow, owner: str) -> Found:
    """Read an object back from its stored text.

    Raises:
        InvalidCalendarObject: the text cannot be read, though it could be when it was stored.
    """
    calendar = parse_calendar(row.text, owner=owner)
    if len(calendar.series) != 1:
        reason = calendar.broken[0].reason if calendar.broken else "no single series in its text"
        raise InvalidCalendarObject(reason)
    return Found(row.remote_id, calendar.series[0].series, row.text, row.digest, row.etag)


def digest_of(text: str) -> str:
    """Name a text by its content; DTSTAMP is left out, which some servers set when asked."""
    plain = _STAMPS.sub("", text).encode("utf-8", "surrogatepass")
    return blake2b(plain, digest_size=16).hexdigest()


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
