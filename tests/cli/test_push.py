"""Why a calendar is only polled is said by every command that looks, and is no problem."""

from __future__ import annotations

import json

import pytest

from tests.cli.folder import Folder

COMMANDS_INSIDE = True

RESOURCES = [
    {
        "id": "room-a",
        "connections": [
            {"id": "work", "provider": "google"},
            {"id": "file", "provider": "ics", "path": "calendar.ics"},
        ],
    }
]
WHY = "server.base_url is no https URL of a host that the provider can reach"


@pytest.fixture
def room(folder: Folder) -> Folder:
    folder.prepare(resources=RESOURCES, providers={"google": {"client_id": "1234"}})
    return folder


def test_check_says_it_and_finds_no_problem(room: Folder) -> None:
    done = room.run("check").ok()
    note, summary = done.out.splitlines()
    assert note == f"Google Calendar is polled, and tells of no changes: {WHY}"
    assert summary.endswith("no problems")
    assert json.loads(room.run("check", "--json").ok().out)["notes"] == [note]


def test_doctor_says_it_once(room: Folder) -> None:
    assert room.run("doctor").out.count(WHY) == 1


def test_status_says_it_of_accounts_that_are_connected(room: Folder) -> None:
    room.run("sync", "room-a.file").ok()
    shown = json.loads(room.run("status", "--json").out)["connections"]
    states = {each["id"]: each["push"] for each in shown}
    assert states["room-a.work"] == {"state": "off", "reason": WHY}
    assert states["room-a.file"] == {"state": "unsupported", "reason": ""}
    assert WHY not in room.run("status").out, "one that is pending is not polled either"


def test_nothing_is_said_where_it_works_or_nobody_could_tell(folder: Folder) -> None:
    public = {"base_url": "https://cal.example.com"}
    folder.prepare(resources=RESOURCES, server=public)
    assert len(folder.run("check").ok().out.splitlines()) == 1
    folder.prepare(resources=[{"id": "room-a", "connections": RESOURCES[0]["connections"][1:]}])
    assert len(folder.run("check").ok().out.splitlines()) == 1
