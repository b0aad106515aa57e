"""Real calendars and their defects: what is understood of each, octet for octet.

A case is a folder with `input.ics`, `case.yaml` (why, source, and what differs from the defaults
below), `expected.txt` (series, occurrences, notes) and `expected.ics` (the canonical text that the
store keeps). `--update-golden` rewrites what is expected.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from bridge.errors import InvalidCalendarObject
from bridge.ical.compose import series_text
from bridge.ical.parse import ParsedCalendar, parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window, instant, utc

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/input.ics"))
SHOWN = [
    field.name
    for field in fields(Event)
    if field.name not in ("uid", "start", "end", "attendees", "organizer")
]


def settings(case: str) -> dict[str, str]:
    known = {"owner": "", "zone": "Europe/Berlin", "from": "2026-01-01", "to": "2027-01-01"}
    told = yaml.safe_load((HERE / case / "case.yaml").read_text())
    assert told.keys() <= known.keys() | {"why", "source", "rfc", "guard"}, case
    assert told["why"], f"{case} does not say why it is there"
    assert told["source"], f"{case} does not say where it was seen"
    return known | told


def describe(case: str) -> tuple[str, str]:
    """Return what is understood of a case, and the canonical texts."""
    told = settings(case)
    try:
        parsed = parse_calendar((HERE / case / "input.ics").read_bytes(), owner=told["owner"])
    except InvalidCalendarObject as err:
        return f"refused: {err}\n", ""
    window = Window(*(instant(datetime.fromisoformat(f"{told[k]}T00Z")) for k in ("from", "to")))
    resource = ZoneInfo(told["zone"])
    zone = ZoneInfo(parsed.time_zone) if parsed.time_zone else resource
    lines = calendar_lines(parsed)
    for it in parsed.series:
        lines += ["", f"series {it.series.uid}", *(f"  note {note}" for note in it.series.notes)]
        for event in it.series.events():
            lines += event_lines(event)
        lines += occurrence_lines(it.series, window, zone, resource)
    return "\n".join(lines) + "\n", "".join(it.text for it in parsed.series)


def calendar_lines(parsed: ParsedCalendar) -> list[str]:
    return [
        f"time zone {parsed.time_zone or '-'}",
        *(f"note {note}" for note in parsed.notes),
        *(f"broken {it.uid}: {it.reason}" for it in parsed.broken),
    ]


def event_lines(event: Event) -> list[str]:
    lines = [f"  event {event.start!s} to {event.end!s}"]
    for name in SHOWN:
        value, default = getattr(event, name), Event.__dataclass_fields__[name].default
        if value != default:
            lines.append(f"    {name} {value!s}")
    return lines + [f"    attendee {it.address} {it.partstat.value}" for it in event.attendees]


def occurrence_lines(
    series: EventSeries, window: Window, zone: ZoneInfo, resource: ZoneInfo
) -> list[str]:
    try:
        expansion = expand(series, window, zone, day_zone=resource)
    except InvalidCalendarObject as err:
        return [f"  refused: {err}"]
    lines = [f"  note {note}" for note in expansion.notes]
    for it in expansion.occurrences:
        moved = f" (was {utc(it.original_start):%Y-%m-%d %H:%M})" * (it.start != it.original_start)
        day = " all day" * it.all_day
        lines.append(
            f"  {utc(it.start):%Y-%m-%d %H:%M:%S} to {utc(it.end):%Y-%m-%d %H:%M:%S}{day}{moved}"
        )
    return lines


@pytest.mark.parametrize("case", CASES)
def test_a_calendar_is_understood_as_recorded(case: str, update_golden: bool) -> None:
    understood, text = describe(case)
    folder = HERE / case
    if update_golden:
        (folder / "expected.txt").write_text(understood)
        (folder / "expected.ics").write_bytes(text.encode())
    assert (folder / "expected.txt").read_text() == understood
    assert (folder / "expected.ics").read_bytes().decode() == text


@pytest.mark.parametrize("case", CASES)
def test_the_canonical_text_reads_back_as_the_same_series(case: str) -> None:
    told = settings(case)
    try:
        parsed = parse_calendar((HERE / case / "input.ics").read_bytes(), owner=told["owner"])
    except InvalidCalendarObject:
        return
    for it in parsed.series:
        again = parse_calendar(it.text, owner=told["owner"])
        assert [other.series.master for other in again.series] == [it.series.master]
        assert [other.series.overrides for other in again.series] == [it.series.overrides]
        assert again.series[0].text == it.text
        assert again.series[0].fingerprint == it.fingerprint


@pytest.mark.parametrize("case", CASES)
def test_a_series_that_is_written_out_reads_back_as_the_same(case: str) -> None:
    try:
        parsed = parse_calendar((HERE / case / "input.ics").read_bytes())
    except InvalidCalendarObject:
        return
    for it in parsed.series:
        (again,) = parse_calendar(series_text(it.series)).series
        assert again.series.events() == it.series.events()
        assert series_text(again.series) == series_text(it.series)
