"""Control URLs and pages: what somebody with a browser or curl can do to the stand-in."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.sandbox.example import document
from bridge.sandbox.microsoft.faults import FAULTS
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.sandbox.callers import Control, check_switches
from tests.sandbox.microsoft.browser import Browser, failed
from tests.sandbox.microsoft.people import ANN, BOB, IMMUTABLE, Program, at, daily, march
from tests.sandbox.people import Program as GoogleProgram


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(f"{sandbox.url}/sandbox/microsoft/")


def test_misbehaviour_is_switched_by_url(control: Control, ann: Program) -> None:
    check_switches(control, FAULTS, ANN, lambda: ann.send("GET", "me/events").status_code)


def test_misbehaviour_may_be_part_of_the_configuration() -> None:
    people = {"accounts": [{"email": ANN, "faults": {"server_error": True}}]}
    with Sandbox({"microsoft": people}) as sandbox:
        assert Program(sandbox).send("GET", "me/events").status_code == 500


def test_a_document_furnishes_tenants_people_and_programs() -> None:
    events = [{"subject": "Hike", **at(8)}]
    mine = [{"name": "Private", "id": "AAMkADprivate", "events": events, "share": {BOB: "read"}}]
    microsoft = {
        "tenants": [{"domain": "contoso.example", "user_consent": False,
                     "consented": {"robot": ["Calendars.Read"]}}],
        "accounts": [
            {"email": ANN, "calendars": mine, "share": {BOB: "freeBusyRead"}},
            {"email": BOB},
            {"email": "off@contoso.example", "licensed": False},
        ],
        "clients": [{"id": "robot", "secret": "s", "mailboxes": [ANN]}],
    }  # fmt: skip
    with Sandbox({"microsoft": microsoft}) as sandbox:
        bob = Program(sandbox, BOB)
        assert [each["name"] for each in bob.listed("me/calendars")] == [
            *("Calendar", "Calendar", "Private"),
        ]
        assert bob.subjects("me/calendars/AAMkADprivate/events") == ["Hike"]
        assert "Need admin approval" in Browser(sandbox).decide().text
        robot = Browser(sandbox, "contoso.example", "robot", "s")
        token = robot.alone().json()["access_token"]
        assert robot.use(token, f"users/{ANN}/events") == 200
        assert robot.use(token, f"users/{BOB}/events") == 403
        off = Program(sandbox, "off@contoso.example")
        assert off.refused("GET", "me/events") == (404, "MailboxNotEnabledForRESTAPI")


def test_a_person_edits_by_url(control: Control, ann: Program) -> None:
    events = f"/accounts/{ANN}/events"
    made = control("POST", events, {**at(10), **daily(3), "subject": "Lunch"})["id"]
    [found] = ann.listed("me/events", IMMUTABLE)
    assert (found["id"], found["subject"]) == (made, "Lunch")
    second = ann.listed("me/calendarView", IMMUTABLE, **march())[1]["id"]
    assert control("PATCH", f"{events}/{second}", {"subject": "Late lunch"}) == 204
    third = ann.listed("me/calendarView", IMMUTABLE, **march())[2]["id"]
    assert control("DELETE", f"{events}/{third}") == 204
    assert ann.subjects("me/calendarView", **march()) == ["Lunch", "Late lunch"]
    assert control("POST", events, {"subject": "Never"})["error"]["code"] == (
        "ErrorPropertyValidationFailure"
    )
    guests = {"attendees": [{"emailAddress": {"address": ANN}}]}
    control("POST", f"/accounts/{BOB}/events", {**at(12), "subject": "Tea", **guests})
    [tea] = [each for each in ann.listed() if each["subject"] == "Tea"]
    answer = f"{events}/{tea['id']}/answer"
    assert "there are" in control("POST", answer, {"response": "perhaps"})["error"]
    assert control("POST", answer, {"response": "accepted"}) == 204
    assert ann.ok("GET", f"me/events/{tea['id']}")["showAs"] == "busy"


def test_people_calendars_and_programs_are_added_by_url(control: Control, sandbox: Sandbox) -> None:
    new = "new@contoso.example"
    tenant = control("POST", "/tenants", {"domain": "contoso.example"})["id"]
    assert control("POST", "/accounts", {"email": new})["tenant"] == tenant
    assert "already" in control("POST", "/accounts", {"email": new})["error"]
    work = control("POST", f"/accounts/{new}/calendars", {"name": "Work"})["id"]
    control("POST", f"/accounts/{ANN}/share", {"email": new, "role": "read"})
    listed = Program(sandbox, new).listed("me/calendars")
    assert [each["name"] for each in listed] == ["Calendar", "Work", "Calendar"]
    made = control("POST", f"/accounts/{new}/events?calendar={work}", at(10))
    assert (
        Program(sandbox, new).listed(f"me/calendars/{work}/events", IMMUTABLE)[0]["id"]
        == (made["id"])
    )
    ends = "2026-03-01T00:00:00+00:00"
    control("POST", "/clients", {"id": "c", "secret": "s", "secret_ends": ends})
    browser = Browser(sandbox, client="c", secret="s")
    assert failed(browser.alone()) == (401, "invalid_client", 7000222)


def test_consent_is_taken_back_by_url(control: Control, sandbox: Sandbox) -> None:
    browser = Browser(sandbox)
    given = browser.connect()
    assert control("POST", f"/accounts/{ANN}/revoke", {}) == 204
    assert failed(browser.refresh(given["refresh_token"]))[2] == 65001


def test_lifecycle_events_are_sent_by_url(control: Control) -> None:
    path = f"/accounts/{ANN}/lifecycle"
    assert control("POST", path, {"event": "missed"}) == 204
    assert "there are missed" in control("POST", path, {"event": "lost"})["error"]


def test_the_pages_show_what_happened(sandbox: Sandbox, ann: Program) -> None:
    browser = Browser(sandbox)
    browser.connect(ANN)
    guests = {"attendees": [{"emailAddress": {"address": BOB}}]}
    ann.create(subject="<b>Tea</b>", isOnlineMeeting=True, **daily(), **guests)
    index = browser.http.get(sandbox.url).text
    for part in (f"/microsoft/accounts/{ANN}", CLIENT_ID, "contoso.example"):
        assert part in index
    page = browser.http.get(f"{sandbox.url}/microsoft/accounts/{ANN}").text
    for part in ("&lt;b&gt;Tea&lt;/b&gt;", "calendars.readwrite", "REQUEST", BOB, "daily, every 1"):
        assert part in page
    assert "<b>Tea" not in page
    assert browser.http.get(f"{sandbox.url}/microsoft/accounts/nobody").status_code == 404


def test_the_same_person_may_be_at_google_and_at_microsoft() -> None:
    with Sandbox(document(date(2026, 3, 4))) as sandbox:
        anna = "anna@sandbox.example"
        window = {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-03-08T00:00:00Z"}
        at_microsoft = Program(sandbox, anna).subjects("me/calendarView", **window)
        assert "One on one" in at_microsoft
        at_google = [each["summary"] for each in GoogleProgram(sandbox, anna).listed()]
        assert "Planning" in at_google
        sandbox.misbehave(anna, "server_error")
        assert Program(sandbox, anna).send("GET", "me").status_code == 200
        assert sandbox.world.defects == []


def test_a_person_is_the_same_in_the_next_stand_in(ann: Program) -> None:
    with Sandbox({"microsoft": {"accounts": [{"email": ANN}]}}) as other:
        assert Program(other).ok("GET", "me")["id"] == ann.ok("GET", "me")["id"]
