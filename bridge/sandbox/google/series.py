"""Instances of a series: where they are, what they are called, which of them were changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bridge.sandbox.google import times
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar, Record, World

_OF_THE_SERIES = ("recurrence", "start", "end")


def is_series(event: Json) -> bool:
    """Tell a series from a single event or an instance."""
    return bool(event.get("recurrence"))


def instance_id(master: Json, original: Json, calendar: Calendar) -> str:
    """Name an instance, `masterid_20260301T090000Z`."""
    return f"{master['id']}_{times.stamp(original, calendar.timezone)}"


def instance(master: Json, start: Json, end: Json, calendar: Calendar) -> Json:
    """Make the instance that begins there and was never changed."""
    kept = {name: value for name, value in master.items() if name not in _OF_THE_SERIES}
    return {
        **kept,
        "id": instance_id(master, start, calendar),
        "start": start,
        "end": end,
        "recurringEventId": master["id"],
        "originalStartTime": start,
    }


def regular(master: Json, calendar: Calendar, until: datetime) -> Iterator[Json]:
    """Work out the instances that nobody changed."""
    for start, end in times.occurrences(master, calendar.timezone, until):
        made = instance(master, start, end, calendar)
        if made["id"] not in calendar.records:
            yield made


def instances(master: Json, calendar: Calendar, until: datetime) -> Iterator[Json]:
    """Give all instances: the regular ones, the changed ones, the cancelled ones."""
    yield from regular(master, calendar, until)
    for exception in calendar.exceptions(master["id"]):
        yield exception.event


def singled(event: Json, calendar: Calendar, until: datetime) -> set[str]:
    """Name what an event is in a listing of instances: those of its rule, or itself."""
    if event["status"] == "cancelled":
        return set()
    if not is_series(event):
        return {event["id"]}
    return {
        instance_id(event, start, calendar)
        for start, _ in times.occurrences(event, calendar.timezone, until)
    }


def find(world: World, calendar: Calendar, name: str) -> Json | None:
    """Find an event by its id: stored, or an instance that nobody changed."""
    if record := calendar.records.get(name):
        return record.event
    series, _, _ = name.rpartition("_")
    master = calendar.records.get(series)
    if master is None or master.is_cancelled or not is_series(master.event):
        return None
    every = regular(master.event, calendar, world.horizon)
    return next((each for each in every if each["id"] == name), None)


def written(world: World, calendar: Calendar, before: Json | None, record: Record) -> None:
    """Follow up an event that was written: instances that it has no more are gone.

    Of those that had been changed the cancellation stays; the others are remembered for listings
    of instances. What is deleted takes every changed instance along, also one outside its rule.
    """
    old = singled(before, calendar, world.horizon) if before else set()
    new = singled(record.event, calendar, world.horizon)
    for name in old - new:
        record.ghosts[name] = record.change
    for name in new:
        record.ghosts.pop(name, None)
    if before is None and not record.is_cancelled:
        return
    for exception in calendar.exceptions(record.id):
        if exception.id not in new and not exception.is_cancelled:
            world.put(calendar, {**exception.event, "status": "cancelled"})


def ghost(master: Json, name: str) -> Json:
    """Make the tombstone of an instance that is no more."""
    gone = {
        "id": name,
        "status": "cancelled",
        "etag": master["etag"],
        "eventType": master.get("eventType", "default"),
    }
    if name == master["id"]:
        return gone
    stamp = name.rpartition("_")[2]
    day = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}"
    original: Json = {"date": day}
    if "T" in stamp:
        clock = stamp.partition("T")[2]
        original = {"dateTime": f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}Z", "timeZone": "UTC"}
    return {**gone, "recurringEventId": master["id"], "originalStartTime": original}
