"""What stands in Outlook of a booking: an event, or a series with all that differs in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import blake2b

from msgspec import structs

from bridge.errors import InvalidCalendarObject, UnreadableAnswer
from bridge.ical.foreign import Unclear, at
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Instant, Window
from bridge.provider import ETag, RemoteId, entity_tag
from bridge.providers.microsoft import translate, wire
from bridge.providers.microsoft.moments import Place, occurrence, on_day, read_span
from bridge.providers.microsoft.series import EDGE, by_rule, on_clock, original_start
from bridge.sink import Written

TEAMS = "teamsForBusiness"


@dataclass(frozen=True, slots=True)
class Changed:
    """One changed occurrence."""

    raw: wire.Event
    event: Event


@dataclass(frozen=True, slots=True)
class Standing:
    """One event as it was read."""

    raw: wire.Event
    master: Event
    """Without EXDATE: those are `deleted`."""
    changed: dict[Instant, Changed] = field(default_factory=dict)
    """Changed occurrences, by their original start; a day is its midnight in UTC."""
    deleted: dict[Instant, None] = field(default_factory=dict)

    @property
    def conference(self) -> Conference | None:
        """Give the Teams meeting of the event."""
        raw = self.raw
        if not raw.is_online_meeting or raw.online_meeting_provider != TEAMS:
            return None
        link = translate.read_conference(raw)
        if not link:
            return Conference(ConferenceKind.TEAMS, ConferenceState.PENDING)
        return Conference(
            ConferenceKind.TEAMS, ConferenceState.READY, join_url=link, details=_details(raw)
        )

    @property
    def has_guests(self) -> bool:
        """Tell whether anybody is invited to any of it."""
        events = (self.master, *(each.event for each in self.changed.values()))
        return any(each.attendees for each in events)

    @property
    def etag(self) -> ETag:
        """Name the state of the event and of its occurrences."""
        own = str(entity_tag(self.raw.etag) or "")
        if not (self.changed or self.deleted):
            return ETag(own)
        state = [(key, each.raw.etag) for key, each in sorted(self.changed.items())]
        name = repr((own, state, sorted(self.deleted))).encode()
        return ETag(f"{own}.{blake2b(name, digest_size=6).hexdigest()}")

    @property
    def series(self) -> EventSeries:
        """Give the whole of it."""
        deleted = tuple(on_clock(self.master, key) for key in sorted(self.deleted))
        return EventSeries(
            uid=self.master.uid,
            master=replace(self.master, exdates=deleted),
            overrides=tuple(each.event for _, each in sorted(self.changed.items())),
        )

    def pulled(self, notes: tuple[str, ...]) -> EventSeries:
        """Say it as pulls do, which read no alarms."""
        changed = {
            key: replace(each, event=replace(each.event, alarms=None))
            for key, each in self.changed.items()
        }
        told = replace(self, master=replace(self.master, alarms=None), changed=changed)
        return replace(told.series, notes=notes)

    def written(self, failing: str = "") -> Written:
        """Say it as sinks do.

        Args:
            failing: why the meeting that was asked for is not to be had.
        """
        conference = self.conference
        if failing and conference is None:
            conference = Conference(ConferenceKind.TEAMS, ConferenceState.FAILING, reason=failing)
        return Written(
            remote_id=RemoteId(self.raw.id),
            etag=self.etag,
            series=self.series,
            conference=conference,
            uid=self.master.uid,
        )


def read(
    raw: wire.Event, changed: Iterable[wire.Event] = (), deleted: Sequence[str] = ()
) -> Standing:
    """Put together what Graph says of an event.

    Args:
        raw: the event, or the master of a series.
        changed: its changed occurrences.
        deleted: ids of those that are gone, `OID.masterid.2026-03-01`.

    Raises:
        UnreadableAnswer: it cannot be understood.
    """
    try:
        master = _event(raw)
        made = Standing(raw, master)
        for each in changed:
            event = _event(each)
            original = original_start(master, event.recurrence_id)
            mine = replace(event, uid=master.uid, recurrence_id=original, origin=master.origin)
            made.changed[at(original)] = Changed(each, mine)
        for name in deleted:
            made.deleted[at(on_day(master.start, _day_of(name)))] = None
    except Unclear as err:
        raise UnreadableAnswer(f"an event of Outlook cannot be understood: {err}") from err
    return made


def is_cut(series: EventSeries, window: Window) -> bool:
    """Tell whether a list of a window may have less than the whole of a booking's series."""
    master = series.master
    if master is None or not (master.origin and master.rrules):
        return False
    if at(master.start) < window.start + EDGE or "UNTIL=" not in master.rrules[0]:
        return True
    try:
        return bool(by_rule(master, Window(window.end - EDGE, window.end + EDGE)))
    except InvalidCalendarObject:
        return True


def key_of(master: Event, occurrence: wire.Event) -> Instant:
    """Name an occurrence that nobody changed, as a list of occurrences has it.

    Raises:
        UnreadableAnswer: it does not say when it is.
    """
    is_day = not isinstance(master.start, datetime)
    try:
        here = structs.replace(occurrence, is_all_day=is_day)
        return at(read_span(here, Place())[0])
    except Unclear as err:
        raise UnreadableAnswer(f"an occurrence cannot be understood: {err}") from err


def _day_of(name: str) -> date:
    named = occurrence(name)
    if named is None:
        raise Unclear("it does not say which occurrences are deleted")
    return named[1]


def _event(raw: wire.Event) -> Event:
    return replace(translate.read_event(raw).event, alarms=translate.read_alarms(raw))


def _details(raw: wire.Event) -> str:
    meeting = raw.online_meeting
    if meeting is None or not meeting.toll_number:
        return ""
    number = f", conference ID {meeting.conference_id}" if meeting.conference_id else ""
    return f"Phone {meeting.toll_number}{number}"
