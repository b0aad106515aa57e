"""Meetings: the copies in the guests' mailboxes, their answers, and the mail they get.

The organiser's item says what all share. There is no way to invite without mail
(https://learn.microsoft.com/graph/api/user-post-events).
"""

from __future__ import annotations

from datetime import date

from bridge.sandbox.microsoft import series, times
from bridge.sandbox.microsoft.checks import address
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.mailbox import Calendar, Found, Item, Mailbox, Override
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.world import Mail, World

_PERSONAL = (
    *("showAs", "isReminderOn", "reminderMinutesBeforeStart", "categories", "responseStatus"),
    *("singleValueExtendedProperties", "multiValueExtendedProperties"),
)
"""What each guest has for itself."""
_OURS = frozenset({*_PERSONAL, "transactionId"})
_UNANSWERED = {"response": "notResponded", "time": "0001-01-01T00:00:00Z"}


def fresh(world: World, event: Json, uid: str = "") -> Item:
    """Make an item that nobody has yet."""
    if not uid:
        number = world.random.getrandbits(192)
        uid = f"{number >> 128:016X}{'0' * 16}10000000{number & (1 << 128) - 1:032X}"
    return Item(world.token(24), uid, event, 0, world.now, world.now)


def is_organizer(box: Mailbox, event: Json) -> bool:
    """Tell whether this is the organiser's copy."""
    return address(event["organizer"]) == box.email.lower()


def unanswered(guests: list[Json]) -> list[Json]:
    """Forget what guests answered; to another time they have to answer again."""
    none = {"response": "none", "time": "0001-01-01T00:00:00Z"}
    return [{**each, "status": none} for each in guests]


def spread(
    directory: Directory,
    box: Mailbox,
    item: Item,
    before: Json | None,
    *,
    only_new: bool = False,
) -> None:
    """Bring the guests' copies up to date, and write the mail.

    A change of nothing but the guests is told to those whom it concerns
    (https://learn.microsoft.com/graph/api/event-update).
    """
    event = item.event
    now, then = _addresses(event), _addresses(before or {})
    _copy(directory, box, item, before)
    if before is None or _shared(before) != _shared(event) or item.overrides:
        _mail(directory.world, box, now - then if only_new else now, "REQUEST", event, item)
        _mail(directory.world, box, then - now, "CANCEL", event, item)


def spread_occurrence(
    directory: Directory, box: Mailbox, item: Item, before: Json, event: Json, *, only_new: bool
) -> None:
    """Do the same for one occurrence; who is invited to it alone gets mail and no copy."""
    now, then = _addresses(event), _addresses(before)
    _copy(directory, box, item, item.event)
    _mail(directory.world, box, now - then if only_new else now, "REQUEST", event, item)
    _mail(directory.world, box, then - now, "CANCEL", event, item)


def _copy(directory: Directory, box: Mailbox, item: Item, before: Json | None) -> None:
    event = item.event
    now, then = _addresses(event), _addresses(before or {})
    for email in sorted((now | then) - {box.email.lower()}):
        theirs = directory.find(email)
        if theirs is None:
            continue
        copies = list(theirs.copies(item.uid))
        if email not in now:
            for calendar, copy in copies:
                directory.put(theirs, calendar, copy, _cancelled(copy.event))
        elif copies:
            for calendar, copy in copies:
                _update(directory, theirs, calendar, copy, item)
        elif not _declined(event, email):
            _invite(directory, theirs, item)


def withdraw(
    directory: Directory, box: Mailbox, item: Item, event: Json, original: date | None
) -> None:
    """Cancel a meeting, or an occurrence, at the guests."""
    guests = _addresses(event)
    for email in sorted(guests - {box.email.lower()}):
        theirs = directory.find(email)
        for calendar, copy in theirs.copies(item.uid) if theirs else ():
            assert theirs is not None  # noqa: S101 - for the type checker
            if original is None:
                directory.put(theirs, calendar, copy, _cancelled(copy.event))
            elif copy.is_series and original not in copy.cancelled:
                gone = _cancelled(series.occurrence(copy, original).event)
                changed = {name: gone[name] for name in ("isCancelled", "subject", "showAs")}
                copy.overrides[original] = Override(changed, directory.world.tick())
                directory.tell(theirs, calendar, copy, "updated")
    _mail(directory.world, box, guests, "CANCEL", event, item)


def shows(directory: Directory, item: Item, event: Json, response: str) -> str:
    """Tell as what an answered meeting is shown."""
    if response == "tentativelyAccepted":
        return "tentative"
    organizer = directory.find(address(event["organizer"]))
    own = next(iter(organizer.copies(item.uid)), None) if organizer else None
    return str(own[1].event["showAs"]) if own else "busy"


def report(
    directory: Directory,
    box: Mailbox,
    found: Found,
    event: Json,
    response: str,
    *,
    is_told: bool,
) -> None:
    """Tell the organiser what a guest answered."""
    if not is_told:
        return
    world = directory.world
    to = address(event["organizer"])
    world.mail.append(
        Mail(world.now, box.email, to, "REPLY", event["subject"] or "", found.item.uid)
    )
    organizer = directory.find(to)
    status = {"response": response, "time": times.instant(world.now)}
    for calendar, own in organizer.copies(found.item.uid) if organizer else ():
        assert organizer is not None  # noqa: S101 - for the type checker
        if found.original is None:
            told = _answered(own.event, box.email, status)
            directory.put(organizer, calendar, own, {**own.event, "attendees": told})
        elif own.is_series:  # else the guest made a series of its own copy
            now = series.occurrence(own, found.original).event
            known = own.overrides.get(found.original)
            properties = {**(known.properties if known else {})}
            properties["attendees"] = _answered(now, box.email, status)
            own.overrides[found.original] = Override(properties, world.tick())
            directory.tell(organizer, calendar, own, "updated")


def _addresses(event: Json) -> set[str]:
    return {address(each) for each in event.get("attendees", [])}


def _answered(event: Json, email: str, status: Json) -> list[Json]:
    return [
        {**each, "status": status} if address(each) == email.lower() else each
        for each in event["attendees"]
    ]


def _declined(event: Json, email: str) -> bool:
    every = [each for each in event["attendees"] if address(each) == email]
    return any(each["status"]["response"] == "declined" for each in every)


def _invite(directory: Directory, theirs: Mailbox, item: Item) -> None:
    event = {name: value for name, value in item.event.items() if name not in _OURS}
    event |= {
        "showAs": "tentative" if item.event["showAs"] != "free" else "free",
        "isReminderOn": True,
        "reminderMinutesBeforeStart": 15,
        "categories": [],
        "responseStatus": dict(_UNANSWERED),
    }
    copy = fresh(directory.world, event, item.uid)
    copy.cancelled |= item.cancelled
    copy.overrides |= {day: _theirs(each, None) for day, each in item.overrides.items()}
    directory.put(theirs, theirs.default, copy, event)
    if theirs.is_room:
        _answer_as_room(directory, theirs, copy)


def _update(
    directory: Directory, theirs: Mailbox, calendar: Calendar, copy: Item, item: Item
) -> None:
    before = copy.event
    shared = {name: value for name, value in item.event.items() if name not in _OURS}
    event = shared | {name: before[name] for name in _PERSONAL if name in before}
    if any(before.get(name) != event.get(name) for name in ("start", "end", "recurrence")):
        event |= {"responseStatus": dict(_UNANSWERED), "showAs": "tentative"}
        copy.overrides.clear()
        copy.cancelled.clear()
    copy.overrides |= {
        day: _theirs(each, copy.overrides.get(day)) for day, each in item.overrides.items()
    }
    if event == before:
        directory.tell(theirs, calendar, copy, "updated")
    else:
        directory.put(theirs, calendar, copy, event)


def _theirs(override: Override, known: Override | None) -> Override:
    shared = {name: v for name, v in override.properties.items() if name not in _OURS}
    own = {name: v for name, v in (known.properties if known else {}).items() if name in _PERSONAL}
    return Override({**shared, **own}, override.change)


def _cancelled(event: Json) -> Json:
    subject = f"Canceled: {event['subject'] or ''}"
    return {**event, "isCancelled": True, "subject": subject, "showAs": "free"}


def _shared(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in _OURS}


def _answer_as_room(directory: Directory, room: Mailbox, copy: Item) -> None:
    """Let a room accept what it has time for, and decline the rest."""
    when = times.span(copy.event)
    taken = any(
        entry.item is not copy and entry.event["showAs"] != "free"
        for entry in series.within(room.default, when.start, when.end)
    )
    response = "declined" if taken else "accepted"
    found = Found(room.default, copy, None)
    if taken:
        directory.remove(room, room.default, copy)
    else:
        status = {"response": response, "time": times.instant(directory.world.now)}
        event = {**copy.event, "responseStatus": status, "showAs": "busy"}
        directory.put(room, room.default, copy, event)
    report(directory, room, found, copy.event, response, is_told=True)


def _mail(
    world: World, box: Mailbox, guests: set[str], method: str, event: Json, item: Item
) -> None:
    for email in sorted(guests - {box.email.lower()}):
        world.mail.append(
            Mail(world.now, box.email, email, method, event["subject"] or "", item.uid)
        )
