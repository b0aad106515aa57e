"""Outlook's calendars as an `EventSink`.

A booking is found by an extended property that holds its token, and its transaction is made of the
token, so that Graph itself makes one event of it at most. The guests of a series are invited last,
when its occurrences are as they should be: every guest gets one mail.

What Outlook added to the body for a Teams meeting is kept; without it the meeting would end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from typing import Any

from msgspec import structs, to_builtins

from bridge.errors import (
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.ical.zones import windows_name
from bridge.model.conference import ConferenceKind, ConferenceState
from bridge.model.event import Event
from bridge.model.interval import Instant, rfc3339
from bridge.model.remote import CalendarId, RemoteId
from bridge.providers.microsoft import (
    body,
    differences,
    plan,
    recurrence,
    standing,
    teams,
    translate,
    wire,
)
from bridge.providers.microsoft.client import Client, Span
from bridge.providers.microsoft.differences import PLACE
from bridge.providers.microsoft.editing import Editor, UsedBefore
from bridge.providers.microsoft.plan import Step, Wanted
from bridge.providers.microsoft.standing import Standing
from bridge.sink import Desired, Marked, Written

_DAY = 86400
_LONGEST = 1800 * _DAY
"""Of which Graph lists occurrences at once, with room to spare."""
_NO_TEAMS = (
    "the mailbox of this calendar has no Teams meetings: its account may lack a licence for Teams, "
    "or be a personal one"
)


class MicrosoftSink:
    """Writes the events of bookings; see `bridge.sink.EventSink`."""

    natively: Collection[ConferenceKind] = (ConferenceKind.TEAMS,)
    may_be_silent = False
    keeps_uids = False

    def __init__(self, client: Client, owner: str = "") -> None:
        """Make one without touching the network.

        Args:
            client: sends.
            owner: mail address of the account; empty where nobody says it.
        """
        self._client = client
        self._owner = owner

    def ends_by_uid(self, calendar: CalendarId) -> bool:
        """Tell whether guests hear of an end by a UID of ours; see `EventSink`."""
        del calendar
        return False

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        """Find what was written under a token; see `EventSink`."""
        editor = Editor(self._client, calendar)
        found = _found(editor, token)
        return found.written() if found else None

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        """Read an event; see `EventSink`."""
        return _standing(Editor(self._client, calendar), remote_id).written()

    def marked(self, calendar: CalendarId, origin: str) -> Sequence[Marked]:
        """Find what an instance wrote; see `EventSink`."""
        editor = Editor(self._client, calendar)
        found = {
            each.id: each
            for each in editor.marked(origin)
            if not each.is_cancelled and translate.read_origin(each) == origin
        }
        return [
            Marked(
                written=_whole(editor, each).written(),
                origin=origin,
                token=translate.read_token(each),
                mirror=translate.read_mirror(each),
            )
            for each in found.values()
        ]

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        """Make an event what is desired; see `EventSink`."""
        editor = Editor(self._client, calendar)
        put = _Put(editor, desired, plan.wanted(desired, self._owner))
        if base is not None:
            found = _standing(editor, base.remote_id)
            if found.etag != base.etag:
                raise RemoteChanged("the event was changed in Outlook meanwhile")
            return put.bring_in_line(found)
        try:
            there = _found(editor, desired.token)
            return put.create() if there is None else put.bring_in_line(there)
        except RemoteChanged as err:
            raise TemporarilyUnavailable(f"it is being written still: {err}") from err

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        """Delete an event; see `EventSink`.

        Outlook tells the guests, if there are some, whatever `notify` says.
        """
        editor = Editor(self._client, calendar)
        if any(event.attendees for event in base.series.events()):
            editor.cancel(base.remote_id)
        else:
            editor.delete(base.remote_id)


class _Put:
    """One `put` on its way."""

    def __init__(self, editor: Editor, desired: Desired, wanted: Wanted) -> None:
        self._editor = editor
        self._desired = desired
        self._wanted = wanted
        self._failing = ""
        self._wrote = False
        """From then on the state of an event is our own doing."""

    def create(self) -> Written:
        wanted = self._wanted
        first = wanted.without_guests() if wanted.has_occurrences else wanted
        made = self._editor.create(self._new(first.master))
        self._wrote = True
        if isinstance(made, UsedBefore):
            return self.bring_in_line(self._used(made))
        found = _whole(self._editor, made) if wanted.has_occurrences else standing.read(made)
        if _is_older(found, first):
            return self.bring_in_line(found)
        self._look_at_meeting(found)
        if not wanted.has_occurrences:
            return found.written(self._failing)
        try:
            found = self._occurrences(found, first)
        except RemoteRejected:
            self._editor.delete(made.id)  # nobody was invited yet
            raise
        return self._bring(found, wanted).written(self._failing)

    def bring_in_line(self, found: Standing) -> Written:
        if found.has_guests and not self._desired.notify:
            raise RemoteRejected(
                "Outlook mails every guest of a change, and cannot be told not to "
                "(notify_attendees: false)"
            )
        if self._wanted.has_occurrences and not found.has_guests:
            found = self._bring(found, self._wanted.without_guests())
        return self._bring(found, self._wanted).written(self._failing)

    def _new(self, master: Event) -> wire.Event:
        """Write an event that is not there yet."""
        token = self._desired.token
        marks = [
            wire.Property(id=translate.TOKEN, value=token),
            wire.Property(id=translate.UID, value=master.uid),
        ]
        text = differences.described(master)
        event = structs.replace(
            translate.write_event(master, PLACE),
            body=wire.Body(content_type="text", content=text) if text else None,
            transaction_id=translate.write_transaction(token, master.origin, master.mirror),
            extended_properties=[*translate.write_origin(master), *marks],
        )
        if self._asks():
            event.is_online_meeting = True
            event.online_meeting_provider = standing.TEAMS
        return event

    def _used(self, used: UsedBefore) -> Standing:
        """Find what a transaction made of which nobody heard."""
        found = _found(self._editor, self._desired.token)
        if found is None and used.event:
            found = _standing(self._editor, used.event)
        if found is None:
            raise RemoteNotFound("the event was written before, and is deleted in Outlook")
        return found

    def _bring(self, found: Standing, wanted: Wanted) -> Standing:
        """Bring an event in line, then its occurrences."""
        changes, text = differences.between(found.master, wanted.master)
        changes |= self._meeting(found)
        drops = self._drops_meeting(found)
        if drops and text is None:
            text = differences.described(wanted.master)
        if text is not None:
            changes["body"] = self._body(found.raw, text, keep=not drops)
        if changes:
            found = _whole(self._editor, self._change(found, changes))
        self._look_at_meeting(found)
        return self._occurrences(found, wanted) if wanted.master.is_recurring else found

    def _change(self, found: Standing, changes: Mapping[str, Any]) -> wire.Event:
        """Change an event that is as it was read, unless we were at it already."""
        etag = "" if self._wrote else found.raw.etag
        made = self._editor.change(found.raw.id, changes, etag)
        self._wrote = True
        return made

    # Meetings

    def _asks(self) -> bool:
        """Tell whether a Teams meeting is to be asked for, which is not to be had everywhere."""
        if self._desired.conference is None:
            return False
        if self._editor.makes_teams_meetings():
            return True
        self._failing = _NO_TEAMS
        return False

    def _meeting(self, found: Standing) -> dict[str, Any]:
        # Once there it is never asked for again: nothing but trouble comes of that.
        if found.raw.is_online_meeting or not self._asks():
            return {}
        return {"isOnlineMeeting": True, "onlineMeetingProvider": standing.TEAMS}

    def _look_at_meeting(self, found: Standing) -> None:
        if self._desired.conference is not None and found.conference is None:
            self._failing = self._failing or (
                "the event has an online meeting of another kind already"
                if found.raw.is_online_meeting
                else _NO_TEAMS
            )

    def _drops_meeting(self, found: Standing) -> bool:
        meeting = found.conference
        is_there = meeting is not None and meeting.state is ConferenceState.READY
        return is_there and self._desired.conference is None

    def _body(self, raw: wire.Event, text: str, *, keep: bool) -> dict[str, str]:
        """Write a body, with what Outlook added for a meeting."""
        added = ""
        if keep and raw.is_online_meeting:
            link = raw.online_meeting.join_url if raw.online_meeting else ""
            added = teams.block(self._editor.html(raw.id), link)
        if not added:
            return {"contentType": "text", "content": text}
        gap = "<br>" if text else ""
        return {
            "contentType": "html",
            "content": f"<html><body>{body.html(text)}{gap}{added}</body></html>",
        }

    # Occurrences

    def _occurrences(self, found: Standing, wanted: Wanted) -> Standing:
        if wanted.back(found):
            found = self._forget(found, wanted)
        steps = [each for each in wanted.steps(found) if _differs(each)]
        if not steps:
            return found
        ids = self._ids(found, steps)
        for step in steps:
            self._take(found, step, ids)
        return _standing(self._editor, found.raw.id)

    def _forget(self, found: Standing, wanted: Wanted) -> Standing:
        """Bring back what was deleted of a series; what was changed is forgotten as well.

        Outlook has no other way than another rule. This one is the same, by another name of its
        zone: the series never stands otherwise than it should.
        """
        known, said = found.raw.recurrence, recurrence.write(wanted.master, UTC)
        if known is not None and said is not None:
            name = _other_name(known.range.recurrence_time_zone, wanted.master)
            said.range.recurrence_time_zone = name
            self._change(found, {"recurrence": to_builtins(said)})
            found = _standing(self._editor, found.raw.id)
        if wanted.back(found):
            raise RemoteRejected(
                "Outlook does not bring back an occurrence that was deleted: save it as an event "
                "of its own"
            )
        return found

    def _take(self, found: Standing, step: Step, ids: dict[Instant, str]) -> None:
        name = ids.get(step.key)
        if step.wanted is None:
            if name:
                self._editor.delete(name)
            return
        if not name:
            raise RemoteRejected(
                f"Outlook has no occurrence at {rfc3339(step.key)} that could be changed"
            )
        changes, text = differences.between(step.there, step.wanted)
        if text is not None:
            raw = structs.replace(found.raw, id=name)
            changes["body"] = self._body(raw, text, keep=True)
        self._editor.change(name, changes)

    def _ids(self, found: Standing, steps: list[Step]) -> dict[Instant, str]:
        """Find ids of occurrences; those that nobody changed are where they were meant to be."""
        ids = {key: each.raw.id for key, each in found.changed.items()}
        needed = sorted(each.key for each in steps if each.key not in ids)
        if not needed:
            return ids
        start, last = needed[0] - _DAY, needed[-1] + _DAY
        while start < last:
            span = Span(rfc3339(start), rfc3339(min(start + _LONGEST, last)))
            for each in self._editor.instances(found.raw.id, span):
                if each.type != "exception":
                    ids.setdefault(standing.key_of(found.master, each), each.id)
            start += _LONGEST
        return ids


def _found(editor: Editor, token: str) -> Standing | None:
    """Find the event of a booking; of copies that somebody made of it, the original."""
    found = [each for each in editor.find(token) if not each.is_cancelled]
    if not found:
        return None
    own = [each for each in found if translate.read_token(each) == token] or found
    return _whole(editor, min(own, key=lambda each: (each.created_date_time, each.id)))


def _standing(editor: Editor, event: str) -> Standing:
    return _whole(editor, editor.event(event))


def _whole(editor: Editor, raw: wire.Event) -> Standing:
    if raw.recurrence is None:
        return standing.read(raw)
    return standing.read(raw, *editor.occurrences(raw.id))


def _differs(step: Step) -> bool:
    return step.wanted is None or _is_another(step.there, step.wanted)


def _is_older(answered: Standing, wanted: Wanted) -> bool:
    """Tell whether Graph gave what the transaction had made before, as it was wanted then."""
    occurrences = answered.changed or answered.deleted
    return bool(occurrences) or _is_another(answered.master, wanted.master)


def _is_another(there: Event, wanted: Event) -> bool:
    changes, text = differences.between(there, wanted)
    return bool(changes) or text is not None


def _other_name(name: str, master: Event) -> str:
    zone = getattr(master.start, "tzinfo", None)
    key = getattr(zone, "key", "") or "Etc/UTC"
    names = (windows_name(zone) if zone else "UTC", key)
    return next((each for each in names if each != name), name)
