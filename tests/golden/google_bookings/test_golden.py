"""Bookings at Google: how each property is read back, and what is written of it again.

A case is a folder with `input.json` (one event as the API gives it), `case.yaml` (why and source),
`expected.txt` (what a booking has of it, and when it takes place) and `expected.json` (the event as
a booking writes it, without its guests). `--update-golden` rewrites what is expected.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bridge.ical.foreign import Found
from bridge.model.event import Event
from bridge.providers.google import wire
from bridge.providers.google.booked import read_booking, with_marks, write_booking
from bridge.providers.google.meet import read_meet
from bridge.providers.google.moments import Place
from bridge.sandbox.description import load
from tests.golden.translated import cases, check, describe

HERE = Path(__file__).parent
CASES = cases(HERE)
PLACE = Place.of("ann@example.com", "Europe/Berlin")
TOKEN = "0123456789abcdef0123456789abcdef01234567"


def given(case: str) -> wire.Event:
    return wire.read((HERE / case / "input.json").read_bytes(), wire.Event)


def read(case: str) -> Found:
    return read_booking(given(case), PLACE)


def written(event: Event) -> bytes:
    link = event.conference_url
    return wire.write(
        with_marks(write_booking(event, PLACE), token=TOKEN, uid="client@example.com", link=link)
    )


def extra(event: Event, meeting: object) -> str:
    """What a pull has no use for."""
    lines = [f"    alarm {each.before} {each.action}" for each in event.alarms or ()]
    lines += ["    alarms of the calendar"] if event.alarms is None else []
    lines += [f"    attachment {each}" for each in event.attachments]
    lines += [f"    category {each}" for each in event.categories]
    lines += [f"    guest {each}" for each in event.attendees]
    lines += [f"    {meeting}"] if meeting else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_a_booking_is_read_and_written_as_recorded(case: str, update_golden: bool) -> None:
    understood, text = describe(lambda: read(case), written)
    understood += extra(read(case).event, read_meet(given(case)))
    check(HERE / case, understood, text, update=update_golden)


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_what_google_takes(case: str) -> None:
    """The official description knows every field of it."""
    text = (HERE / case / "expected.json").read_text()
    load("google-calendar-v3").check("Event", msgspec.json.decode(text))


@pytest.mark.parametrize("case", CASES)
def test_what_was_written_is_written_alike_once_it_was_read(case: str) -> None:
    text = (HERE / case / "expected.json").read_bytes()
    again = read_booking(wire.read(text, wire.Event), PLACE).event
    assert msgspec.json.decode(written(again)) == msgspec.json.decode(text)
