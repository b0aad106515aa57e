"""Outlook's events: what is understood of each, and what would be written back.

A case is a folder with `input.json` (one event as Graph gives it), `case.yaml` (why, source),
`expected.txt` (event, occurrences, notes) and `expected.json` (the event as it is written).
`--update-golden` rewrites what is expected.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bridge.ical.foreign import Found
from bridge.model.event import Event
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.moments import Place
from bridge.providers.microsoft.translate import read_alarms, read_event, write_event
from bridge.sandbox.description import load
from tests.golden.translated import cases, check, check_stored, describe, told

HERE = Path(__file__).parent
CASES = cases(HERE)


def given(case: str) -> wire.Event:
    return wire.read((HERE / case / "input.json").read_bytes(), wire.Event)


def found(case: str) -> Found:
    told(HERE / case)
    return read_event(given(case))


def written(case: str, event: Event) -> bytes:
    """Write it as a booking, which has a reminder as well."""
    return wire.write(write_event(replace(event, alarms=read_alarms(given(case))), Place()))


@pytest.mark.parametrize("case", CASES)
def test_an_event_is_understood_as_recorded(case: str, update_golden: bool) -> None:
    made = describe(lambda: found(case), lambda event: written(case, event))
    check(HERE / case, *made, update=update_golden)


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_what_graph_takes(case: str) -> None:
    """The official description knows every field of it."""
    if text := (HERE / case / "expected.json").read_text():
        load("microsoft-graph-calendar").check("event", msgspec.json.decode(text))


@pytest.mark.parametrize("case", CASES)
def test_the_store_reads_back_what_was_understood(case: str) -> None:
    check_stored(lambda: found(case))
