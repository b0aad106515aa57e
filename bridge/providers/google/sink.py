"""Writing the events of bookings to Google calendars.

The id of an event is the token of its booking, which Google takes once and for ever, so that a
repeated insert is refused and finds what the first one made. Id and UID cannot both be chosen
(https://developers.google.com/workspace/calendar/api/v3/reference/events, `iCalUID`): Google makes
the UID, and the client's stands among the private properties.

Every change begins with a look at what is there, since lists of guests are replaced as a whole and
changed occurrences have versions of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bridge.errors import RemoteChanged, RemoteNotFound, RemoteRejected, UnreadableAnswer
from bridge.ical.foreign import Unclear
from bridge.model.conference import ConferenceKind
from bridge.model.event import Event, EventSeries, Floating
from bridge.model.remote import CalendarId, RemoteId
from bridge.providers.google import meet, wire
from bridge.providers.google.asking import inserted, patched, wanted_meeting
from bridge.providers.google.booked import (
    OURS,
    own_marks,
    read_booking,
    read_token,
    with_marks,
    write_booking,
)
from bridge.providers.google.changes import difference, guests, is_unseen
from bridge.providers.google.client import Client
from bridge.providers.google.editing import Editing
from bridge.providers.google.inviting import uninvited
from bridge.providers.google.looking import CANCELLED, Found, whole, written_by
from bridge.providers.google.moments import Place
from bridge.providers.google.occurrences import (
    Cancel,
    Change,
    Exceptions,
    in_order,
    lines_for,
    plan,
    read_series,
)
from bridge.providers.google.sayable import refuse
from bridge.providers.google.translate import read_mirror, write_attendees
from bridge.sink import Desired, Marked, Written

_LEFT = ("description", "location", "source", "attachments", "attendees", "summary")
_INSIDE: Mapping[str, tuple[str, ...]] = {
    "start": ("date", "dateTime", "timeZone"),
    "end": ("date", "dateTime", "timeZone"),
    "reminders": ("overrides",),
}
"""What an event that was deleted may still have, and what its properties may."""


class GoogleSink:
    """Implements `bridge.sink.EventSink`."""

    natively: Collection[ConferenceKind] = (ConferenceKind.GOOGLE_MEET,)
    may_be_silent = True
    keeps_uids = False

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def ends_by_uid(self, calendar: CalendarId) -> bool:
        """Tell whether guests hear of an end by a UID of ours; see `EventSink`."""
        del calendar
        return False

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        """Find what was written under a token; see `EventSink`."""
        try:
            found = self._load(calendar, token)
        except RemoteNotFound:
            return None
        return self._written(calendar, found)

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        """Read an event as it stands; see `EventSink`."""
        return self._written(calendar, self._load(calendar, remote_id))

    def marked(self, calendar: CalendarId, origin: str) -> Sequence[Marked]:
        """Find what an instance wrote; see `EventSink`."""
        return [
            Marked(
                written=self._written(calendar, whole(self._client, calendar, event)),
                origin=origin,
                token=read_token(event),
                mirror=read_mirror(event),
            )
            for event in written_by(self._client, calendar, origin)
        ]

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        """Make an event what is desired; see `EventSink`."""
        place = self._place(calendar, desired.series)
        refuse(desired, place)
        notify = desired.notify and not desired.series.is_told_elsewhere
        editing = Editing(self._client, calendar, notify)
        if base is None:
            return self._create(editing, desired, place)
        found = self._load(calendar, base.remote_id)
        if found.etag != base.etag:
            raise RemoteChanged("somebody changed the event at Google meanwhile")
        return self._bring(editing, found, base.series, desired, place)

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        """Delete an event; see `EventSink`."""
        Editing(self._client, calendar, notify).delete(base.remote_id)

    # Creating

    def _create(self, editing: Editing, desired: Desired, place: Place) -> Written:
        first = uninvited(desired)
        asked = first or desired
        quiet = replace(editing, notify=editing.notify and first is None)
        event = _new(asked, place)
        made, reason = inserted(quiet, event, desired)
        found = None if made is None else Found(made)
        if found is None:
            there = self._taken(editing.calendar, desired.token)
            if there.status != CANCELLED:
                there_now = whole(self._client, editing.calendar, there)
                return self._bring(editing, there_now, None, desired, place)
            made, reason = patched(quiet, there, _revived(event, there, desired))
            found = whole(self._client, editing.calendar, made)
        found = self._occurrences(quiet, found, None, asked, place)
        if first is not None:
            found = self._in_line(editing, found, None, desired, place)[0]
        return self._told(editing, found, desired, reason)

    def _taken(self, calendar: str, token: str) -> wire.Event:
        """Show what has the id already; deleted events disappear in the end, and keep it."""
        try:
            return self._client.event(calendar, token)
        except RemoteNotFound as err:
            raise RemoteRejected(
                "Google Calendar does not give back the id of an event that was deleted long ago"
            ) from err

    # Changing

    def _bring(
        self,
        editing: Editing,
        found: Found,
        base: EventSeries | None,
        desired: Desired,
        place: Place,
    ) -> Written:
        """Change what differs; who is not invited yet is, once all of it stands."""
        first = uninvited(desired, found.master, found.others)
        reason = ""
        if first is not None:
            quiet = replace(editing, notify=False)
            found, reason = self._in_line(quiet, found, base, first, place, meets=True)
        found, why = self._in_line(editing, found, base, desired, place, meets=first is None)
        return self._told(editing, found, desired, reason or why)

    def _in_line(
        self,
        editing: Editing,
        found: Found,
        base: EventSeries | None,
        desired: Desired,
        place: Place,
        *,
        meets: bool = False,
    ) -> tuple[Found, str]:
        """Change what differs, the series first and then its occurrences.

        Args:
            editing: writes.
            found: as it stands.
            base: as the client knows it.
            desired: as it shall be.
            place: the calendar.
            meets: its meeting is seen to as well.

        Returns:
            As it stands then, and why there is no meeting.
        """
        wanted = desired.series.master
        assert wanted is not None  # noqa: S101 - `refuse` saw to it
        current = _read(found.master, place)
        wanted = lines_for(_signed(wanted, desired), current, place)
        known = (base.master if base else None) or current
        patch = _patch(
            in_order(lines_for(known, current, place), place), wanted, found.master, place, desired
        )
        if meets:
            patch |= wanted_meeting(found.master, desired)
        reason = ""
        if patch:
            master, reason = patched(editing, found.master, patch)
            found = whole(self._client, editing.calendar, master)
        return self._occurrences(editing, found, base, desired, place), reason

    def _occurrences(
        self,
        editing: Editing,
        found: Found,
        base: EventSeries | None,
        desired: Desired,
        place: Place,
    ) -> Found:
        """Change the occurrences, and give what stands there in the end."""
        exceptions = Exceptions.of(found.others, place)
        changed = False
        for step in plan(found.master, exceptions, base, desired.series, place):
            if isinstance(step, Cancel):
                editing.delete(step.name)
                changed = True
            else:
                changed = self._change(editing, step, desired, place) or changed
        if changed:
            found = self._load(editing.calendar, RemoteId(found.master.id))
        return found

    def _told(self, editing: Editing, found: Found, desired: Desired, reason: str) -> Written:
        """Say what stands there, and why it has no meeting."""
        written = self._written(editing.calendar, found)
        if desired.conference is None or written.conference is not None:
            return written
        conference = meet.refused(reason) if reason else meet.missing(found.master)
        return replace(written, conference=conference)

    def _change(self, editing: Editing, step: Change, desired: Desired, place: Place) -> bool:
        """Change one occurrence; tell whether there was anything to do."""
        current = step.current or self._occurrence(editing.calendar, step.name)
        wanted = _signed(step.wanted, desired)
        if current.status == CANCELLED:
            patch = _whole(_complete(wanted, place, desired))
        else:
            known = step.base or _read(current, place)
            patch = _patch(known, wanted, current, place, desired)
        if patch:
            editing.patch(current, patch, unseen=is_unseen(patch))
        return bool(patch)

    # Reading

    def _place(self, calendar: CalendarId, series: EventSeries) -> Place:
        """Describe the calendar; its zone matters where a time has none."""
        times = (moment for it in series.events() for moment in (it.start, it.end))
        if not any(isinstance(moment, Floating) for moment in times):
            return Place.of(calendar, "")
        return Place.of(calendar, self._client.calendar(calendar).time_zone)

    def _load(self, calendar: str, remote_id: str) -> Found:
        master = self._client.event(calendar, remote_id)
        if master.status == CANCELLED:
            raise RemoteNotFound("the event was deleted at Google")
        return whole(self._client, calendar, master)

    def _occurrence(self, calendar: str, name: str) -> wire.Event:
        try:
            return self._client.event(calendar, name)
        except RemoteNotFound as err:
            raise RemoteRejected(
                "Google Calendar cannot change an occurrence that the series does not have"
            ) from err

    def _written(self, calendar: str, found: Found) -> Written:
        place = Place.of(calendar, found.zone)
        try:
            series = read_series(found.master, found.others, place)
        except Unclear as err:
            raise UnreadableAnswer(f"the event at Google cannot be understood: {err}") from err
        return Written(
            remote_id=RemoteId(found.master.id),
            etag=found.etag,
            series=series,
            conference=meet.read_meet(found.master),
            uid=series.uid,
        )


def _signed(event: Event, desired: Desired) -> Event:
    """Say whose event it is."""
    return replace(event, origin=desired.origin, mirror=desired.mirror)


def _new(desired: Desired, place: Place) -> wire.Event:
    wanted = desired.series.master
    assert wanted is not None  # noqa: S101 - `refuse` saw to it
    event = _complete(in_order(_signed(wanted, desired), place), place, desired)
    event.id = desired.token
    return event


def _complete(event: Event, place: Place, desired: Desired) -> wire.Event:
    """Write an event with its guests."""
    made = _written_as(event, place, desired)
    made.attendees = write_attendees(event)
    return made


def _whole(event: wire.Event) -> dict[str, object]:
    """Give all of an event, for one that was deleted and may still have what it had."""
    made = wire.properties(event)
    for name, left in _INSIDE.items():
        if isinstance(said := made.get(name), dict):
            made[name] = dict.fromkeys(left) | said
    made["extendedProperties"] = {"private": dict.fromkeys(OURS) | own_marks(event)}
    return dict.fromkeys(_LEFT) | made


def _revived(event: wire.Event, there: wire.Event, desired: Desired) -> dict[str, object]:
    """Give what brings an event back; an id stays taken when its event is deleted."""
    asked = None
    if desired.conference is not None:
        asked = wire.properties(meet.request(desired.token, there))
    whole = {"recurrence": None, **_whole(event), "conferenceData": asked}
    return {name: value for name, value in whole.items() if name != "id"}


def _patch(
    base: Event, wanted: Event, current: wire.Event, place: Place, desired: Desired
) -> dict[str, object]:
    now = _read(current, place)
    if wanted.recurrence_id is not None:
        now = replace(now, recurrence_id=wanted.recurrence_id)
        base = replace(base, recurrence_id=wanted.recurrence_id)
    stands = write_booking(now, place)
    stands.extended_properties = wire.Properties(private=own_marks(current))
    patch = difference(
        wire.properties(_written_as(base, place, desired)),
        wire.properties(_written_as(wanted, place, desired)),
        wire.properties(stands),
    )
    listed = guests(base.attendees, wanted.attendees, current.attendees)
    if listed is not None and current.attendees_omitted:
        raise RemoteRejected("Google Calendar cannot change guests whom it does not show to us")
    if listed is not None:
        patch["attendees"] = [wire.properties(each) for each in listed]
    return patch


def _written_as(event: Event, place: Place, desired: Desired) -> wire.Event:
    """Write an event with the marks of its booking."""
    link = event.conference_url if desired.conference is None else ""
    return with_marks(
        write_booking(event, place), token=desired.token, uid=desired.series.uid, link=link
    )


def _read(event: wire.Event, place: Place) -> Event:
    try:
        return read_booking(event, place).event
    except Unclear as err:
        raise UnreadableAnswer(f"the event at Google cannot be understood: {err}") from err
