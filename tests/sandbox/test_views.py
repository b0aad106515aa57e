"""What one sees of a calendar depends on one's role in it, and on what one let the program see."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, Program, at, events

SCOPE = "https://www.googleapis.com/auth/calendar."


@pytest.fixture
def bob(sandbox: Sandbox) -> Program:
    return Program(sandbox, BOB)


def test_free_busy_readers_see_single_times_and_no_titles(
    sandbox: Sandbox, ann: Program, bob: Program
) -> None:
    ann.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=2"], location="Here")
    ann.insert(**at(12), transparency="transparent")
    sandbox.person(ANN).share(BOB, "freeBusyReader")
    page = bob.page(ANN)
    assert page["accessRole"] == "freeBusyReader"
    assert len(page["items"]) == 2
    for item in page["items"]:
        assert item.keys() >= {"id", "start", "end", "status"}
        assert not item.keys() & {"summary", "location", "recurrence", "recurringEventId"}


def test_free_busy_readers_see_what_became_free_as_deleted(
    sandbox: Sandbox, ann: Program, bob: Program
) -> None:
    made = ann.insert()["id"]
    sandbox.person(ANN).share(BOB, "freeBusyReader")
    token = bob.sync_token(ANN)
    ann.ok("PATCH", events("primary", made), json={"transparency": "transparent"})
    assert bob.listed(ANN, syncToken=token) == [
        {"id": made, "status": "cancelled"},
    ]


def test_private_events_show_readers_their_times_alone(
    sandbox: Sandbox, ann: Program, bob: Program
) -> None:
    ann.insert(visibility="private", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    for role, visible in (
        ("reader", False),
        ("writerWithoutPrivateAccess", False),
        ("writer", True),
    ):
        sandbox.person(ANN).share(BOB, role)
        [seen] = bob.listed(ANN)
        assert seen["visibility"] == "private"
        assert seen["recurrence"] == ["RRULE:FREQ=DAILY;COUNT=2"]
        assert ("summary" in seen) is visible


def test_the_list_says_what_one_may(sandbox: Sandbox, bob: Program) -> None:
    sandbox.person(ANN).share(BOB, "freeBusyReader")
    listed = bob.ok("GET", "users/me/calendarList")["items"]
    assert {each["id"]: each["accessRole"] for each in listed} == {
        BOB: "owner",
        ANN: "freeBusyReader",
    }
    assert [each["id"] for each in listed if each.get("primary")] == [BOB]
    asked = {"minAccessRole": "reader"}
    more = bob.ok("GET", "users/me/calendarList", params=asked)
    assert [each["id"] for each in more["items"]] == [BOB]
    assert "nextSyncToken" not in more
    assert bob.ok("GET", "calendars/primary")["id"] == BOB
    assert bob.ok("GET", "users/me/calendarList/primary")["timeZone"] == "America/New_York"


@pytest.mark.parametrize(
    ("scopes", "reading", "listing", "writing"),
    [
        (("events.readonly",), 200, 403, 403),
        (("calendarlist.readonly",), 403, 200, 403),
        (("events",), 200, 403, 200),
        (("events.readonly", "calendarlist.readonly"), 200, 200, 403),
        (("readonly",), 200, 200, 403),
        (("freebusy",), 403, 403, 403),
    ],
    ids=str,
)
def test_each_method_needs_one_of_its_scopes(
    sandbox: Sandbox, scopes: tuple, reading: int, listing: int, writing: int
) -> None:
    program = Program(sandbox, ANN, *(SCOPE + each for each in scopes))
    assert program.send("GET", events()).status_code == reading
    assert program.send("GET", "users/me/calendarList").status_code == listing
    assert program.send("POST", events(), json=at(10)).status_code == writing


def test_a_missing_scope_is_named(sandbox: Sandbox) -> None:
    program = Program(sandbox, ANN, SCOPE + "freebusy")
    answer = program.send("GET", events())
    assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_the_scope_for_availability_shows_times_of_ones_own_calendar(
    sandbox: Sandbox, ann: Program
) -> None:
    ann.insert()
    [seen] = Program(sandbox, ANN, SCOPE + "events.freebusy").listed()
    assert "summary" not in seen


def test_an_id_with_reserved_letters_is_found_when_it_is_encoded(
    sandbox: Sandbox, ann: Program
) -> None:
    name = "en.usa#holiday@group.v.calendar.google.com"
    sandbox.world.add_calendar(BOB, "Holidays", calendar_id=name)
    sandbox.person(BOB).share(ANN, "reader", calendar=name)
    assert ann.page(name)["summary"] == "Holidays"
    assert ann.send("GET", f"calendars/{name}/events").status_code == 404
