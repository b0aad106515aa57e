"""Events: created, read, changed, deleted, and what is refused."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import (
    ANN,
    BERLIN,
    IMMUTABLE,
    PAT,
    Program,
    at,
    berlin,
    days,
    march,
    timed,
)


def test_an_event_comes_back_as_it_was_made(ann: Program) -> None:
    made = ann.create(subject="Lunch", location={"displayName": "Inn"}, showAs="oof")
    read = ann.ok("GET", f"me/events/{made['id']}")
    made.pop("@odata.context"), read.pop("@odata.context")
    assert read == made
    assert (read["subject"], read["showAs"], read["type"]) == ("Lunch", "oof", "singleInstance")
    assert read["location"]["displayName"] == "Inn"
    assert read["isOrganizer"] is True
    assert read["organizer"]["emailAddress"]["address"] == ANN
    assert read["responseStatus"]["response"] == "organizer"
    assert read["createdDateTime"] == "2026-03-02T09:00:00.0000000Z"
    assert (read["seriesMasterId"], read["recurrence"]) == (None, None)


def test_times_come_in_utc_without_an_offset(ann: Program) -> None:
    made = ann.create()
    assert made["start"] == {"dateTime": "2026-03-03T09:00:00.0000000", "timeZone": "UTC"}
    assert made["originalStartTimeZone"] == BERLIN


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("W. Europe Standard Time", "10"),
        ("Europe/Berlin", "10"),
        ("Eastern Standard Time", "04"),
        ("Asia/Tokyo", "18"),
    ],
)
def test_times_come_in_the_zone_that_is_preferred(ann: Program, zone: str, hour: str) -> None:
    made = ann.create()
    wish = f'outlook.timezone="{zone}"'
    answer = ann.send("GET", f"me/events/{made['id']}", prefer=wish)
    start = answer.json()["start"]
    assert start == {"dateTime": f"2026-03-03T{hour}:00:00.0000000", "timeZone": zone}
    assert wish in answer.headers["Preference-Applied"]


def test_whole_days_stay_the_same_days_in_every_zone(ann: Program) -> None:
    made = ann.create(**days(3, 5))
    for zone in ("UTC", "Pacific Standard Time", "Asia/Tokyo"):
        read = ann.ok("GET", f"me/events/{made['id']}", prefer=f'outlook.timezone="{zone}"')
        assert read["isAllDay"] is True
        assert read["start"] == {"dateTime": "2026-03-03T00:00:00.0000000", "timeZone": zone}
        assert read["end"]["dateTime"] == "2026-03-05T00:00:00.0000000"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"start": timed(berlin(3, 12))}, "ErrorCalendarEndDateIsEarlierThanStartDate"),
        ({"start": None}, "ErrorPropertyValidationFailure"),
        ({"start": timed(berlin(3), "Nowhere/Land")}, "TimeZoneNotSupportedException"),
        ({"start": {"dateTime": "today", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"isAllDay": True}, "ErrorInvalidRequest"),
        ({"summary": "Lunch"}, "RequestBodyRead"),
        ({"showAs": "gone"}, "RequestBodyRead"),
        ({"isAllDay": "true"}, "RequestBodyRead"),
        ({"attendees": [{"emailAddress": {"address": "bob"}}]}, "ErrorPropertyValidationFailure"),
        (
            {"singleValueExtendedProperties": [{"id": "BridgeUid", "value": "1"}]},
            "ErrorPropertyValidationFailure",
        ),
    ],
)
def test_what_makes_no_event_is_refused(ann: Program, body: dict, code: str) -> None:
    whole = {"subject": "Talk", **at(10), **body}
    assert ann.refused("POST", "me/events", json=whole) == (400, code)
    assert ann.listed() == []


def test_whole_days_may_be_dates_alone(ann: Program) -> None:
    start, end = ({"dateTime": f"2026-03-0{day}", "timeZone": "UTC"} for day in (3, 4))
    made = ann.create(isAllDay=True, start=start, end=end)
    assert made["end"]["dateTime"] == "2026-03-04T00:00:00.0000000"


def test_whole_days_of_two_zones_are_refused(ann: Program) -> None:
    both = {**days(3, 4), "end": days(3, 4, "UTC")["end"]}
    refused = ann.refused("POST", "me/events", json=both)
    assert refused == (400, "ErrorPropertyValidationFailure")


@pytest.mark.parametrize(
    "body",
    [
        {"body": {"contentType": None, "content": None}},
        {"body": {"contentType": "text"}},
        {"attendees": [None]},
        {"attendees": [{"emailAddress": None, "status": None}]},
        {"location": {"displayName": None}, "locations": [None]},
        {"singleValueExtendedProperties": [None]},
        {"singleValueExtendedProperties": [{"value": "1"}]},
        {"recurrence": {"pattern": None, "range": None}},
        {"recurrence": {"pattern": {}, "range": {}}},
        {"recurrence": {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "noEnd"}}},
        {"start": {"dateTime": None, "timeZone": None}},
        {"start": {"dateTime": "2026-03-03T10:00", "timeZone": "Europe"}},
        {"start": {"dateTime": "2026-02-30T10:00:00", "timeZone": "UTC"}},
        {"showAs": "unknown", "sensitivity": None, "importance": None, "subject": None},
    ],
)
def test_half_empty_bodies_are_taken_or_refused(ann: Program, body: dict) -> None:
    made = ann.create()
    for method, path in (("POST", "me/events"), ("PATCH", f"me/events/{made['id']}")):
        answer = ann.send(method, path, json={**at(12), **body})
        assert answer.status_code in (200, 201, 400), answer.text
    assert ann.listed("me/calendarView", **march())
    assert ann.listed("me/events")


def test_what_the_server_says_cannot_be_set(ann: Program) -> None:
    made = ann.create(iCalUId="mine", isCancelled=True, type="occurrence", changeKey="x")
    assert made["iCalUId"] != "mine"
    assert (made["isCancelled"], made["type"]) == (False, "singleInstance")


def test_a_patch_changes_what_it_names(ann: Program) -> None:
    made = ann.create(body={"contentType": "html", "content": "<p>Hi</p>"})
    changed = ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": "New", **at(12)})
    assert (changed["subject"], changed["body"]["content"]) == ("New", "<p>Hi</p>")
    assert changed["start"]["dateTime"].startswith("2026-03-03T11:00")
    assert changed["id"] == made["id"]
    assert changed["changeKey"] != made["changeKey"]


def test_a_change_to_another_state_than_the_known_one_is_refused(ann: Program) -> None:
    made = ann.create()
    path, old = f"me/events/{made['id']}", {"If-Match": made["@odata.etag"]}
    assert ann.ok("PATCH", path, json={"subject": "A"}, headers=old)["subject"] == "A"
    refused = (412, "ErrorIrresolvableConflict")
    assert ann.refused("PATCH", path, json={"subject": "B"}, headers=old) == refused
    assert ann.refused("DELETE", path, headers=old) == refused
    assert ann.send("DELETE", path, headers={"If-Match": "*"}).status_code == 204


def test_what_is_deleted_is_not_found(ann: Program) -> None:
    made = ann.create()
    path = f"me/events/{made['id']}"
    assert ann.send("DELETE", path).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert ann.refused(method, path, json={}) == (404, "ErrorItemNotFound")
    assert ann.refused("GET", "me/events/what") == (400, "ErrorInvalidIdMalformed")


def test_immutable_ids_outlive_a_move_to_another_calendar(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create()
    kept = ann.ok("GET", f"me/events/{made['id']}", prefer=IMMUTABLE)["id"]
    assert kept != made["id"]
    box = sandbox.microsoft.directory.mailbox(ANN)
    other = sandbox.microsoft.directory.add_calendar(box, "Other")
    sandbox.microsoft.person(ANN).move_to(kept, other.id)
    assert ann.refused("GET", f"me/events/{made['id']}")[0] == 404
    moved = ann.ok("GET", f"me/events/{kept}", prefer=IMMUTABLE)
    assert moved["id"] == kept
    assert ann.subjects(f"me/calendars/{other.id}/events") == ["Talk"]


def test_a_body_is_html_unless_text_is_preferred(ann: Program) -> None:
    text = {"contentType": "text", "content": "a < b\nc"}
    made = ann.create(body=text)
    assert made["body"]["contentType"] == "html"
    assert "a &lt; b<br>c" in made["body"]["content"]
    wish = 'outlook.body-content-type="text"'
    assert ann.ok("GET", f"me/events/{made['id']}", prefer=wish)["body"] == text
    assert made["bodyPreview"].startswith("a < b")


def test_own_properties_are_found_again(ann: Program) -> None:
    name = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name BridgeUid"
    made = ann.create(singleValueExtendedProperties=[{"id": name, "value": "uid-1"}])
    ann.create(singleValueExtendedProperties=[{"id": name, "value": "uid-2"}])
    ann.create()
    assert "singleValueExtendedProperties" not in made
    wanted = f"ep/id eq '{name}' and ep/value eq 'uid-1'"
    found = ann.listed(**{"$filter": f"singleValueExtendedProperties/Any(ep: {wanted})"})
    assert [each["id"] for each in found] == [made["id"]]
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{name}')"}
    read = ann.ok("GET", f"me/events/{made['id']}", params=expand)
    assert read["singleValueExtendedProperties"] == [{"id": name, "value": "uid-1"}]


def test_a_personal_account_has_a_calendar_too(sandbox: Sandbox) -> None:
    pat = Program(sandbox, PAT)
    pat.create(**at(10))
    assert pat.subjects("me/calendarView", **march()) == ["Talk"]
    [calendar] = pat.listed("me/calendars")
    assert calendar["allowedOnlineMeetingProviders"] == []


def test_null_takes_a_subject_away(ann: Program) -> None:
    made = ann.create()
    assert ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": None})["subject"] is None
    bare = ann.ok("POST", "me/events", json=at(11))
    assert bare["subject"] is None
