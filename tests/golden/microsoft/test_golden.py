"""Outlook's events: what is understood of each.

A case is a folder with `input.json` (one event as Graph gives it), `case.yaml` (why, source, and
the calendar's zone where it matters) and `expected.txt` (event, occurrences, notes).
`--update-golden` rewrites what is expected.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml

from bridge.ical.compose import series_text
from bridge.ical.foreign import Found, Unclear
from bridge.ical.parse import parse_calendar
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.moments import Place
from bridge.providers.microsoft.translate import read_event
from bridge.sandbox.description import load
from tests.golden.ical.test_golden import event_lines, occurrence_lines

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/input.json"))
BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = Window(1_767_225_600, 1_798_761_600)
"""The year 2026."""


def place(case: str) -> Place:
    told = yaml.safe_load((HERE / case / "case.yaml").read_text())
    assert told.keys() <= {"why", "source", "zone"}, case
    assert told["why"], f"{case} does not say why it is there"
    assert told["source"], f"{case} does not say where it was seen"
    return Place.of(told.get("zone", "Europe/Berlin"))


def found(case: str) -> Found:
    event = wire.read((HERE / case / "input.json").read_bytes(), wire.Event)
    return read_event(event, place(case))


def series_of(event: Event) -> EventSeries:
    if event.recurrence_id is None:
        return EventSeries(uid=event.uid, master=event)
    return EventSeries(uid=event.uid, master=None, overrides=(event,))


def describe(case: str) -> str:
    try:
        event, notes = found(case)
    except Unclear as err:
        return f"not understood: {err}\n"
    lines = [f"uid {event.uid}", *(f"note {note}" for note in notes), *event_lines(event)]
    if event.organizer:
        lines.append(f"    organizer {event.organizer.address}")
    if event.is_recurring:
        lines += occurrence_lines(series_of(event), WINDOW, BERLIN, BERLIN)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_an_event_is_understood_as_recorded(case: str, update_golden: bool) -> None:
    understood = describe(case)
    if update_golden:
        (HERE / case / "expected.txt").write_text(understood)
    assert (HERE / case / "expected.txt").read_text() == understood


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_event_is_one_that_graph_describes(case: str) -> None:
    event = msgspec.json.decode((HERE / case / "input.json").read_bytes())
    load("microsoft-graph-calendar").check("event", event)


@pytest.mark.parametrize("case", CASES)
def test_the_store_reads_back_what_was_understood(case: str) -> None:
    try:
        event = found(case).event
    except Unclear:
        return
    text = series_text(series_of(event))
    (again,) = parse_calendar(text).series
    assert series_text(again.series) == text
