"""What a person does in the web calendar, with the mouse: the edits that a bridge has to notice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bridge.sandbox.google import invitations, series, times
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.errors import not_found
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar, World

When = datetime | date
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_CARRIED = ("summary", "description", "location", "attendees", "transparency", "visibility")
"""What "this and following" takes over."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account; every method raises ApiError where Google's page says no."""

    world: World
    email: str

    def create(
        self,
        summary: str,
        start: When,
        end: When | None = None,
        *,
        calendar: str = "",
        zone: str = "",
        **more: Any,
    ) -> str:
        """Create an event and return its id.

        Args:
            summary: its title.
            start: a moment, or a date for whole days.
            end: exclusive; else it takes an hour, or the day.
            calendar: id; else the first one.
            zone: IANA name; else the calendar's.
            more: other properties, as the API has them.
        """
        with self.world.lock:
            there = self._calendar(calendar)
            zone = zone or there.timezone
            body = {"summary": summary, **_span(start, end, zone), **more}
            return self._editor(there).insert(body).id

    def change(self, name: str, *, calendar: str = "", **changes: Any) -> None:
        """Change properties of an event or an instance; None removes one."""
        with self.world.lock:
            self._editor(self._calendar(calendar)).patch(name, changes)

    def move(self, name: str, start: When, end: When | None = None, *, calendar: str = "") -> None:
        """Give an event, a series or an instance another time; without `end` its length stays."""
        with self.world.lock:
            there = self._calendar(calendar)
            event = self._found(there, name)
            if end is None:
                was = times.span(event, there.timezone)
                end = start + (was.end - was.start)
            zone = event["start"].get("timeZone") or there.timezone
            self._editor(there).patch(name, _span(start, end, zone, clear=True))

    def make_recurring(self, name: str, *lines: str, calendar: str = "") -> None:
        """Make a series of an event, or give a series another rule."""
        self.change(name, calendar=calendar, recurrence=list(lines))

    def instance(self, series_id: str, original: When, *, calendar: str = "") -> str:
        """Name one instance of a series by its original start."""
        with self.world.lock:
            there = self._calendar(calendar)
            master = self._found(there, series_id)
            zone = master["start"].get("timeZone") or there.timezone
            return series.instance_id(master, _moment(original, zone), there)

    def split(self, series_id: str, original: When, *, calendar: str = "", **changes: Any) -> str:
        """Change "this and following": the old series ends, and a new one begins.

        Returns:
            Id of the new series.
        """
        with self.world.lock:
            there = self._calendar(calendar)
            master = self._found(there, series_id)
            cut = self.instance(series_id, original, calendar=there.id)
            first = self._found(there, cut)
            rules = [line for line in master["recurrence"] if line.startswith("RRULE")]
            others = [line for line in master["recurrence"] if line not in rules]
            ended = [_until(line, first, there) for line in rules]
            self._editor(there).patch(series_id, {"recurrence": [*ended, *others]})
            body: Json = {key: master[key] for key in _CARRIED if key in master}
            body |= {"start": first["start"], "end": first["end"]}
            body["recurrence"] = [_rest(line, master, first, there) for line in rules]
            return self._editor(there).insert({**body, **changes}).id

    def delete(self, name: str, *, calendar: str = "") -> None:
        """Delete an event, a series or an instance."""
        with self.world.lock:
            self._editor(self._calendar(calendar)).delete(name)

    def answer(self, name: str, answer: str, *, calendar: str = "") -> None:
        """Answer an invitation: accepted, tentative, declined."""
        with self.world.lock:
            there = self._calendar(calendar)
            event = invitations.answered(self._found(there, name), there.id, answer)
            self._editor(there).patch(name, {"attendees": event["attendees"]})

    def share(self, email: str, role: str, *, calendar: str = "") -> None:
        """Let somebody use a calendar, or with `none` no more."""
        with self.world.lock:
            self.world.share(self._calendar(calendar), email, role)

    def _calendar(self, name: str) -> Calendar:
        return self.world.calendar(name or self.email)

    def _editor(self, calendar: Calendar) -> Editor:
        return Editor(self.world, calendar, self.email, updates="all", conference=True)

    def _found(self, calendar: Calendar, name: str) -> Json:
        event = series.find(self.world, calendar, name)
        if event is None:
            raise not_found()
        return event


def _span(start: When, end: When | None, zone: str, *, clear: bool = False) -> Json:
    if end is None:
        end = start + (timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1))
    nothing = {"date": None, "dateTime": None, "timeZone": None} if clear else {}
    return {
        "start": {**nothing, **_moment(start, zone)},
        "end": {**nothing, **_moment(end, zone)},
    }


def _moment(when: When, zone: str) -> Json:
    if not isinstance(when, datetime):
        return {"date": when.isoformat()}
    placed = when if when.tzinfo else when.replace(tzinfo=times.zone(zone))
    return times.timed(placed, zone)


def _until(rule: str, first: Json, calendar: Calendar) -> str:
    kept = [part for part in rule.split(";") if not part.startswith(("UNTIL", "COUNT"))]
    if "date" in first["start"]:
        last = date.fromisoformat(first["start"]["date"]) - timedelta(days=1)
        return ";".join([*kept, f"UNTIL={last:%Y%m%d}"])
    start = times.span(first, calendar.timezone).start.astimezone(UTC)
    return ";".join([*kept, f"UNTIL={start - timedelta(seconds=1):%Y%m%dT%H%M%SZ}"])


def _rest(rule: str, master: Json, first: Json, calendar: Calendar) -> str:
    """Return the rule of what follows; of a number of times those that are left."""
    count = re.search(r"COUNT=(\d+)", rule)
    if count is None:
        return rule
    cut = times.span(first, calendar.timezone).start
    alone = {**master, "recurrence": [rule]}
    every = sum(1 for _ in times.occurrences(alone, calendar.timezone, _NEVER))
    before = sum(1 for _ in times.occurrences(alone, calendar.timezone, cut))
    # A first occurrence that does not match the rule comes on top of its number.
    left = every - before - (before == 0 and every > int(count[1]))
    return rule.replace(count[0], f"COUNT={max(1, left)}")
