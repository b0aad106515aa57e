"""What the golden cases of every calendar system with an API of its own share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import yaml

from bridge.ical.compose import series_text
from bridge.ical.foreign import Found, Unclear
from bridge.ical.parse import parse_calendar
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window
from tests.golden.ical.test_golden import event_lines, occurrence_lines

BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = Window(1_767_225_600, 1_798_761_600)
"""The year 2026."""


def cases(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/input.json"))


def told(folder: Path, *more: str) -> dict[str, str]:
    """Read why a case is there, and what more it says of its calendar."""
    known: dict[str, str] = yaml.safe_load((folder / "case.yaml").read_text())
    assert known.keys() <= {"why", "source", *more}, folder.name
    assert known["why"], f"{folder.name} does not say why it is there"
    assert known["source"], f"{folder.name} does not say where it was seen"
    return known


def series_of(event: Event) -> EventSeries:
    if event.recurrence_id is None:
        return EventSeries(uid=event.uid, master=event)
    return EventSeries(uid=event.uid, master=None, overrides=(event,))


def described(found: Found) -> str:
    """Write down what was understood."""
    event, notes = found
    lines = [f"uid {event.uid}", *(f"note {note}" for note in notes), *event_lines(event)]
    if event.organizer:
        lines.append(f"    organizer {event.organizer.address}")
    if event.is_recurring:
        lines += occurrence_lines(series_of(event), WINDOW, BERLIN, BERLIN)
    return "\n".join(lines) + "\n"


def describe(read: Callable[[], Found], write: Callable[[Event], bytes]) -> tuple[str, str]:
    """Return what is understood of a case, and what would be written of it."""
    try:
        found = read()
    except Unclear as err:
        return f"not understood: {err}\n", ""
    return described(found), msgspec.json.format(write(found.event)).decode() + "\n"


def check(folder: Path, understood: str, written: str, *, update: bool) -> None:
    """Compare with what is expected, or rewrite that."""
    if update:
        (folder / "expected.txt").write_text(understood)
        (folder / "expected.json").write_text(written)
    assert (folder / "expected.txt").read_text() == understood
    assert (folder / "expected.json").read_text() == written


def check_stored(read: Callable[[], Found]) -> None:
    """Write what was understood as the store keeps it, and read that."""
    try:
        event = read().event
    except Unclear:
        return
    text = series_text(series_of(event))
    (again,) = parse_calendar(text, whole=True).series
    assert series_text(again.series) == text
