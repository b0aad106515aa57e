"""Whatever is written after whatever people did, Google has what was desired in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.conference import ConferenceKind
from bridge.model.event import Alarm, Attendee, EventSeries, Status
from bridge.model.interval import utc
from bridge.sandbox.google.errors import ApiError
from bridge.sink import Written
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN as OWNER
from tests.contract.sink_calendar import (
    ANN,
    BERLIN,
    BOB,
    EVE,
    LATE,
    MONDAY,
    Calendar,
    booking,
    changed,
    override,
    taking_place,
    wanted,
    weekly,
)

_STEPS = 10
_HOUR = timedelta(hours=1)
_ALARMS = (None, (), (Alarm(timedelta(minutes=10)),))


def guests(random: Random) -> tuple[Attendee, ...]:
    return tuple(Attendee(each) for each in (ANN, BOB, EVE) if random.random() < 0.4)


def starts(series: EventSeries) -> list[datetime]:
    found = expand(series, LATE, UTC, day_zone=UTC).occurrences
    return [utc(each.original_start).astimezone(BERLIN) for each in found]


def some_booking(random: Random) -> EventSeries:
    start = MONDAY + random.choice([0, 0, 0, 1]) * _HOUR
    times = {"start": start, "end": start + _HOUR, "summary": random.choice("ABC")}
    if random.random() < 0.15:
        return booking(**times, attendees=guests(random))
    count = random.randint(2, 6)
    rule = random.choice(["FREQ=WEEKLY;BYDAY=MO", "FREQ=DAILY"])
    series = weekly(
        **times,
        rrules=(f"{rule};COUNT={count}",),
        attendees=guests(random),
        description=random.choice(["", "x", "a<b>c"]),
        location=random.choice(["", "There"]),
        alarms=random.choice(_ALARMS),
        categories=random.choice([(), ("Red",)]),
    )
    every = starts(series)
    gaps = [each for each in every[1:] if random.random() < 0.25]
    kept = [each for each in every if each not in gaps and random.random() < 0.35]
    overrides = [override(series, each, **one_change(random, each)) for each in kept]
    return changed(series, *overrides, exdates=tuple(gaps))


def one_change(random: Random, original: datetime) -> dict[str, object]:
    fields: dict[str, object] = {"summary": random.choice("ABCXYZ")}
    if random.random() < 0.5:
        moved = original + timedelta(minutes=20)
        fields |= {"start": moved, "end": moved + _HOUR / 2}
    if random.random() < 0.4:
        fields["attendees"] = guests(random)
    if random.random() < 0.3:
        fields |= {"description": "own", "location": "", "categories": ()}
    return fields


def meddle(random: Random, there: GoogleSinkWorld, agenda: Calendar) -> None:
    """Do something in the web calendar."""
    with there.running.world.lock:
        record = random.choice(list(there.running.world.calendar(agenda.id).records.values()))
    is_part = "recurringEventId" in record.event
    try:
        match random.randrange(4):
            case 0:
                there.rename(agenda.id, record.id, "Theirs")  # type: ignore[arg-type]
            case 1 if is_part:
                there.remove(agenda.id, record.id)  # type: ignore[arg-type]
            case 2 if is_part:
                there.change(agenda.id, record.id, status="confirmed")
            case _:
                there.change(agenda.id, record.id, colorId="3")
    except ApiError:
        pass  # not everything can be done to everything


def told(series: EventSeries) -> dict[int, tuple[object, ...]]:
    """What each occurrence is."""
    return {
        it.original_start: (
            it.start, it.end, it.event.summary, it.event.description, it.event.location,
            frozenset(guest.address for guest in it.event.attendees), it.event.categories,
            None if it.event.alarms is None else frozenset(it.event.alarms),
        )
        for it in expand(series, LATE, UTC, day_zone=UTC).occurrences
        if it.event.status is not Status.CANCELLED
    }  # fmt: skip


def stored(written: Written) -> Written:
    """What a database keeps of it."""
    (kept,) = parse_calendar(series_text(written.series), whole=True).series
    return replace(written, series=kept.series)


@pytest.mark.covers("F55")
@pytest.mark.parametrize("fault", ["", "bare_tombstones", "short_pages", "duplicate_pages"])
@pytest.mark.parametrize("seed", range(2))
def test_google_has_what_was_desired_and_nothing_is_written_twice(
    there: GoogleSinkWorld, agenda: Calendar, seed: int, fault: str
) -> None:
    random = Random(f"{seed} {fault}")
    if fault:
        there.running.misbehave(OWNER, fault)
    written: Written | None = None
    for _ in range(_STEPS):
        meet = random.choice([None, ConferenceKind.GOOGLE_MEET])
        desired = wanted(some_booking(random), conference=meet)
        if written is not None and random.random() < 0.5:
            meddle(random, there, agenda)
            written = agenda.read(written.remote_id)
        if written is not None and random.random() < 0.1:
            agenda.delete(written)
            written = None
        base = None if written is None or random.random() < 0.1 else stored(written)
        written = agenda.put(desired, base)
        assert told(written.series) == told(desired.series)
        assert (written.conference is not None) == (meet is not None)
        assert agenda.read(written.remote_id) == written
        before = len(there.http.asked)
        assert agenda.put(desired, stored(written)) == written
        again = there.http.asked[before:]
        assert all(each.startswith("GET") for each in again)
        pulled = agenda.holds()[written.remote_id]
        assert taking_place(pulled) == taking_place(desired.series)
