"""Meetings: what a program makes, changes and deletes, and what becomes of what it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.errors import ZoomError
from bridge.sandbox.zoom.scenario import CLIENT_ID
from tests.sandbox.zoom.people import ANN, BOB, EVE, START, Program, at, opened


def test_a_meeting_is_made_read_changed_and_deleted(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(agenda="What for", duration=45)
    number = made["id"]
    assert number > 2**32
    assert made["start_time"] == "2026-03-03T10:00:00Z"
    assert made["join_url"].startswith(f"https://us05web.zoom.us/j/{number}?pwd=")
    assert "zak=" in made["start_url"]
    read = ann.get(number)
    assert {
        name: read[name] for name in ("topic", "agenda", "duration", "join_url", "password")
    } == {name: made[name] for name in ("topic", "agenda", "duration", "join_url", "password")}
    assert (read["host_email"], read["status"]) == (ANN, "waiting")
    change = {"topic": "Walk", **at(12)}
    assert ann.send("PATCH", f"meetings/{number}", json=change).status_code == 204
    changed = ann.get(number)
    assert (changed["topic"], changed["start_time"]) == ("Walk", "2026-03-03T12:00:00Z")
    assert changed["join_url"] == made["join_url"]
    assert ann.send("DELETE", f"meetings/{number}").status_code == 204
    assert ann.refused("GET", f"meetings/{number}") == (404, 3001)
    assert ann.refused("DELETE", f"meetings/{number}") == (404, 3001)
    assert ann.refused("PATCH", f"meetings/{number}", json=change) == (404, 3001)
    person = sandbox.zoom.person(ANN)
    assert [each.kind for each in person.deeds(meeting=number)] == ["created", "updated", "deleted"]
    assert person.meetings == []


def test_a_program_on_its_own_names_its_host(sandbox: Sandbox) -> None:
    program = Program(sandbox, BOB, alone=True)
    made = program.create()
    assert made["host_email"] == BOB
    assert program.ok("GET", f"users/{BOB}")["email"] == BOB
    assert program.topics() == ["Talk"]
    assert program.refused("GET", "users/me") == (404, 1001)
    assert program.refused("POST", "users/nobody@example.test/meetings", json={}) == (404, 1001)
    assert program.refused("GET", f"users/{EVE}/meetings") == (404, 1001)


def test_a_time_without_a_z_is_of_the_zone(ann: Program) -> None:
    wall = {"start_time": "2026-03-03T10:00:00"}
    assert ann.create(**wall)["start_time"] == "2026-03-03T09:00:00Z"
    there = ann.create(**wall, timezone="Asia/Tokyo")
    assert (there["start_time"], there["timezone"]) == ("2026-03-03T01:00:00Z", "Asia/Tokyo")


def test_what_nobody_says_is_filled_in(ann: Program) -> None:
    made = ann.ok("POST", ann.path, json={})
    assert (made["type"], made["duration"], made["timezone"]) == (2, 60, "Europe/Berlin")
    assert datetime.fromisoformat(made["start_time"]) == START
    assert len(made["password"]) == 6
    settings = made["settings"]
    assert settings["auto_recording"] == "none"
    assert not settings["join_before_host"]
    assert not settings["waiting_room"]


@pytest.mark.parametrize("kind", [1, 3])
def test_meetings_without_a_time_have_none(ann: Program, kind: int) -> None:
    made = ann.create(type=kind)
    assert "start_time" not in made
    assert "occurrences" not in made
    assert "start_time" not in ann.get(made["id"])


def test_a_time_that_has_passed_is_now_and_changes_nothing(ann: Program) -> None:
    made = ann.create(**at(8, 1))
    assert datetime.fromisoformat(made["start_time"]) == datetime(2026, 3, 2, 9, tzinfo=UTC)
    later = ann.create()["id"]
    ann.ok("PATCH", f"meetings/{later}", json=at(8, 1))
    assert ann.get(later)["start_time"] == "2026-03-03T10:00:00Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"topic": "x" * 201}, "topic"),
        ({"agenda": "x" * 2001}, "agenda"),
        ({"duration": 0}, "duration"),
        ({"duration": "60"}, "duration"),
        ({"password": "with space"}, "password"),
        ({"password": "longer than10"}, "password"),
        ({"start_time": "tomorrow"}, "start_time"),
        ({"start_time": "2026-03-03T10:00:00+01:00"}, "start_time"),
        ({"start_time": "2026-02-30T10:00:00Z"}, "start_time"),
        ({"start_time": "9999-12-31T23:59:59"}, "start_time"),
        ({"start_time": "0001-01-01T00:00:00"}, "start_time"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"type": 4}, "type"),
        ({"type": 8}, "recurrence"),
        ({"recurrence": {"type": 1}}, "recurrence"),
        ({"settings": {"auto_recording": "tape"}}, "settings.auto_recording"),
        ({"settings": {"waiting_rom": True}}, "settings"),
        ({"toopic": "x"}, ""),
    ],
)
def test_what_zoom_has_no_meeting_for_is_refused(ann: Program, body: dict, field: str) -> None:
    assert ann.wrong("POST", ann.path, json={**at(10), **body}) == field
    assert ann.listed() == []


def test_a_change_that_is_refused_changes_nothing(ann: Program) -> None:
    number = ann.create()["id"]
    before = ann.get(number)
    for body in (
        {"topic": "Walk", "duration": 0},
        {"topic": "Walk", "timezone": "Mars/Olympus"},
        {"topic": "Walk", "type": 8},
        {"topic": "Walk", "type": 8, "recurrence": {"type": 2, "repeat_interval": 13}},
        {"topic": "Walk", "settings": {"loud": True}},
    ):
        ann.wrong("PATCH", f"meetings/{number}", json=body)
        assert ann.get(number) == before


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"null"], ids=["half a body", "a list", "nothing"]
)
def test_what_is_no_json_object_is_refused(ann: Program, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert ann.refused("POST", ann.path, content=content, headers=headers) == (400, 300)
    assert ann.refused("POST", ann.path, content=b"topic=x")[0] == 415


def test_settings_are_kept_and_changed_one_by_one(ann: Program) -> None:
    wanted = {"join_before_host": True, "jbh_time": 15, "mute_upon_entry": True,
              "auto_recording": "cloud"}  # fmt: skip
    number = ann.create(settings=wanted)["id"]
    assert wanted.items() <= ann.get(number)["settings"].items()
    ann.ok("PATCH", f"meetings/{number}", json={"settings": {"auto_recording": "local"}})
    assert ann.get(number)["settings"]["auto_recording"] == "local"
    assert ann.get(number)["settings"]["mute_upon_entry"]


def test_a_waiting_room_ends_joining_before_the_host(sandbox: Sandbox, ann: Program) -> None:
    both = {"join_before_host": True, "waiting_room": True}
    settings = ann.create(settings=both)["settings"]
    assert (settings["waiting_room"], settings["join_before_host"]) == (True, False)
    sandbox.zoom.misbehave(ANN, "waiting_room_locked")
    settings = ann.create(settings={"join_before_host": True, "waiting_room": False})["settings"]
    assert (settings["waiting_room"], settings["join_before_host"]) == (True, False)


def test_the_persons_own_settings_are_those_of_new_meetings() -> None:
    mine = {"waiting_room": True, "auto_recording": "local"}
    people = [{"email": ANN, "settings": mine}, {"email": BOB, "licensed": False}]
    with Sandbox({"zoom": {"accounts": people}}) as sandbox:
        assert mine.items() <= Program(sandbox).create()["settings"].items()
        free = Program(sandbox, BOB)
        assert free.ok("GET", "users/me")["type"] == 1
        made = free.create(settings={"auto_recording": "cloud"})
        assert made["settings"]["auto_recording"] == "none"


def test_a_user_is_only_ever_me_to_a_program_that_it_let_in(ann: Program) -> None:
    me = ann.ok("GET", "users/me")
    assert (me["email"], me["timezone"], me["type"]) == (ANN, "Europe/Berlin", 2)
    for name in (me["id"], ANN, BOB):
        assert ann.refused("GET", f"users/{name}") == (400, 4711)
        assert ann.refused("GET", f"users/{name}/meetings") == (400, 4711)
        assert ann.refused("POST", f"users/{name}/meetings", json={}) == (400, 4711)


def test_meetings_of_others_are_theirs(sandbox: Sandbox, ann: Program) -> None:
    path = f"meetings/{Program(sandbox, BOB).create()['id']}"
    assert ann.refused("GET", path) == (400, 3003)
    assert ann.refused("PATCH", path, json={"topic": "Mine"}) == (400, 3003)
    assert ann.refused("DELETE", path) == (400, 3003)
    elsewhere = f"meetings/{sandbox.zoom.person(EVE).create('Tea', START)}"
    assert Program(sandbox, ANN, alone=True).refused("GET", elsewhere) == (404, 3001)
    assert ann.refused("GET", "meetings/one") == (400, 300)
    assert ann.refused("POST", ann.path, json={"schedule_for": BOB}) == (400, 3000)
    assert ann.create(schedule_for=ANN)["host_email"] == ANN


def test_a_meeting_that_goes_on_or_is_over_cannot_be_deleted(
    sandbox: Sandbox, ann: Program
) -> None:
    person = sandbox.zoom.person(ANN)
    number = ann.create()["id"]
    person.begin(number)
    assert ann.get(number)["status"] == "started"
    assert ann.topics(type="live") == ["Talk"]
    assert ann.refused("DELETE", f"meetings/{number}") == (400, 3002)
    person.end(number)
    assert ann.refused("DELETE", f"meetings/{number}") == (400, 3007)
    assert ann.topics(type="upcoming") == []
    assert ann.topics(type="previous_meetings") == ["Talk"]


def test_tracking_fields_are_kept_where_an_administrator_made_them(ann: Program) -> None:
    mark = {"tracking_fields": [{"field": "booking", "value": "b-1"}]}
    assert ann.create(**mark)["tracking_fields"] == []
    account = ann.ok("GET", "users/me")["account_id"]
    zoom = {"accounts": [{"email": ANN}], "tracking_fields": {account: ["booking"]}}
    with Sandbox({"zoom": zoom}) as sandbox:
        program = Program(sandbox)
        number = program.create(**mark)["id"]
        [kept] = program.get(number)["tracking_fields"]
        assert (kept["field"], kept["value"]) == ("booking", "b-1")
        assert "tracking_fields" not in program.listed()[0]


def test_the_same_is_made_twice_when_it_is_asked_for_twice(ann: Program) -> None:
    """There is no key that makes creation safe to repeat: who retries has to look first."""
    one, two = ann.create(agenda="booking b-1"), ann.create(agenda="booking b-1")
    assert one["id"] != two["id"]
    assert [each["agenda"] for each in ann.listed()] == ["booking b-1"] * 2


def test_a_person_is_the_same_in_the_next_stand_in(ann: Program) -> None:
    with Sandbox({"zoom": {"accounts": [{"email": ANN}]}}) as other:
        assert Program(other).ok("GET", "users/me")["id"] == ann.ok("GET", "users/me")["id"]


def test_the_host_edits_at_zoom(sandbox: Sandbox, ann: Program) -> None:
    person = sandbox.zoom.person(ANN)
    number = person.create("Walk", START + timedelta(days=1), 30, agenda="By the river")
    read = ann.get(number)
    assert (read["topic"], read["duration"], read["agenda"]) == ("Walk", 30, "By the river")
    person.move(number, START + timedelta(days=2), 90)
    person.change(number, topic="Long walk")
    read = ann.get(number)
    assert (read["topic"], read["duration"]) == ("Long walk", 90)
    assert read["start_time"] == "2026-03-04T09:00:00Z"
    person.delete(number)
    assert ann.refused("GET", f"meetings/{number}") == (404, 3001)
    assert {each.client for each in person.deeds()} == {""}
    ann.create()
    assert [each.client for each in person.deeds("created")] == ["", CLIENT_ID]
    with pytest.raises(ZoomError):
        person.delete(number)


def test_hosts_get_mail_of_a_deletion_where_that_is_wanted(sandbox: Sandbox, ann: Program) -> None:
    others = {"alternative_hosts": f"{BOB};{EVE}"}
    for reminder in ("true", "false"):
        path = f"meetings/{ann.create(settings=others)['id']}"
        params = {"schedule_for_reminder": reminder, "cancel_meeting_reminder": "true"}
        assert ann.send("DELETE", path, params=params).status_code == 204
    assert [(each.to, each.method, each.summary) for each in sandbox.world.mail] == [
        *((each, "CANCEL", "Talk") for each in (ANN, BOB, EVE)),
    ]
    path = f"meetings/{ann.create()['id']}"
    wrong = {"cancel_meeting_reminder": "maybe"}
    assert ann.refused("DELETE", path, params=wrong) == (400, 300)
    assert ann.topics() == ["Talk"]


def test_the_same_seed_makes_the_same_meetings(ann: Program) -> None:
    with opened() as other:
        again = Program(other)
        assert again.create() == ann.create()


def test_another_passcode_makes_another_link_to_the_same_meeting(ann: Program) -> None:
    made = ann.create(password="abc-1")
    assert made["password"] == "abc-1"
    ann.ok("PATCH", f"meetings/{made['id']}", json={"topic": "Walk"})
    assert ann.get(made["id"])["join_url"] == made["join_url"]
    ann.ok("PATCH", f"meetings/{made['id']}", json={"password": "xyz_2"})
    read = ann.get(made["id"])
    assert read["password"] == "xyz_2"
    assert read["join_url"] != made["join_url"]
    assert read["join_url"].partition("?")[0] == made["join_url"].partition("?")[0]
