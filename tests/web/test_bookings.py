"""Bookings by HTTP: the rules that calendar clients have, in the API's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.model.event import Class, ShowAs, Status
from bridge.store.database import Database
from tests.databases import SqliteDatabases, closing_database
from tests.web.front import Booker, Front
from tests.web.site import Response


@pytest.fixture
def open_front(sqlite_database: Database) -> Iterator[Callable[..., Front]]:
    """Opens a room with settings of one's own."""
    opened: list[Front] = []

    def open_it(**resource: Any) -> Front:
        opened.append(Front(sqlite_database, **resource).__enter__())
        return opened[-1]

    yield open_it
    for front in opened:
        front.__exit__()


@pytest.fixture
def front(open_front: Callable[..., Front]) -> Front:
    return open_front()


@pytest.fixture
def booker(front: Front) -> Booker:
    return front.booker()


@pytest.fixture(scope="module")
def shared(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Booker]:
    """A program at a room that its tests leave as it is."""
    url = sqlite_databases.url(tmp_path_factory.mktemp("front"))
    with closing_database(url) as database, Front(database) as front:
        yield front.booker()


def code(answer: Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer
    return answer.status, answer.json["code"]


@pytest.mark.covers("S1-02", "S0-36")
def test_a_booking_becomes_an_event_in_the_calendar(front: Front, booker: Booker) -> None:
    answer = booker.book(location="Room 1", attendees=[{"email": "Ann@example.com"}])
    assert answer.status == 201, answer.body
    made = answer.json
    assert made["state"] == "confirmed"
    assert answer.headers["location"] == f"/api/v1/bookings/{made['id']}"
    standing = front.stage.event()
    assert (standing.summary, standing.location) == ("Talk", "Room 1")
    assert [it.address for it in standing.attendees] == ["mailto:ann@example.com"]
    assert front.stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    again = booker.get(f"/bookings/{made['id']}")
    assert (again.json, again.headers["etag"]) == (made, answer.headers["etag"])
    listed = booker.get("/resources/room-a/bookings").json
    assert (listed["items"], listed["total"]) == ([made], 1)


@pytest.mark.covers("A-25", "S4-02")
def test_a_booking_over_busy_time_is_a_conflict_that_names_no_title(
    front: Front, booker: Booker
) -> None:
    front.stage.occupy("2026-11-23 09:30", summary="Secret talks")
    before = booker.get("/resources/room-a/bookings").json
    answer = booker.book()
    assert code(answer) == (409, "conflict")
    assert answer.json["detail"] == "Busy 2026-11-23 10:30 to 11:30 (CET)."
    assert answer.json["periods"] == [
        {"start": "2026-11-23T09:30:00Z", "end": "2026-11-23T10:30:00Z"}
    ]
    assert b"Secret" not in answer.body
    assert booker.get("/resources/room-a/bookings").json == before
    assert booker.book(start="2026-11-23T10:30:00Z", end="2026-11-23T11:00:00Z").status == 201


@pytest.mark.covers("A-25", "S4-02")
def test_of_many_at_once_exactly_one_wins(front: Front) -> None:
    key = front.booker().key
    found: list[Response] = []
    threads = [
        Thread(target=lambda: found.append(Booker(front, key).book(title="Mine"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # More may wait than are let in at once: those come again, and meet the one that won.
    statuses = sorted(it.status for it in found)
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 503}
    assert code(Booker(front, key).book(title="Mine, too")) == (409, "conflict")
    assert len(front.stage.events()) == 1


def test_fields_are_those_of_the_event(front: Front, booker: Booker) -> None:
    made = booker.book(
        start="2026-11-23T09:00:00",
        end="2026-11-23T10:30:00",
        time_zone="America/New_York",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;TZID=America/New_York:20261130T090000"],
        description="Bring; your, own\nlunch",
        visibility="confidential",
        show_as="tentative",
        reminders=[{"method": "email", "minutes": 10}, {"minutes": 5}],
        attendees=[{"email": "ann@example.com", "name": "Ann", "optional": True}],
    )
    assert made.status == 201, made.body
    assert made.json["start"] == "2026-11-23T09:00:00-05:00"
    assert made.json["end"] == "2026-11-23T10:30:00-05:00"
    assert made.json["time_zone"] == "America/New_York"
    assert made.json["recurrence"] == [
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID=America/New_York:20261130T090000",
    ]
    assert made.json["description"] == "Bring; your, own\nlunch"
    assert (made.json["visibility"], made.json["show_as"]) == ("confidential", "tentative")
    assert made.json["reminders"] == [
        {"method": "email", "minutes": 10},
        {"method": "popup", "minutes": 5},
    ]
    [guest] = made.json["attendees"]
    assert (guest["email"], guest["name"], guest["optional"]) == ("ann@example.com", "Ann", True)
    assert guest["response"] == "needs_action"
    event = front.stage.event()
    assert event.show_as is ShowAs.TENTATIVE
    assert event.classification is Class.CONFIDENTIAL
    assert {it.before for it in event.alarms or ()} == {timedelta(minutes=10), timedelta(minutes=5)}
    assert [start for start, _, _ in front.stage.busy()] == ["2026-11-23 14:00", "2026-12-07 14:00"]


def test_whole_days_are_days(front: Front, open_front: Callable[..., Front]) -> None:
    del open_front
    booker = front.booker()
    wrong = booker.book(start="2026-11-23", end="2026-11-24T00:00:00Z")
    assert code(wrong) == (422, "invalid_request")
    long = booker.book(start="2026-11-23", end="2026-11-24", all_day=True)
    assert code(long) == (403, "not_allowed")
    assert long.json["detail"] == "At most 8 h can be booked at once."


def test_an_event_type_gives_what_is_left_out(open_front: Callable[..., Front]) -> None:
    kinds = [
        {
            "id": "video-call",
            "title": "Video call",
            "duration": "30m",
            "event_defaults": {"visibility": "private"},
        },
        {"id": "walk"},
    ]
    front = open_front(sections={"event_types": kinds})
    booker = front.booker()
    made = booker.book(title=..., end=..., event_type="video-call")
    assert made.status == 201, made.body
    assert (made.json["title"], made.json["event_type"]) == ("Video call", "video-call")
    assert made.json["end"] == "2026-11-23T10:30:00+01:00"
    assert front.stage.event().summary == "Video call"
    assert front.stage.event().classification is Class.PRIVATE
    unknown = booker.book(event_type="feast")
    assert code(unknown) == (422, "invalid_request")
    assert "video-call, walk" in unknown.json["detail"]
    assert code(booker.book(end=..., event_type="walk")) == (422, "invalid_request")


def test_guests_are_told_of_a_booking_only_if_it_says_so(front: Front, booker: Booker) -> None:
    guests = [{"email": "ann@example.com"}]
    made = booker.book(attendees=guests, notify=False).json
    booker.change(made["id"], start="2026-11-23T12:00:00Z")
    assert booker.send("DELETE", f"/bookings/{made['id']}").status == 200
    assert front.stage.memory.mails == []
    booker.book(attendees=guests, notify=True)
    assert len(front.stage.memory.mails) == 1


def test_a_meeting_comes_with_its_link_and_stays_when_the_booking_moves(booker: Booker) -> None:
    made = booker.book(conference="google_meet").json
    meeting = made["conference"]
    assert (meeting["provider"], meeting["state"]) == ("google_meet", "ready")
    assert meeting["join_url"].startswith("https://")
    moved = booker.change(made["id"], start="2026-11-23T14:00:00Z").json
    assert moved["conference"] == meeting
    without = booker.change(made["id"], conference="none").json
    assert without["conference"] is None


def test_a_room_that_declines_takes_the_booking_and_shows_it_cancelled(
    open_front: Callable[..., Front],
) -> None:
    front = open_front(bookings={"on_conflict": "decline"})
    front.stage.occupy("2026-11-23 09:30")
    answer = front.booker().book()
    assert (answer.status, answer.json["state"]) == (201, "cancelled")
    assert answer.json["reason"].startswith("busy 2026-11-23 10:30")
    assert front.stage.names() != []


# Changes


def test_a_change_keeps_what_it_does_not_name(front: Front, booker: Booker) -> None:
    made = booker.book(location="Room 1", attendees=[{"email": "ann@example.com"}]).json
    answer = booker.change(made["id"], start="2026-11-23T13:00:00Z")
    assert answer.status == 200, answer.body
    assert answer.json["id"] == made["id"]
    assert answer.json["end"] == "2026-11-23T15:00:00+01:00"
    event = front.stage.event()
    assert (event.summary, event.location, len(event.attendees)) == ("Talk", "Room 1", 1)
    assert front.stage.busy() == [("2026-11-23 13:00", "2026-11-23 14:00", "BUSY")]
    cleared = booker.change(made["id"], location=None, attendees=[], visibility="private")
    assert (cleared.json["location"], cleared.json["attendees"]) == ("", [])
    assert front.stage.event().classification is Class.PRIVATE


def test_reminders_can_be_those_of_the_booking_none_at_all_or_the_resources(
    open_front: Callable[..., Front],
) -> None:
    front = open_front(event_defaults={"reminders": [{"minutes": 15}]})
    booker = front.booker()

    def minutes() -> list[int]:
        return [round(it.before.total_seconds() / 60) for it in front.stage.event().alarms or ()]

    made = booker.book(reminders=[]).json
    assert (made["reminders"], minutes()) == ([], [])
    assert booker.change(made["id"], reminders=[{"minutes": 5}]).json["reminders"] == [
        {"method": "popup", "minutes": 5}
    ]
    assert minutes() == [5]
    assert booker.change(made["id"], reminders=None).json["reminders"] is None
    assert minutes() == [15]


def test_if_match_makes_sure_that_it_is_what_was_read(front: Front, booker: Booker) -> None:
    first = booker.book()
    id_, tag = first.json["id"], first.headers["etag"]
    second = booker.change(id_, title="Other", If_Match=tag)
    assert second.status == 200
    assert second.headers["etag"] != tag
    assert code(booker.change(id_, title="Late", If_Match=tag)) == (412, "precondition_failed")
    assert code(booker.send("DELETE", f"/bookings/{id_}", If_Match=tag)) == (
        412,
        "precondition_failed",
    )
    assert front.stage.event().summary == "Other"
    weak = f"W/{second.headers['etag']}"
    assert booker.change(id_, title="Weak", If_Match=weak).status == 412
    assert booker.send("DELETE", f"/bookings/{id_}", If_Match=second.headers["etag"]).json == {
        "id": id_,
        "state": "removed",
    }


def test_a_moved_series_takes_its_recurrence_along(front: Front, booker: Booker) -> None:
    del front
    rule = "RRULE:FREQ=DAILY;COUNT=3"
    made = booker.book(recurrence=[rule, "EXDATE:20261124T090000Z"]).json
    refused = booker.change(made["id"], start="2026-11-23T12:00:00Z")
    assert code(refused) == (403, "not_allowed")
    assert "recurrence" in refused.json["detail"]
    moved = booker.change(made["id"], start="2026-11-23T12:00:00Z", recurrence=[rule])
    assert (moved.status, moved.json["recurrence"]) == (200, [rule])


def test_a_cancelled_booking_is_gone_everywhere(front: Front, booker: Booker) -> None:
    made = booker.book().json
    assert booker.send("DELETE", f"/bookings/{made['id']}").status == 200
    assert front.stage.events() == []
    assert front.stage.busy() == []
    assert code(booker.get(f"/bookings/{made['id']}")) == (404, "resource_not_found")
    assert code(booker.send("DELETE", f"/bookings/{made['id']}")) == (404, "resource_not_found")
    assert booker.book().status == 201


# Waiting


def test_a_calendar_that_nobody_writes_to_is_503_and_nothing_is_kept(
    open_front: Callable[..., Front],
) -> None:
    front = open_front(bookings={"confirm_within": "0s"})
    front.answers = False
    booker = front.booker()
    answer = booker.book()
    assert code(answer) == (503, "provider_error")
    assert answer.headers["retry-after"] == "30"
    assert booker.get("/resources/room-a/bookings").json["items"] == []
    front.answers = True
    assert front.stage.work() == []
    assert front.stage.events() == []


def test_where_bookings_queue_it_is_202_and_pending_until_the_calendar_has_it(
    open_front: Callable[..., Front],
) -> None:
    front = open_front(bookings={"confirm_within": "0s", "on_provider_down": "queue"})
    front.answers = False
    booker = front.booker()
    answer = booker.book()
    assert (answer.status, answer.json["state"]) == (202, "pending")
    assert answer.json["status"] == "tentative"
    target = answer.headers["location"].removeprefix("/api/v1")
    pending = booker.get("/resources/room-a/bookings?state=pending").json
    assert [it["id"] for it in pending["items"]] == [answer.json["id"]]
    changed = booker.change(answer.json["id"], title="Better")
    assert changed.status == 202
    front.stage.work()
    settled = booker.get(target).json
    assert (settled["state"], settled["status"], settled["title"]) == (
        "confirmed",
        "confirmed",
        "Better",
    )
    assert booker.send("DELETE", target).json["state"] == "leaving"
    assert booker.get(target).status == 404
    front.stage.work()
    assert front.stage.events() == []


def test_the_same_request_with_an_idempotency_key_books_once(front: Front, booker: Booker) -> None:
    first = booker.book(Idempotency_Key="one")
    again = booker.book(Idempotency_Key="one")
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["idempotency-replayed"] == "true"
    front.pass_time(2 * 86400)
    late = booker.book(Idempotency_Key="one")  # what it was answered is not known any more
    assert (late.status, late.json["id"]) == (200, first.json["id"])
    assert len(front.stage.events()) == 1
    assert code(booker.book(title="Else", Idempotency_Key="one")) == (422, "invalid_request")


def test_what_the_provider_refuses_is_said_with_its_reason(front: Front, booker: Booker) -> None:
    front.stage.memory.orders.give("put", RemoteRejected("guests cannot be invited here"))
    answer = booker.book()
    assert code(answer) == (422, "provider_error")
    assert answer.json["detail"] == "Guests cannot be invited here."
    assert front.stage.events() == []


def test_what_failed_is_listed_and_tried_again(open_front: Callable[..., Front]) -> None:
    front = open_front(bookings={"confirm_within": "0s", "on_provider_down": "queue"})
    front.answers = False
    booker = front.booker()
    front.stage.memory.orders.give("put", TemporarilyUnavailable("the server is down"), times=None)
    id_ = booker.book(start="2026-11-30T09:00:00Z", end="2026-11-30T10:00:00Z").json["id"]
    listed = "/resources/room-a/bookings?state=failed"
    assert booker.get(listed).json["items"] == []
    assert code(booker.send("POST", f"/bookings/{id_}/retry")) == (409, "conflict")
    front.stage.work()
    front.pass_time(80 * 3600)
    front.stage.work()
    [failed] = booker.get(listed).json["items"]
    assert (failed["id"], failed["state"]) == (id_, "failed")
    assert failed["error"]["change"] == "create"
    assert "the server is down" in failed["error"]["message"]
    front.stage.memory.orders.forget()
    assert booker.send("POST", f"/bookings/{id_}/retry").status == 202
    assert booker.change(id_, location="Room 1").status == 202
    front.stage.work()
    assert booker.get(listed).json["items"] == []
    settled = booker.get(f"/bookings/{id_}").json
    assert (settled["state"], settled["status"]) == ("confirmed", "confirmed")
    assert settled["location"] == "Room 1"
    assert len(front.stage.events()) == 1


# Keys


def test_each_verb_needs_its_scope(front: Front) -> None:
    made = front.booker().book().json
    reader = front.booker(scopes=("bookings:read",))
    busy = front.booker(scopes=("busy:read", "connections:write"))
    target = f"/bookings/{made['id']}"
    assert reader.get(target).status == 200
    for answer in (
        reader.book(),
        reader.change(made["id"], title="x"),
        reader.send("DELETE", target),
        busy.get(target),
        busy.get("/resources/room-a/bookings"),
        busy.get("/event-types"),
        front.booker(scopes=("bookings:write",)).get(target),
    ):
        assert code(answer) == (403, "access_denied")
    assert front.booker(scopes=("bookings:write",)).change(made["id"], title="y").status == 200


@pytest.mark.covers("T49")
def test_another_resources_bookings_do_not_exist(front: Front) -> None:
    made = front.booker().book().json
    stranger = front.booker("room-b")
    target = f"/bookings/{made['id']}"
    nothing = stranger.get("/bookings/nothing")
    for answer in (
        stranger.get(target),
        stranger.change(made["id"], title="x"),
        stranger.send("DELETE", target),
        stranger.send("POST", f"{target}/retry"),
    ):
        assert answer.body == nothing.body
    for answer in (stranger.book(), stranger.get("/resources/room-a/bookings")):
        assert code(answer) == (404, "resource_not_found")
    acting = front.booker().get(target, X_BusyBridge_Resource="room-b")
    assert acting.body == nothing.body


def test_others_see_of_a_private_booking_when_it_is(front: Front, booker: Booker) -> None:
    made = booker.book(title="Diagnosis", visibility="private", description="Bad").json
    other = front.booker()
    answer = other.get(f"/bookings/{made['id']}")
    assert answer.status == 200
    assert b"Diagnosis" not in answer.body
    assert made["ical_uid"].encode() not in answer.body
    assert answer.json["visibility"] == "private"
    assert answer.json["start"] == made["start"]
    assert "title" not in answer.json
    [listed] = other.get("/resources/room-a/bookings").json["items"]
    assert listed == answer.json
    assert code(other.change(made["id"], title="Mine")) == (403, "not_allowed")
    assert booker.get(f"/bookings/{made['id']}").json["title"] == "Diagnosis"


# Lists, bodies, documents


def test_a_list_can_be_of_a_span_and_comes_in_pages(front: Front, booker: Booker) -> None:
    del front
    ids = [
        booker.book(start=f"2026-11-2{day}T09:00:00Z", end=f"2026-11-2{day}T10:00:00Z").json["id"]
        for day in (3, 4, 5)
    ]
    span = "start=2026-11-24T00:00:00Z&end=2026-11-25T00:00:00Z"
    within = booker.get(f"/resources/room-a/bookings?{span}").json
    assert [it["id"] for it in within["items"]] == [ids[1]]
    first = booker.get("/resources/room-a/bookings?limit=2").json
    assert (len(first["items"]), first["total"]) == (2, 3)
    rest = booker.get(f"/resources/room-a/bookings?limit=2&cursor={first['next_cursor']}").json
    assert sorted(it["id"] for it in first["items"] + rest["items"]) == sorted(ids)
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": ...}, "start is missing"),
        ({"end": ...}, "needs an end"),
        ({"start": "tomorrow"}, "is not a time"),
        ({"time_zone": "Europe/Nowhere"}, "is no name of a time zone"),
        ({"recurrence": ["RRULE:FREQ=WEEKLY\r\nATTENDEE:mailto:x@example.com"]}, "recurrence"),
        ({"recurrence": ["SUMMARY:Else"]}, "recurrence"),
        ({"recurrence": ["RRULE:FREQ=NEVER"]}, "the rule 'FREQ=NEVER'"),
        ({"attendees": [{"email": "ann\r\nSUMMARY:x@example.com"}]}, "email"),
        ({"conference": "skype"}, "conference"),
        ({"invitees": []}, "unknown key"),
        ({"end": "2026-11-23T08:00:00Z"}, "end"),
    ],
)
def test_what_cannot_be_booked_is_told_by_name(
    shared: Booker, changes: dict[str, Any], said: str
) -> None:
    answer = shared.book(**changes)
    assert code(answer) == (422, "invalid_request"), answer.body
    assert said.lower() in answer.json["detail"].lower()


def test_a_resource_without_a_calendar_to_write_to_cannot_be_booked(
    open_front: Callable[..., Front],
) -> None:
    front = open_front(calendar=None)
    assert code(front.booker().book()) == (409, "calendar_not_writable")


def test_nothing_is_booked_before_the_calendars_were_read(
    open_front: Callable[..., Front],
) -> None:
    front = open_front(unread=True)
    answer = front.booker().book()
    assert code(answer) == (503, "not_read_yet")
    assert "retry-after" in answer.headers


# What stands in the way


@pytest.mark.covers("S0-40")
def test_conflicts_are_what_a_booking_would_lie_over(open_front: Callable[..., Front]) -> None:
    front = open_front(privacy={"mode": "full"})
    front.stage.occupy("2026-11-23 09:30", summary="Board")
    front.stage.occupy("2026-11-23 14:00", summary="Perhaps", status=Status.TENTATIVE)
    booker = front.booker()
    booker.book(title="Talk", start="2026-11-23T11:00:00Z", end="2026-11-23T12:00:00Z")
    span = "start=2026-11-23T08:00:00Z&end=2026-11-23T18:00:00Z"
    answer = booker.get(f"/resources/room-a/conflicts?{span}")
    assert answer.status == 200, answer.body
    assert answer.json["conflicts"] == [
        {
            "start": "2026-11-23T09:30:00Z",
            "end": "2026-11-23T10:30:00Z",
            "type": "BUSY",
            "source": "calendar",
            "title": "Board",
        },
        {
            "start": "2026-11-23T11:00:00Z",
            "end": "2026-11-23T12:00:00Z",
            "type": "BUSY",
            "source": "booking",
            "title": "Talk",
        },
    ]
    times = front.booker(scopes=("busy:read", "connections:read"))
    shown = times.get(f"/resources/room-a/conflicts?{span}").json["conflicts"]
    assert [it["title"] for it in shown] == [None, None]
    free = "start=2026-11-23T16:00:00Z&end=2026-11-23T18:00:00Z"
    assert booker.get(f"/resources/room-a/conflicts?{free}").json["conflicts"] == []


@pytest.mark.covers("S0-40")
def test_conflicts_show_no_title_that_privacy_hides(front: Front, booker: Booker) -> None:
    front.stage.occupy("2026-11-23 09:30", summary="Board")
    span = "start=2026-11-23T08:00:00Z&end=2026-11-23T18:00:00Z"
    answer = booker.get(f"/resources/room-a/conflicts?{span}")
    assert [it["title"] for it in answer.json["conflicts"]] == ["Busy"]
    assert b"Board" not in answer.body


@pytest.mark.covers("S0-40", "S0-57")
def test_an_event_type_says_for_how_long_one_asks(open_front: Callable[..., Front]) -> None:
    kinds = [
        {"id": "video-call", "title": "Video call", "duration": "30m", "conference": "google_meet"},
        {"id": "walk"},
    ]
    front = open_front(sections={"event_types": kinds})
    booker = front.booker()
    assert booker.get("/event-types").json == {
        "items": [
            {
                "id": "video-call",
                "title": "Video call",
                "duration_minutes": 30,
                "conference": "google_meet",
                "location": {"type": "google_meet"},
            },
            {
                "id": "walk",
                "title": "",
                "duration_minutes": None,
                "conference": None,
                "location": {"type": "none"},
            },
        ]
    }
    start = "/resources/room-a/conflicts?start=2026-11-23T09:00:00Z"
    assert booker.get(f"{start}&event_type=video-call").json["end"] == "2026-11-23T09:30:00Z"
    for wrong in ("walk", "feast"):
        assert code(booker.get(f"{start}&event_type={wrong}")) == (422, "invalid_request")
    beyond = "/resources/room-a/conflicts?start=2026-11-23T09:00:00Z&end=2046-11-23T09:00:00Z"
    assert code(booker.get(beyond)) == (422, "beyond_horizon")
