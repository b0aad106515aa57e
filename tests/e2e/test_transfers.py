"""Bookings that go to another calendar of their owners at Google, Microsoft and a CalDAV server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e import inside
from tests.e2e.trio import HOME, HOUR, WRITTEN, ZOOM, Trio


def move(three: Trio, room: str) -> Any:
    done = inside.run(three.served.config_path, "bookings", "move", room, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.covers("S4-33", "S4-06")
def test_bookings_go_to_a_second_calendar_and_back_again(three: Trio) -> None:
    starts = {room: three.book(room, f"{room}-goes", ZOOM) for room in WRITTEN}
    before = {room: three.shown(room, f"{room}-goes") for room in WRITTEN}
    meetings = {room: three.meeting(f"{room}-goes") for room in WRITTEN}
    first = {it["id"]: it["connections"][0]["write_calendar"] for it in three.resources}
    three.receive({room: three.second(room) for room in WRITTEN})
    try:
        for room in WRITTEN:
            uid, start = f"{room}-goes", starts[room]
            three.pull(room)
            assert len(three.standing(room, uid)) == 1, "it stays until somebody says so"
            told = move(three, room)
            assert (told["waiting"], told["failed"]) == (0, [])
            assert told["moved"] >= 1
            assert three.standing(room, uid) == []
            assert three.shown(room, uid).lines == before[room].lines
            three.pull(room)
            assert three.shown(room, uid).lines == before[room].lines
            assert three.meeting(uid) == meetings[room]
            assert three.busy(room, start, start + HOUR) == [(start, start + HOUR, "BUSY")]
            assert three.put(room, uid, start + HOUR, ZOOM).status == 204
            assert three.standing(room, uid) == []
    finally:
        three.receive(first)
    for room in WRITTEN:
        uid, start = f"{room}-goes", starts[room]
        three.pull(room)
        assert move(three, room)["failed"] == []
        [(there, link)] = three.standing(room, uid)
        assert there == start + HOUR
        assert link or room != HOME
        cancelled = ["CANCEL", "CANCEL"] if room == "teams" else []  # Outlook tells guests
        mails = sorted(three.mailed(uid))
        wanted = [] if room == HOME else [*cancelled, *["REQUEST"] * 4]
        assert mails == wanted, "invited, invited, told of the other time, invited"
        assert three.write("DELETE", room, uid).status == 204
        assert three.standing(room, uid) == []
