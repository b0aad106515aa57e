"""Single events: what is taken, what is refused, what an id and an ETag are worth."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ALL, ANN, BOB, ROOM, Program, at, days, events


def test_an_event_comes_back_as_google_keeps_it(ann: Program) -> None:
    made = ann.insert(
        start={"dateTime": "2026-03-03T10:00:00", "timeZone": "America/New_York"},
        end={"dateTime": "2026-03-03T17:00:00+01:00"},
    )
    assert made["start"] == {
        "dateTime": "2026-03-03T16:00:00+01:00",  # in the calendar's zone
        "timeZone": "America/New_York",
    }
    assert made["organizer"] == {"email": ANN, "self": True}
    assert made["iCalUID"] == f"{made['id']}@google.com"
    assert not made.keys() & {"transparency", "visibility"}  # defaults are left out
    shown = ann.ok("GET", events("primary", made["id"]), params={"timeZone": "Asia/Tokyo"})
    assert shown["start"]["dateTime"] == "2026-03-04T00:00:00+09:00"


@pytest.mark.parametrize("offset", ["+02:00", "+01:00"])
def test_an_hour_that_comes_twice_keeps_its_offset(ann: Program, offset: str) -> None:
    times = {
        "start": {"dateTime": f"2026-10-25T02:15:00{offset}", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": f"2026-10-25T02:45:00{offset}", "timeZone": "Europe/Berlin"},
    }
    assert ann.insert(**times)["start"] == times["start"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"end": at(9)["start"]}, "timeRangeEmpty"),
        ({"end": at(10)["start"]}, "timeRangeEmpty"),
        ({"end": {"date": "2026-03-04"}}, "invalid"),
        ({"start": {"dateTime": "2026-03-03T10:00:00"}}, "invalid"),
        ({"start": {"dateTime": "2026-03-03T10:00:00+01:00", "timeZone": "Mars/Base"}}, "invalid"),
        ({"start": {"dateTime": "2026-03-03T10:00:00Z", "date": "2026-03-03"}}, "invalid"),
        ({"start": None}, "required"),
        ({"status": "maybe"}, "invalid"),
        ({"transparency": "glass"}, "invalid"),
        ({"eventType": "fromGmail"}, "invalid"),
        ({"id": "ABC"}, "invalid"),
        ({"id": "abcd"}, "invalid"),
        ({"id": "abcde", "iCalUID": "x"}, "invalid"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
        ({"attendees": [{"email": BOB}, {"email": BOB.upper()}]}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=NEVER"]}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=SECONDLY"]}, "invalid"),
        ({"recurrence": ["DTSTART:20260303T100000Z"]}, "invalid"),
        ({"reminders": {"useDefault": False, "overrides": [{"method": "fax"}]}}, "invalid"),
        ({"extendedProperties": {"private": {"k" * 45: "v"}}}, "invalid"),
        ({"extendedProperties": {"private": {"k": "v" * 1025}}}, "invalid"),
        ({"summary": 7}, "invalid"),
        ({"colour": "red"}, "invalid"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(ann: Program, body: dict, reason: str) -> None:
    assert ann.refused("POST", events(), json={**at(10), **body}) == (400, reason)
    assert ann.listed() == []


def test_a_series_needs_a_zone(ann: Program) -> None:
    body = {
        "start": {"dateTime": "2026-03-03T10:00:00Z"},
        "end": {"dateTime": "2026-03-03T11:00:00Z"},
        "recurrence": ["RRULE:FREQ=DAILY"],
    }
    assert ann.refused("POST", events(), json=body) == (400, "invalid")


@pytest.mark.parametrize(
    "params", [{"sendUpdates": "some"}, {"conferenceDataVersion": 2}, {"colour": "red"}], ids=str
)
def test_a_parameter_that_is_not_described_is_refused(ann: Program, params: dict) -> None:
    assert ann.refused("POST", events(), json=at(10), params=params) == (400, "invalid")


def test_an_id_stays_taken_after_deletion(ann: Program) -> None:
    made = ann.insert(id="abcdef0123")["id"]
    body = {**at(10), "id": made}
    assert ann.refused("POST", events(), json=body) == (409, "duplicate")
    ann.ok("DELETE", events("primary", made))
    assert ann.refused("POST", events(), json=body) == (409, "duplicate")
    assert ann.refused("PUT", events("primary", made), json=at(10)) == (403, "forbidden")
    assert ann.refused("PATCH", events("primary", made), json={"summary": "x"})[0] == 403
    assert ann.refused("DELETE", events("primary", made)) == (410, "deleted")
    assert ann.ok("GET", events("primary", made))["status"] == "cancelled"
    back = {**at(11), "status": "confirmed"}
    assert ann.ok("PUT", events("primary", made), json=back)["status"] == "confirmed"
    assert [event["id"] for event in ann.listed()] == [made]


def test_what_never_was_is_not_found(ann: Program) -> None:
    for method in ("GET", "DELETE"):
        assert ann.refused(method, events("primary", "abcde")) == (404, "notFound")
    assert ann.refused("GET", events("nobody@example.test")) == (404, "notFound")
    assert ann.refused("GET", "nothing") == (404, "notFound")


def test_a_patch_merges_and_a_put_replaces(ann: Program) -> None:
    made = ann.insert(
        location="Here", description="Long", extendedProperties={"private": {"a": "1", "b": "2"}}
    )["id"]
    path = events("primary", made)
    changes = {"location": None, "extendedProperties": {"private": {"a": None, "c": "3"}}}
    patched = ann.ok("PATCH", path, json=changes)
    assert "location" not in patched
    assert patched["description"] == "Long"
    assert patched["extendedProperties"]["private"] == {"b": "2", "c": "3"}
    replaced = ann.ok("PUT", path, json={"summary": "Other", **at(10)})
    assert not replaced.keys() & {"description", "extendedProperties"}
    assert replaced["iCalUID"] == patched["iCalUID"]


def test_an_outdated_etag_is_a_failed_precondition(ann: Program) -> None:
    made = ann.insert()
    path, old = events("primary", made["id"]), {"If-Match": made["etag"]}
    ann.ok("PATCH", path, json={"summary": "New"}, headers=old)
    for method in ("PATCH", "PUT", "DELETE"):
        body = {} if method == "DELETE" else {"json": at(10)}
        assert ann.refused(method, path, headers=old, **body) == (412, "conditionNotMet")
    ann.ok("PATCH", path, json={"summary": "Newer"}, headers={"If-Match": "*"})


def test_a_reminder_is_no_update(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert()
    sandbox.world.advance(timedelta(minutes=1))
    path = events("primary", made["id"])
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    changed = ann.ok("PATCH", path, json={"reminders": reminders})
    assert changed["updated"] == made["updated"]
    assert changed["etag"] != made["etag"]


def test_another_time_raises_the_sequence_and_it_never_falls(ann: Program) -> None:
    made = ann.insert()
    path = events("primary", made["id"])
    assert made["sequence"] == 0
    assert ann.ok("PATCH", path, json=at(12))["sequence"] == 1
    assert ann.refused("PATCH", path, json={"sequence": 0}) == (400, "invalid")


def test_an_imported_event_keeps_its_uid_and_is_known_again(sandbox: Sandbox, ann: Program) -> None:
    body = {
        **at(10),
        "iCalUID": "foreign@elsewhere",
        "organizer": {"email": "boss@elsewhere.example"},
        "attendees": [{"email": BOB}],
    }
    first = ann.ok("POST", f"{events()}/import", json=body)
    assert first["iCalUID"] == "foreign@elsewhere"
    assert first["organizer"] == {"email": "boss@elsewhere.example"}
    second = ann.ok("POST", f"{events()}/import", json={**body, "summary": "New"})
    assert second["id"] == first["id"]
    assert [event["summary"] for event in ann.listed()] == ["New"]
    assert sandbox.world.mail == []
    other = {**body, "eventType": "outOfOffice"}
    assert ann.refused("POST", f"{events()}/import", json=other) == (400, "invalid")
    assert ann.refused("POST", f"{events()}/import", json=at(10)) == (400, "required")


def test_event_types_are_kept_and_filtered(ann: Program) -> None:
    away = ann.insert(eventType="outOfOffice")
    ann.insert()
    found = ann.listed(eventTypes=["outOfOffice", "focusTime"])
    assert [event["id"] for event in found] == [away["id"]]
    path = events("primary", away["id"])
    assert ann.refused("PATCH", path, json={"eventType": "focusTime"}) == (400, "invalid")


def test_the_block_of_join_information_is_googles(ann: Program) -> None:
    line = "-::~:~::~:~:~:~:~:~:~:~::~:~::-"
    block = f"{line}\nJoin: https://meet.google.com/x\n\nDo not edit this.\n{line}"
    assert ann.insert(description=f"Agenda\n\n{block}")["description"] == "Agenda"
    twice = ann.insert(description=f"{block}\n\nAgenda\n\n{block}\n\nMinutes")
    assert twice["description"] == "Agenda\n\nMinutes"
    lone = f" Agenda\n{line}\nmine "
    assert ann.insert(description=lone)["description"] == lone


def test_an_event_moves_to_another_calendar(sandbox: Sandbox, ann: Program) -> None:
    sandbox.world.add_calendar(ANN, "Work", calendar_id="work@group.calendar.google.com")
    made = ann.insert()["id"]
    token = ann.sync_token()
    path = f"{events('primary', made)}/move"
    ann.ok("POST", path, params={"destination": "work@group.calendar.google.com"})
    assert [event["status"] for event in ann.listed(syncToken=token)] == ["cancelled"]
    assert [event["id"] for event in ann.listed("work@group.calendar.google.com")] == [made]
    assert ann.refused("POST", path) == (400, "invalid")


def test_a_room_says_midnights_where_others_say_days(ann: Program) -> None:
    made = ann.insert(**days(5, 7), attendees=[{"email": ROOM}])
    [seen] = ann.listed(ROOM)
    assert made["start"] == {"date": "2026-03-05"}
    assert seen["start"] == {"dateTime": "2026-03-05T00:00:00Z", "timeZone": "UTC"}
    assert seen["end"] == {"dateTime": "2026-03-07T00:00:00Z", "timeZone": "UTC"}


def test_only_the_fields_that_are_asked_for_come(ann: Program) -> None:
    made = ann.insert()
    fields = "nextSyncToken,items(id,start/dateTime)"
    page = ann.page(fields=fields)
    assert page.keys() == {"nextSyncToken", "items"}
    start = {"dateTime": made["start"]["dateTime"]}
    assert page["items"] == [{"id": made["id"], "start": start}]
    assert ann.refused("GET", events(), params={"fields": "items(id"})[0] == 400


def test_a_body_is_json_and_says_so(ann: Program) -> None:
    for options in (
        {"content": b"{}"},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"[]", "headers": {"Content-Type": "application/json"}},
    ):
        assert ann.refused("POST", events(), **options)[0] == 400


def test_ends_come_before_starts_on_command(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert()
    day = ann.insert(**days(5, 7))
    sandbox.misbehave(ANN, "inverted_times")
    seen = {each["id"]: each for each in ann.listed()}
    assert all(seen[each["id"]]["start"] == each["start"] for each in (made, day))
    assert seen[made["id"]]["end"]["dateTime"] == "2026-03-03T09:00:00+01:00"
    assert seen[day["id"]]["end"] == {"date": "2026-03-04"}


def test_what_somebody_may_write_depends_on_the_role(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert(visibility="private")["id"]
    bob = Program(sandbox, BOB, ALL)
    for role, answer in (
        ("none", (404, "notFound")),
        ("freeBusyReader", (403, "requiredAccessLevel")),
        ("reader", (403, "requiredAccessLevel")),
        ("writerWithoutPrivateAccess", (403, "forbidden")),
    ):
        sandbox.person(ANN).share(BOB, role)
        assert bob.refused("DELETE", events(ANN, made)) == answer
    sandbox.person(ANN).share(BOB, "writer")
    bob.ok("DELETE", events(ANN, made))


def test_attachments_change_only_for_a_program_that_knows_them(ann: Program) -> None:
    files = {"attachments": [{"fileUrl": "https://example.com/a", "title": "a"}]}
    assert "attachments" not in ann.insert(**files)
    made = ann.insert(**files, params={"supportsAttachments": True})
    assert made["attachments"] == files["attachments"]
    path = events("primary", made["id"])
    kept = ann.ok("PATCH", path, json={"attachments": []})
    assert kept["attachments"] == files["attachments"]
    gone = ann.ok("PATCH", path, json={"attachments": []}, params={"supportsAttachments": True})
    assert not gone.get("attachments")
