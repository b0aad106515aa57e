"""Meetings: what a program makes, changes and deletes, and what becomes of what it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.zoom.people import ANN, BOB, EVE, START, Program, at


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
