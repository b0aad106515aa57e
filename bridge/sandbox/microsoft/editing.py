"""Writing events: what Graph's methods do, and what a person does in Outlook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bridge.sandbox.microsoft import checks, meetings, online, recurrence, series, times
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.errors import GraphError, bad_property, not_found
from bridge.sandbox.microsoft.mailbox import Calendar, Found, Item, Mailbox, Override, event_id
from bridge.sandbox.microsoft.series import Entry
from bridge.sandbox.microsoft.shown import etag
from bridge.sandbox.microsoft.times import Json

_MOVES = ("start", "end", "isAllDay")
_ENDS = ("type", "endDate", "numberOfOccurrences")


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody who writes into a mailbox; every method raises GraphError as Graph answers."""

    directory: Directory
    box: Mailbox
    if_match: str = ""

    def create(self, calendar: Calendar, body: Json) -> Item:
        """Create an event; with a transactionId at most once."""
        transaction = body.get("transactionId")
        if transaction in self.box.transactions:
            return self._again(self.box.transactions[transaction])
        world, faults = self.directory.world, self.box.faults
        event = checks.settled(checks.draft(body), None)
        event, pending = online.settle(world, self.box, faults, None, event)
        event |= {
            "organizer": {"emailAddress": {"name": self.box.name, "address": self.box.email}},
            "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
            "isCancelled": False,
        }
        item = meetings.fresh(world, event)
        item.pending_reads = pending
        if transaction:
            self.box.transactions[transaction] = item.key
        self.directory.put(self.box, calendar, item, event)
        meetings.spread(self.directory, self.box, item, None)
        return item

    def patch(self, found: Found, changes: Json) -> None:
        """Change some of an event, a series or an occurrence."""
        entry = self._writable(found)
        if found.original is not None:
            self._patch_occurrence(found, entry, changes)
            return
        item, before = found.item, found.item.event
        event = checks.merged(before, changes)
        if event.get("recurrence") and "recurrence" not in changes:
            event["recurrence"] = _following(event)
        event = checks.settled(event, before)
        event, _ = online.settle(self.directory.world, self.box, self.box.faults, before, event)
        if _moved(before, event):
            # Exchange forgets the exceptions of a series that gets other times, but not of one
            # that only ends on another day.
            item.overrides.clear()
            item.cancelled.clear()
            event["attendees"] = meetings.unanswered(event["attendees"])
        elif event.get("recurrence"):
            _keep(item, event["recurrence"])
        self.directory.put(self.box, found.calendar, item, event)
        if meetings.is_organizer(self.box, event):
            alone = changes.keys() == {"attendees"}
            meetings.spread(self.directory, self.box, item, before, only_new=alone)

    def delete(self, found: Found) -> None:
        """Delete an event, a series or an occurrence; guests of one's own meeting are told."""
        entry = self._writable(found)
        is_own = meetings.is_organizer(self.box, entry.event)
        if found.original is None:
            self.directory.remove(self.box, found.calendar, found.item)
        else:
            self._drop(found, found.original)
        if is_own:
            meetings.withdraw(self.directory, self.box, found.item, entry.event, found.original)

    def cancel(self, found: Found) -> None:
        """Cancel a meeting."""
        entry = self._writable(found)
        if not meetings.is_organizer(self.box, entry.event):
            raise GraphError(
                400, "ErrorInvalidRequest", "You need to be an organizer to cancel a meeting."
            )
        self.delete(found)

    def respond(self, found: Found, response: str, *, is_told: bool = True) -> None:
        """Answer an invitation: accepted, tentativelyAccepted, declined."""
        entry = self._writable(found)
        if meetings.is_organizer(self.box, entry.event):
            text = "You can't respond to this meeting because you're the meeting organizer."
            raise GraphError(400, "ErrorInvalidRequest", text)
        if response == "declined":
            if found.original is None:
                self.directory.remove(self.box, found.calendar, found.item)
            else:
                self._drop(found, found.original)
        else:
            now = times.instant(self.directory.world.now)
            shows = meetings.shows(self.directory, found.item, entry.event, response)
            mine = {"responseStatus": {"response": response, "time": now}, "showAs": shows}
            if found.original is None:
                event = {**found.item.event, **mine}
                self.directory.put(self.box, found.calendar, found.item, event)
            else:
                self._override(found, found.original, mine)
        meetings.report(self.directory, self.box, found, entry.event, response, is_told=is_told)

    def move(self, found: Found, target: Calendar) -> None:
        """Drag an event to another calendar: its regular id becomes another one."""
        item = found.item
        self.directory.remove(self.box, found.calendar, item)
        item.generation += 1
        self.directory.put(self.box, target, item, item.event)

    def _again(self, key: str) -> Item:
        """Answer a transactionId that was used; how Graph does is told in several ways."""
        holders = [each for each in self.box.calendars.values() if key in each.items]
        if not holders:
            raise GraphError(400, "ErrorDuplicateTransactionId")
        item = holders[0].items[key]
        if self.box.faults.is_on("transaction_repeats"):
            return item
        if self.box.faults.is_on("transaction_conflict"):
            raise GraphError(409, "ErrorDuplicateTransactionId")
        known = event_id(holders[0], item, None, immutable=False)
        more = {"@event.existingEventId": known}
        raise GraphError(400, "ErrorDuplicateTransactionId", more=more)

    def _writable(self, found: Found) -> Entry:
        entry = series.entry(found)
        if entry is None:
            raise not_found()
        if self.if_match not in ("", "*", etag(entry)):
            raise GraphError(412, "ErrorIrresolvableConflict")
        return entry

    def _patch_occurrence(self, found: Found, entry: Entry, changes: Json) -> None:
        if changes.get("recurrence"):
            raise bad_property("An occurrence cannot have a recurrence.")
        assert found.original is not None  # noqa: S101 - for the type checker
        event = checks.settled(checks.merged(entry.event, changes), entry.event)
        if any(event[name] != entry.event[name] for name in ("start", "end", "isAllDay")):
            _check_order(found.item, found.original, event)
        named = changes.keys() & checks.WRITABLE - {"recurrence", "transactionId"}
        properties = {name: event[name] for name in named}
        if properties:
            self._override(found, found.original, properties)
        if meetings.is_organizer(self.box, entry.event):
            now = {**entry.event, **properties}
            alone = changes.keys() == {"attendees"}
            meetings.spread_occurrence(
                self.directory, self.box, found.item, entry.event, now, only_new=alone
            )

    def _override(self, found: Found, original: date, properties: Json) -> None:
        known = found.item.overrides.get(original)
        whole = {**(known.properties if known else {}), **properties}
        change = self.directory.world.tick()
        found.item.overrides[original] = Override(whole, change)
        self._touched(found, change)

    def _drop(self, found: Found, original: date) -> None:
        found.item.overrides.pop(original, None)
        found.item.cancelled.add(original)
        self._touched(found, self.directory.world.tick())

    def _touched(self, found: Found, change: int) -> None:
        found.item.modified = self.directory.world.now
        found.calendar.change = change
        self.directory.tell(self.box, found.calendar, found.item, "updated")


def _following(event: Json) -> Json:
    """Let the range of a series follow its start."""
    span = event["recurrence"]["range"]
    start = {name: times.kept(event[name]) for name in ("start", "end")}
    first = recurrence.start_day({**event, **start}, span["recurrenceTimeZone"])
    return {**event["recurrence"], "range": {**span, "startDate": first.isoformat()}}


def _moved(before: Json, event: Json) -> bool:
    if any(before.get(name) != event.get(name) for name in _MOVES):
        return True
    rules = [each.get("recurrence") or {"pattern": None, "range": {}} for each in (before, event)]
    ranges = [{k: v for k, v in rule["range"].items() if k not in _ENDS} for rule in rules]
    return bool(rules[0]["pattern"] != rules[1]["pattern"] or ranges[0] != ranges[1])


def _keep(item: Item, rule: Json) -> None:
    """Keep the exceptions of occurrences that a series still has."""
    known = {*item.overrides, *item.cancelled}
    on = set(recurrence.days(rule, max(known))) if known else set()
    item.overrides = {day: each for day, each in item.overrides.items() if day in on}
    item.cancelled &= on


def _check_order(item: Item, original: date, event: Json) -> None:
    """Refuse to bring an occurrence to or over the day of another one."""
    day = series.starts_on(item, event)
    before, after = series.neighbours(item, original)
    if (before and day <= before) or (after and day >= after):
        raise GraphError(400, "ErrorOccurrenceCrossingBoundary")
