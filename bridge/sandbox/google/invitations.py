"""Guests: the copies of an event in their calendars, their answers, and the mail they get.

The organiser's copy says what all share. Rooms answer by themselves.
"""

from __future__ import annotations

from bridge.sandbox.google import series, times
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar, Mail, World

PERSONAL = frozenset({"transparency", "reminders", "colorId", "visibility"})
"""What each guest has for itself."""


def guest(event: Json, email: str) -> Json | None:
    """Find somebody among the guests."""
    every: list[Json] = event.get("attendees", [])
    return next((each for each in every if each["email"].lower() == email.lower()), None)


def is_organizer(event: Json, calendar: Calendar) -> bool:
    """Tell whether this is the organiser's copy."""
    return bool(event["organizer"]["email"] == calendar.id)


def answered(event: Json, email: str, answer: str) -> Json:
    """Return the event with somebody's answer."""
    guests = [
        {**each, "responseStatus": answer} if each["email"].lower() == email.lower() else each
        for each in event.get("attendees", [])
    ]
    return {**event, "attendees": guests}


def ask_rooms(world: World, calendar: Calendar, event: Json) -> Json:
    """Let the rooms among the guests accept, or decline where they are taken."""
    for each in event.get("attendees", []):
        room = world.calendars.get(each["email"])
        if room and room.is_resource and room is not calendar and event["status"] != "cancelled":
            answer = "declined" if _is_taken(room, event) else "accepted"
            event = answered(event, room.id, answer)
    return event


def spread(world: World, calendar: Calendar, before: Json | None, event: Json) -> None:
    """Bring the guests' copies up to date with what was written to one of them."""
    if not is_organizer(event, calendar):
        _report(world, calendar, event)
        return
    now = {each["email"] for each in event.get("attendees", [])}
    then = {each["email"] for each in (before or {}).get("attendees", [])}
    for email in sorted(now | then):
        theirs = world.calendars.get(email)
        if theirs is not None and theirs is not calendar:
            _copy(world, theirs, event, invited=email in now)


def notify(world: World, sender: str, before: Json | None, event: Json, updates: str) -> None:
    """Write the mail that goes out; `updates` is sendUpdates."""
    if updates not in ("all", "externalOnly"):
        return
    cancelled = event["status"] == "cancelled"
    now = set() if cancelled else {each["email"] for each in event.get("attendees", [])}
    then = {each["email"] for each in (before or event).get("attendees", [])}
    for email in sorted(now | then):
        inside = email in world.calendars
        if email == sender or (updates == "externalOnly" and inside):
            continue
        method = "REQUEST" if email in now else "CANCEL"
        world.mail.append(
            Mail(world.now, sender, email, method, event.get("summary", ""), event["id"])
        )


def reply(world: World, sender: str, event: Json, updates: str) -> None:
    """Write the mail that tells the organiser somebody's answer."""
    if updates in ("all", "externalOnly"):
        to = event["organizer"]["email"]
        world.mail.append(
            Mail(world.now, sender, to, "REPLY", event.get("summary", ""), event["id"])
        )


def _copy(world: World, calendar: Calendar, event: Json, *, invited: bool) -> None:
    old = calendar.records.get(event["id"])
    themselves = guest(event, calendar.id)
    is_gone = not invited or event["status"] == "cancelled"
    if old is None and is_gone and event.get("recurringEventId") not in calendar.records:
        return
    if old and old.is_cancelled and themselves and themselves["responseStatus"] == "declined":
        return  # they deleted their copy
    own = {name: old.event[name] for name in PERSONAL if old and name in old.event}
    shared = {name: value for name, value in event.items() if name not in PERSONAL}
    properties = dict(shared.pop("extendedProperties", {}))
    properties.pop("private", None)
    if old and "private" in old.event.get("extendedProperties", {}):
        properties["private"] = old.event["extendedProperties"]["private"]
    copy = {**shared, **own} | ({"extendedProperties": properties} if properties else {})
    if "visibility" in event and "visibility" not in own:
        copy["visibility"] = event["visibility"]
    if not invited:
        copy["status"] = "cancelled"
    before = old.event if old else None
    record = world.put(calendar, copy)
    series.written(world, calendar, before, record)


def _report(world: World, calendar: Calendar, event: Json) -> None:
    """Tell the organiser's copy what a guest answered."""
    organizer = world.calendars.get(event["organizer"]["email"])
    theirs = organizer and organizer.records.get(event["id"])
    mine = guest(event, calendar.id)
    if not organizer or not theirs or not mine or theirs.is_cancelled:
        return
    answer = "declined" if event["status"] == "cancelled" else mine["responseStatus"]
    known = guest(theirs.event, calendar.id)
    if known and known["responseStatus"] != answer:
        before = theirs.event
        told = answered(before, calendar.id, answer)
        world.put(organizer, told)
        spread(world, organizer, before, told)


def _is_taken(room: Calendar, event: Json) -> bool:
    wanted = times.span(event, room.timezone)
    for record in list(room.records.values()):
        mine = guest(record.event, room.id)
        declined = mine is not None and mine["responseStatus"] == "declined"
        if record.is_cancelled or declined or record.id == event["id"]:
            continue
        found = (
            series.regular(record.event, room, wanted.end)
            if series.is_series(record.event)
            else [record.event]
        )
        if any(times.span(each, room.timezone).overlaps(*wanted) for each in found):
            return True
    return False
