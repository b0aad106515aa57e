"""Whatever is done to a series of Outlook, and however it is reported: after a pull it is here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, timedelta, tzinfo
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from bridge.ical.recurrence import expand
from bridge.model.interval import Window, instant, utc
from bridge.provider import CalendarId
from bridge.sandbox.microsoft import series, times
from bridge.sandbox.microsoft.editing import Editor
from bridge.sandbox.microsoft.errors import GraphError
from bridge.sandbox.microsoft.mailbox import Calendar, Found, Item
from bridge.sandbox.microsoft.zones import zone
from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_world import ANN, MicrosoftWorld, sandbox, signed, transport
from tests.contract.provider_contract import DAY, Mirror
from tests.flawless import flawless
from tests.property.test_microsoft_series import bodies

FAULTS = (
    *("short_pages", "duplicates", "stale_duplicates", "occurrence_tombstones", "sync_gone"),
    *("single_occurrences", "lone_masters", "typed_tombstones", "custom_zones", "null_fields"),
    "endless_series_times_out",
)
_steps = st.tuples(
    st.sampled_from(["delete", "move", "stretch", "rename", "rename all", "move all", "end"]),
    st.integers(0, 30),
    st.integers(-30, 30),
    st.sets(st.sampled_from(FAULTS), max_size=2),
)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        yield started


@pytest.fixture(scope="module")
def world(running: Sandbox) -> Iterator[MicrosoftWorld]:
    http = transport()
    yield MicrosoftWorld(running, signed(running, http))
    http.close()


def window_of(item: Item) -> Window:
    """Ask for some of what a series has, begun or not, over or not."""
    start = instant(times.span(item.event).start)
    return Window(start + 20 * DAY, start + 220 * DAY)


def theirs(calendar: Calendar, window: Window) -> list[tuple[int, int]]:
    """Say when Outlook is busy; what takes no time is left out."""
    found = series.within(calendar, utc(window.start), utc(window.end))
    spans = (times.span(each.event) for each in found)
    return sorted({(instant(it.start), instant(it.end)) for it in spans if it.start < it.end})


def ours(mirror: Mirror, window: Window, place: tzinfo) -> list[tuple[int, int]]:
    """Say when we are; whole days are those of the zone that the series is in."""
    found = [
        (each.start, each.end)
        for whole in mirror.objects.values()
        for each in expand(whole, window, UTC, day_zone=place).occurrences
        if each.start < each.end
    ]
    return sorted(set(found))


def do(editor: Editor, calendar: Calendar, item: Item, what: str, which: int, hours: int) -> None:
    """Do something as the owner of a calendar does it."""
    if item.key not in calendar.items:
        return
    window = window_of(item)
    whole = Found(calendar, item, None)
    if what == "rename all":
        editor.patch(whole, {"subject": f"Renamed {which}"})
    elif what == "end":
        editor.delete(whole)
    elif what == "move all":
        editor.patch(whole, moved(item.event, hours, 0))
    elif every := list(series.occurrences(item, utc(window.start - 9 * DAY), utc(window.end))):
        entry = every[which % len(every)]
        one = Found(calendar, item, entry.original)
        if what == "delete":
            editor.delete(one)
        elif what == "rename":
            editor.patch(one, {"subject": f"Renamed {which}"})
        else:
            editor.patch(one, moved(entry.event, hours if what == "move" else 0, which))


def moved(event: dict[str, Any], hours: int, longer: int) -> dict[str, Any]:
    made = {}
    step = timedelta(days=hours) if event["isAllDay"] else timedelta(hours=hours)
    for name, more in (("start", 0), ("end", longer)):
        wall = times.wall(event[name]) + step
        wall += timedelta(days=more) if event["isAllDay"] else timedelta(minutes=more)
        made[name] = {**event[name], "dateTime": wall.isoformat(timespec="seconds")}
    return made


def weekly(first: date, day: str, **kind: Any) -> dict[str, Any]:
    clock = "T00:00:00" if kind.get("isAllDay") else "T23:30:00"
    until = first + timedelta(days=1)
    return {
        "isAllDay": False,
        **kind,
        "start": {"dateTime": f"{first}{clock}", "timeZone": "Pacific/Auckland"},
        "end": {"dateTime": f"{until}{clock}", "timeZone": "Pacific/Auckland"},
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [day, "sunday"]},
            "range": {"type": "noEnd", "startDate": first.isoformat()},
        },
    }


@settings(suppress_health_check=list(HealthCheck), max_examples=40)
@example(weekly(date(2026, 3, 4), "wednesday"), [("delete", 3, 0, {"single_occurrences"})])
@example(weekly(date(2026, 3, 4), "wednesday", isAllDay=True), [("move", 3, 1, {"custom_zones"})])
@example(weekly(date(2026, 3, 4), "wednesday"), [("move", 5, 9, {"lone_masters"})])
@given(bodies(), st.lists(_steps, min_size=1, max_size=5))
def test_a_series_is_here_as_it_is_there(
    world: MicrosoftWorld, body: dict[str, Any], steps: list[tuple[str, int, int, set[str]]]
) -> None:
    box = world.microsoft.directory.mailbox(ANN)
    editor = Editor(world.microsoft.directory, box)
    calendar = box.calendars[world.new_calendar()]
    try:
        item = editor.create(calendar, body)
    except GraphError:
        return  # it ends before its first occurrence
    window = window_of(item)
    place = zone(item.event["start"]["timeZone"])
    mirror = Mirror(world, CalendarId(calendar.id))
    mirror.pull(window)
    assert ours(mirror, window, place) == theirs(calendar, window)
    for what, which, hours, faults in steps:
        with suppress(GraphError):
            do(editor, calendar, item, what, which, hours)
        for fault in faults:
            world.faults.switch(fault)
        try:
            mirror.pull(window)
        finally:
            world.faults.clear()
        assert ours(mirror, window, place) == theirs(calendar, window), (what, faults)
    box.calendars.pop(calendar.id)
