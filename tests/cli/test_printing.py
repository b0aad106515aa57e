"""What stands on a terminal, in a pipe, and in the JSON that programs read."""

from __future__ import annotations

import re

import pytest

from tests.cli.folder import CALENDAR, EVIL, Folder, at
from tests.servers.origin import Answer, Origin

SPAN = ("--from", at(0), "--to", at(24))
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
# What the table itself sends: colours, and the cursor of a progress bar.
OWN = re.compile(r"\x1b\[(\d+(;\d+)*m|\?25[hl]|K)|\r")


def test_a_table_is_framed_on_a_terminal_and_plain_in_a_pipe(house: Folder) -> None:
    framed = house.on_terminal("busy", "room-a", *SPAN)
    assert "│ BUSY " in framed
    assert "╭" in framed
    plain = house.run("busy", "room-a", *SPAN).ok().out
    assert plain.splitlines()[0].split() == ["from", "to", "type"]
    assert plain.isascii()


def test_titles_cannot_give_orders_to_a_terminal(house: Folder) -> None:
    for arguments in (("--event", "board"), ("--event", "board", "--json")):
        shown = house.on_terminal("explain", "room-a", *arguments, columns=200)
        assert "Board" in shown
        assert not OBEYED.search(OWN.sub("", shown))
    [told] = house.json("explain", "room-a", "--event", "board")
    assert told["summary"] == re.sub("[\x1b\x07]", "", EVIL), "programs read all of it"


def test_a_name_that_a_terminal_cannot_write_is_no_fault(house: Folder) -> None:
    poor = {"PYTHONIOENCODING": "ascii"}
    assert house.run("explain", "room-a", "--event", "board", environ=poor).code == 0


@pytest.mark.covers("S0-30")
def test_connections_are_listed_with_their_calendars_and_their_last_pull(house: Folder) -> None:
    [told] = house.json("connections", "list")
    assert house.run("--json", "connections", "list").json == [told], "before the command as well"
    assert (told["provider"], told["status"], told["error"]) == ("ics", "active", None)
    assert told["last_sync_at"].endswith("Z")
    assert [calendar["name"] for calendar in told["calendars"]] == ["calendar"]
    line = house.run("connections", "list", "room-a").ok().out.splitlines()[1]
    assert line.split() == [
        "room-a.file",
        "ics",
        "active",
        "idle",
        told["last_sync_at"],
        "calendar",
    ]
    shown = house.run("connections", "show", "room-a.file").ok().out
    assert "room-a.file/calendar: time zone 'Nowhere/City' is unknown" in shown
    assert ["read", "calendars", "all"] in [line.split() for line in shown.splitlines()]
    assert told["read_calendars"] is None


def test_status_says_that_all_is_well_and_what_was_guessed(house: Folder) -> None:
    house.run("sync").ok()  # the first one may be a while ago
    done = house.run("status").ok()
    assert "time zone 'Nowhere/City' is unknown" in done.out
    assert done.out.endswith("all is well\n")


def test_who_is_asked_for_a_pause_is_not_told_that_all_is_well(folder: Folder) -> None:
    """It needs nobody; and whoever looks finds what the freshness of answers counts."""
    with Origin() as origin:
        origin.routes["/a.ics"] = Answer(429, {"Retry-After": "600"})
        away = {"id": "away", "provider": "ics", "url": origin.url("/a.ics")}
        folder.prepare(
            outbound={"allow_networks": ["127.0.0.1/32"]},
            resources=[{"id": "room-a", "connections": [away]}],
        )
        assert folder.run("sync").code != 0
    done = folder.run("status").ok()
    assert done.out.endswith("1 of 1 connection could not be read and is tried again\n")
    shown = folder.run("connections", "show", "room-a.away").ok().out
    [calendar] = folder.json("connections", "show", "room-a.away")["calendars"]
    assert (calendar["name"], calendar["stale"]) == ("", False)
    head, row = (each for each in shown.splitlines() if "too old" in each or "(not seen" in each)
    assert head.split()[-4:] == ["failed", "since", "too", "old"]
    assert calendar["failed_since"] in row


def test_progress_is_shown_on_a_terminal_alone(folder: Folder) -> None:
    folder.prepare()
    assert "100%" in folder.on_terminal("sync")
    (folder.path / "calendar.ics").write_text(CALENDAR.replace("Perhaps", "Maybe"), newline="")
    piped = folder.run("sync").ok()
    assert piped.err == ""
    assert piped.out.splitlines()[1].split()[:4] == ["room-a.file", "ok", "1", "event,"]


def test_ctrl_c_ends_a_command_without_a_traceback(house: Folder) -> None:
    shown = house.on_terminal("users", "passwd", "alice", answers={"Password:": "\x03"})
    assert "Aborted." in shown
    assert "Traceback" not in shown
