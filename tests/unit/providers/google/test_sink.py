"""What a booking becomes at Google, what stays of others' work, and who is mailed about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.errors import RemoteChanged, RemoteRejected, TemporarilyUnavailable
from bridge.model.conference import ConferenceKind
from bridge.model.event import (
    Alarm,
    Attachment,
    Attendee,
    Event,
    Floating,
    PartStat,
    ShowAs,
    Status,
    Transp,
)
from bridge.model.http import Response
from bridge.model.interval import utc
from bridge.sandbox.google.times import Json
from bridge.sink import Written
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN as OWNER
from tests.contract.provider_contract import DAY, HOUR, NOW
from tests.contract.sink_calendar import (
    ANN,
    BOB,
    EVE,
    ORIGIN,
    TOKEN,
    Calendar,
    booking,
    changed,
    taking_place,
    wanted,
)


def writes(there: GoogleSinkWorld) -> list[tuple[str, dict[str, list[str]]]]:
    """The requests that wrote, with their parameters."""
    sent = (each.split(" ", 1) for each in there.http.asked)
    return [
        (method, parse_qs(urlsplit(target).query)) for method, target in sent if method != "GET"
    ]


def master(written: Written) -> Event:
    assert written.series.master is not None
    return written.series.master


# What is sent


@pytest.mark.covers("S1-28")
def test_every_write_says_who_is_mailed_and_keeps_conferences_and_attachments(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    one = agenda.put(wanted(booking(attendees=(Attendee(BOB),))))
    two = agenda.put(
        wanted(booking(summary="Other", attendees=(Attendee(BOB),)), notify=False), one
    )
    agenda.delete(two)
    (_, made), (_, patched), (_, deleted) = writes(there)
    assert made == {
        "sendUpdates": ["all"], "conferenceDataVersion": ["1"], "supportsAttachments": ["true"],
    }  # fmt: skip
    assert patched == {**made, "sendUpdates": ["none"]}
    assert deleted == {"sendUpdates": ["all"]}
    assert there.mailed(agenda.id) == [(BOB, "invited"), (BOB, "cancelled")]


def test_an_event_says_whose_it_is_and_which_booking(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(booking("client@example.com")))
    event = there.stored(agenda.id, TOKEN)
    assert event["id"] == written.remote_id == TOKEN
    assert event["extendedProperties"]["private"] == {
        "busybridge-origin": ORIGIN,
        "busybridge-token": TOKEN,
        "busybridge-uid": "client@example.com",
    }
    assert written.uid == event["iCalUID"] == f"{TOKEN}@google.com"


def test_only_what_differs_is_sent(there: GoogleSinkWorld, agenda: Calendar) -> None:
    series = booking(description="As agreed", location="Room 1", attendees=(Attendee(BOB),))
    written = agenda.put(wanted(series))
    sent: list[bytes] = []
    listening(there, lambda _method, options: sent.append(options["content"]))
    agenda.put(wanted(changed(series, location="Room 2")), written)
    assert sent == [b'{"location":"Room 2"}']


def test_a_whole_event_is_kept_as_google_has_it(there: GoogleSinkWorld, agenda: Calendar) -> None:
    agenda.put(
        wanted(
            booking(
                description="1 < 2 & <b>", url="https://example.com/x", status=Status.TENTATIVE,
                transp=Transp.TRANSPARENT, categories=("Red", "Blau, grün"),
                alarms=(Alarm(timedelta(hours=1), "EMAIL"), Alarm(timedelta(minutes=5), "AUDIO")),
                attachments=(Attachment("https://example.com/a.pdf", "a.pdf", "application/pdf"),),
                attendees=(
                    Attendee(ANN, role="OPT-PARTICIPANT", common_name="Ann"),
                    Attendee(BOB, PartStat.ACCEPTED, role="CHAIR"),
                    Attendee(EVE, cutype="ROOM"),
                ),
            )
        )
    )  # fmt: skip
    event = there.stored(agenda.id, TOKEN)
    assert event["description"] == "1 &lt; 2 &amp; &lt;b&gt;"
    assert event["source"] == {"title": "Meeting", "url": "https://example.com/x"}
    assert (event["status"], event["transparency"]) == ("tentative", "transparent")
    assert event["reminders"] == {
        "useDefault": False,
        "overrides": [{"method": "popup", "minutes": 5}, {"method": "email", "minutes": 60}],
    }
    assert event["attachments"] == [
        {"fileUrl": "https://example.com/a.pdf", "title": "a.pdf", "mimeType": "application/pdf"}
    ]
    assert event["attendees"] == [
        {"email": "ann.guest@example.net", "displayName": "Ann", "optional": True,
         "responseStatus": "needsAction"},
        {"email": "bob@example.net", "responseStatus": "accepted"},
        {"email": "eve@example.net", "resource": True, "responseStatus": "needsAction"},
    ]  # fmt: skip
    marks = event["extendedProperties"]["private"]
    assert marks["busybridge-categories"] == '["Red","Blau, grün"]'


def test_without_alarms_of_its_own_a_booking_has_those_of_the_calendar(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(booking(alarms=None)))
    assert there.stored(agenda.id, TOKEN)["reminders"] == {"useDefault": True}
    written = agenda.put(wanted(booking(alarms=())), written)
    assert there.stored(agenda.id, TOKEN)["reminders"] == {"useDefault": False, "overrides": []}
    agenda.put(wanted(booking(alarms=None)), written)
    assert there.stored(agenda.id, TOKEN)["reminders"] == {"useDefault": True}


def test_a_time_without_a_zone_is_the_calendars(there: GoogleSinkWorld, agenda: Calendar) -> None:
    noon = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - floating
    at = booking(start=Floating(noon), end=Floating(noon + timedelta(hours=1)))
    agenda.put(wanted(at))
    assert there.stored(agenda.id, TOKEN)["start"] == {
        "dateTime": "2026-11-24T12:00:00+01:00", "timeZone": "Europe/Berlin",
    }  # fmt: skip


# Nothing is made twice


@pytest.mark.parametrize("fault", ["lost_answers", "cut", "html"])
@pytest.mark.covers("F15")
def test_an_event_whose_making_nobody_heard_of_is_found_with_its_meeting(
    there: GoogleSinkWorld, agenda: Calendar, fault: str
) -> None:
    desired = wanted(booking(attendees=(Attendee(BOB),)), conference=ConferenceKind.GOOGLE_MEET)
    there.running.misbehave(OWNER, fault, times=1)
    with pytest.raises(TemporarilyUnavailable):
        agenda.put(desired)
    link = there.stored(agenda.id, TOKEN)["hangoutLink"]
    written = agenda.put(desired)
    assert written.conference is not None
    assert written.conference.join_url == link
    assert list(agenda.holds()) == [written.remote_id]
    assert there.mailed(agenda.id) == [(BOB, "invited")]


@pytest.mark.covers("F15")
def test_an_id_that_a_deleted_event_keeps_is_filled_again(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    full = booking(
        location="There", start=date(2026, 11, 24), end=date(2026, 11, 25),
        alarms=(Alarm(timedelta(minutes=5)),), rrules=("FREQ=DAILY;COUNT=2",),
    )  # fmt: skip
    agenda.delete(agenda.put(wanted(full, conference=ConferenceKind.GOOGLE_MEET)))
    again = agenda.put(wanted(booking(), conference=ConferenceKind.GOOGLE_MEET))
    assert again.remote_id == TOKEN
    assert master(again).location == ""
    assert agenda.ready(again).join_url
    assert taking_place(again.series) == [(NOW, NOW + HOUR, "Meeting")]


def test_a_deletion_whose_answer_is_lost_is_a_deletion(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(booking(attendees=(Attendee(BOB),))))
    there.running.misbehave(OWNER, "lost_answers", times=1)
    with pytest.raises(TemporarilyUnavailable):
        agenda.delete(written)
    agenda.delete(written)
    assert there.mailed(agenda.id) == [(BOB, "invited"), (BOB, "cancelled")]


# What others did stays


def test_what_people_and_google_know_outlives_a_change(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    first = agenda.put(wanted(booking(attendees=(Attendee(BOB), Attendee(EVE)))))
    bob = {"email": "bob@example.net", "responseStatus": "accepted", "comment": "With pleasure",
           "additionalGuests": 2, "displayName": "Robert"}  # fmt: skip
    there.change(
        agenda.id, first.remote_id, attendees=[bob, {"email": "eve@example.net"}],
        colorId="7", description="<b>Bring</b> cake",
        extendedProperties={"private": {"other": "program"}},
    )  # fmt: skip
    base = agenda.read(first.remote_id)
    assert master(base).description == "Bring cake"
    guests = (Attendee(BOB, common_name="Bob"), Attendee(ANN))
    agenda.put(wanted(booking(summary="Other", description="Bring cake", attendees=guests)), base)
    event = there.stored(agenda.id, TOKEN)
    assert event["attendees"][0] == bob
    assert [each["email"] for each in event["attendees"]] == [
        "bob@example.net", "ann.guest@example.net",
    ]  # fmt: skip
    assert event["description"] == "<b>Bring</b> cake", "what nobody changed keeps its form"
    assert event["colorId"] == "7"
    assert event["extendedProperties"]["private"]["other"] == "program"


def test_a_reminder_that_a_person_set_stays_until_the_client_sets_another(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    series = booking(alarms=(Alarm(timedelta(minutes=15)),))
    written = agenda.put(wanted(series))
    theirs = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 45}]}
    there.change(agenda.id, written.remote_id, reminders=theirs)
    base = replace(written, etag=agenda.read(written.remote_id).etag)
    after = agenda.put(wanted(changed(series, summary="Other")), base)
    assert there.stored(agenda.id, TOKEN)["reminders"] == theirs
    agenda.put(wanted(changed(series, alarms=(Alarm(timedelta(minutes=10)),))), after)
    assert there.stored(agenda.id, TOKEN)["reminders"]["overrides"][0]["minutes"] == 10


def test_the_account_that_organizes_stays_among_the_guests_where_google_has_it(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    first = agenda.put(wanted(booking(attendees=(Attendee(BOB),))))
    own = {"email": agenda.id, "responseStatus": "accepted"}
    there.change(agenda.id, first.remote_id, attendees=[own, {"email": "bob@example.net"}])
    base = agenda.read(first.remote_id)
    agenda.put(wanted(booking(attendees=(Attendee(BOB), Attendee(EVE)))), base)
    assert [each["email"] for each in there.stored(agenda.id, TOKEN)["attendees"]] == [
        agenda.id, "bob@example.net", "eve@example.net",
    ]  # fmt: skip


def test_guests_that_are_not_shown_are_left_alone(there: GoogleSinkWorld, agenda: Calendar) -> None:
    """Their replies would be lost with a list that is written without having been seen."""
    series = booking(attendees=(Attendee(BOB), Attendee(EVE)))
    written = agenda.put(wanted(series))
    there.answer(agenda.id, written.remote_id, BOB, PartStat.ACCEPTED)
    base = replace(written, etag=agenda.read(written.remote_id).etag)
    there.running.misbehave(OWNER, "attendees_omitted")
    renamed = agenda.put(wanted(changed(series, summary="Other")), base)
    base = replace(written, etag=renamed.etag)
    with pytest.raises(RemoteRejected, match="whom it does not show"):
        agenda.put(wanted(changed(series, attendees=(Attendee(BOB),))), base)
    event = there.stored(agenda.id, TOKEN)
    assert event["summary"] == "Other"
    assert [each["responseStatus"] for each in event["attendees"]] == ["accepted", "needsAction"]


def test_a_change_that_comes_between_look_and_write_is_noticed(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(booking()))

    def interfering(method: str, _options: Json) -> None:
        if method == "PATCH":
            there.rename(agenda.id, written.remote_id, "Theirs")

    listening(there, interfering)
    with pytest.raises(RemoteChanged):
        agenda.put(wanted(booking(location="There")), written)
    assert taking_place(agenda.read(written.remote_id).series) == [(NOW, NOW + HOUR, "Theirs")]


# Who is mailed


@pytest.mark.covers("T70")
def test_guests_hear_of_a_change_that_concerns_them_and_of_no_other(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    series = booking(attendees=(Attendee(BOB),))
    written = agenda.put(wanted(series))
    private = changed(
        series, alarms=(), categories=("Red",), transp=Transp.TRANSPARENT, url="https://example.com"
    )
    written = agenda.put(wanted(private, conference=ConferenceKind.GOOGLE_MEET), written)
    assert there.mailed(agenda.id) == [(BOB, "invited")]
    agenda.put(wanted(changed(private, summary="Other")), written)
    assert there.mailed(agenda.id) == [(BOB, "invited"), (BOB, "updated")]


@pytest.mark.covers("T70")
def test_guests_whom_the_client_tells_itself_are_mailed_by_nobody_else(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    guests = (Attendee(BOB, schedule_agent="CLIENT"), Attendee(EVE, schedule_agent="NONE"))
    written = agenda.put(wanted(booking(attendees=guests)))
    agenda.put(wanted(booking(attendees=guests, summary="Other")), written)
    assert there.mailed(agenda.id) == []
    mixed = (Attendee(BOB, schedule_agent="CLIENT"), Attendee(ANN))
    with pytest.raises(RemoteRejected, match="all of them or none"):
        agenda.put(wanted(booking(attendees=mixed), token=TOKEN[::-1]))
    agenda.put(wanted(booking(attendees=mixed), token=TOKEN[::-1], notify=False))
    assert there.mailed(agenda.id) == []


def test_a_booking_shown_as_free_or_uncertain_is_so_at_google(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    written = agenda.put(wanted(booking(show_as=ShowAs.FREE)))
    assert there.stored(agenda.id, TOKEN)["transparency"] == "transparent"
    agenda.put(wanted(booking(show_as=ShowAs.TENTATIVE)), written)
    assert there.stored(agenda.id, TOKEN)["status"] == "tentative"


def test_an_event_of_a_zone_that_google_does_not_know_is_at_its_instant(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    start = utc(NOW + DAY).astimezone(timezone(timedelta(hours=5, minutes=45)))
    written = agenda.put(wanted(booking(start=start, end=start + timedelta(hours=1))))
    assert there.stored(agenda.id, TOKEN)["start"]["timeZone"] == "UTC"
    assert taking_place(written.series) == [(NOW + DAY, NOW + DAY + HOUR, "Meeting")]


@dataclass
class _Listening:
    """An `Http` that tells what is about to be sent."""

    http: Any
    heard: Callable[[str, Json], None]

    def request(self, method: str, url: str, **options: Any) -> Response:
        if method != "GET":
            self.heard(method, options)
        answer: Response = self.http.request(method, url, **options)
        return answer


def listening(there: GoogleSinkWorld, heard: Callable[[str, Json], None]) -> None:
    there.requests.http = _Listening(there.requests.http, heard)  # type: ignore[assignment]


def test_an_id_whose_event_has_disappeared_is_refused_by_name(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    there.requests.http = _Forgotten(there.requests.http)  # type: ignore[assignment]
    agenda.delete(agenda.put(wanted(booking())))
    with pytest.raises(RemoteRejected, match="deleted long ago"):
        agenda.put(wanted(booking()))


@dataclass
class _Forgotten:
    """An `Http` to a Google that has forgotten every deleted event, but not their ids."""

    http: Any

    def request(self, method: str, url: str, **options: Any) -> Response:
        answer: Response = self.http.request(method, url, **options)
        is_gone = method == "GET" and b'"cancelled"' in answer.body
        return replace(answer, status=404, body=b"{}") if is_gone else answer
