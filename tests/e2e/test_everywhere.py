"""What clients do with bookings, at Google, at Microsoft and on an Apple-style CalDAV server."""

from __future__ import annotations

import http.client
import json
from contextlib import nullcontext

import pytest

from bridge.model.interval import utc
from bridge.sandbox.world import MEET
from tests.e2e import reports
from tests.e2e.bookable import ANN, HOST, path, text
from tests.e2e.served import freebusy_periods, ical, joined
from tests.e2e.sources import vevent
from tests.e2e.trio import DAY, FIRST, HOME, HOUR, WRITTEN, Trio


def link_of(three: Trio, room: str, uid: str) -> str:
    """Wait for the link that a client sees; it is the one of the event."""

    def there() -> bool:
        return bool(three.shown(room, uid).value("CONFERENCE"))

    three.served.wait(there, f"{uid} has its link")
    link = three.shown(room, uid).value("CONFERENCE")
    [(_, at_provider)] = three.standing(room, uid)
    assert at_provider == link
    return link


@pytest.mark.covers("A-13", "A-14", "A-15", "A-17", "S0-02", "S0-03", "S0-04", "S0-19", "S0-22")
@pytest.mark.covers("S1-02", "S1-05", "S4-01")
@pytest.mark.parametrize("room", WRITTEN)
def test_a_booking_with_a_guest_lives_at_its_provider_with_its_meeting(
    three: Trio, room: str
) -> None:
    uid, start = f"{room}-lives", three.hour()
    three.told()
    if room == "meet":
        three.booked.sandbox.misbehave(ANN, "meet_pending", 2, times=1)
    made = three.put(room, uid, start)
    assert (made.status, made.etag) == (201, ""), "readers get more than was sent"
    link = link_of(three, room, uid)
    shown = three.shown(room, uid)
    assert shown.value("LOCATION").replace("\\", "") == link
    assert "SCHEDULE-STATUS=1.1" in "".join(shown.lines)
    kinds = [kind for kind, payload in three.told() if payload["uid"] == uid]
    assert kinds == ["booking.created", "booking.conference_assigned"]
    mails = [] if room == HOME else ["REQUEST"]  # Radicale mails nobody
    assert three.mailed(uid) == mails
    meeting = three.meeting(uid)

    assert three.put(room, uid, start + HOUR).status == 204
    assert three.standing(room, uid) == [(start + HOUR, link)], "moved, with the link that it had"
    if room == HOME:
        after = three.meeting(uid)
        assert meeting is not None
        assert after is not None
        assert (after.id, int(after.start.timestamp())) == (meeting.id, start + HOUR)
        three.booked.sandbox.zoom.person(HOST).delete(meeting.id)  # 404 is tolerated
    assert three.write("DELETE", room, uid).status == 204
    assert three.standing(room, uid) == []
    assert three.busy(room, start, start + 2 * HOUR) == []
    assert three.mailed(uid) == [*mails, *mails, *(["CANCEL"] if mails else [])]
    assert three.meeting(uid) is None


@pytest.mark.covers("A-14")
def test_a_meeting_at_google_is_asked_for_once_and_by_a_name_of_its_own(three: Trio) -> None:
    asked = []
    for uid in ("meet-first", "meet-second"):
        three.book("meet", uid)
        link_of(three, "meet", uid)
        assert three.put("meet", uid, three.hour()).status == 204
        with three.booked.sandbox.world.lock:
            records = three.booked.sandbox.world.calendar(ANN).records.values()
            [data] = [it.event["conferenceData"] for it in records if it.event["summary"] == uid]
        assert data["createRequest"]["conferenceSolutionKey"]["type"] == MEET
        asked.append(data["createRequest"]["requestId"])
    assert len(set(asked)) == 2


@pytest.mark.covers("F63")
@pytest.mark.parametrize(
    "room",
    [
        HOME,
        pytest.param("meet", marks=pytest.mark.soak),  # a request for each occurrence
        pytest.param("teams", marks=pytest.mark.soak),
    ],
)
def test_a_series_with_five_hundred_changed_occurrences_is_booked_and_shown_whole(
    three: Trio, room: str
) -> None:
    uid, start = f"{room}-changed", FIRST + 23 * HOUR
    changed = [start + number * DAY for number in range(1, 501)]
    overrides = "".join(
        vevent(uid, f"RECURRENCE-ID:{ical(at)}", f"DTSTART:{ical(at + 600)}", "DURATION:PT30M")
        for at in changed
    ).replace(f"secret of {uid}", uid)
    body = text(room, uid, start, "RRULE:FREQ=DAILY;COUNT=503")
    whole = body.replace("END:VCALENDAR", f"{overrides}END:VCALENDAR")

    def is_settled() -> bool:
        return three.shown(room, uid).value("STATUS") != "TENTATIVE"

    with nullcontext() if room == HOME else three.unlimited():
        assert three.write("PUT", room, uid, whole).status == 201
        three.served.wait(is_settled, "each of them was written")
        taken = [start, *(at + 600 for at in changed), start + 501 * DAY, start + 502 * DAY]
        assert three.taken(room, uid) == taken
        shown = [it for it in three.shown(room, uid).lines if it.startswith("RECURRENCE-ID")]
        assert len(shown) == 500
        busy = three.busy(room, start, start + 300 * DAY)
        ours = [it for it in busy if it[0] % DAY >= 23 * HOUR]
        assert ours[1:] == [(at + 600, at + 2400, "BUSY") for at in changed[:299]]
        assert three.write("DELETE", room, uid).status == 204
    assert three.taken(room, uid) == []


@pytest.mark.covers("A-16", "F59")
@pytest.mark.parametrize("room", WRITTEN)
def test_an_event_is_written_although_its_meeting_fails_and_gets_it_later(
    three: Trio, room: str
) -> None:
    uid = f"{room}-unmet"
    fail(three, room)
    three.told()
    try:
        three.book(room, uid)
        three.served.wait(lambda: "failing" in told_of_meeting(three, uid), "it is told of")
    finally:
        three.behave()
    shown = three.shown(room, uid)
    assert not shown.value("CONFERENCE")
    assert "the meeting could not be made yet" in shown.value("X-BUSYBRIDGE-REASON")
    [line] = [it for it in three.served.cli("bookings", "list").splitlines() if f"  {uid}  " in it]
    assert "  confirmed, no meeting: " in line
    [(_, link)] = three.standing(room, uid)
    assert not link

    def assigned() -> bool:
        three.hasten()
        return bool(three.shown(room, uid).value("CONFERENCE"))

    three.served.wait(assigned, "a later try makes it")
    assert link_of(three, room, uid)
    assert told_of_meeting(three, uid) == ["assigned"]
    assert not three.shown(room, uid).value("X-BUSYBRIDGE-REASON")
    if room != HOME:
        assert three.mailed(uid)[0] == "REQUEST"


@pytest.mark.covers("A-16", "F58")
def test_who_insists_on_meetings_is_refused_and_nothing_is_left_behind(three: Trio) -> None:
    with three.insisting():
        for room in WRITTEN:
            uid = f"{room}-insisting"
            fail(three, room)
            try:
                refused = three.put(room, uid, three.hour())
            finally:
                three.behave()
            assert refused.status == 403, (room, refused)
            assert b"need-privileges" in refused.body
            assert three.shown(room, uid).status == 404
            assert three.standing(room, uid) == []
            assert three.meeting(uid) is None
            mails = three.mailed(uid)
            assert mails in ([], ["REQUEST", "CANCEL"]), "who heard of it hears that it is off"


def fail(three: Trio, room: str) -> None:
    """Have whoever makes the meetings of a room refuse to."""
    if room == "meet":
        three.booked.sandbox.misbehave(ANN, "meet_fails")
    elif room == "teams":
        three.license(allowed=False)
    else:
        three.booked.sandbox.zoom.misbehave(HOST, "insufficient_scopes")


def told_of_meeting(three: Trio, uid: str) -> list[str]:
    """What was told of a booking's meeting since the last time."""
    found = [kind for kind, payload in three.told() if payload["uid"] == uid]
    return [it.partition("conference_")[2] for it in found if "conference_" in it]


@pytest.mark.covers("A-18")
@pytest.mark.parametrize("room", WRITTEN)
def test_a_client_changes_one_occurrence_and_deletes_another_and_the_series_stays(
    three: Trio, room: str
) -> None:
    uid, rule = f"{room}-parts", "RRULE:FREQ=DAILY;COUNT=4"
    start = three.book(room, uid, rule)
    second, third = start + DAY, start + 2 * DAY
    lines = (
        f"RECURRENCE-ID:{ical(second)}",
        f"DTSTART:{ical(second + HOUR)}",
        f"DTEND:{ical(second + 2 * HOUR)}",
    )
    moved = vevent(uid, *lines).replace(f"secret of {uid}", uid)
    whole = text(room, uid, start, rule, f"EXDATE:{ical(third)}")
    whole = whole.replace("END:VCALENDAR", f"{moved}END:VCALENDAR")
    assert three.write("PUT", room, uid, whole).status == 204
    # A free-busy question of somebody else at the provider is the judge.
    assert [it - start for it in three.taken(room, uid)] == [0, DAY + HOUR, 3 * DAY]
    three.pull(room)
    busy = [it for it, _, _ in three.busy(room, start, start + 5 * DAY)]
    assert [it - start for it in busy if (it - start) % DAY <= HOUR] == [0, DAY + HOUR, 3 * DAY]
    assert three.write("DELETE", room, uid).status == 204
    assert three.taken(room, uid) == []


@pytest.mark.covers("A-19")
@pytest.mark.parametrize("room", WRITTEN)
def test_this_and_following_makes_two_series_and_loses_no_occurrence(
    three: Trio, room: str
) -> None:
    uid, rest = f"{room}-this", f"{room}-following"
    start = three.book(room, uid, "RRULE:FREQ=DAILY;COUNT=4")
    until = ical(start + DAY)
    assert three.put(room, uid, start, f"RRULE:FREQ=DAILY;UNTIL={until}").status == 204
    later = start + 2 * DAY + HOUR
    assert three.put(room, rest, later, "RRULE:FREQ=DAILY;COUNT=2").status == 201
    assert [it - start for it in three.taken(room, uid)] == [0, DAY]
    assert [it - later for it in three.taken(room, rest)] == [0, DAY]
    three.pull(room)
    busy = [it - start for it, _, _ in three.busy(room, start, start + 5 * DAY)]
    wanted = [0, DAY, 2 * DAY + HOUR, 3 * DAY + HOUR]
    assert [it for it in busy if it % DAY <= HOUR] == wanted


@pytest.mark.covers("A-20", "F48", "P2")
@pytest.mark.parametrize("room", WRITTEN)
def test_the_same_put_after_a_dropped_connection_makes_one_event(three: Trio, room: str) -> None:
    uid, start = f"{room}-dropped", three.hour()
    for headers in ({}, {"If-None-Match": "*"}):
        cut = http.client.HTTPConnection("127.0.0.1", three.served.port)
        kind = {"Content-Type": "text/calendar"}
        login = three.booked.login.header()
        cut.request("PUT", path(room, uid), text(room, uid, start), {**login, **kind, **headers})
        cut.close()
    answer = three.put(room, uid, start)
    assert answer.status in {201, 204}, answer
    assert len(three.standing(room, uid)) == 1
    assert three.put(room, uid, start).status in {201, 204}
    assert len(three.standing(room, uid)) == 1
    assert three.mailed(uid) == ([] if room == HOME else ["REQUEST"])


@pytest.mark.covers("A-21", "F46")
@pytest.mark.parametrize("room", WRITTEN)
def test_a_stale_etag_is_answered_412_and_the_calendar_is_left_alone(
    three: Trio, room: str
) -> None:
    uid = f"{room}-stale"
    start = three.book(room, uid)
    link_of(three, room, uid)
    stale = three.shown(room, uid).etag
    assert three.put(room, uid, start + HOUR, If_Match=stale).status == 204
    standing, shown = three.standing(room, uid), three.shown(room, uid)
    assert three.put(room, uid, start, If_Match=stale).status == 412
    assert three.write("DELETE", room, uid, If_Match=stale).status == 412
    assert three.standing(room, uid) == standing
    assert three.shown(room, uid) == shown
    assert three.put(room, uid, start, If_Match=shown.etag).status == 204


@pytest.mark.covers("A-25", "S4-02")
@pytest.mark.parametrize("room", WRITTEN)
def test_busy_time_is_refused_by_put_and_by_post_and_no_title_is_told(
    three: Trio, room: str
) -> None:
    uid, other = f"{room}-theirs", f"{room}-mine"
    start = three.hour()
    three.create(room, uid, start)
    three.pull(room)
    refused = three.put(room, other, start)
    assert refused.status == 403
    assert b"need-privileges" in refused.body
    assert b"Busy" in refused.body
    assert uid.encode() not in refused.body
    answer = three.post(room, start)
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "conflict")
    assert uid.encode() not in answer.body
    assert three.standing(room, other) == []
    assert three.mailed(other) == []


@pytest.mark.covers("S1-28", "S1-36", "T70")
def test_a_connection_says_whether_guests_of_its_bookings_are_mailed(three: Trio) -> None:
    for room in ("meet", "teams"):
        three.set_up(room, "notify_attendees=false")
    try:
        start = three.book("meet", "meet-quiet")
        assert three.put("meet", "meet-quiet", start + HOUR).status == 204
        assert three.write("DELETE", "meet", "meet-quiet").status == 204
        refused = three.put("teams", "teams-quiet", three.hour())
        assert refused.status == 403, "Outlook mails whoever is invited"
        assert b"notify_attendees" in refused.body
        three.book("meet", "meet-said", "X-BUSYBRIDGE-NOTIFY:TRUE")
    finally:
        for room in ("meet", "teams"):
            three.set_up(room, "notify_attendees=")
    three.book("meet", "meet-loud")
    mailed = {
        uid: three.mailed(uid) for uid in ("meet-quiet", "teams-quiet", "meet-said", "meet-loud")
    }
    assert mailed == {
        "meet-quiet": [],
        "teams-quiet": [],
        "meet-said": ["REQUEST"],
        "meet-loud": ["REQUEST"],
    }


@pytest.mark.covers("A-04")
def test_who_asks_one_account_about_several_gets_what_every_other_output_says(
    three: Trio,
) -> None:
    starts = {room: three.book(room, f"{room}-asked") for room in WRITTEN}
    for room in WRITTEN:
        three.create(room, f"{room}-foreign", three.hour())
        three.pull(room)
    first, last = min(starts.values()), max(starts.values()) + 3 * DAY
    asked = reports.ASK_BUSY.format(resource=WRITTEN[0], start=ical(first), end=ical(last))
    others = "".join(f"ATTENDEE:/{room}/\r\n" for room in WRITTEN[1:])
    asked = asked.replace("END:VFREEBUSY", f"{others}END:VFREEBUSY")
    kind = {"Content-Type": "text/calendar; charset=utf-8"}
    answer = three.served.dav("POST", "/ann/outbox/", asked, three.booked.login, **kind)
    said = reports.replies_of(answer.body)
    assert sorted(said) == sorted(f"/{room}/" for room in WRITTEN)
    for room in WRITTEN:
        periods = three.served.periods(room, first, last, feed=False)
        assert joined(freebusy_periods(said[f"/{room}/"])) == periods
        assert (starts[room], starts[room] + HOUR, "BUSY") in periods


@pytest.mark.covers("S1-04")
def test_of_several_calendars_at_google_those_that_are_chosen_block_and_one_is_written_to(
    three: Trio,
) -> None:
    chosen, team, private = ANN, three.second("meet", "Team"), three.second("meet", "Private")
    ann = three.booked.sandbox.person(ANN)
    start, free = three.hour(), three.hour()
    choose = ("calendars", "select", "meet.work")
    three.served.cli(*choose, "--read", chosen, "--read", team)
    try:
        ann.create("in the first", utc(start))
        ann.create("in the team's", utc(start + 2 * HOUR), calendar=team)
        ann.create("in the private one", utc(free), calendar=private)
        three.pull("meet")
        periods = three.busy("meet", start, start + 3 * HOUR)
        assert [begin - start for begin, _, _ in periods] == [0, 2 * HOUR]
        for at in (start, start + 2 * HOUR):
            assert three.put("meet", "several-refused", at).status == 403, "both of them count"
        assert three.put("meet", "several", free).status == 201, "this one does not"
        assert three.put("meet", "several", free + HOUR).status == 204
        [(begin, _)] = three.standing("meet", "several")
        assert begin == free + HOUR
        assert three.titles("meet", team) == ["in the team's"]
        assert three.titles("meet", private) == ["in the private one"]
        assert three.write("DELETE", "meet", "several").status == 204
        assert three.standing("meet", "several") == []
    finally:
        three.served.cli(*choose, "--read-all")
