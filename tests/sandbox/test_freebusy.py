"""Free-busy queries: merged intervals, and errors inside of a 200."""

from __future__ import annotations

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, ROOM, Program, at, days

WINDOW = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-03-31T00:00:00Z"}


def ask(program: Program, *names: str, **more: object) -> dict:
    body = {**WINDOW, "items": [{"id": name} for name in names], **more}
    return dict(program.ok("POST", "freeBusy", json=body)["calendars"])


def busy(program: Program, name: str, **more: object) -> list[tuple[str, str]]:
    return [(each["start"], each["end"]) for each in ask(program, name, **more)[name]["busy"]]


def test_what_overlaps_is_one_interval(ann: Program) -> None:
    ann.insert(**at(10, hours=2))
    ann.insert(**at(11, hours=2))
    ann.insert(**at(15), status="tentative")
    assert busy(ann, "primary") == [
        ("2026-03-03T09:00:00Z", "2026-03-03T12:00:00Z"),
        ("2026-03-03T14:00:00Z", "2026-03-03T15:00:00Z"),
    ]
    assert busy(ann, "primary", timeZone="Europe/Berlin")[0][0] == "2026-03-03T10:00:00+01:00"


def test_only_what_takes_time_counts(sandbox: Sandbox, ann: Program) -> None:
    ann.insert(transparency="transparent")
    ann.insert(eventType="workingLocation", visibility="public")
    declined = ann.insert(attendees=[{"email": BOB}])["id"]
    sandbox.person(ANN).share(BOB, "freeBusyReader")
    sandbox.person(BOB).answer(declined, "declined")
    bob = Program(sandbox, BOB)
    assert busy(bob, BOB) == []
    assert busy(bob, ANN) == [("2026-03-03T09:00:00Z", "2026-03-03T10:00:00Z")]


def test_series_and_their_exceptions_count(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=2"])["id"]
    sandbox.person(ANN).change(f"{made}_20260304T090000Z", **at(15, day=4))
    assert [start for start, _ in busy(ann, "primary")] == [
        "2026-03-03T09:00:00Z",
        "2026-03-04T14:00:00Z",
    ]


def test_whole_days_are_days_of_the_calendar(ann: Program) -> None:
    ann.insert(**days(5, 6))
    assert busy(ann, "primary") == [("2026-03-04T23:00:00Z", "2026-03-05T23:00:00Z")]


def test_intervals_end_with_the_window(ann: Program) -> None:
    ann.insert(**days(5, 9))
    short = {"timeMin": "2026-03-06T00:00:00Z", "timeMax": "2026-03-07T00:00:00Z"}
    assert busy(ann, "primary", **short) == [("2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z")]


def test_a_calendar_that_cannot_be_read_is_an_error_inside_of_a_200(
    sandbox: Sandbox, ann: Program
) -> None:
    answer = ask(ann, BOB, ROOM)
    assert answer[BOB]["errors"] == [{"domain": "global", "reason": "notFound"}]
    assert "errors" not in answer[ROOM]
    sandbox.misbehave(ANN, "freebusy_errors")
    assert ask(ann, "primary")["primary"]["errors"][0]["reason"] == "internalError"


def test_there_may_be_too_many_calendars(ann: Program) -> None:
    answer = ask(ann, *(f"c{number}" for number in range(51)))
    reasons = [each["errors"][0]["reason"] for each in answer.values()]
    assert reasons == ["notFound"] * 50 + ["tooManyCalendarsRequested"]


def test_the_window_is_checked(ann: Program) -> None:
    for window, reason in (
        ({"timeMax": "2026-02-01T00:00:00Z"}, "timeRangeEmpty"),
        ({"timeMax": "2026-08-01T00:00:00Z"}, "timeRangeTooLong"),
        ({"timeMax": "2026-03-31"}, "invalid"),
    ):
        body = {**WINDOW, **window, "items": []}
        assert ann.refused("POST", "freeBusy", json=body) == (400, reason)
