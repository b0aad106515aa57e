"""What an owner does to an event of ours in Google's, Microsoft's or a CalDAV server's calendar."""

from __future__ import annotations

from datetime import UTC

import pytest

from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.interval import Window
from tests.e2e.bookable import path
from tests.e2e.served import ical
from tests.e2e.trio import DAY, HOME, HOUR, WRITTEN, ZOOM, Trio


@pytest.mark.covers("A-24", "F44", "F54", "S1-03")
@pytest.mark.parametrize("room", WRITTEN)
def test_a_booking_and_its_meeting_move_with_their_event(three: Trio, room: str) -> None:
    uid = f"{room}-moved"
    start = three.book(room, uid, ZOOM)
    three.pull(room)
    before, since = three.shown(room, uid), three.changes(room).token
    three.told()
    three.move(room, uid, start + HOUR)
    three.pull(room)
    after = three.shown(room, uid)
    assert after.etag != before.etag
    assert int(after.value("SEQUENCE")) == int(before.value("SEQUENCE") or 0) + 1
    changed = three.changes(room, since)
    assert changed.token != since
    assert list(changed.objects.values()) == ["200"]
    assert [kind for kind, _ in three.told()] == ["booking.updated"]
    assert three.busy(room, start, start + 3 * HOUR) == [(start + HOUR, start + 2 * HOUR, "BUSY")]

    def followed() -> bool:
        found = three.meeting(uid)
        return found is not None and int(found.start.timestamp()) == start + HOUR

    three.served.wait(followed, "the meeting is moved, too")
    three.pull(room)
    assert three.shown(room, uid).etag == after.etag, "its own echo changes nothing"
    assert three.told() == []


@pytest.mark.covers("A-23")
@pytest.mark.parametrize("room", WRITTEN)
def test_events_that_are_deleted_or_declined_cancel_their_bookings_and_end_their_meetings(
    three: Trio, room: str
) -> None:
    ways = {f"{room}-deleted": three.delete, f"{room}-declined": three.decline}
    if room == "teams":  # an organizer cannot decline in Outlook
        ways.popitem()
    starts = {uid: three.book(room, uid, ZOOM) for uid in ways}
    three.pull(room)
    before = {uid: three.shown(room, uid) for uid in ways}
    since = three.changes(room).token
    three.told()
    for uid, end in ways.items():
        end(room, uid)
    three.pull(room)
    changed = three.changes(room, since)
    assert changed.token != since
    assert len(changed.objects) == len(ways)
    told = three.told()
    assert [kind for kind, _ in told] == ["booking.cancelled"] * len(ways)
    assert {it["uid"]: it["reason"] for _, it in told} == {
        uid: f"its event was {uid.partition('-')[2]} in the calendar" for uid in ways
    }
    for uid, start in starts.items():
        after = three.shown(room, uid)
        assert after.value("STATUS") == "CANCELLED"
        assert after.etag != before[uid].etag
        assert int(after.value("SEQUENCE")) > int(before[uid].value("SEQUENCE") or 0)
        assert three.busy(room, start, start + HOUR) == []
    three.served.wait(
        lambda: not any(map(three.meeting, ways)), "the meetings at Zoom are gone, too"
    )
    # Another client deletes what it sees as cancelled; a deletion finds nothing there any more.
    for uid in ways:
        assert three.write("DELETE", room, uid).status == 204
    assert all(three.shown(room, uid).status == 404 for uid in ways)
    assert three.told() == [], "it was told of"


@pytest.mark.covers("F53", "P3")
@pytest.mark.parametrize("room", WRITTEN)
def test_an_event_that_goes_to_another_calendar_is_its_owners_and_blocks_where_it_is_read(
    three: Trio, room: str
) -> None:
    uid = f"{room}-carried"
    start = three.book(room, uid, ZOOM)
    three.pull(room)
    three.told()
    elsewhere = three.second(room, "Elsewhere")
    three.carry(room, uid, elsewhere)
    three.pull(room)
    assert [kind for kind, _ in three.told()] == ["booking.cancelled"]
    assert three.shown(room, uid).value("STATUS") == "CANCELLED"
    # Of the account at home one calendar alone is read.
    blocks = [] if room == HOME else [(start, start + HOUR, "BUSY")]
    assert three.busy(room, start, start + HOUR) == blocks
    assert three.write("DELETE", room, uid).status == 204
    three.pull(room)
    assert three.titles(room, elsewhere) == [uid], "nothing of ours deletes it there"
    assert three.busy(room, start, start + HOUR) == blocks
    assert three.told() == []


@pytest.mark.covers("A-23", "S1-27", "S1-35")
def test_a_deletion_is_only_told_of_where_the_connection_says_so(three: Trio) -> None:
    starts = {room: three.book(room, f"{room}-kept", ZOOM) for room in WRITTEN}
    for room in WRITTEN:
        three.set_up(room, "cancel_if_declined_or_deleted=false")
    try:
        for room in WRITTEN:
            three.pull(room)
        three.told()
        for room in WRITTEN:
            uid = f"{room}-kept"
            before = three.shown(room, uid)
            (three.decline if room == HOME else three.delete)(room, uid)
            three.pull(room)
            three.pull(room)
            [(kind, payload)] = three.told()
            assert (kind, payload["uid"]) == ("booking.failed", uid)
            assert three.shown(room, uid).etag == before.etag
            start = starts[room]
            assert three.busy(room, start, start + HOUR) == [(start, start + HOUR, "BUSY")]
            assert three.meeting(uid)
    finally:
        for room in WRITTEN:
            three.set_up(room, "cancel_if_declined_or_deleted=")
    for room in WRITTEN:  # a booking without its event would be in the way of a move of all
        assert three.write("DELETE", room, f"{room}-kept").status == 204


@pytest.mark.covers("F44", "F55")
@pytest.mark.parametrize("room", WRITTEN)
def test_what_is_pulled_does_not_revert_a_newer_write_and_both_sides_changes_are_made(
    three: Trio, room: str
) -> None:
    uid, title = f"{room}-both", f"{room}-renamed"
    start = three.book(room, uid)
    three.rename(room, uid, title)
    # Nobody has seen that yet, and the client moves what it knows.
    assert three.put(room, uid, start + HOUR).status == 204
    mine = three.shown(room, uid)
    three.pull(room)
    shown = three.shown(room, uid)
    assert shown.value("SUMMARY") == title
    assert shown.value("DTSTART") == mine.value("DTSTART")
    [(there, _)] = three.standing(room, title)
    assert there == start + HOUR
    three.told()
    three.pull(room)
    assert three.shown(room, uid).etag == shown.etag
    assert three.told() == []
    assert three.busy(room, start, start + 2 * HOUR) == [(start + HOUR, start + 2 * HOUR, "BUSY")]


@pytest.mark.parametrize("room", WRITTEN)
def test_occurrences_that_are_moved_or_deleted_there_are_so_here(three: Trio, room: str) -> None:
    uid = f"{room}-series"
    start = three.book(room, uid, "RRULE:FREQ=DAILY;COUNT=4")
    three.pull(room)
    second, third = start + DAY, start + 2 * DAY
    three.change_series(room, uid, moved=(second, second + HOUR), deleted=third)
    three.told()
    three.pull(room)
    assert [kind for kind, _ in three.told()] == ["booking.updated"]
    starts = [it for it, _, _ in three.busy(room, start, start + 5 * DAY)]
    taken = [it for it in starts if (it - start) % DAY in {0, HOUR}]
    assert [it - start for it in taken] == [0, DAY + HOUR, 3 * DAY]
    shown = three.shown(room, uid)
    assert ical(second) in "".join(it for it in shown.lines if it.startswith("RECURRENCE-ID"))
    assert ical(third) in "".join(it for it in shown.lines if it.startswith("EXDATE"))
    # The client goes on from there, and takes nothing back.
    octets = "\r\n".join(shown.lines).replace(f"SUMMARY:{uid}", f"SUMMARY:{uid} again")
    assert three.write("PUT", room, uid, octets).status == 204
    three.pull(room)
    assert [it for it, _, _ in three.busy(room, start, start + 5 * DAY)] == starts


@pytest.mark.parametrize(("room", "title"), [("meet", "summary"), ("teams", "subject")])
def test_this_and_following_there_takes_its_part_out_of_the_booking_and_frees_nothing(
    three: Trio, room: str, title: str
) -> None:
    uid = f"{room}-whole"
    start = three.book(room, uid, "RRULE:FREQ=DAILY;COUNT=4")
    three.pull(room)
    three.split(room, uid, start + 2 * DAY, **{title: f"{room}-rest-of-it"})
    three.pull(room)
    ours = three.client.ask("GET", path(room, uid)).body.decode()
    [series] = parse_calendar(ours.replace("\r\n ", "")).series
    every = expand(series.series, Window(start, start + 9 * DAY), UTC, day_zone=UTC).occurrences
    assert [it.start - start for it in every] == [0, DAY], "the rest is somebody else's by now"
    busy = [it - start for it, _, _ in three.busy(room, start, start + 5 * DAY)]
    assert [it for it in busy if it % DAY == 0] == [0, DAY, 2 * DAY, 3 * DAY]
