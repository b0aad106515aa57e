"""Other people's programs book at Google, at Microsoft and on an Apple-style CalDAV server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bookable import text
from tests.e2e.programs import CaldavSession, Vdirsyncer
from tests.e2e.served import ical
from tests.e2e.sources import vevent
from tests.e2e.test_everywhere import fail, link_of
from tests.e2e.trio import DAY, HOME, HOUR, WRITTEN, Trio
from tests.servers.faultproxy import Answer, Call, FaultProxy, Forward

DAILY = "RRULE:FREQ=DAILY;COUNT={}"


def unfolded(text: str) -> str:
    return text.replace("\r\n ", "").replace("\n ", "")


def offsets(three: Trio, room: str, uid: str, start: int) -> list[int]:
    """When the occurrences begin, as the provider works them out, in seconds after the first."""
    return [it - start for it in three.taken(room, uid)]


@pytest.mark.client("caldav")
@pytest.mark.covers("A-13", "A-14", "A-15", "A-17", "A-25")
def test_python_caldav_books_at_all_three(three: Trio, tmp_path: Path) -> None:
    url = f"{three.served.url}/"
    with CaldavSession(tmp_path / "home", url, three.booked.login) as program:
        program.ask("discover")
        for room in WRITTEN:
            uid, mine = f"{room}-python", {"calendar": f"{room} - bookings"}
            start = three.hour()
            program.ask("add", **mine, start=start, uid=uid, summary=uid)
            link = link_of(three, room, uid)
            [seen] = program.ask("between", **mine, start=start, end=start + HOUR)
            assert link in seen.replace("\r\n ", "").replace("\n ", "")
            program.ask("move_event", **mine, uid=uid, start=start + HOUR)
            assert three.standing(room, uid) == [(start + HOUR, link)]
            if room == HOME:
                three.served.wait(lambda at=start: zoom_at(three, HOME) == at + HOUR, "Zoom has it")
            clash = program.told("add", **mine, start=start + HOUR, uid=f"{uid}-2")
            assert clash["refused"] == 403
            program.ask("delete_event", **mine, uid=uid)
            assert three.standing(room, uid) == []
        three.served.wait(lambda: zoom_at(three, HOME) is None, "Zoom has it no more")


def zoom_at(three: Trio, room: str) -> int | None:
    """When the meeting at Zoom begins that python caldav booked."""
    found = three.meeting(f"{room}-python")
    return None if found is None else int(found.start.timestamp())


@pytest.mark.client("vdirsyncer")
@pytest.mark.covers("A-13", "A-14", "A-15")
def test_vdirsyncer_books_at_all_three_with_one_synchronization(
    three: Trio, tmp_path: Path
) -> None:
    program = Vdirsyncer(tmp_path / "home", f"{three.served.url}/", three.booked.login)
    for room in WRITTEN:  # an emptied folder it would not believe
        three.book(room, f"{room}-stays")
    program.vdirsyncer("discover")
    program.vdirsyncer("sync")
    files, starts = {}, {}
    for room in WRITTEN:
        uid = f"{room}-files"
        starts[room] = three.hour()
        where = f"calendars/{room}.bookings/{uid}.ics"
        files[room] = program.write(where, text(room, uid, starts[room]))
    program.vdirsyncer("sync")
    links = {room: link_of(three, room, f"{room}-files") for room in WRITTEN}
    program.vdirsyncer("sync")
    for room, file in files.items():
        seen = file.read_text().replace("\r\n ", "").replace("\n ", "")
        assert links[room] in seen.replace("\\", "")
        moved = seen.replace(ical(starts[room]), ical(starts[room] - HOUR))
        file.write_text(moved.replace(ical(starts[room] + HOUR), ical(starts[room])))
    program.vdirsyncer("sync")
    for room, file in files.items():
        assert three.standing(room, f"{room}-files") == [(starts[room] - HOUR, links[room])]
        file.unlink()
    program.vdirsyncer("sync")
    assert not any(three.standing(room, f"{room}-files") for room in WRITTEN)


def and_no_answer(call: Call, forward: Forward) -> Answer:
    """Let the server do it, and lose what it answers."""
    answer = forward(call)
    return Answer(504) if call.method == "PUT" else answer


@pytest.mark.client("caldav", "vdirsyncer")
@pytest.mark.covers("A-16", "A-20", "A-25")
@pytest.mark.parametrize("room", WRITTEN)
def test_programs_repeat_lost_requests_and_see_meetings_that_come_late(
    three: Trio, tmp_path: Path, room: str
) -> None:
    start, uids = three.hour(), [f"{room}-again", f"{room}-again-files"]
    other = three.hour()
    three.book(room, f"{room}-stays-too")
    mine = {"calendar": f"{room} - bookings"}
    with FaultProxy(three.served.url) as proxy:
        files = Vdirsyncer(tmp_path / "files", proxy.url(), three.booked.login)
        files.vdirsyncer("discover")
        files.vdirsyncer("sync")
        with CaldavSession(tmp_path / "home", proxy.url(), three.booked.login) as program:
            program.ask("discover")
            fail(three, room)
            try:
                for _ in range(2):
                    with proxy.fault(and_no_answer):
                        program.told("add", **mine, start=start, uid=uids[0], summary=uids[0])
                        files.write(
                            f"calendars/{room}.bookings/{uids[1]}.ics", text(room, uids[1], other)
                        )
                        assert files.run("vdirsyncer", "sync").returncode == 1
            finally:
                three.behave()
            program.told("add", **mine, start=start, uid=uids[0], summary=uids[0])
            files.run("vdirsyncer", "sync")
            assert [len(three.standing(room, uid)) for uid in uids] == [1, 1]

            def linked() -> bool:
                three.hasten()
                return all(three.shown(room, uid).value("CONFERENCE") for uid in uids)

            three.served.wait(linked, "a later try makes their meetings")
            [seen] = program.ask("between", **mine, start=start, end=start + HOUR)
            assert link_of(three, room, uids[0]) in unfolded(seen)
        clash = text(room, f"{room}-clash", start)
        files.write(f"calendars/{room}.bookings/{room}-clash.ics", clash)
        refused = files.run("vdirsyncer", "sync")
        assert refused.returncode == 1
        assert "403" in refused.stdout
        assert three.standing(room, f"{room}-clash") == []


@pytest.mark.client("caldav")
@pytest.mark.covers("A-18", "A-19", "A-21", "A-22", "A-23", "A-24")
def test_python_caldav_changes_series_and_sees_what_its_owner_does_at_all_three(
    three: Trio, tmp_path: Path
) -> None:
    with CaldavSession(tmp_path / "home", f"{three.served.url}/", three.booked.login) as program:
        program.ask("discover")
        for room in WRITTEN:
            _series(three, program, room)
            _way_back(three, program, room)


def _series(three: Trio, program: Any, room: str) -> None:
    uid, rest = f"{room}-py-series", f"{room}-py-rest"
    mine = {"calendar": f"{room} - bookings"}
    start = three.book(room, uid, DAILY.format(5))
    moved = [start + DAY, start + DAY + HOUR]
    program.ask("change_series", **mine, uid=uid, moved=moved, dropped=start + 2 * DAY)
    assert offsets(three, room, uid, start) == [0, DAY + HOUR, 3 * DAY, 4 * DAY]
    program.ask("end_series", **mine, uid=uid, until=start + 3 * DAY)
    rule = {"FREQ": "DAILY", "COUNT": 2}
    later = start + 4 * DAY + HOUR
    program.ask("add", **mine, start=later, uid=rest, summary=rest, rrule=rule)
    assert offsets(three, room, uid, start) == [0, DAY + HOUR, 3 * DAY]
    assert offsets(three, room, rest, later) == [0, DAY]
    for each in (uid, rest):
        program.ask("delete_event", **mine, uid=each)
        assert three.standing(room, each) == []


def _way_back(three: Trio, program: Any, room: str) -> None:
    uid, mine = f"{room}-py-back", {"calendar": f"{room} - bookings"}
    start = three.book(room, uid)
    three.pull(room)
    program.ask("sync", **mine)
    program.ask("open_event", **mine, uid=uid)
    three.move(room, uid, start + HOUR)
    three.pull(room)
    stale = program.told("save_open", summary="Stale")
    assert (stale["refused"], stale["error"]) == (412, "ScheduleTagMismatchError")
    assert [it for it, _ in three.standing(room, uid)] == [start + HOUR]
    told = program.ask("sync", **mine)
    assert told["changed"] == 1
    [seen] = [it for it in map(unfolded, told["events"]) if f"UID:{uid}" in it]
    assert f"DTSTART:{ical(start + HOUR)}" in seen.replace(";TZID=UTC", "")
    three.delete(room, uid)

    def cancelled() -> bool:
        three.pull(room)  # while its meeting follows the move, what is pulled may be older
        return three.shown(room, uid).value("STATUS") == "CANCELLED"

    three.served.wait(cancelled, "its booking is cancelled")
    told = program.ask("sync", **mine)
    [seen] = [it for it in map(unfolded, told["events"]) if f"UID:{uid}" in it]
    assert "STATUS:CANCELLED" in seen
    refused = program.told("add", calendar=f"{room} - busy", start=start, uid=f"{uid}-busy")
    assert (refused["refused"], refused["unmet"][0]) == (403, "{DAV:}need-privileges")


@pytest.mark.client("vdirsyncer")
@pytest.mark.covers("A-18", "A-19", "A-22", "A-23", "A-24")
def test_vdirsyncer_changes_series_and_takes_what_owners_do_at_all_three(
    three: Trio, tmp_path: Path
) -> None:
    program = Vdirsyncer(tmp_path / "home", f"{three.served.url}/", three.booked.login)
    starts = {room: three.book(room, f"{room}-dir-tale", DAILY.format(4)) for room in WRITTEN}
    for room in WRITTEN:
        three.book(room, f"{room}-dir-keeps")  # an emptied folder it would not believe
    program.vdirsyncer("discover")
    program.vdirsyncer("sync")
    files: dict[str, Path] = {}
    for room, start in starts.items():
        uid, rest = f"{room}-dir-tale", f"{room}-dir-later"
        lines = [f"RECURRENCE-ID:{ical(start + DAY)}", f"DTSTART:{ical(start + DAY + HOUR)}"]
        part = vevent(uid, *lines, f"DTEND:{ical(start + DAY + 2 * HOUR)}")
        ended = f"RRULE:FREQ=DAILY;UNTIL={ical(start + 2 * DAY)}"
        whole = text(room, uid, start, ended, f"EXDATE:{ical(start)}")
        part = part.replace(f"secret of {uid}", uid)
        [files[room]] = (
            it for it in program.folder(f"{room}.bookings").glob("*.ics") if uid in it.read_text()
        )
        files[room].write_text(whole.replace("END:VCALENDAR", f"{part}END:VCALENDAR"))
        after = text(room, rest, start + 3 * DAY + HOUR)
        program.write(f"calendars/{room}.bookings/{rest}.ics", after)
    for _ in range(2):  # once more: nothing is doubled
        program.vdirsyncer("sync")
        for room, start in starts.items():
            assert offsets(three, room, f"{room}-dir-tale", start) == [DAY + HOUR, 2 * DAY]
            assert len(three.standing(room, f"{room}-dir-later")) == 1

    for room, start in starts.items():
        three.pull(room)
        three.move(room, f"{room}-dir-later", start + 3 * DAY)
        three.delete(room, f"{room}-dir-keeps")
        three.pull(room)
    program.vdirsyncer("sync")
    for room, start in starts.items():
        every = [unfolded(it.read_text()) for it in program.folder(f"{room}.bookings").iterdir()]
        [moved] = (it for it in every if f"UID:{room}-dir-later" in it)
        [gone] = (it for it in every if f"UID:{room}-dir-keeps" in it)
        assert f"DTSTART:{ical(start + 3 * DAY)}" in moved.replace(";TZID=UTC", "")
        assert "STATUS:CANCELLED" in gone
    written = text(room, "mine", start)
    program.write(f"calendars/{room}.busy/mine.ics", written)
    refused = program.run("vdirsyncer", "sync")
    assert refused.returncode == 1
    assert "403" in refused.stdout
