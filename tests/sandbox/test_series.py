"""Series: instances, exceptions, splits, and how each arrives in both kinds of listing."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, Program, at, berlin, days, events


@pytest.fixture
def daily(ann: Program) -> str:
    """Ten to eleven in Berlin on five days from the 3rd."""
    return str(ann.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=5"])["id"])


def starts(items: list) -> list[str]:
    return [item["start"]["dateTime"][:16] for item in items]


def test_instances_are_named_after_series_and_original_start(ann: Program, daily: str) -> None:
    instances = ann.ok("GET", f"{events('primary', daily)}/instances")["items"]
    assert instances[0]["id"] == f"{daily}_20260303T090000Z"
    assert instances[0]["recurringEventId"] == daily
    assert instances[0]["originalStartTime"] == instances[0]["start"]
    assert len({each["iCalUID"] for each in instances}) == 1
    assert starts(instances) == [f"2026-03-{day:02}T10:00" for day in range(3, 8)]


def test_a_series_keeps_its_hour_over_a_change_of_clocks(ann: Program) -> None:
    made = ann.insert(**at(10, day=28), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])["id"]
    instances = ann.ok("GET", f"{events('primary', made)}/instances")["items"]
    assert [each["start"]["dateTime"] for each in instances] == [
        "2026-03-28T10:00:00+01:00",
        "2026-03-29T10:00:00+02:00",
        "2026-03-30T10:00:00+02:00",
    ]


def test_whole_days_recur_as_days(ann: Program) -> None:
    made = ann.insert(**days(5, 7), recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])["id"]
    instances = ann.ok("GET", f"{events('primary', made)}/instances")["items"]
    assert [(each["id"], each["end"]) for each in instances] == [
        (f"{made}_20260305", {"date": "2026-03-07"}),
        (f"{made}_20260312", {"date": "2026-03-14"}),
    ]


def test_dates_are_added_and_left_out(ann: Program) -> None:
    lines = [
        "RRULE:FREQ=DAILY;COUNT=3",
        "EXDATE;TZID=Europe/Berlin:20260304T100000",
        "RDATE:20260320T090000Z",
    ]
    made = ann.insert(recurrence=lines)["id"]
    instances = ann.ok("GET", f"{events('primary', made)}/instances")["items"]
    assert starts(instances) == ["2026-03-03T10:00", "2026-03-05T10:00", "2026-03-20T10:00"]


def test_a_series_that_was_cut_at_its_first_occurrence_has_none(
    sandbox: Sandbox, ann: Program, daily: str
) -> None:
    """Google shows nothing of it: https://github.com/sabre-io/vobject/pull/371."""
    later = sandbox.person(ANN).split(daily, berlin(3))
    assert ann.ok("GET", f"{events('primary', daily)}/instances")["items"] == []
    assert len(ann.ok("GET", f"{events('primary', later)}/instances")["items"]) == 5
    weeks = ann.insert(**days(5, 7), recurrence=["RRULE:FREQ=WEEKLY"])["id"]
    sandbox.person(ANN).split(weeks, date(2026, 3, 5))
    sandbox.person(ANN).move(weeks, date(2026, 3, 9))
    assert ann.ok("GET", f"{events('primary', weeks)}/instances")["items"] == []
    assert {each["recurringEventId"] for each in ann.listed(singleEvents="true")[:6]} > {later}


def test_a_first_occurrence_that_is_off_the_rule_comes_on_top(ann: Program) -> None:
    """https://github.com/googleapis/google-api-nodejs-client/issues/2214."""
    made = ann.insert(recurrence=["RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=2"])["id"]
    instances = ann.ok("GET", f"{events('primary', made)}/instances")["items"]
    assert [each[8:10] for each in starts(instances)] == ["03", "04", "11"]


def test_an_end_that_is_a_day_includes_it(ann: Program) -> None:
    made = ann.insert(recurrence=["RRULE:FREQ=DAILY;UNTIL=20260304"])["id"]
    instances = ann.ok("GET", f"{events('primary', made)}/instances")["items"]
    assert [each[8:10] for each in starts(instances)] == ["03", "04"]


def test_both_kinds_of_listing_show_a_moved_instance(ann: Program, daily: str) -> None:
    moved = f"{daily}_20260304T090000Z"
    ann.ok("PATCH", events("primary", moved), json=at(15, day=4))
    master, exception = ann.listed()
    assert (master["id"], exception["id"]) == (daily, moved)
    assert exception["recurringEventId"] == daily
    assert exception["originalStartTime"]["dateTime"] == "2026-03-04T10:00:00+01:00"
    singles = ann.listed(singleEvents="true", orderBy="startTime")
    assert starts(singles)[1] == "2026-03-04T15:00"
    assert len(singles) == 5
    assert all("recurrence" not in each for each in singles)


@pytest.mark.parametrize("how", ["DELETE", "PATCH"])
def test_a_cancelled_instance_is_listed_with_its_series(ann: Program, daily: str, how: str) -> None:
    gone = f"{daily}_20260304T090000Z"
    token, singles = ann.sync_token(), ann.sync_token(singleEvents="true")
    body = {"json": {"status": "cancelled"}} if how == "PATCH" else {}
    ann.ok(how, events("primary", gone), **body)
    for found in (ann.listed()[1:], ann.listed(syncToken=token)):
        [tombstone] = found
        assert (tombstone["id"], tombstone["status"]) == (gone, "cancelled")
        assert tombstone["recurringEventId"] == daily
        assert tombstone["originalStartTime"]["dateTime"] == "2026-03-04T10:00:00+01:00"
    assert len(ann.listed(singleEvents="true")) == 4
    [tombstone] = ann.listed(syncToken=singles, singleEvents="true")
    assert (tombstone["id"], tombstone["status"]) == (gone, "cancelled")


def test_a_shorter_rule_takes_instances_away(ann: Program, daily: str) -> None:
    ann.ok("PATCH", events("primary", f"{daily}_20260307T090000Z"), json={"summary": "Last"})
    token, singles = ann.sync_token(), ann.sync_token(singleEvents="true")
    rule = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    ann.ok("PATCH", events("primary", daily), json=rule)
    changes = {each["id"]: each["status"] for each in ann.listed(syncToken=token)}
    assert changes == {daily: "confirmed", f"{daily}_20260307T090000Z": "cancelled"}
    found = ann.listed(syncToken=singles, singleEvents="true")
    gone = sorted(each["id"] for each in found if each["status"] == "cancelled")
    assert gone == [f"{daily}_20260306T090000Z", f"{daily}_20260307T090000Z"]


def test_a_deleted_series_takes_its_exceptions_along(
    sandbox: Sandbox, ann: Program, daily: str
) -> None:
    moved = f"{daily}_20260304T090000Z"
    ann.ok("PATCH", events("primary", moved), json=at(15, day=4))
    token, singles = ann.sync_token(), ann.sync_token(singleEvents="true")
    sandbox.person(ANN).delete(daily)
    assert {each["id"] for each in ann.listed(syncToken=token)} == {daily, moved}
    gone = ann.listed(syncToken=singles, singleEvents="true")
    assert len({each["id"] for each in gone if each["id"] != daily}) == 5
    assert {each["status"] for each in gone} == {"cancelled"}
    assert ann.listed() == []
    sandbox.misbehave(ANN, "lone_masters")
    assert [each["id"] for each in ann.listed(syncToken=token)] == [daily]


def test_a_deleted_series_without_instances_takes_its_exceptions_along(
    sandbox: Sandbox, ann: Program, daily: str
) -> None:
    """One that was brought back after its series had ended before it."""
    moved = f"{daily}_20260303T090000Z"
    ann.ok("PATCH", events("primary", moved), json=at(15, day=2))
    sandbox.person(ANN).split(daily, berlin(3))
    ann.ok("PATCH", events("primary", moved), json={"status": "confirmed"})
    token = ann.sync_token()
    sandbox.person(ANN).delete(daily)
    changes = {each["id"]: each["status"] for each in ann.listed(syncToken=token)}
    assert changes == {daily: "cancelled", moved: "cancelled"}


def test_a_series_without_instances_that_becomes_single_takes_its_exceptions_along(
    sandbox: Sandbox, ann: Program, daily: str
) -> None:
    moved = f"{daily}_20260303T090000Z"
    ann.ok("PATCH", events("primary", moved), json=at(15, day=2))
    sandbox.person(ANN).split(daily, berlin(3))
    ann.ok("PATCH", events("primary", moved), json={"status": "confirmed"})
    token = ann.sync_token()
    ann.ok("PATCH", events("primary", daily), json={"recurrence": None})
    changes = {each["id"]: each["status"] for each in ann.listed(syncToken=token)}
    assert changes == {daily: "confirmed", moved: "cancelled"}


def test_this_and_following_becomes_a_series_of_its_own(
    sandbox: Sandbox, ann: Program, daily: str
) -> None:
    new = sandbox.person(ANN).split(daily, berlin(5), summary="Renamed")
    found = ann.listed(singleEvents="true", orderBy="startTime")
    assert [(each["summary"], each["recurringEventId"]) for each in found] == [
        ("Talk", daily),
        ("Talk", daily),
        ("Renamed", new),
        ("Renamed", new),
        ("Renamed", new),
    ]


def test_an_instance_is_found_by_its_original_start(ann: Program, daily: str) -> None:
    asked = {"originalStart": "2026-03-05T10:00:00+01:00"}
    [found] = ann.ok("GET", f"{events('primary', daily)}/instances", params=asked)["items"]
    assert found["id"] == f"{daily}_20260305T090000Z"
    assert ann.ok("GET", events("primary", found["id"]))["start"] == found["start"]
    for name in (f"{daily}_20260305T100000Z", f"{daily}_20260310T090000Z"):
        assert ann.refused("GET", events("primary", name)) == (404, "notFound")


def test_a_window_holds_a_series_when_it_holds_an_instance(ann: Program, daily: str) -> None:
    inside = {"timeMin": "2026-03-06T00:00:00Z", "timeMax": "2026-03-07T00:00:00Z"}
    outside = {"timeMin": "2026-03-20T00:00:00Z"}
    assert [each["id"] for each in ann.listed(**inside)] == [daily]
    assert starts(ann.listed(**inside, singleEvents="true")) == ["2026-03-06T10:00"]
    assert ann.listed(**outside) == []


def test_a_series_without_end_is_listed_to_a_horizon(ann: Program) -> None:
    ann.insert(recurrence=["RRULE:FREQ=DAILY"])
    assert 700 < len(ann.listed(singleEvents="true", maxResults=2500)) < 900


def test_instances_are_ordered_only_when_they_are_singled_out(ann: Program) -> None:
    assert ann.refused("GET", events(), params={"orderBy": "startTime"}) == (400, "invalid")


@pytest.mark.parametrize(
    ("times", "line", "broken"),
    [
        (
            at(10),
            "RRULE:FREQ=DAILY;UNTIL=20260306T090000Z",
            "RRULE:FREQ=DAILY;UNTIL=20260306",
        ),
        (days(5, 6), "RRULE:FREQ=DAILY;UNTIL=20260306", "RRULE:FREQ=DAILY;UNTIL=20260306T000000Z"),
        (
            at(10),
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=3",
            "RRULE;X-GOOGLE-REPEATS=1:FREQ=YEARLY;BYMONTHDAY=3",
        ),
        (at(10), "RDATE:20260320T090000Z", "RRULE:DATE;TZID=Europe/Berlin:20260320T100000"),
    ],
)
def test_rules_come_broken_on_command(
    sandbox: Sandbox, ann: Program, times: dict, line: str, broken: str
) -> None:
    ann.insert(**times, recurrence=[line])
    sandbox.misbehave(ANN, "invalid_recurrence")
    [seen] = ann.listed()
    assert seen["recurrence"] == [broken]


def test_a_person_makes_a_series_and_changes_it(sandbox: Sandbox, ann: Program) -> None:
    person = sandbox.person(ANN)
    made = person.create("Lunch", berlin(3, 12))
    person.make_recurring(made, "RRULE:FREQ=DAILY;COUNT=3")
    person.move(person.instance(made, berlin(4, 12)), berlin(4, 13))
    person.delete(person.instance(made, berlin(5, 12)))
    found = ann.listed(singleEvents="true", orderBy="startTime")
    assert starts(found) == ["2026-03-03T12:00", "2026-03-04T13:00"]
    person.move(made, berlin(3, 14))
    assert starts(ann.listed(singleEvents="true", orderBy="startTime"))[0] == "2026-03-03T14:00"
