"""Writing events: what the API's methods do, and what a person does in the web calendar."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.sandbox.faults import Faults
from bridge.sandbox.google import checks, conference, invitations, series
from bridge.sandbox.google.errors import ApiError, invalid, not_found
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar, Record, World, millisecond

_WRITERS = ("writerWithoutPrivateAccess", "writer", "owner")
_SERVERS = (
    *("id", "created", "creator", "organizer", "iCalUID", "recurringEventId", "originalStartTime"),
    *("sequence", "eventType"),
)
"""What stays when a client replaces an event."""
_MOVES = ("start", "end", "recurrence")
_PRIVATE = ("private", "confidential")


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody who writes into one calendar; every method raises ApiError as Google answers."""

    world: World
    calendar: Calendar
    actor: str
    """E-mail address."""
    updates: str = "none"
    """Who gets mail: sendUpdates."""
    conference: bool = False
    """Whether conferences may change: conferenceDataVersion=1."""
    attachments: bool = True
    """Whether attachments may change: supportsAttachments."""
    may_invite: bool = True
    if_match: str = ""
    faults: Faults = field(default_factory=Faults)

    def insert(self, body: Json) -> Record:
        """Create an event."""
        self._require_writer()
        identity = body.get("id") or self.world.token()
        if "id" in body:
            checks.check_id(identity)
            if "iCalUID" in body:
                raise invalid("Only one of id and iCalUID may be given.")
        uid = body.get("iCalUID") or f"{identity}@google.com"
        known = {each.event["iCalUID"] for each in self.calendar.records.values()}
        if identity in self.calendar.records or uid in known:
            raise ApiError(409, "duplicate")
        organizer = {"email": self.calendar.id}
        event = {**checks.draft(body), **self._born(identity, uid, organizer)}
        return self._store(None, event)

    def take_in(self, body: Json) -> Record:
        """Import an event: it keeps its iCalUID and its organiser, and nobody gets mail."""
        self._require_writer()
        uid = body.get("iCalUID")
        if not uid:
            raise ApiError(400, "required", "Missing iCalUID.")
        if body.get("eventType", "default") != "default":
            raise invalid("Only default events can be imported.")
        every = self.calendar.records.values()
        known = next((each for each in every if each.event["iCalUID"] == uid), None)
        if known is not None:
            return self._store(known.event, {**self._kept(known.event), **checks.draft(body)})
        address = body.get("organizer", {}).get("email") or self.calendar.id
        event = checks.draft(body) | self._born(self.world.token(), uid, {"email": address})
        return self._store(None, event)

    def update(self, name: str, body: Json) -> Record:
        """Replace an event."""
        before = self._writable(name)
        self._check_alive(before, body)
        return self._store(before, {**self._kept(before), **checks.draft(body)})

    def patch(self, name: str, changes: Json) -> Record:
        """Change some of an event."""
        before = self._writable(name)
        self._check_alive(before, changes)
        known = {key: value for key, value in changes.items() if key in checks.WRITABLE}
        return self._store(before, checks.merged(before, known))

    def delete(self, name: str) -> None:
        """Delete an event, a series or an instance."""
        before = self._writable(name)
        if before["status"] == "cancelled":
            raise ApiError(410, "deleted")
        self._cancel(before)

    def move(self, name: str, target: Calendar) -> Record:
        """Give an event to another calendar, with its exceptions."""
        before = self._writable(name)
        there = Editor(self.world, target, self.actor)
        there._require_writer()
        if "recurringEventId" in before:
            raise invalid("An instance cannot be moved alone.")
        if before["eventType"] != "default" or not invitations.is_organizer(before, self.calendar):
            raise invalid("Only default events of the organizer can be moved.")
        if before["status"] == "cancelled":
            raise not_found()
        exceptions = [each.event for each in self.calendar.exceptions(before["id"])]
        moved: Record | None = None
        for event in (before, *exceptions):
            stored = target.records.get(event["id"])
            old = stored.event if stored else None
            record = self.world.put(target, {**event, "organizer": {"email": target.id}})
            series.written(self.world, target, old, record)
            moved = moved or record
        here = self.world.put(self.calendar, {**before, "status": "cancelled"})
        series.written(self.world, self.calendar, before, here)
        assert moved is not None  # noqa: S101 - for the type checker
        return moved

    def _require_writer(self) -> None:
        role = self.calendar.role(self.actor)
        if role == "none":
            raise not_found()
        if role not in _WRITERS:
            raise ApiError(403, "requiredAccessLevel")

    def _writable(self, name: str) -> Json:
        self._require_writer()
        found = series.find(self.world, self.calendar, name)
        if found is None:
            raise not_found()
        without = self.calendar.role(self.actor) == "writerWithoutPrivateAccess"
        if without and found.get("visibility") in _PRIVATE:
            raise ApiError(403, "forbidden")
        if self.if_match not in ("", "*", found["etag"]):
            raise ApiError(412, "conditionNotMet")
        return found

    def _check_alive(self, before: Json, body: Json) -> None:
        if before["status"] == "cancelled" and body.get("status") not in ("confirmed", "tentative"):
            raise ApiError(403, "forbidden", "The event is deleted.")
        master = self.calendar.records.get(before.get("recurringEventId", ""))
        if before["status"] == "cancelled" and master and not series.is_series(master.event):
            raise not_found()  # an instance of what does not recur any more
        if body.get("sequence", before["sequence"]) < before["sequence"]:
            raise invalid(
                "Invalid sequence value. The specified sequence number is below the current "
                "sequence number of the resource."
            )

    def _born(self, identity: str, uid: str, organizer: Json) -> Json:
        return {
            "id": identity,
            "iCalUID": uid,
            "created": millisecond(self.world.now),
            "creator": {"email": self.actor},
            "organizer": organizer,
            "sequence": 0,
        }

    def _kept(self, event: Json) -> Json:
        return {name: event[name] for name in _SERVERS if name in event}

    def _cancel(self, before: Json) -> None:
        self._commit(before, {**before, "status": "cancelled"})

    def _store(self, before: Json | None, event: Json) -> Record:
        if event.get("status") == "cancelled" and before is not None:
            return self._commit(before, {**before, "status": "cancelled"})
        if not self.attachments:
            kept = (before or {}).get("attachments")
            event = {name: value for name, value in event.items() if name != "attachments"}
            event |= {"attachments": kept} if kept else {}
        event = checks.settled(event, self.calendar)
        if event.get("attendees") and not self.may_invite:
            raise ApiError(403, "forbiddenForServiceAccounts")
        if before and event["eventType"] != before["eventType"]:
            raise invalid("The event type cannot be changed.")
        self._check_guest(before, event)
        pending = 0
        if self.conference:
            pending = conference.settle(self.world, self.calendar, self.faults, before, event)
        else:
            conference.keep(before, event)
        if before and any(before.get(name) != event.get(name) for name in _MOVES):
            event["sequence"] = max(event["sequence"], before["sequence"] + 1)
        if invitations.is_organizer(event, self.calendar):
            event = invitations.ask_rooms(self.world, self.calendar, event)
        record = self._commit(before, event)
        if pending:
            record.pending_reads = pending
        elif "hangoutLink" in event or "conferenceData" not in event:
            record.pending_reads = 0
        return record

    def _commit(self, before: Json | None, event: Json) -> Record:
        quiet = before is not None and _changed(before, event) <= {"reminders"}
        stored = self.calendar.records.get(event["id"])
        old = stored.event if stored else None
        record = self.world.put(self.calendar, event, quiet=quiet)
        series.written(self.world, self.calendar, old, record)
        invitations.spread(self.world, self.calendar, before, event)
        if invitations.is_organizer(event, self.calendar):
            invitations.notify(self.world, self.calendar.id, before, event, self.updates)
        elif _answer(before, self.calendar) != _answer(event, self.calendar):
            invitations.reply(self.world, self.calendar.id, event, self.updates)
        return record

    def _check_guest(self, before: Json | None, event: Json) -> None:
        """Let a guest change its own copy and its answer, and what all share if it may."""
        if before is None or invitations.is_organizer(event, self.calendar):
            return
        if event["organizer"]["email"] not in self.world.calendars or before.get("guestsCanModify"):
            return
        changed = _changed(before, event) - invitations.PERSONAL - {"extendedProperties"}
        others = [_others(each, self.calendar.id) for each in (before, event)]
        if others[0] == others[1]:
            changed -= {"attendees"}
        if changed:
            raise ApiError(403, "forbiddenForNonOrganizer")


def _changed(before: Json, event: Json) -> set[str]:
    names = before.keys() | event.keys()
    return {name for name in names if before.get(name) != event.get(name)} - {"etag", "updated"}


def _answer(event: Json | None, calendar: Calendar) -> object:
    mine = invitations.guest(event, calendar.id) if event else None
    cancelled = event is not None and event["status"] == "cancelled"
    return mine and ("declined" if cancelled else mine["responseStatus"])


def _others(event: Json, email: str) -> list[Json]:
    return [each for each in event.get("attendees", []) if each["email"].lower() != email.lower()]
