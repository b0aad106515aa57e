"""Meet links: asked for, pending, there, refused, kept and dropped."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, Program, at, events

VERSION = {"conferenceDataVersion": 1}


def wish(request: str = "r1", kind: str = "hangoutsMeet") -> dict:
    request_for = {"requestId": request, "conferenceSolutionKey": {"type": kind}}
    return {"conferenceData": {"createRequest": request_for}}


def status(event: dict) -> str:
    return str(event["conferenceData"]["createRequest"]["status"]["statusCode"])


def test_a_link_is_made_on_request(ann: Program) -> None:
    made = ann.insert(**wish(), params=VERSION)
    assert status(made) == "success"
    [entry] = made["conferenceData"]["entryPoints"]
    assert entry["entryPointType"] == "video"
    assert made["hangoutLink"] == entry["uri"]


def test_without_the_version_the_request_is_ignored(ann: Program) -> None:
    assert "conferenceData" not in ann.insert(**wish())


def test_a_link_may_be_pending_for_some_reads(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "meet_pending", 2)
    made = ann.insert(**wish(), params=VERSION, attendees=[{"email": BOB}])
    assert (status(made), "hangoutLink" in made) == ("pending", False)
    path = events("primary", made["id"])
    first, second = ann.ok("GET", path), ann.ok("GET", path)
    assert [status(first), status(second)] == ["pending", "success"]
    assert second["etag"] != first["etag"]
    assert Program(sandbox, BOB).listed()[0]["hangoutLink"] == second["hangoutLink"]


def test_a_link_may_be_refused(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "meet_fails", times=1)
    made = ann.insert(**wish(), params=VERSION)
    assert status(made) == "failure"
    assert "entryPoints" not in made["conferenceData"]
    path = events("primary", made["id"])
    again = ann.ok("PATCH", path, json=wish("r2"), params=VERSION)
    assert status(again) == "success"


def test_the_same_request_again_makes_no_second_link(ann: Program) -> None:
    made = ann.insert(**wish(), params=VERSION)
    path = events("primary", made["id"])
    again = ann.ok("PATCH", path, json=wish(), params=VERSION)
    assert again["hangoutLink"] == made["hangoutLink"]
    other = ann.ok("PATCH", path, json=wish("r2"), params=VERSION)
    assert other["hangoutLink"] != made["hangoutLink"]


def test_who_replaces_an_event_keeps_or_drops_its_link_by_the_version(ann: Program) -> None:
    made = ann.insert(**wish(), params=VERSION)
    path = events("primary", made["id"])
    kept = ann.ok("PUT", path, json=at(11))
    assert kept["hangoutLink"] == made["hangoutLink"]
    same = {**at(12), "conferenceData": made["conferenceData"]}
    assert ann.ok("PUT", path, json=same, params=VERSION)["hangoutLink"] == made["hangoutLink"]
    assert ann.ok("PATCH", path, json=at(13), params=VERSION)["hangoutLink"] == made["hangoutLink"]
    dropped = ann.ok("PUT", path, json=at(11), params=VERSION)
    assert not dropped.keys() & {"conferenceData", "hangoutLink"}


def test_a_link_of_another_event_is_refused(ann: Program) -> None:
    made = ann.insert(**wish(), params=VERSION)
    data = {
        name: value for name, value in made["conferenceData"].items() if name != "createRequest"
    }
    body = {**at(11), "conferenceData": data}
    assert ann.refused("POST", events(), json=body, params=VERSION) == (400, "invalid")


@pytest.mark.parametrize("body", [wish(kind="addOn"), wish(request="")], ids=["kind", "id"])
def test_a_conference_that_cannot_be_is_refused(ann: Program, body: dict) -> None:
    whole = {**at(10), **body}
    assert ann.refused("POST", events(), json=whole, params=VERSION) == (400, "invalid")


def test_a_calendar_may_allow_no_conferences(sandbox: Sandbox, ann: Program) -> None:
    sandbox.world.calendar(ANN).solutions = ()
    entry = ann.ok("GET", "users/me/calendarList/primary")
    assert entry["conferenceProperties"] == {"allowedConferenceSolutionTypes": []}
    whole = {**at(10), **wish()}
    assert ann.refused("POST", events(), json=whole, params=VERSION) == (400, "invalid")


def test_of_a_link_that_was_asked_for_nothing_may_be_said(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "meet_missing", times=1)
    assert "conferenceData" not in ann.insert(**wish(), params=VERSION)


def test_whoever_asks_for_a_link_may_be_refused(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "meet_forbidden", times=1)
    asked = {**at(9), **wish()}
    assert ann.refused("POST", events(), json=asked, params=VERSION) == (403, "forbidden")
    assert ann.listed() == []
