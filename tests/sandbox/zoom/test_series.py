"""Series: what Zoom can repeat, when that is, and single occurrences of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.zoom.people import ANN, Json, Program, at, daily, series


def starts(meeting: Json) -> list[str]:
    return [each["start_time"][:16] for each in meeting["occurrences"]]


def ids(meeting: Json) -> list[str]:
    return [each["occurrence_id"] for each in meeting["occurrences"]]


def test_a_series_has_its_occurrences(ann: Program) -> None:
    made = ann.create(**daily(3))
    assert starts(made) == ["2026-03-03T10:00", "2026-03-04T10:00", "2026-03-05T10:00"]
    assert made["recurrence"] == {"type": 1, "repeat_interval": 1, "end_times": 3}
    assert "start_time" not in made
    first = made["occurrences"][0]
    assert first["occurrence_id"] == "1772532000000"
    assert (first["duration"], first["status"]) == (60, "available")
    assert ann.get(made["id"])["occurrences"] == made["occurrences"]


@pytest.mark.parametrize(
    ("recurrence", "days"),
    [
        ({"type": 1, "repeat_interval": 10, "end_times": 3}, ["03-03", "03-13", "03-23"]),
        ({"type": 2, "weekly_days": "2,4", "end_times": 4}, ["03-04", "03-09", "03-11", "03-16"]),
        (
            {"type": 2, "weekly_days": "3", "repeat_interval": 2, "end_times": 3},
            ["03-03", "03-17", "03-31"],
        ),
        ({"type": 2, "end_times": 2}, ["03-08", "03-15"]),
        ({"type": 3, "monthly_day": 31, "end_times": 3}, ["03-31", "05-31", "07-31"]),
        (
            {"type": 3, "monthly_week": -1, "monthly_week_day": 6, "end_times": 2},
            ["03-27", "04-24"],
        ),
        (
            {"type": 3, "monthly_week": 2, "monthly_week_day": 3, "end_times": 2},
            ["03-10", "04-14"],
        ),
        ({"type": 3, "repeat_interval": 3, "monthly_day": 3, "end_times": 2}, ["03-03", "06-03"]),
        ({"type": 3, "end_times": 1}, ["04-01"]),
        ({"type": 1, "end_date_time": "2026-03-05T10:00:00Z"}, ["03-03", "03-04", "03-05"]),
        ({"type": 1}, ["03-03"]),
    ],
)
def test_what_recurs_when(ann: Program, recurrence: Json, days: list[str]) -> None:
    made = ann.create(timezone="UTC", **series(**recurrence))
    assert [each[5:10] for each in starts(made)] == days


def test_a_series_keeps_its_hour_when_the_clocks_change(ann: Program) -> None:
    body = {**series(27, type=1, end_times=4), "start_time": "2026-03-27T10:00:00"}
    assert starts(ann.create(**body)) == [
        *("2026-03-27T09:00", "2026-03-28T09:00"),
        *("2026-03-29T08:00", "2026-03-30T08:00"),
    ]


@pytest.mark.parametrize(
    ("recurrence", "field"),
    [
        ({"type": 4}, "recurrence.type"),
        ({}, "recurrence"),
        ({"type": 1, "repeat_interval": 91}, "recurrence.repeat_interval"),
        ({"type": 2, "repeat_interval": 13}, "recurrence.repeat_interval"),
        ({"type": 3, "repeat_interval": 4}, "recurrence.repeat_interval"),
        ({"type": 1, "repeat_interval": 0}, "recurrence.repeat_interval"),
        ({"type": 1, "end_times": 61}, "recurrence.end_times"),
        ({"type": 1, "end_times": 0}, "recurrence.end_times"),
        ({"type": 1, "end_times": 2, "end_date_time": "2026-03-05T10:00:00Z"},
         "recurrence.end_times"),
        ({"type": 1, "end_date_time": "2026-03-05T10:00:00"}, "recurrence.end_date_time"),
        ({"type": 1, "end_date_time": "2026-03-01T10:00:00Z"}, "recurrence.end_date_time"),
        ({"type": 1, "end_date_time": "2026-09-01T10:00:00Z"}, "recurrence.end_date_time"),
        ({"type": 1, "weekly_days": "2"}, "recurrence.weekly_days"),
        ({"type": 2, "weekly_days": "8"}, "recurrence.weekly_days"),
        ({"type": 2, "weekly_days": 2}, "recurrence.weekly_days"),
        ({"type": 2, "monthly_day": 3}, "recurrence.monthly_day"),
        ({"type": 3, "monthly_day": 32}, "recurrence.monthly_day"),
        ({"type": 3, "monthly_week": 1}, "recurrence.monthly_week"),
        ({"type": 3, "monthly_day": 1, "monthly_week": 1, "monthly_week_day": 1},
         "recurrence.monthly_day"),
        ({"type": 3, "monthly_week": 5, "monthly_week_day": 1}, "recurrence.monthly_week"),
    ],
)  # fmt: skip
def test_what_zoom_cannot_repeat_is_refused(ann: Program, recurrence: Json, field: str) -> None:
    assert ann.wrong("POST", ann.path, json=series(**recurrence)) == field


def test_one_occurrence_is_moved_and_changed(ann: Program) -> None:
    made = ann.create(**daily(3))
    number, second = made["id"], ids(made)[1]
    body = {**at(15, 4), "duration": 30, "agenda": "Elsewhere", "settings": {"waiting_room": True}}
    ann.ok("PATCH", f"meetings/{number}", params={"occurrence_id": second}, json=body)
    read = ann.get(number)
    assert ids(read) == ids(made)
    assert [each[5:] for each in starts(read)] == ["03-03T10:00", "03-04T15:00", "03-05T10:00"]
    assert read["occurrences"][1]["duration"] == 30
    assert read["agenda"] == ""
    alone = ann.get(number, occurrence_id=second)
    assert (alone["start_time"], alone["duration"]) == ("2026-03-04T15:00:00Z", 30)
    assert (alone["agenda"], alone["settings"]["waiting_room"]) == ("Elsewhere", True)
    assert not ann.get(number, occurrence_id=ids(made)[0])["settings"]["waiting_room"]


def test_one_occurrence_is_deleted(ann: Program) -> None:
    made = ann.create(**daily(3))
    number, second = made["id"], ids(made)[1]
    one = {"params": {"occurrence_id": second}}
    assert ann.send("DELETE", f"meetings/{number}", **one).status_code == 204
    states = [each["status"] for each in ann.get(number)["occurrences"]]
    assert states == ["available", "deleted", "available"]
    assert ann.refused("DELETE", f"meetings/{number}", **one) == (404, 3001)
    assert ann.refused("GET", f"meetings/{number}", **one) == (404, 3001)
    assert ann.refused("PATCH", f"meetings/{number}", json=at(11), **one) == (404, 3001)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"topic": "Other"}, "topic"), ({"settings": {"audio": "voip"}}, "audio")],
)
def test_not_everything_can_differ_in_one_occurrence(ann: Program, body: Json, field: str) -> None:
    made = ann.create(**daily(2))
    params = {"occurrence_id": ids(made)[0]}
    assert ann.wrong("PATCH", f"meetings/{made['id']}", params=params, json=body) == field
    single = ann.create()["id"]
    assert ann.refused("DELETE", f"meetings/{single}", params=params) == (400, 300)


def test_a_series_gets_another_rule_and_time(ann: Program) -> None:
    made = ann.create(**daily(2))
    path = f"meetings/{made['id']}"
    assert ann.wrong("PATCH", path, json=at(12)) == "recurrence"
    rule = {"type": 2, "weekly_days": "3", "end_times": 2}
    ann.ok("PATCH", path, json={**at(12), "recurrence": rule})
    read = ann.get(made["id"])
    assert starts(read) == ["2026-03-03T12:00", "2026-03-10T12:00"]
    assert read["join_url"] == made["join_url"]
    assert ann.wrong("PATCH", path, json={"recurrence": {"end_times": 3}}) == "recurrence"


def test_a_series_becomes_a_single_meeting_and_back(ann: Program) -> None:
    number = ann.create(**daily(2))["id"]
    ann.ok("PATCH", f"meetings/{number}", json={"type": 2, **at(11)})
    read = ann.get(number)
    assert (read["type"], read["start_time"]) == (2, "2026-03-03T11:00:00Z")
    assert "recurrence" not in read
    ann.ok("PATCH", f"meetings/{number}", json=daily(2, 4))
    assert starts(ann.get(number)) == ["2026-03-04T10:00", "2026-03-05T10:00"]


def test_occurrences_that_are_over_are_shown_on_demand(sandbox: Sandbox, ann: Program) -> None:
    number = ann.create(**daily(3))["id"]
    sandbox.world.advance(timedelta(days=2, minutes=30))
    ann = Program(sandbox)
    assert starts(ann.get(number)) == ["2026-03-04T10:00", "2026-03-05T10:00"]
    assert len(ann.get(number, show_previous_occurrences="true")["occurrences"]) == 3


def test_the_host_edits_one_occurrence_at_zoom(sandbox: Sandbox, ann: Program) -> None:
    person = sandbox.zoom.person(ANN)
    start = datetime(2026, 3, 3, 10, tzinfo=UTC)
    number = person.create("Stand-up", start, 15, recurrence={"type": 1, "end_times": 3})
    person.move(number, start + timedelta(hours=1), occurrence=person.occurrence(number, start))
    person.delete(number, person.occurrence(number, start + timedelta(days=1)))
    read = ann.get(number)
    assert starts(read)[0] == "2026-03-03T11:00"
    assert [each["status"] for each in read["occurrences"]] == [
        *("available", "deleted", "available"),
    ]
    person.move(number, start + timedelta(days=2))
    assert starts(ann.get(number))[0] == "2026-03-05T10:00"
    assert len(person.deeds("deleted", meeting=number)) == 1


def test_the_topic_of_a_series_changes_and_its_occurrences_stay_as_they_are(ann: Program) -> None:
    made = ann.create(**daily(3))
    path, first = f"meetings/{made['id']}", {"occurrence_id": ids(made)[0]}
    ann.ok("PATCH", path, params=first, json=at(15, 3))
    ann.ok("PATCH", path, json={"topic": "Walk"})
    assert starts(ann.get(made["id"]))[0] == "2026-03-03T15:00"
    # Another length is one of all of them: what was moved is where it was at first.
    ann.ok("PATCH", path, json={"duration": 30})
    read = ann.get(made["id"])
    assert starts(read) == starts(made)
    assert {each["duration"] for each in read["occurrences"]} == {30}
