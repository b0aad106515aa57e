"""A booking becomes an event at its provider; a change changes it, a deletion deletes it."""

from __future__ import annotations

from bridge.bookings.words import Result
from tests.dispatch.stage import Stage, event


def test_a_booking_becomes_an_event_of_its_calendar(stage: Stage) -> None:
    outcome = stage.done(stage.put(event("20261123T090000Z", "20261123T100000Z", "LOCATION:Hall")))
    assert (outcome.result, outcome.created) == (Result.SETTLED, True)
    made = stage.event()
    assert (made.summary, made.location) == ("Talk", "Hall")
    assert made.origin == stage.house.publisher.instance
    assert stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_a_change_changes_the_event_in_place(stage: Stage) -> None:
    stage.done(stage.put(event()))
    (remote_id,) = stage.calendar.objects
    outcome = stage.done(stage.put(event("20261123T140000Z", "20261123T150000Z", title="Later")))
    assert (outcome.result, outcome.created) == (Result.SETTLED, False)
    assert list(stage.calendar.objects) == [remote_id]
    assert stage.event().summary == "Later"
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_a_deletion_deletes_the_event_and_frees_its_time(stage: Stage) -> None:
    stage.done(stage.put(event()))
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert stage.events() == []
    assert stage.busy() == []
    assert stage.names() == []
