"""What an account sees of an event."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, timedelta

from bridge.sandbox.faults import Faults
from bridge.sandbox.google import broken, invitations, times
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar

_FREE_BUSY = ("id", "etag", "status", "created", "updated", "start", "end", "iCalUID", "eventType")
_TIMES = (*_FREE_BUSY, "recurrence", "recurringEventId", "originalStartTime", "sequence")
_TOMBSTONE = ("id", "status", "recurringEventId", "originalStartTime")
_NEVER_LEFT = ("start", "end", "recurrence")
"""Of a deleted event."""
_PRIVATE = ("private", "confidential")
_NEVER_BUSY = ("workingLocation", "birthday")
_DEFAULTS = {"transparency": "opaque", "visibility": "default"}
"""What Google leaves out."""


def is_busy(event: Json, calendar: Calendar) -> bool:
    """Tell whether an event takes time of the calendar's owner."""
    mine = invitations.guest(event, calendar.id)
    return (
        event["status"] != "cancelled"
        and event.get("transparency") != "transparent"
        and event.get("eventType") not in _NEVER_BUSY
        and not (mine and mine["responseStatus"] == "declined")
    )


@dataclass(frozen=True, slots=True)
class View:
    """How events of one calendar look to somebody with that role."""

    calendar: Calendar
    role: str
    faults: Faults
    zone: str = ""
    """Zone that times are written in; else the calendar's."""
    guests: int | None = None
    """So many guests are shown; if there are more, only oneself."""

    @property
    def is_free_busy(self) -> bool:
        """Whether only times are seen, each instance on its own."""
        return self.role == "freeBusyReader"

    def event(self, raw: Json) -> Json:
        """Show an event."""
        made: Json
        if self.is_free_busy:
            made = {name: raw[name] for name in _FREE_BUSY if name in raw}
        elif raw.get("visibility") in _PRIVATE and self.role not in ("writer", "owner"):
            made = {name: raw[name] for name in _TIMES if name in raw} | {"visibility": "private"}
        else:
            made = self._whole(raw)
        for name in ("start", "end", "originalStartTime"):
            if name in made:
                made[name] = self._time(made[name])
        if self.faults.is_on("inverted_times"):
            made["end"] = self._before(made["start"])
        if "recurrence" in made and self.faults.is_on("invalid_recurrence"):
            made["recurrence"] = broken.recurrence(raw, self.calendar.timezone)
        return {"kind": "calendar#event", **made}

    def tombstone(self, raw: Json) -> Json:
        """Show what is left of a deleted event in a listing: never its times."""
        if self.is_free_busy or self.faults.is_on("bare_tombstones"):
            kept = _TOMBSTONE[:2] if self.is_free_busy else _TOMBSTONE
            made = {name: raw[name] for name in kept if name in raw} | {"status": "cancelled"}
        else:
            made = self.event(raw) if "start" in raw else {"kind": "calendar#event", **raw}
            made = {name: value for name, value in made.items() if name not in _NEVER_LEFT}
        if "originalStartTime" in made:
            made["originalStartTime"] = self._time(raw["originalStartTime"])
        return made

    def _whole(self, raw: Json) -> Json:
        made = {name: value for name, value in raw.items() if value != _DEFAULTS.get(name)}
        eid = base64.urlsafe_b64encode(f"{raw['id']} {self.calendar.id}".encode()).decode()
        made["htmlLink"] = f"https://www.google.com/calendar/event?eid={eid.rstrip('=')}"
        made.setdefault("reminders", {"useDefault": True})
        for name in ("creator", "organizer"):
            made[name] = self._marked(raw[name])
        guests = [self._guest(each, raw) for each in raw.get("attendees", [])]
        most = 0 if self.faults.is_on("attendees_omitted") else self.guests
        if guests and most is not None and len(guests) > most:
            made["attendeesOmitted"] = True
            guests = [each for each in guests if "self" in each]
        if guests:
            made["attendees"] = guests
        else:
            made.pop("attendees", None)
        return made

    def _guest(self, guest: Json, raw: Json) -> Json:
        made = self._marked(guest)
        if guest["email"] == raw["organizer"]["email"]:
            made["organizer"] = True
        return made

    def _marked(self, person: Json) -> Json:
        mine = person["email"].lower() == self.calendar.id.lower()
        return {**person, "self": True} if mine else dict(person)

    def _before(self, value: Json) -> Json:
        if "date" in value:
            return {"date": (date.fromisoformat(value["date"]) - timedelta(days=1)).isoformat()}
        earlier = times.moment(value["dateTime"]) - timedelta(hours=1)
        return times.timed(earlier, value["timeZone"])

    def _time(self, value: Json) -> Json:
        if "date" in value:
            # Seen at rooms: whole days as midnights of UTC.
            room = {"dateTime": f"{value['date']}T00:00:00Z", "timeZone": "UTC"}
            return room if self.calendar.is_resource else value
        shown = times.timed(times.moment(value["dateTime"]), self.zone or self.calendar.timezone)
        return {"dateTime": shown["dateTime"], "timeZone": value["timeZone"]}
