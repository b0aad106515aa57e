"""Webhooks: who is told of what, how it is signed, and what goes wrong with it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.grants import Webhook
from bridge.sandbox.zoom.push import EVENTS, NotValidated, webhook
from bridge.sandbox.zoom.scenario import CLIENT_ID, SERVER_ID
from tests.sandbox.zoom.people import ANN, BOB, EVE, START, Program, at, daily
from tests.sandbox.zoom.receiver import SECRET, Receiver


@pytest.fixture
def told(sandbox: Sandbox, receiver: Receiver) -> Receiver:
    """The address of the program that users let in, told of everything."""
    sandbox.zoom.subscribe(CLIENT_ID, Webhook(receiver.url, SECRET, frozenset(EVENTS)))
    return receiver


def test_an_address_proves_that_it_wants_to_be_told(
    sandbox: Sandbox, ann: Program, told: Receiver
) -> None:
    assert (told.challenges, told.got) == (1, [])
    ann.create()
    sandbox.flush()
    assert told.events == ["meeting.created"]


def test_an_address_that_does_not_prove_itself_is_not_told(
    sandbox: Sandbox, ann: Program, receiver: Receiver
) -> None:
    everything = frozenset(EVENTS)
    receiver.secret = "another"
    with pytest.raises(NotValidated):
        sandbox.zoom.subscribe(CLIENT_ID, Webhook(receiver.url, SECRET, everything))
    receiver.secret, receiver.answers = SECRET, [204]
    with pytest.raises(NotValidated):
        sandbox.zoom.subscribe(CLIENT_ID, Webhook(receiver.url, SECRET, everything))
    for url in ("http://bridge.example/hooks/zoom", "ftp://127.0.0.1/", "http://127.0.0.1:9/"):
        with pytest.raises(NotValidated):
            sandbox.zoom.subscribe(CLIENT_ID, Webhook(url, SECRET, everything))
    ann.create()
    sandbox.flush()
    assert receiver.got == []


def test_what_is_told_of_a_new_meeting(sandbox: Sandbox, ann: Program, told: Receiver) -> None:
    made = ann.create(duration=30, settings={"join_before_host": True})
    sandbox.flush()
    [event] = told.got
    assert event["event_ts"] == int(START.timestamp() * 1000)
    assert told.times == [int(START.timestamp())]
    payload = event["payload"]
    assert payload["operator"] == ANN
    assert payload["account_id"] == ann.ok("GET", "users/me")["account_id"]
    shown = payload["object"]
    assert (shown["id"], shown["topic"], shown["duration"]) == (made["id"], "Talk", 30)
    assert shown["join_url"] == made["join_url"]
    assert shown["settings"]["join_before_host"]
    assert "operation" not in payload
    assert "zak" not in json.dumps(event)


def test_what_is_told_of_a_change_is_what_changed(
    sandbox: Sandbox, ann: Program, told: Receiver
) -> None:
    number = ann.create()["id"]
    change = {"topic": "Walk", **at(12), "settings": {"waiting_room": True}}
    ann.ok("PATCH", f"meetings/{number}", json=change)
    sandbox.flush()
    assert told.last["scope"] == "all"
    assert told.last["object"] == {
        "id": number,
        "topic": "Walk",
        "start_time": "2026-03-03T12:00:00Z",
        "settings": {"waiting_room": True},
    }
    assert told.last["old_object"] == {
        "id": number,
        "topic": "Talk",
        "start_time": "2026-03-03T10:00:00Z",
        "settings": {"waiting_room": False},
    }
    assert told.last["time_stamp"] == int(START.timestamp() * 1000)


def test_what_is_told_of_a_deletion(sandbox: Sandbox, ann: Program, told: Receiver) -> None:
    number = ann.create()["id"]
    sandbox.zoom.person(ANN).delete(number)
    sandbox.flush()
    assert told.events == ["meeting.created", "meeting.deleted"]
    shown = told.last["object"]
    assert (shown["id"], shown["topic"], shown["type"]) == (number, "Talk", 2)
    assert "password" not in shown


def test_what_is_told_of_one_occurrence(sandbox: Sandbox, ann: Program, told: Receiver) -> None:
    made = ann.create(**daily(3))
    sandbox.flush()
    assert told.last["operation"] == "all"
    assert len(told.last["object"]["occurrences"]) == 3
    first, second = [each["occurrence_id"] for each in made["occurrences"]][:2]
    path = f"meetings/{made['id']}"
    ann.ok("PATCH", path, params={"occurrence_id": first}, json={"duration": 30})
    sandbox.flush()
    assert told.last["scope"] == "single"
    [after], [before] = (told.last[each]["occurrences"] for each in ("object", "old_object"))
    assert (after["occurrence_id"], after["duration"], before["duration"]) == (first, 30, 60)
    ann.ok("DELETE", path, params={"occurrence_id": second})
    sandbox.flush()
    assert told.last["operation"] == "single"
    assert [each["occurrence_id"] for each in told.last["object"]["occurrences"]] == [second]


def test_only_those_who_were_let_in_are_told(
    sandbox: Sandbox, ann: Program, told: Receiver
) -> None:
    sandbox.zoom.person(BOB).create("Tea", START)
    sandbox.flush()
    assert told.got == []
    sandbox.zoom.subscribe(SERVER_ID, webhook({"url": told.url, "secret_token": SECRET}))
    sandbox.zoom.person(BOB).create("Tea", START)
    sandbox.zoom.person(EVE).create("Tea", START)
    sandbox.flush()
    assert [each["payload"]["operator"] for each in told.got] == [BOB]
    program = Program(sandbox, BOB, alone=True)
    program.create()
    sandbox.flush()
    # Whoever acts for the account does so in its owner's name.
    assert told.last["operator"] == ANN
    assert told.last["operator_id"] != told.last["object"]["host_id"]


def test_only_what_was_asked_for_is_told(
    sandbox: Sandbox, ann: Program, receiver: Receiver
) -> None:
    few = {"url": receiver.url, "secret_token": SECRET, "events": ["meeting.deleted"]}
    sandbox.zoom.subscribe(CLIENT_ID, webhook(few))
    number = ann.create()["id"]
    ann.ok("DELETE", f"meetings/{number}")
    sandbox.flush()
    assert receiver.events == ["meeting.deleted"]
    sandbox.zoom.subscribe(CLIENT_ID, None)
    ann.create()
    sandbox.flush()
    assert len(receiver.got) == 1


def test_a_program_that_a_person_removes_is_told(
    sandbox: Sandbox, ann: Program, told: Receiver
) -> None:
    me = ann.ok("GET", "users/me")
    person = sandbox.zoom.person(ANN)
    person.remove(CLIENT_ID)
    person.remove(CLIENT_ID)
    person.create("Tea", START)
    sandbox.flush()
    assert told.events == ["app_deauthorized"]
    assert told.last["client_id"] == CLIENT_ID
    assert (told.last["user_id"], told.last["account_id"]) == (me["id"], me["account_id"])
    assert told.last["deauthorization_time"] == "2026-03-02T09:00:00Z"


def test_notifications_are_lost_and_doubled(sandbox: Sandbox, ann: Program, told: Receiver) -> None:
    sandbox.zoom.misbehave(ANN, "push_lost", times=1)
    ann.create()
    sandbox.zoom.misbehave(ANN, "push_duplicate", times=1)
    number = ann.create()["id"]
    sandbox.flush()
    assert [each["payload"]["object"]["id"] for each in told.got] == [number, number]
    assert told.got[0] == told.got[1]


def test_notifications_come_late(sandbox: Sandbox, ann: Program, told: Receiver) -> None:
    sandbox.zoom.misbehave(ANN, "push_late", 600, times=1)
    number = ann.create()["id"]
    ann.ok("DELETE", f"meetings/{number}")
    sandbox.flush()
    assert told.events == ["meeting.deleted"]
    sandbox.world.advance(timedelta(seconds=600))
    sandbox.flush()
    assert told.events == ["meeting.deleted", "meeting.created"]
    # Signed when it is sent, of the time when it happened.
    assert told.times == [int(START.timestamp()), int(START.timestamp()) + 600]
    assert told.got[1]["event_ts"] == int(START.timestamp() * 1000)


def test_notifications_are_forged_and_old(sandbox: Sandbox, ann: Program, told: Receiver) -> None:
    sandbox.zoom.misbehave(ANN, "push_forged", times=1)
    ann.create()
    sandbox.flush()
    assert (told.forged, told.got) == (1, [])
    sandbox.zoom.misbehave(ANN, "push_old", 3600, times=1)
    ann.create()
    sandbox.flush()
    assert told.times == [int(START.timestamp()) - 3600]


def test_what_an_address_does_not_take_is_sent_again(
    sandbox: Sandbox, ann: Program, told: Receiver
) -> None:
    told.answers = [503]
    ann.create()
    sandbox.flush()
    sandbox.world.advance(timedelta(minutes=5))
    sandbox.flush()
    assert told.events == ["meeting.created"] * 2
