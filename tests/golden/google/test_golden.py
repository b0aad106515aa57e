"""Google's events: what is understood of each, and what would be written back.

A case is a folder with `input.json` (one event as the API gives it), `case.yaml` (why, source, and
the calendar where it matters), `expected.txt` (event, occurrences, notes) and `expected.json` (the
event as it is written). `--update-golden` rewrites what is expected.
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
from bridge.providers.google import wire
from bridge.providers.google.moments import Place
from bridge.providers.google.translate import read_event, write_event
from bridge.sandbox.description import load
from tests.golden.ical.test_golden import event_lines, occurrence_lines

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/input.json"))
BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = Window(1_767_225_600, 1_798_761_600)
"""The year 2026."""


def place(case: str) -> Place:
    told = yaml.safe_load((HERE / case / "case.yaml").read_text())
    assert told.keys() <= {"why", "source", "calendar"}, case
    assert told["why"], f"{case} does not say why it is there"
    assert told["source"], f"{case} does not say where it was seen"
    return Place.of(told.get("calendar", "ann@example.com"), "Europe/Berlin")


def found(case: str) -> Found:
    event = wire.read((HERE / case / "input.json").read_bytes(), wire.Event)
    return read_event(event, place(case))


def series_of(event: Event) -> EventSeries:
    if event.recurrence_id is None:
        return EventSeries(uid=event.uid, master=event)
    return EventSeries(uid=event.uid, master=None, overrides=(event,))


def describe(case: str) -> tuple[str, str]:
    try:
        event, notes = found(case)
    except Unclear as err:
        return f"not understood: {err}\n", ""
    lines = [f"uid {event.uid}", *(f"note {note}" for note in notes), *event_lines(event)]
    if event.organizer:
        lines.append(f"    organizer {event.organizer.address}")
    if event.is_recurring:
        lines += occurrence_lines(series_of(event), WINDOW, BERLIN, BERLIN)
    written = msgspec.json.format(wire.write(write_event(event, place(case))))
    return "\n".join(lines) + "\n", written.decode() + "\n"


@pytest.mark.parametrize("case", CASES)
def test_an_event_is_understood_as_recorded(case: str, update_golden: bool) -> None:
    understood, written = describe(case)
    folder = HERE / case
    if update_golden:
        (folder / "expected.txt").write_text(understood)
        (folder / "expected.json").write_text(written)
    assert (folder / "expected.txt").read_text() == understood
    assert (folder / "expected.json").read_text() == written


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_what_google_takes(case: str) -> None:
    """The official description knows every field of it."""
    if text := (HERE / case / "expected.json").read_text():
        load("google-calendar-v3").check("Event", msgspec.json.decode(text))


@pytest.mark.parametrize("case", CASES)
def test_the_store_reads_back_what_was_understood(case: str) -> None:
    try:
        event = found(case).event
    except Unclear:
        return
    text = series_text(series_of(event))
    (again,) = parse_calendar(text).series
    assert series_text(again.series) == text
