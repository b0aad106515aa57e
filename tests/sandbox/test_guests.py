"""Guests: their copies and answers, the mail they get, rooms that decide by themselves."""

from __future__ import annotations

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, EVE, ROOM, Program, at, berlin, events

OUTSIDER = "guest@elsewhere.example"


@pytest.fixture
def bob(sandbox: Sandbox) -> Program:
    return Program(sandbox, BOB)


def guests(*emails: str) -> list[dict]:
    return [{"email": email} for email in emails]


def answers(event: dict) -> dict[str, str]:
    return {each["email"]: each["responseStatus"] for each in event["attendees"]}


def sent(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(mail.to, mail.method) for mail in sandbox.world.mail]


def test_a_guest_has_a_copy_with_the_same_ids(ann: Program, bob: Program) -> None:
    made = ann.insert(
        attendees=guests(BOB),
        extendedProperties={"private": {"mine": "1"}, "shared": {"ours": "1"}},
    )
    [copy] = bob.listed()
    assert (copy["id"], copy["iCalUID"]) == (made["id"], made["iCalUID"])
    assert copy["organizer"] == {"email": ANN}
    assert copy["attendees"] == [{"email": BOB, "responseStatus": "needsAction", "self": True}]
    assert copy["extendedProperties"] == {"shared": {"ours": "1"}}
    ann.ok("PATCH", events("primary", made["id"]), json=at(14))
    assert bob.listed()[0]["start"]["dateTime"].startswith("2026-03-03T08:00")


def test_an_answer_reaches_everybody(sandbox: Sandbox, ann: Program, bob: Program) -> None:
    made = ann.insert(attendees=guests(BOB, EVE))["id"]
    token = ann.sync_token()
    sandbox.person(BOB).answer(made, "declined")
    [seen] = ann.listed(syncToken=token)
    assert answers(seen) == {BOB: "declined", EVE: "needsAction"}
    assert answers(Program(sandbox, EVE).listed()[0])[BOB] == "declined"
    assert (ANN, "REPLY") in sent(sandbox)


def test_a_guest_changes_its_own_copy_alone(ann: Program, bob: Program) -> None:
    made = ann.insert(attendees=guests(BOB))["id"]
    path = events("primary", made)
    assert bob.refused("PATCH", path, json=at(12)) == (403, "forbiddenForNonOrganizer")
    bob.ok("PATCH", path, json={"transparency": "transparent"})
    assert "transparency" not in ann.listed()[0]
    others = {"attendees": [*guests(OUTSIDER), {"email": BOB, "responseStatus": "accepted"}]}
    assert bob.refused("PATCH", path, json=others) == (403, "forbiddenForNonOrganizer")


def test_a_guest_who_deletes_declines(ann: Program, bob: Program) -> None:
    made = ann.insert(attendees=guests(BOB))["id"]
    bob.ok("DELETE", events("primary", made))
    assert answers(ann.listed()[0]) == {BOB: "declined"}
    ann.ok("PATCH", events("primary", made), json={"summary": "New"})
    assert bob.listed() == []


def test_a_cancelled_event_and_an_uninvited_guest_lose_their_copies(
    ann: Program, bob: Program
) -> None:
    first, second = (ann.insert(attendees=guests(BOB))["id"] for _ in range(2))
    token = bob.sync_token()
    ann.ok("DELETE", events("primary", first))
    ann.ok("PATCH", events("primary", second), json={"attendees": []})
    gone = bob.listed(syncToken=token)
    assert {each["id"] for each in gone} == {first, second}
    assert {each["status"] for each in gone} == {"cancelled"}


def test_one_instance_is_cancelled_for_its_guest_too(ann: Program, bob: Program) -> None:
    made = ann.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=3"], attendees=guests(BOB))["id"]
    ann.ok("DELETE", events("primary", f"{made}_20260304T090000Z"))
    assert len(bob.listed(singleEvents="true")) == 2


@pytest.mark.parametrize(
    ("updates", "told"), [("all", {BOB, OUTSIDER}), ("externalOnly", {OUTSIDER}), ("none", set())]
)
def test_mail_goes_to_whom_it_is_asked_for(
    sandbox: Sandbox, ann: Program, updates: str, told: set
) -> None:
    params = {"sendUpdates": updates}
    made = ann.insert(attendees=guests(ANN, BOB, OUTSIDER), params=params)["id"]
    assert {to for to, method in sent(sandbox) if method == "REQUEST"} == told
    ann.ok("DELETE", events("primary", made), params=params)
    assert {to for to, method in sent(sandbox) if method == "CANCEL"} == told
    assert len(sandbox.world.mail) == 2 * len(told)


def test_without_a_word_no_mail_goes_out(sandbox: Sandbox, ann: Program) -> None:
    ann.insert(attendees=guests(BOB, OUTSIDER))
    assert sandbox.world.mail == []


def test_a_room_accepts_when_it_is_free(ann: Program) -> None:
    first = ann.insert(attendees=guests(ROOM), recurrence=["RRULE:FREQ=WEEKLY"])
    assert answers(first) == {ROOM: "accepted"}
    clash = ann.insert(**at(10, day=10), attendees=guests(ROOM))
    assert answers(clash) == {ROOM: "declined"}
    later = ann.insert(**at(11, day=10), attendees=guests(ROOM))
    assert answers(later) == {ROOM: "accepted"}


def test_guests_are_left_out_on_demand_and_on_command(sandbox: Sandbox, ann: Program) -> None:
    made = ann.insert(attendees=guests(ANN, BOB, EVE))["id"]
    path = events("primary", made)
    few = ann.ok("GET", path, params={"maxAttendees": 1})
    assert few["attendeesOmitted"] is True
    assert [each["email"] for each in few["attendees"]] == [ANN]
    assert "attendeesOmitted" not in ann.ok("GET", path, params={"maxAttendees": 3})
    sandbox.misbehave(ANN, "attendees_omitted")
    assert ann.listed()[0]["attendeesOmitted"] is True


def test_a_person_declines_what_another_person_made(sandbox: Sandbox, bob: Program) -> None:
    made = sandbox.person(ANN).create("Lunch", berlin(3, 12), attendees=guests(BOB))
    sandbox.person(BOB).answer(made, "declined")
    [copy] = bob.listed()
    assert answers(copy) == {BOB: "declined"}
