"""Series: what Outlook can say, which days it means, and occurrences that are changed or gone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import (
    ANN,
    BERLIN,
    IMMUTABLE,
    Json,
    Program,
    at,
    berlin,
    daily,
    days,
    series,
    timed,
)

YEAR = {"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"}


def starts(program: Program, made: Json, **window: str) -> list[str]:
    """List the days on which a series happens, as they are in Berlin."""
    path, zone = f"me/events/{made['id']}/instances", f'outlook.timezone="{BERLIN}"'
    found = program.listed(path, zone, **{**YEAR, **window, "$top": "50"})
    return [each["start"]["dateTime"][5:16] for each in found]


@pytest.mark.parametrize(
    ("pattern", "span", "days"),
    [
        ({"type": "daily", "interval": 3}, {}, "03-03 03-06 03-09 03-12"),
        (
            {"type": "weekly", "daysOfWeek": ["tuesday", "friday"]},
            {"type": "endDate", "endDate": "2026-03-13"},
            "03-03 03-06 03-10 03-13",
        ),
        (
            # The week begins on Sunday, unless something else is said.
            {"type": "weekly", "interval": 2, "daysOfWeek": ["tuesday", "sunday"]},
            {},
            "03-03 03-15 03-17 03-29",
        ),
        (
            {
                "type": "weekly",
                "interval": 2,
                "daysOfWeek": ["tuesday", "sunday"],
                "firstDayOfWeek": "monday",
            },
            {},
            "03-03 03-08 03-17 03-22",
        ),
        (
            # In short months the last day; RFC 5545 would leave them out.
            {"type": "absoluteMonthly", "dayOfMonth": 31},
            {},
            "03-31 04-30 05-31 06-30",
        ),
        (
            {"type": "relativeMonthly", "daysOfWeek": ["thursday"], "index": "second"},
            {},
            "03-12 04-09 05-14 06-11",
        ),
        (
            {
                "type": "relativeMonthly",
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "index": "last",
            },
            {},
            "03-31 04-30 05-29 06-30",
        ),
        ({"type": "absoluteYearly", "month": 5, "dayOfMonth": 1}, {}, "05-01"),
        (
            {"type": "relativeYearly", "month": 4, "daysOfWeek": ["sunday"], "index": "first"},
            {},
            "04-05",
        ),
    ],
)
def test_a_pattern_means_these_days(ann: Program, pattern: Any, span: Any, days: str) -> None:
    made = ann.create(**series(pattern, **span))
    found = [each[:5] for each in starts(ann, made)][: len(days.split())]
    assert found == days.split()
    assert made["start"]["dateTime"][5:10] == found[0]


def test_a_series_keeps_its_hour_when_the_clocks_change(ann: Program) -> None:
    made = ann.create(**at(10, 28), **daily(3, 28))
    assert starts(ann, made) == ["03-28T10:00", "03-29T10:00", "03-30T10:00"]
    utc = ann.listed(f"me/events/{made['id']}/instances", **YEAR)
    assert [each["start"]["dateTime"][11:16] for each in utc] == ["09:00", "08:00", "08:00"]


def test_whole_days_recur_as_days(ann: Program) -> None:
    made = ann.create(**days(3, 5), **series({"type": "daily", "interval": 7}))
    found = ann.listed(f"me/events/{made['id']}/instances", **YEAR)
    assert found[1]["start"]["dateTime"] == "2026-03-10T00:00:00.0000000"
    assert found[1]["end"]["dateTime"] == "2026-03-12T00:00:00.0000000"


def test_an_answer_fills_in_what_means_nothing(ann: Program) -> None:
    recurrence = ann.create(**series({"type": "daily"}))["recurrence"]
    assert recurrence["pattern"] == {
        "type": "daily",
        "interval": 1,
        "month": 0,
        "dayOfMonth": 0,
        "firstDayOfWeek": "sunday",
        "index": "first",
    }
    assert recurrence["range"] == {
        "type": "noEnd",
        "startDate": "2026-03-03",
        "endDate": "0001-01-01",
        "recurrenceTimeZone": BERLIN,
        "numberOfOccurrences": 0,
    }


@pytest.mark.parametrize(
    "recurrence",
    [
        {"pattern": {"type": "daily", "interval": 1}},
        series({"type": "daily", "interval": 0})["recurrence"],
        series({"type": "weekly"})["recurrence"],
        series({"type": "absoluteMonthly"})["recurrence"],
        series({"type": "absoluteMonthly", "dayOfMonth": 32})["recurrence"],
        series({"type": "absoluteYearly", "dayOfMonth": 1})["recurrence"],
        series({"type": "daily"}, 4)["recurrence"],
        series({"type": "daily"}, type="numbered")["recurrence"],
        series({"type": "daily"}, type="endDate", endDate="2026-03-01")["recurrence"],
        series({"type": "daily"}, startDate="soon")["recurrence"],
        series({"type": "daily"}, recurrenceTimeZone="Nowhere")["recurrence"],
    ],
)
def test_a_recurrence_that_outlook_cannot_have_is_refused(ann: Program, recurrence: Json) -> None:
    body = {**at(10), "recurrence": recurrence}
    assert ann.refused("POST", "me/events", json=body)[0] == 400


def test_lists_show_series_and_windows_show_occurrences(ann: Program) -> None:
    made = ann.create(**daily())
    [master] = ann.listed()
    assert (master["type"], master["id"]) == ("seriesMaster", made["id"])
    window = {"startDateTime": "2026-03-04T00:00:00Z", "endDateTime": "2026-03-06T00:00:00Z"}
    found = ann.listed("me/calendarView", **window)
    assert [each["start"]["dateTime"][:10] for each in found] == ["2026-03-04", "2026-03-05"]
    for each in found:
        assert (each["type"], each["seriesMasterId"]) == ("occurrence", made["id"])
        assert each["recurrence"] is None
    assert len({each["iCalUId"] for each in [master, *found]}) == 3
    read = ann.ok("GET", f"me/events/{found[0]['id']}")
    assert read["originalStart"] == "2026-03-04T09:00:00Z"


def test_an_occurrence_is_changed_on_its_own(ann: Program) -> None:
    made = ann.create(**daily())
    window = {"startDateTime": "2026-03-04T00:00:00Z", "endDateTime": "2026-03-05T00:00:00Z"}
    [second] = ann.listed("me/calendarView", **window)
    changed = ann.ok("PATCH", f"me/events/{second['id']}", json={"subject": "Other", **at(15, 4)})
    assert (changed["type"], changed["id"]) == ("exception", second["id"])
    assert changed["originalStart"] == "2026-03-04T09:00:00Z"
    assert starts(ann, made)[:3] == ["03-03T10:00", "03-04T15:00", "03-05T10:00"]
    ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": "All", "showAs": "oof"})
    again = ann.ok("GET", f"me/events/{second['id']}")
    assert (again["subject"], again["showAs"]) == ("Other", "oof")
    master = ann.ok(
        "GET",
        f"me/events/{made['id']}",
        params={"$expand": "exceptionOccurrences", "$select": "subject,exceptionOccurrences"},
    )
    assert [each["subject"] for each in master["exceptionOccurrences"]] == ["Other"]


def test_an_occurrence_stays_between_its_neighbours(ann: Program) -> None:
    made = ann.create(**series({"type": "daily", "interval": 2}))
    path = f"me/events/{occurrence(ann, made, 5)}"
    for day in (3, 7, 8):
        refused = ann.refused("PATCH", path, json=at(10, day))
        assert refused == (400, "ErrorOccurrenceCrossingBoundary")
    assert ann.ok("PATCH", path, json=at(10, 6))["type"] == "exception"


def test_a_deleted_occurrence_is_named_by_its_series(ann: Program) -> None:
    made = ann.create(**daily())
    gone = occurrence(ann, made, 4)
    assert ann.send("DELETE", f"me/events/{gone}").status_code == 204
    assert ann.refused("GET", f"me/events/{gone}") == (404, "ErrorItemNotFound")
    assert [each[:5] for each in starts(ann, made)] == ["03-03", "03-05", "03-06", "03-07"]
    plain = ann.ok("GET", f"me/events/{made['id']}")
    assert "cancelledOccurrences" not in plain
    wish = {"$select": "subject,cancelledOccurrences"}
    read = ann.ok("GET", f"me/events/{made['id']}", params=wish)
    assert read["cancelledOccurrences"] == [f"OID.{made['id']}.2026-03-04"]


@pytest.mark.parametrize("changes", [at(14), {"recurrence": None}])
def test_other_times_of_a_series_end_its_exceptions(ann: Program, changes: Json) -> None:
    made = ann.create(**daily())
    ann.ok("PATCH", f"me/events/{occurrence(ann, made, 4)}", json={"subject": "Other"})
    ann.send("DELETE", f"me/events/{occurrence(ann, made, 5)}")
    changed = ann.ok("PATCH", f"me/events/{made['id']}", json=changes)
    if changed["type"] == "singleInstance":
        assert ann.subjects() == ["Talk"]
        return
    found = ann.listed(f"me/events/{made['id']}/instances", **YEAR)
    assert [each["subject"] for each in found] == ["Talk"] * 5


def test_another_end_of_a_series_keeps_its_exceptions(ann: Program) -> None:
    made = ann.create(**daily())
    for day in (4, 6):
        path = f"me/events/{occurrence(ann, made, day)}"
        ann.ok("PATCH", path, json={"subject": f"On the {day}th"})
    ann.send("DELETE", f"me/events/{occurrence(ann, made, 5)}")
    for number, subjects in ((3, ["Talk", "On the 4th"]), (4, ["Talk", "On the 4th", "Talk"])):
        ann.ok("PATCH", f"me/events/{made['id']}", json=daily(number))
        assert ann.subjects(f"me/events/{made['id']}/instances", **YEAR) == subjects


def test_a_series_follows_when_its_start_moves(ann: Program) -> None:
    made = ann.create(**daily(2))
    ann.ok("PATCH", f"me/events/{made['id']}", json=at(10, 10))
    assert starts(ann, made) == ["03-10T10:00", "03-11T10:00"]


def test_a_person_edits_series_in_outlook(sandbox: Sandbox, ann: Program) -> None:
    person = sandbox.microsoft.person(ANN)
    made = person.create("Stand-up", berlin(3, 9), zone="Europe/Berlin")
    person.make_recurring(made, {"type": "daily", "interval": 1}, type="numbered",
                          numberOfOccurrences=6)  # fmt: skip
    person.move(person.instance(made, berlin(4)), berlin(4, 11))
    person.delete(person.instance(made, date(2026, 3, 5)))
    rest = person.split(made, date(2026, 3, 7), subject="New")
    read = {"id": made}
    assert starts(ann, read) == ["03-03T09:00", "03-04T11:00", "03-06T09:00"]
    assert starts(ann, {"id": rest}) == ["03-07T09:00", "03-08T09:00"]
    assert ann.ok("GET", f"me/events/{rest}", prefer=IMMUTABLE)["subject"] == "New"
    assert ann.ok("GET", f"me/events/{made}")["originalStartTimeZone"] == BERLIN


def test_what_follows_a_moved_occurrence_keeps_the_clock_of_its_series(
    sandbox: Sandbox, ann: Program
) -> None:
    person = sandbox.microsoft.person(ANN)
    made = person.create("Stand-up", berlin(3, 9), zone="Europe/Berlin")
    weekly = {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]}
    person.make_recurring(made, weekly, type="numbered", numberOfOccurrences=4)
    person.move(person.instance(made, berlin(10)), berlin(12, 15))
    rest = person.split(made, berlin(10))
    assert starts(ann, {"id": made}) == ["03-03T09:00"]
    assert starts(ann, {"id": rest}) == ["03-10T09:00", "03-17T09:00", "03-24T09:00"]


def test_custom_zones_cannot_be_resolved(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(start=timed(berlin(3)), **series({"type": "daily"}))
    sandbox.microsoft.misbehave(ANN, "custom_zones")
    read = ann.ok("GET", f"me/events/{made['id']}")
    assert read["originalStartTimeZone"] == "tzone://Microsoft/Custom"
    assert read["recurrence"]["range"]["recurrenceTimeZone"] == "tzone://Microsoft/Custom"
    assert read["start"]["timeZone"] == "UTC"


def occurrence(program: Program, made: Json, day: int) -> str:
    window = {
        "startDateTime": f"2026-03-{day:02}T00:00:00Z",
        "endDateTime": f"2026-03-{day + 1:02}T00:00:00Z",
    }
    [found] = program.listed(f"me/events/{made['id']}/instances", **window)
    return str(found["id"])


def test_an_occurrence_in_the_night_when_clocks_go_back_lasts_as_long_as_any(ann: Program) -> None:
    first, last = (datetime(2026, 10, 24, hour, tzinfo=UTC) for hour in (2, 3))
    night = {"start": timed(first), "end": timed(last)}
    reach = {"type": "numbered", "startDate": "2026-10-24", "numberOfOccurrences": 3}
    pattern = {"type": "daily", "interval": 1}
    made = ann.create(**night, recurrence={"pattern": pattern, "range": reach})
    found = ann.listed(f"me/events/{made['id']}/instances", **YEAR)
    spans = [(each["start"]["dateTime"][5:16], each["end"]["dateTime"][5:16]) for each in found]
    assert spans[1] == ("10-25T00:00", "10-25T01:00")
