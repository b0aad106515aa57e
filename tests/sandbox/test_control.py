"""Control URLs and pages: what somebody with a browser or curl can do to a running stand-in."""

from __future__ import annotations

import pytest

from bridge.sandbox.faults import FAULTS
from bridge.sandbox.server import Sandbox
from tests.sandbox.browser import Browser
from tests.sandbox.callers import Control, check_switches
from tests.sandbox.people import ALL, ANN, BOB, Program, at


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(f"{sandbox.url}/sandbox/")


def test_misbehaviour_is_switched_by_url(control: Control, ann: Program) -> None:
    check_switches(
        control, FAULTS, ANN, lambda: ann.send("GET", "calendars/primary/events").status_code
    )


def test_misbehaviour_may_be_part_of_the_configuration() -> None:
    with Sandbox({"accounts": [{"email": ANN, "faults": {"server_error": True}}]}) as sandbox:
        assert Program(sandbox).send("GET", "calendars/primary/events").status_code == 500


def test_a_web_page_elsewhere_cannot_switch_anything(ann: Program) -> None:
    url = f"{ann.sandbox.url}/sandbox/accounts/{ANN}/faults"
    assert ann.http.post(url, content='{"html": true}').status_code == 415


def test_a_person_takes_back_by_url_what_was_allowed_to_programs(
    control: Control, ann: Program
) -> None:
    browser = Browser(ann.sandbox)
    given = browser.trade(browser.decide()["code"]).json()
    assert browser.use(given["access_token"]) == 200
    assert control("POST", f"/accounts/{ANN}/revoke", {}) == 204
    assert browser.use(given["access_token"]) == 401
    assert browser.refresh(given["refresh_token"]).json()["error"] == "invalid_grant"
    assert "error" in control("POST", "/accounts/nobody/revoke", {})


def test_a_person_edits_by_url(control: Control, ann: Program) -> None:
    made = control("POST", f"/calendars/{ANN}/events", {**at(10), "summary": "Lunch"})["id"]
    assert [each["summary"] for each in ann.listed()] == ["Lunch"]
    control(
        "PATCH", f"/calendars/{ANN}/events/{made}", {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    )
    control("DELETE", f"/calendars/{ANN}/events/{made}_20260304T090000Z")
    assert len(ann.listed(singleEvents="true")) == 2
    bad = control("POST", f"/calendars/{ANN}/events", {"summary": "Never"})
    assert bad["error"]["code"] == 400
    invited = {**at(12), "attendees": [{"email": BOB}]}
    talk = control("POST", f"/calendars/{ANN}/events", invited)["id"]
    control("POST", f"/calendars/{BOB}/events/{talk}/answer", {"response": "declined"})
    [seen] = [each for each in ann.listed() if each["id"] == talk]
    assert seen["attendees"][0]["responseStatus"] == "declined"
    assert {mail["to"] for mail in control("GET", "/mail")} == {ANN, BOB}


def test_people_rooms_and_programs_are_added_by_url(control: Control, sandbox: Sandbox) -> None:
    control("POST", "/accounts", {"email": "new@example.test", "calendars": [{"summary": "Work"}]})
    room = control("POST", "/rooms", {"summary": "Attic", "share": {"new@example.test": "reader"}})
    listed = Program(sandbox, "new@example.test").ok("GET", "users/me/calendarList")["items"]
    assert {each["summary"] for each in listed} == {"New", "Work", "Attic"}
    assert room["id"] in {each["id"] for each in listed}
    control("POST", f"/calendars/{ANN}/share", {"email": "new@example.test", "role": "reader"})
    callback = "https://bridge.example/callback"
    control("POST", "/clients", {"id": "c", "secret": "s", "redirect_uris": [callback]})
    browser = Browser(sandbox, "c", "s")
    assert browser.http.get(browser.url(redirect_uri=callback)).status_code == 200


def test_a_service_account_has_a_key_file(control: Control, ann: Program) -> None:
    robot = {"email": "robot@sandbox.example", "delegated": [ALL]}
    control("POST", "/service-accounts", robot)
    file = control("GET", f"/service-accounts/{robot['email']}")
    assert file["token_uri"] == f"{ann.sandbox.url}/token"
    assert file["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert "nobody" in control("GET", "/service-accounts/nobody")["error"]


def test_time_passes_by_url(control: Control, ann: Program) -> None:
    control("POST", "/clock", {"advance": 3600})
    assert ann.send("GET", "calendars/primary/events").status_code == 401
    assert control("POST", "/flush") == 204


def test_the_pages_show_what_happened(sandbox: Sandbox, ann: Program) -> None:
    browser = Browser(sandbox)
    browser.connect(ANN)
    ann.insert(summary="<b>Tea</b>", attendees=[{"email": BOB}], params={"sendUpdates": "all"})
    index = browser.http.get(sandbox.url).text
    assert f"/accounts/{ANN}" in index
    assert browser.client in index
    page = browser.http.get(f"{sandbox.url}/accounts/{ANN}").text
    for part in ("&lt;b&gt;Tea&lt;/b&gt;", "calendar.events.readonly", "REQUEST", BOB):
        assert part in page
    assert "<b>Tea" not in page
    assert browser.http.get(f"{sandbox.url}/accounts/nobody").status_code == 404
