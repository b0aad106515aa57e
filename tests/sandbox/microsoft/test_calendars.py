"""People, calendars, lists and windows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import ANN, BOB, EVE, Program, at, berlin, days, march


def test_me_is_who_signed_in(sandbox: Sandbox, ann: Program) -> None:
    me = ann.ok("GET", "me", params={"$select": "id,mail,userPrincipalName"})
    assert (me["mail"], me["userPrincipalName"]) == (ANN, ANN)
    assert me["id"] == sandbox.microsoft.directory.mailbox(ANN).id
    assert "displayName" not in me


def test_an_unknown_token_is_refused(sandbox: Sandbox) -> None:
    stranger = Program(sandbox, token="eyJ0")
    answer = stranger.send("GET", "me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        401,
        "InvalidAuthenticationToken",
    )
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_ends_after_an_hour(sandbox: Sandbox, ann: Program) -> None:
    sandbox.world.advance(timedelta(hours=1))
    assert ann.refused("GET", "me") == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("scope", "read", "write"),
    [
        ("Calendars.ReadBasic", True, False),
        ("Calendars.Read", True, False),
        ("Calendars.ReadWrite", True, True),
        ("User.Read", False, False),
    ],
)
def test_scopes_say_what_a_program_may_do(
    sandbox: Sandbox, scope: str, read: bool, write: bool
) -> None:
    program = Program(sandbox, ANN, scope)
    assert program.send("GET", "me/events").is_success is read
    made = program.send("POST", "me/events", json=at(10))
    assert made.is_success is write
    if not write:
        assert made.json()["error"]["code"] == "ErrorAccessDenied"


def test_without_the_scope_nobody_is_shown(sandbox: Sandbox) -> None:
    program = Program(sandbox, ANN, "Calendars.Read")
    assert program.refused("GET", "me") == (403, "Authorization_RequestDenied")


def test_a_calendar_is_named_in_several_ways(ann: Program) -> None:
    [calendar] = ann.listed("me/calendars")
    assert calendar["isDefaultCalendar"] is True
    ann.create(f"me/calendars/{calendar['id']}/events")
    user = ann.ok("GET", "me")["id"]
    for root in ("me", f"users/{user}", f"users/{ANN}", f"users/{ANN.upper()}"):
        assert ann.ok("GET", f"{root}/calendar")["id"] == calendar["id"]
        for place in ("", "/calendar", f"/calendars/{calendar['id']}"):
            assert ann.subjects(f"{root}{place}/events") == ["Talk"]
            assert ann.subjects(f"{root}{place}/calendarView", **march()) == ["Talk"]


def test_calendars_come_ten_a_page(sandbox: Sandbox, ann: Program) -> None:
    box = sandbox.microsoft.directory.mailbox(ANN)
    for number in range(14):
        sandbox.microsoft.directory.add_calendar(box, f"No. {number}")
    pages = ann.pages("me/calendars")
    assert [len(page["value"]) for page in pages] == [10, 5]
    assert len(ann.ok("GET", "me/calendars", params={"$top": "50"})["value"]) == 15


def test_lists_come_in_pages_of_the_wanted_size(ann: Program) -> None:
    for hour in range(12):
        ann.create(subject=str(hour), **at(hour))
    sizes = lambda **options: [len(page["value"]) for page in ann.pages("me/events", **options)]  # noqa: E731
    assert sizes() == [10, 2]
    assert sizes(**{"$top": "5"}) == [5, 5, 2]
    assert sizes(prefer="odata.maxpagesize=4") == [4, 4, 4]
    every = ann.listed(**{"$top": "5", "$orderby": "start/dateTime desc"})
    assert [each["subject"] for each in every] == [str(hour) for hour in reversed(range(12))]


def test_lists_are_filtered_and_selected(ann: Program) -> None:
    for hour in (9, 11, 13):
        ann.create(subject=f"It's {hour}", **at(hour))
    ann.create(subject="Day", **days(3, 4))
    for text, found in (
        ("subject eq 'It''s 9'", ["It's 9"]),
        ("start/dateTime ge '2026-03-03T10:00' and isAllDay eq false", ["It's 11", "It's 13"]),
        ("startswith(subject,'it') and not (subject eq 'It''s 9')", ["It's 11", "It's 13"]),
        ("isAllDay eq true or subject eq 'It''s 13'", ["It's 13", "Day"]),
        ("lastModifiedDateTime gt 2026-03-02T09:00:01Z", []),
    ):
        assert ann.subjects(**{"$filter": text}) == found, text
    [one] = ann.listed(**{"$filter": "subject eq 'Day'", "$select": "subject,start"})
    assert one.keys() == {"@odata.etag", "id", "subject", "start"}
    counted = ann.ok("GET", "me/events", params={"$count": "true", "$top": "1"})
    assert counted["@odata.count"] == 4


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"$select": "summary"}, "BadRequest"),
        ({"$filter": "subject is 'x'"}, "ErrorInvalidUrlQuery"),
        ({"$filter": "subject eq 'x' and"}, "ErrorInvalidUrlQuery"),
        ({"$top": "0"}, "ErrorInvalidUrlQuery"),
        ({"$frobnicate": "1"}, "BadRequest"),
        ({"$expand": "singleValueExtendedProperties"}, "ErrorInvalidUrlQuery"),
    ],
)
def test_queries_that_make_no_sense_are_refused(ann: Program, options: dict, code: str) -> None:
    assert ann.refused("GET", "me/events", params=options) == (400, code)


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"startDateTime": "2026-03-01T00:00:00Z"},
        {"startDateTime": "2026-03-02T00:00:00Z", "endDateTime": "2026-03-01T00:00:00Z"},
        {"startDateTime": "2026-03-01T00:00:00 01:00", "endDateTime": "2026-03-02T00:00:00Z"},
        {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2036-03-02T00:00:00Z"},
    ],
)
def test_a_view_needs_a_window(ann: Program, window: dict) -> None:
    assert ann.refused("GET", "me/calendarView", params=window)[0] == 400


def test_a_window_shows_what_overlaps_it_in_order(ann: Program) -> None:
    ann.create(subject="Late", **at(12))
    ann.create(subject="Early", **at(9))
    ann.create(subject="Next", **at(9, 5))
    edges = {"startDateTime": "2026-03-03T10:00:00", "endDateTime": "2026-03-03T12:30:00"}
    assert ann.subjects("me/calendarView", **edges) == ["Late"]
    edges = {"startDateTime": "2026-03-03T09:30:00+01:00", "endDateTime": "2026-03-03T11:00:00"}
    assert ann.subjects("me/calendarView", **edges) == ["Early"]
    assert ann.subjects("me/calendarView", **march()) == ["Early", "Late", "Next"]


def test_a_shared_calendar_is_in_the_list_of_both(sandbox: Sandbox, ann: Program) -> None:
    ann.create(subject="Ours")
    ann.create(subject="Mine", sensitivity="private")
    bob = Program(sandbox, BOB)
    for role, subjects in (
        ("freeBusyRead", ["Busy", "Busy"]),
        ("read", ["Ours", "Private appointment"]),
        ("write", ["Ours", "Private appointment"]),
    ):
        sandbox.microsoft.person(ANN).share(BOB, role)
        shared = next(c for c in bob.listed("me/calendars") if c["owner"]["address"] == ANN)
        assert shared["canEdit"] is (role == "write")
        path = f"me/calendars/{shared['id']}/events"
        assert bob.subjects(path) == subjects
        assert bob.send("POST", path, json=at(15)).is_success is (role == "write")
        assert bob.subjects(f"users/{ANN}/calendar/events")[:2] == subjects
    simple = Program(sandbox, BOB, "Calendars.ReadWrite")
    assert simple.refused("GET", path) == (403, "ErrorAccessDenied")
    sandbox.microsoft.person(ANN).share(BOB, "none")
    assert bob.refused("GET", path)[0] == 404


def test_nobody_sees_a_calendar_that_was_not_shared(sandbox: Sandbox) -> None:
    bob = Program(sandbox, BOB)
    assert bob.refused("GET", f"users/{ANN}/events") == (404, "ErrorItemNotFound")
    assert bob.listed(f"users/{ANN}/calendars") == []
    made = sandbox.microsoft.person(ANN).create("Secret", berlin(3))
    assert bob.refused("GET", f"users/{ANN}/events/{made}") == (404, "ErrorItemNotFound")
    assert bob.refused("DELETE", f"me/events/{made}") == (404, "ErrorItemNotFound")
    eve = Program(sandbox, EVE)
    assert eve.refused("GET", f"users/{ANN}/events") == (404, "Request_ResourceNotFound")


def test_a_program_alone_goes_to_every_mailbox_of_its_tenant(sandbox: Sandbox) -> None:
    token = sandbox.microsoft.app_token(CLIENT_ID, "contoso.example")
    robot = Program(sandbox, token=token)
    assert robot.refused("GET", "me/events") == (400, "BadRequest")
    robot.create(f"users/{ANN}/events")
    assert robot.subjects(f"users/{ANN}/calendarView", **march()) == ["Talk"]
    [found] = robot.listed("users", **{"$filter": f"mail eq '{BOB}'"})
    assert robot.subjects(f"users/{found['id']}/events") == []
    assert robot.refused("GET", f"users/{EVE}/events") == (404, "Request_ResourceNotFound")


def test_an_access_policy_keeps_a_program_out(sandbox: Sandbox) -> None:
    sandbox.microsoft.grants.clients[CLIENT_ID].mailboxes = frozenset({BOB})
    robot = Program(sandbox, token=sandbox.microsoft.app_token(CLIENT_ID, "contoso.example"))
    assert robot.send("GET", f"users/{BOB}/events").is_success
    assert robot.refused("GET", f"users/{ANN}/events") == (403, "ErrorAccessDenied")


def test_without_a_licence_there_is_no_mailbox(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.directory.mailbox(ANN).is_enabled = False
    assert ann.refused("GET", "me/calendars") == (404, "MailboxNotEnabledForRESTAPI")
    assert ann.ok("GET", "me")["mail"] is None


def test_what_is_not_there_is_told(ann: Program) -> None:
    assert ann.refused("GET", "me/messages") == (400, "BadRequest")
    assert ann.refused("GET", "me/calendars/none/events") == (404, "ErrorItemNotFound")
    assert ann.refused("PUT", "me/events/none", json={})[0] == 405
