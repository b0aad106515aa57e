"""Busy time and its reasons, from the command line."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.cli.folder import DAY, Folder, at, calendar, event
from tests.e2e.served import feed_periods, freebusy_periods, json_periods

COMMANDS_INSIDE = True

SPAN = ("--from", at(0), "--to", at(24))


def hours(*spans: tuple[float, float, str]) -> list[tuple[int, int, str]]:
    midnight = int(DAY.timestamp())
    return [(midnight + int(a * 3600), midnight + int(b * 3600), kind) for a, b, kind in spans]


def test_every_format_shows_the_same_periods(house: Folder) -> None:
    outs = {
        form: house.run("busy", "room-a", *SPAN, "--format", form).ok().out
        for form in ("table", "ics", "ifb")
    }
    expected = hours(
        (9, 9.5, "BUSY"),
        (9.5, 10.5, "BUSY-UNAVAILABLE"),
        (11.5, 12.5, "BUSY"),  # five in the afternoon in Kolkata
        (13, 14, "BUSY-TENTATIVE"),
    )
    assert freebusy_periods(outs["ifb"].encode()) == expected
    assert feed_periods(outs["ics"].encode()) == expected
    key_file = (house.path / "busybridge.key").read_text()
    instance = re.search(r"^instance (\w+)$", key_file, re.MULTILINE)
    for form in ("ics", "ifb"):
        assert f"\nX-BUSYBRIDGE-ORIGIN:{instance[1]}\r\n" in outs[form], "own blocks are no source"
    told = house.run("busy", "room-a", *SPAN, "--json").ok().out
    assert json_periods(told.encode()) == expected
    assert [line.split()[-1] for line in outs["table"].splitlines()[1:]] == [
        kind for *_, kind in expected
    ]
    assert f"{DAY:%a %Y-%m-%d} 14:30 IST  {DAY:%a %Y-%m-%d} 15:00 IST  BUSY\n" in outs["table"]


def test_free_time_and_the_end_of_knowledge_are_said(house: Folder) -> None:
    free = house.run("busy", "room-a", "--from", at(20), "--to", at(21)).ok()
    night = DAY + timedelta(days=1)
    assert free.out == f"free from {night:%a %F} 01:30 IST to {night:%a %F} 02:30 IST\n"
    far = house.run("busy", "room-a", "--from", at(0), "--to", "+9999d").ok()
    assert "nothing after it is called free" in far.err
    past = house.run("busy", "room-a", "--from", "1999-01-01", "--to", "1999-02-01")
    assert past.code == 2
    assert "busy time is known from" in past.err


@pytest.mark.covers("S4-36")
def test_explain_tells_what_blocks_a_moment_and_what_does_not(house: Folder) -> None:
    told = house.json("explain", "room-a", "--at", at(9.75))
    assert {it["uid"]: it["blocks"] for it in told} == {"board": "BUSY", "away": "BUSY-UNAVAILABLE"}
    shown = house.run("explain", "room-a", "--at", at(11.75)).ok().out.splitlines()
    garden = next(line for line in shown if "garden" in line)
    assert garden.startswith("room-a.file/calendar  Think about the garden")
    assert " no " in garden
    assert "transparent" in garden
    nowhere = next(line for line in shown if "  Nowhere" in line)
    assert " BUSY " in nowhere
    assert "time zone 'Nowhere/City' is unknown" in nowhere


def test_explain_of_an_event_tells_why_it_does_not_block(house: Folder) -> None:
    [told] = house.json("explain", "room-a", "--event", "called-off")
    assert (told["summary"], told["blocks"], told["start"]) == ("Called off", None, at(15))
    assert "cancelled" in told["reason"]


def test_of_an_endless_series_people_see_what_comes_next_and_programs_everything(
    folder: Folder,
) -> None:
    folder.prepare()
    daily = event("daily", "Daily", 9, 10, "RRULE:FREQ=DAILY")
    (folder.path / "calendar.ics").write_text(calendar(daily), newline="")
    folder.run("sync").ok()
    everything = folder.json("explain", "room-a", "--event", "daily")
    assert len(everything) > 300
    *shown, remark = folder.run("explain", "room-a", "--event", "daily").ok().out.splitlines()[1:]
    assert len(shown) == 20
    assert f"{DAY:%a %Y-%m-%d} 14:30 IST" in shown[0]
    assert remark == f"{len(everything) - 20} more, before and after; --json shows them all"


@pytest.mark.covers("S4-36")
def test_an_event_that_is_missed_is_looked_for_in_what_is_read(house: Folder) -> None:
    done = house.run("explain", "room-a", "--event", "lost").ok()
    assert "no event of the UID 'lost' was found in what room-a reads:" in done.out
    assert "  room-a.file/calendar, last read 2" in done.out
    assert "`busybridge sync room-a --full`" in done.out


def test_urls_are_a_card_for_whoever_subscribes(house: Folder) -> None:
    told = house.json("urls", "room-a", "--user", "alice")
    base = "http://127.0.0.1:0"
    assert told["user"] == {
        "server": f"{base}/",
        "login": "alice",
        "access": "read",
        "busy": f"{base}/alice/room-a.busy/",
        "bookings": f"{base}/alice/room-a.bookings/",
        "calendar": f"{told['name']} - busy",
        "listed": True,
        "writable": False,
    }
    assert [feed["name"] for feed in told["feeds"]] == ["team", "wall"]
    shown = house.run("urls", "room-a", "--user", "alice").ok().out
    user = told["user"]
    urls = (told["free_busy"], told["json"], user["server"], user["busy"], user["bookings"])
    for url in (*urls, *(feed["url"] for feed in told["feeds"])):
        assert url in shown
    for word in ("busy", "bookings"):
        assert f"({told['name']} - {word}, read-only, found by the program)" in shown
    assert told["feeds"][0]["url"].replace("http:", "webcal:") in shown
    assert "`busybridge users app-password create alice PROGRAM`" in shown
