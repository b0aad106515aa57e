"""What a person does in Outlook, with the mouse: the edits that a bridge has to notice.

Events are named by their immutable ids; properties are as Graph has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bridge.sandbox.microsoft import recurrence, series, times
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.editing import Editor
from bridge.sandbox.microsoft.errors import not_found
from bridge.sandbox.microsoft.mailbox import ROLES, Calendar, Found, Mailbox, event_id
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import windows_name, zone
from bridge.sandbox.world import Unknown

When = datetime | date
_CARRIED = ("subject", "body", "location", "attendees", "showAs", "sensitivity", "categories")
"""What a new series takes over of the one that it follows."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mailbox; every method raises GraphError where Outlook says no."""

    directory: Directory
    box: Mailbox

    def create(
        self,
        subject: str,
        start: When,
        end: When | None = None,
        *,
        calendar: str = "",
        zone: str = "",
        **more: Any,
    ) -> str:
        """Create an event and return its id.

        Args:
            subject: its title.
            start: a moment, or a date for whole days.
            end: exclusive; else it takes an hour, or the day.
            calendar: id; else the first one.
            zone: IANA or Windows name; else the mailbox's.
            more: other properties, as Graph has them.
        """
        with self.directory.world.lock:
            there = self._calendar(calendar)
            body = {"subject": subject, **_span(start, end, zone or self.box.timezone), **more}
            item = self._editor.create(there, body)
            return event_id(there, item, None, immutable=True)

    def change(self, name: str, **changes: Any) -> None:
        """Change properties of an event, a series or an occurrence."""
        with self.directory.world.lock:
            self._editor.patch(self._found(name), changes)

    def move(self, name: str, start: When, end: When | None = None) -> None:
        """Give an event, a series or an occurrence another time; without `end` its length stays."""
        with self.directory.world.lock:
            found = self._found(name)
            event = self._event(found)
            if end is None:
                was = times.span(event)
                end = start + (was.end - was.start)
            self._editor.patch(found, _span(start, end, event["start"]["timeZone"]))

    def make_recurring(self, name: str, pattern: Json, **span: Any) -> None:
        """Make a series of an event, or give a series another rule.

        Args:
            name: of the event.
            pattern: recurrencePattern.
            span: recurrenceRange without its start; else it has no end.
        """
        with self.directory.world.lock:
            found = self._found(name)
            event = found.item.event
            place = event["start"]["timeZone"]
            first = recurrence.start_day(event, place).isoformat()
            whole = {"type": "noEnd", **span, "startDate": first, "recurrenceTimeZone": place}
            self._editor.patch(found, {"recurrence": {"pattern": pattern, "range": whole}})

    def instance(self, name: str, original: When) -> str:
        """Name one occurrence of a series by the day on which it was meant to be."""
        with self.directory.world.lock:
            found = self._found(name)
            day = original
            if isinstance(original, datetime):
                span = found.item.event["recurrence"]["range"]
                day = original.astimezone(zone(span["recurrenceTimeZone"])).date()
            return event_id(found.calendar, found.item, day, immutable=True)

    def split(self, name: str, original: When, **changes: Any) -> str:
        """Change "this and following": the old series ends, and a new one begins.

        It keeps the clock of the old one, also where its first occurrence had been moved.

        Returns:
            Id of the new series.
        """
        with self.directory.world.lock:
            found = self._found(name)
            cut = self._found(self.instance(name, original)).original
            assert cut is not None  # noqa: S101 - for the type checker
            master = found.item.event
            body = {key: master[key] for key in _CARRIED if master.get(key) is not None}
            body |= {"isAllDay": master.get("isAllDay", False), **series.meant(found.item, cut)}
            body["recurrence"] = _rest(master["recurrence"], cut)
            ended = dict(master["recurrence"]["range"]) | {
                "type": "endDate",
                "endDate": (cut - timedelta(days=1)).isoformat(),
            }
            self._editor.patch(found, {"recurrence": {**master["recurrence"], "range": ended}})
            item = self._editor.create(found.calendar, {**body, **changes})
            return event_id(found.calendar, item, None, immutable=True)

    def delete(self, name: str) -> None:
        """Delete an event, a series or an occurrence."""
        with self.directory.world.lock:
            self._editor.delete(self._found(name))

    def answer(self, name: str, response: str) -> None:
        """Answer an invitation: accepted, tentativelyAccepted, declined."""
        with self.directory.world.lock:
            self._editor.respond(self._found(name), response)

    def move_to(self, name: str, calendar: str) -> None:
        """Drag an event to another calendar."""
        with self.directory.world.lock:
            self._editor.move(self._found(name), self._calendar(calendar))

    def share(self, email: str, role: str, *, calendar: str = "") -> None:
        """Let somebody use a calendar, or with `none` no more."""
        with self.directory.world.lock:
            if role not in (*ROLES, "none"):
                raise Unknown(f"{role!r}: there are none, {', '.join(ROLES)}")
            there, other = self._calendar(calendar), self.directory.mailbox(email)
            there.roles.pop(other.id, None)
            if role != "none":
                there.roles[other.id] = role

    def invited(self, subject: str) -> str:
        """Find the event of that title and name it."""
        with self.directory.world.lock:
            for calendar in self.box.calendars.values():
                for item in calendar.items.values():
                    if item.event["subject"] == subject:
                        return event_id(calendar, item, None, immutable=True)
        raise not_found()

    @property
    def _editor(self) -> Editor:
        return Editor(self.directory, self.box)

    def _calendar(self, name: str) -> Calendar:
        if name and name not in self.box.calendars:
            raise Unknown(f"no calendar {name}")
        return self.box.calendars[name] if name else self.box.default

    def _found(self, name: str) -> Found:
        found = self.box.find(name)
        if found is None:
            raise not_found()
        return found

    def _event(self, found: Found) -> Json:
        entry = series.entry(found)
        if entry is None:
            raise not_found()
        return entry.event


def _span(start: When, end: When | None, zone_name: str) -> Json:
    name = windows_name(zone_name)
    if end is None:
        end = start + (timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1))
    if not isinstance(start, datetime):
        last = end.astimezone(UTC).date() if isinstance(end, datetime) else end
        return times.whole_days(start, last, name)
    return {"isAllDay": False, "start": _moment(start, name), "end": _moment(end, name)}


def _moment(when: When, name: str) -> Json:
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=zone(name))
    placed = when if when.tzinfo else when.replace(tzinfo=zone(name))
    plain = placed.astimezone(zone(name)).replace(tzinfo=None)
    return {"dateTime": plain.isoformat(timespec="seconds"), "timeZone": name}


def _rest(whole: Json, cut: date) -> Json:
    """Return the rule of what follows; of a number of times those that are left."""
    span = {**whole["range"], "startDate": cut.isoformat()}
    if span["type"] == "numbered":
        gone = sum(1 for each in recurrence.days(whole, cut) if each < cut)
        span["numberOfOccurrences"] = max(1, span["numberOfOccurrences"] - gone)
    return {**whole, "range": span}
