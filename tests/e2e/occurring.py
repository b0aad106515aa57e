"""When series take place, as the providers that hold them work it out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.interval import Window, utc
from bridge.sandbox.google import series as google_series
from bridge.sandbox.microsoft import series as outlook_series
from bridge.sandbox.microsoft import times
from bridge.sandbox.server import Sandbox
from tests.e2e.bookable import Place
from tests.e2e.sources import CalDavCalendar


def taking_place(
    sandbox: Sandbox, calendar: CalDavCalendar, place: Place, title: str, span: Window
) -> list[int]:
    """When the events of a title begin in somebody's calendar; at Google those of series."""
    with sandbox.world.lock:
        match place.provider:
            case "google":
                found = list(_at_google(sandbox, place.owner, title, span))
            case "microsoft":
                box = sandbox.microsoft.directory.mailbox(place.owner)
                every = outlook_series.within(box.default, utc(span.start), utc(span.end))
                found = [times.span(it.event).start for it in every if it.event["subject"] == title]
            case _:
                found = list(_in_objects(calendar, title, span))
    return sorted(int(it.timestamp()) for it in found)


def _at_google(sandbox: Sandbox, owner: str, title: str, span: Window) -> Iterator[datetime]:
    there = sandbox.world.calendar(owner)
    for record in there.records.values():
        master = record.event
        if record.is_cancelled or master.get("summary") != title or not master.get("recurrence"):
            continue
        for each in google_series.instances(master, there, utc(span.end)):
            if each["status"] != "cancelled":
                yield datetime.fromisoformat(each["start"]["dateTime"])


def _in_objects(calendar: CalDavCalendar, title: str, span: Window) -> Iterator[datetime]:
    for body in calendar.objects().values():
        if f"\r\nSUMMARY:{title}\r\n" in body:
            [parsed] = parse_calendar(body).series
            for each in expand(parsed.series, span, UTC, day_zone=UTC).occurrences:
                yield utc(each.start)
