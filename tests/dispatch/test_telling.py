"""Who books learns why not, and nothing of whose account it is."""

from __future__ import annotations

import pytest

from bridge.bookings.words import Result
from bridge.dispatch.telling import for_people
from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.store import deliveries
from tests.dispatch.stage import Stage, event

GOOGLE = "an event of 'c_18862u@group.calendar.google.com': https://www.googleapis.com answered 503"
OUTLOOK = (
    "an event of calendar 'AAMkAGI2TG93AAADAQRFAAA=': Outlook does not take it: no item "
    "AAMkAGI2TG93BBBAAAAAAENAAA= of boss@example.com for ann@example.net (ErrorInvalid)"
)
ZOOM = "Zoom: user t8kX_wqPQ-2jR0aaaaaaaa0 is over its limit of 100 meetings (85011223344)"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (GOOGLE, "an event of the calendar: www.googleapis.com answered 503"),
        (
            OUTLOOK,
            "an event of …: Outlook does not take it: no item … of … for ann@example.net"
            " (ErrorInvalid)",
        ),
        (ZOOM, "Zoom: user … is over its limit of 100 meetings (…)"),
        ("a meeting cannot last three years", "a meeting cannot last three years"),
        (
            "https://dav.example.com/cal/room%40example.com/1.ics answered 403",
            "dav.example.com answered 403",
        ),
    ],
)
def test_what_providers_say_is_told_without_names_of_theirs(said: str, told: str) -> None:
    found = for_people(
        said,
        calendar="c_18862u@group.calendar.google.com",
        names=["AAMkAGI2TG93BBBAAAAAAENAAA="],
        own="ATTENDEE:mailto:Ann@example.net",
    )
    assert found.replace("calendar '…'", "…") == told


def test_a_refusal_names_no_calendar_and_no_account(stage: Stage) -> None:
    stage.memory.orders.give("put", RemoteRejected(OUTLOOK))
    outcome = stage.done(stage.put(event()))
    assert outcome.result is Result.REFUSED
    assert "Outlook does not take it" in outcome.reason
    assert "AAMk" not in outcome.reason
    assert "boss" not in outcome.reason


def test_what_fails_for_days_names_no_calendar_and_no_account(stage: Stage) -> None:
    stage.memory.orders.give("put", TemporarilyUnavailable(GOOGLE), times=None)
    stage.done(stage.put(event()))
    stage.later(80 * 3600)
    (proposal,) = stage.proposals()
    assert "answered 503" in proposal.error_message
    assert "group.calendar" not in proposal.error_message
    with stage.database.read() as conn:
        assert "group.calendar" not in deliveries.after(conn, 0)[-1].payload
