"""Control URLs and pages: what somebody with a browser or curl can do to the stand-in."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.sandbox.example import document
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.faults import FAULTS
from bridge.sandbox.zoom.push import EVENTS
from bridge.sandbox.zoom.scenario import CLIENT_ID, SERVER_ID
from tests.sandbox.callers import Control, check_switches
from tests.sandbox.people import Program as GoogleProgram
from tests.sandbox.zoom.browser import Browser, failed
from tests.sandbox.zoom.people import ANN, BOB, OTHER, START, Program, at, daily
from tests.sandbox.zoom.receiver import SECRET, Receiver


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(f"{sandbox.url}/sandbox/zoom/")


def test_misbehaviour_is_switched_by_url(control: Control, ann: Program) -> None:
    check_switches(control, FAULTS, ANN, lambda: ann.send("GET", "users/me").status_code)


def test_a_document_furnishes_people_meetings_and_programs() -> None:
    meetings = [{"topic": "Hike", **at(8, 20)}, {"topic": "Stand-up", **daily(3, 21)}]
    zoom = {
        "accounts": [
            {"email": ANN, "name": "Ann Berg", "timezone": "Europe/Berlin", "meetings": meetings},
            {"email": BOB, "account_id": OTHER, "faults": {"server_error": True}},
        ],
        "clients": [{"id": "robot", "secret": "s", "account_id": OTHER,
                     "webhook": {"url": "http://127.0.0.1:9/", "secret_token": "x"}}],
    }  # fmt: skip
    with Sandbox({"zoom": zoom}, clock=lambda: START) as sandbox:
        program = Program(sandbox)
        assert program.topics() == ["Hike", "Stand-up"]
        me = program.ok("GET", "users/me")
        assert (me["first_name"], me["last_name"], me["role_name"]) == ("Ann", "Berg", "Owner")
        browser = Browser(sandbox)
        token = sandbox.zoom.app_token("robot")
        assert browser.use(token, f"users/{BOB}/meetings") == 500
        assert browser.use(token, f"users/{ANN}/meetings") == 404


def test_a_host_edits_by_url(control: Control, ann: Program) -> None:
    meetings = f"/accounts/{ANN}/meetings"
    number = control("POST", meetings, {"topic": "Lunch", **daily(3)})["id"]
    first, second = [each["occurrence_id"] for each in ann.get(number)["occurrences"]][:2]
    assert control("PATCH", f"{meetings}/{number}", {"topic": "Late lunch"}) == 204
    one = f"{meetings}/{number}?occurrence_id="
    assert control("PATCH", f"{one}{first}", {"duration": 30}) == 204
    assert control("DELETE", f"{one}{second}") == 204
    [shown] = control("GET", meetings)
    assert shown["topic"] == "Late lunch"
    assert [each["duration"] for each in shown["occurrences"]] == [30, 60, 60]
    deeds = control("GET", f"/accounts/{ANN}/deeds")
    assert [each["kind"] for each in deeds] == ["created", "updated", "updated", "deleted"]
    assert [each["occurrence"] for each in deeds] == ["", "", first, second]
    assert control("POST", meetings, {"duration": 0})["errors"][0]["field"] == "duration"
    assert control("PATCH", f"{meetings}/1", {"topic": "x"})["code"] == 3001
    assert control("POST", f"{meetings}/{number}/begin", {}) == 204
    assert control("DELETE", f"{meetings}/{number}")["code"] == 3002
    assert control("POST", f"{meetings}/{number}/end", {}) == 204
    assert control("DELETE", f"{meetings}/{number}") == 204
    assert control("GET", meetings) == []


def test_people_and_programs_are_added_by_url(control: Control, sandbox: Sandbox) -> None:
    new = "new@example.test"
    made = control("POST", "/accounts", {"email": new, "settings": {"waiting_room": True}})
    assert made["id"] == Program(sandbox, new).ok("GET", "users/me")["id"]
    assert Program(sandbox, new).create()["settings"]["waiting_room"]
    assert "already" in control("POST", "/accounts", {"email": new})["error"]
    assert (
        "loud" in control("POST", "/accounts", {"email": "x@y.z", "settings": {"loud": 1}})["error"]
    )
    assert control("POST", "/clients", {"id": "c", "secret": "s", "loopback": True})["id"] == "c"
    assert Browser(sandbox, "c", "s").connect()["access_token"]


def test_consent_is_taken_back_by_url(control: Control, sandbox: Sandbox) -> None:
    browser = Browser(sandbox)
    given = browser.connect()
    assert control("POST", f"/accounts/{ANN}/revoke", {"client_id": "another"}) == 204
    given = browser.refresh(given["refresh_token"]).json()
    assert control("POST", f"/accounts/{ANN}/revoke", {}) == 204
    assert failed(browser.refresh(given["refresh_token"]))[1] == "invalid_grant"


def test_a_webhook_is_set_up_by_url(
    control: Control, sandbox: Sandbox, ann: Program, receiver: Receiver
) -> None:
    path = f"/clients/{CLIENT_ID}/webhook"
    wanted = {"url": receiver.url, "secret_token": SECRET}
    assert control("PUT", path, wanted) == 204
    assert receiver.challenges == 1
    ann.create()
    sandbox.flush()
    assert receiver.events == [EVENTS[0]]
    assert "validation" in control("PUT", path, {**wanted, "secret_token": "wrong"})["error"]
    assert "no event" in control("PUT", path, {**wanted, "events": ["meeting.sung"]})["error"]
    assert "nobody" in control("PUT", "/clients/nobody/webhook", wanted)["error"]
    assert control("DELETE", path) == 204
    ann.create()
    sandbox.flush()
    assert receiver.events == [EVENTS[0]]


def test_the_pages_show_what_happened(sandbox: Sandbox, ann: Program) -> None:
    browser = Browser(sandbox)
    made = ann.create(
        topic="<b>Tea</b>", agenda="booking b-1", **daily(3),
        settings={"auto_recording": "cloud", "mute_upon_entry": True},
    )  # fmt: skip
    sandbox.zoom.misbehave(ANN, "slow", 3)
    index = browser.http.get(sandbox.url).text
    for part in (f"/zoom/accounts/{ANN}", CLIENT_ID, SERVER_ID, f"{sandbox.url}/v2"):
        assert part in index
    page = browser.http.get(f"{sandbox.url}/zoom/accounts/{ANN}").text
    for part in (
        "&lt;b&gt;Tea&lt;/b&gt;", "every day, 3 times", str(made["id"]), made["join_url"],
        "booking b-1", "mute_upon_entry, auto_recording: cloud", "meeting:write:meeting",
        "created", "slow=3", "Tue 3 Mar 2026, 11:00 Europe/Berlin, 60 min",
    ):  # fmt: skip
        assert part in page
    assert "<b>Tea" not in page
    assert "zak" not in page
    assert browser.http.get(f"{sandbox.url}/zoom/accounts/nobody").status_code == 404


def test_the_same_person_may_be_at_google_and_at_zoom() -> None:
    with Sandbox(document(date(2026, 3, 4)), clock=lambda: START) as sandbox:
        anna = "anna@sandbox.example"
        assert Program(sandbox, anna).topics() == ["Open office", "Product circle"]
        sandbox.misbehave(anna, "server_error")
        assert Program(sandbox, anna).send("GET", "users/me").status_code == 200
        assert GoogleProgram(sandbox, anna).send("GET", "calendars/primary").status_code == 500
        assert sandbox.world.defects == []
