"""Bookings on real CalDAV servers: what stays, whose it is, who is mailed, what is refused."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Component

from bridge.errors import (
    RateLimited,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    UnreadableAnswer,
)
from bridge.ical.parse import parse_calendar
from bridge.model.event import Alarm, Attendee, PartStat, Status
from bridge.provider import Account, CalendarId, Provider, RemoteId
from bridge.providers.caldav import APPLE, AppleConnection, AppleDefaults
from bridge.transport import Transport
from tests.contract.caldav_sink_world import CaldavSinkWorld
from tests.contract.sink_calendar import (
    ANN,
    BERLIN,
    BOB,
    MONDAY,
    ORIGIN,
    TOKEN,
    WEEK,
    Calendar,
    booking,
    changed,
    override,
    replies,
    taking_place,
    wanted,
    weekly,
)
from tests.servers.faultproxy import Answer, Call, Fault, Forward, answering, rewriting
from tests.servers.mail import MailBox
from tests.servers.xandikos import start_xandikos, xandikos_account
from tests.unit.providers.caldav.conftest import Site

NAME = RemoteId(f"{TOKEN}.ics")
OTHER = TOKEN[::-1]


@pytest.fixture
def open_world() -> Iterator[Callable[[Site], CaldavSinkWorld]]:
    worlds: list[CaldavSinkWorld] = []

    def make(site: Site) -> CaldavSinkWorld:
        worlds.append(CaldavSinkWorld(site.dav, site.http, site.proxy.url()))
        return worlds[-1]

    yield make
    for world in worlds:
        world.clean_up()


@pytest.fixture
def place(each: Site, open_world: Callable[[Site], CaldavSinkWorld]) -> CaldavSinkWorld:
    """Radicale, then Xandikos."""
    return open_world(each)


@pytest.fixture
def plain(site: Site, open_world: Callable[[Site], CaldavSinkWorld]) -> CaldavSinkWorld:
    """Radicale."""
    return open_world(site)


@pytest.fixture
def scheduling(
    make_site: Callable[..., Site], open_world: Callable[[Site], CaldavSinkWorld]
) -> CaldavSinkWorld:
    """Xandikos, which announces calendar-auto-schedule."""
    return open_world(make_site("xandikos"))


def new(world: CaldavSinkWorld) -> Calendar:
    return Calendar(world, world.new_calendar())


def put_changing_headers(
    change: Callable[[dict[str, str]], dict[str, str]],
) -> Callable[..., Answer]:
    def fault(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        return replace(answer, headers=change(dict(answer.headers)))

    return fault


MARKED = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20261124T090000Z\r\nX-BUSYBRIDGE-ORIGIN:{origin}\r\n"
    "X-BUSYBRIDGE-TOKEN:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


# Marks


def test_marks_are_found_in_more_objects_than_are_asked_for_at_once(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    for number in range(70):
        origin = ORIGIN if number % 2 else "of-another"
        text = MARKED.format(uid=number, origin=origin)
        plain.account.put(calendar.id, f"{number}.ics", text)
    assert set(calendar.marked()) == {str(number) for number in range(1, 70, 2)}


def test_an_object_that_cannot_be_read_or_is_withheld_is_no_bar_unless_it_is_ours(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)
    calendar.put(wanted(booking()))
    plain.account.put(calendar.id, "x.ics", MARKED.format(uid="x", origin="of-another"))

    def spoiling(start: bytes) -> Fault:
        spoilt = start.replace(b"DTSTART", b"X-START")
        return rewriting(
            lambda body: body.replace(start, spoilt),
            when=lambda call: call.is_report("calendar-multiget"),
        )

    with site.proxy.fault(spoiling(b"DTSTART:20261124T090000Z")):
        assert set(calendar.marked()) == {TOKEN}
    with site.proxy.fault(spoiling(b"DTSTART")), pytest.raises(UnreadableAnswer):
        calendar.marked()

    def withholding(what: bytes) -> Fault:
        content = re.compile(rb"(calendar-data>)BEGIN:[^<]*" + what + rb"[^<]*(</)")
        return rewriting(
            lambda body: content.sub(rb"\1\2", body),
            when=lambda call: call.is_report("calendar-multiget"),
        )

    with site.proxy.fault(withholding(b"ORIGIN:of-another")):
        assert set(calendar.marked()) == {TOKEN}
    with site.proxy.fault(withholding(ORIGIN.encode())), pytest.raises(UnreadableAnswer):
        calendar.marked()


# What is written


@pytest.mark.covers("F48")
def test_the_name_comes_of_the_token_and_the_uid_is_the_clients(place: CaldavSinkWorld) -> None:
    calendar = new(place)
    written = calendar.put(wanted(weekly()))
    assert written.remote_id == NAME
    text = place.text(calendar.id, NAME)
    assert "UID:meeting@example.com\n" in text
    assert f"X-BUSYBRIDGE-ORIGIN:{ORIGIN}\n" in text
    assert f"X-BUSYBRIDGE-TOKEN:{TOKEN}\n" in text
    assert "TZID:Europe/Berlin\n" in text
    assert "RRULE:FREQ=YEARLY;" in text


def test_another_program_reads_the_same_times(place: CaldavSinkWorld) -> None:
    calendar = new(place)
    series = weekly(alarms=(Alarm(timedelta(minutes=15)),), attendees=(Attendee(ANN),))
    calendar.put(wanted(changed(series, override(series, MONDAY + WEEK, summary="Moved"))))
    master, moved = place.shown(calendar.id, NAME).walk("VEVENT")
    assert master.decoded("DTSTART") == MONDAY
    assert moved.decoded("RECURRENCE-ID") == MONDAY + WEEK
    assert moved["SUMMARY"] == "Moved"
    (alarm,) = master.walk("VALARM")
    assert alarm.decoded("TRIGGER") == timedelta(minutes=-15)


@pytest.mark.covers("F55")
def test_a_zone_that_only_the_client_knows_goes_with_the_event(place: CaldavSinkWorld) -> None:
    observance = "DTSTART:16010101T000000\nTZOFFSETFROM:+0130\nTZOFFSETTO:+0130"
    text = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Customized Time Zone\n"
        f"BEGIN:STANDARD\n{observance}\nEND:STANDARD\nEND:VTIMEZONE\n"
        "BEGIN:VEVENT\nUID:meeting@example.com\nSUMMARY:Meeting\nDTSTAMP:20260101T000000Z\n"
        "DTSTART;TZID=Customized Time Zone:20261123T090000\nDURATION:PT1H\n"
        "RRULE:FREQ=WEEKLY;COUNT=2\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    (parsed,) = parse_calendar(text, whole=True).series
    calendar = new(place)
    written = calendar.put(wanted(parsed.series))
    assert taking_place(written.series) == taking_place(parsed.series)
    assert calendar.put(wanted(parsed.series), written) == written


@pytest.mark.covers("F55")
def test_a_server_that_rewrites_what_it_is_given_is_not_written_to_again(
    place: CaldavSinkWorld,
) -> None:
    calendar = new(place)
    series = weekly(
        description="one\n\ntwo; three, four \\ five",
        categories=("One, two",),
        exdates=(MONDAY + WEEK,),
        exact=timedelta(hours=1),
        attendees=(Attendee(ANN, common_name='Ann "A"; Doe', role="OPT-PARTICIPANT"),),
        alarms=(Alarm(timedelta(days=1)), Alarm(timedelta(minutes=-5), "AUDIO")),
        conference_url="https://zoom.us/j/1?pwd=a,b;c",
        url="https://example.com/?a=1;b=2",
    )
    desired = wanted(changed(series, override(series, MONDAY + 2 * WEEK, location="Elsewhere")))
    written = calendar.put(desired)
    assert calendar.put(desired, written) == written
    assert calendar.put(desired) == written


def test_a_link_stands_in_conference_and_where_other_programs_look(
    plain: CaldavSinkWorld,
) -> None:
    calendar, link = new(plain), "https://zoom.us/j/9000000001"
    written = calendar.put(wanted(booking(conference_url=link)))
    shown = plain.text(calendar.id, NAME)
    assert f":{link}\n" in next(
        line + "\n" for line in shown.split("\n") if line.startswith("CONFERENCE")
    )
    assert f"URL:{link}\n" in shown
    full = booking(conference_url=link, url="https://example.com/")
    written = calendar.put(wanted(full), written)
    assert written.series.master is not None
    assert written.series.master.url == "https://example.com/"
    assert written.series.master.location == link
    written = calendar.put(wanted(booking()), written)
    assert link not in plain.text(calendar.id, NAME)


# What stays


@pytest.mark.covers("P3")
def test_what_nobody_here_knows_stays_in_its_place(place: CaldavSinkWorld) -> None:
    calendar = new(place)
    series = booking(attendees=(Attendee(ANN),), alarms=(Alarm(timedelta(minutes=15)),))
    calendar.put(wanted(series))

    def change(event: Component) -> None:
        event.add("X-MOZ-GENERATION", "7")
        event.add("COMMENT", "brought by hand")
        event["ATTENDEE"].params["X-NUM-GUESTS"] = "2"
        event["ATTENDEE"].params["PARTSTAT"] = "ACCEPTED"
        odd = Component.from_ical(
            "BEGIN:VALARM\r\nACTION:PROCEDURE\r\nTRIGGER:-PT1H\r\nATTACH:ftp://x/y\r\nEND:VALARM"
        )
        event.add_component(odd)

    place.edit(calendar.id, NAME, change)
    base = calendar.read(NAME)
    moved = booking(
        start=MONDAY, end=MONDAY + timedelta(hours=1), attendees=(Attendee(ANN), Attendee(BOB)),
        alarms=(Alarm(timedelta(minutes=5)),),
    )  # fmt: skip
    after = calendar.put(wanted(moved), base)
    text = place.text(calendar.id, NAME)
    for line in ("X-MOZ-GENERATION:7", "COMMENT:brought by hand", "X-NUM-GUESTS=2", "PROCEDURE"):
        assert line in text
    assert replies(after.series) == {ANN: PartStat.ACCEPTED, BOB: PartStat.NEEDS_ACTION}
    assert after.series.master is not None
    assert after.series.master.alarms == (Alarm(timedelta(minutes=5)),)


def test_a_moved_event_is_a_newer_revision(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    first = calendar.put(wanted(booking(sequence=3)))
    renamed = calendar.put(wanted(booking(sequence=3, summary="Other")), first)
    assert renamed.series.master is not None
    assert renamed.series.master.sequence == 3
    later = booking(start=MONDAY, end=MONDAY + timedelta(hours=1), sequence=3)
    moved = calendar.put(wanted(later), renamed)
    assert moved.series.master is not None
    assert moved.series.master.sequence == 4


def test_a_booking_that_says_nothing_of_alarms_leaves_those_there(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    alarms = (Alarm(timedelta(minutes=15)),)
    base = calendar.put(wanted(booking(alarms=alarms)))
    after = calendar.put(wanted(booking(summary="Other", alarms=None)), base)
    assert after.series.master is not None
    assert after.series.master.alarms == alarms


# Whose it is


@pytest.mark.covers("P3")
def test_an_event_of_somebody_else_with_the_same_uid_is_left_alone(
    place: CaldavSinkWorld,
) -> None:
    calendar = new(place)
    calendar.put(wanted(booking(), token=OTHER))
    place.rename(calendar.id, RemoteId(f"{OTHER}.ics"), "Theirs")
    with pytest.raises(RemoteRejected, match="another event with the same UID") as refused:
        calendar.put(wanted(booking()))
    assert refused.value.code == "uid_taken"
    assert calendar.find() is None
    (series,) = calendar.holds().values()
    assert series.master is not None
    assert series.master.summary == "Theirs"


@pytest.mark.covers("F53")
def test_an_event_that_a_person_moved_is_found_under_its_other_name(
    place: CaldavSinkWorld,
) -> None:
    calendar = new(place)
    calendar.put(wanted(booking()))
    shown = place.shown(calendar.id, NAME)
    place.remove(calendar.id, NAME)
    place.account.put(calendar.id, "elsewhere.ics", shown.to_ical().decode())
    found = calendar.find()
    assert found is not None
    assert found.remote_id == "elsewhere.ics"
    again = calendar.put(wanted(booking(summary="Other")))
    assert again.remote_id == "elsewhere.ics"
    assert taking_place(again.series)[0][2] == "Other"
    assert list(calendar.holds()) == ["elsewhere.ics"]


@pytest.mark.covers("P3")
def test_something_else_under_our_name_is_left_alone(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    calendar.put(wanted(booking("other@example.com"), token=OTHER))
    shown = plain.shown(calendar.id, RemoteId(f"{OTHER}.ics"))
    plain.remove(calendar.id, RemoteId(f"{OTHER}.ics"))
    plain.account.put(calendar.id, NAME, shown.to_ical().decode())
    with pytest.raises(RemoteRejected):
        calendar.put(wanted(booking()))
    assert calendar.holds()[NAME].uid == "other@example.com"


def test_an_event_that_is_cancelled_there_counts_as_gone(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    base = calendar.put(wanted(booking()))
    plain.edit(calendar.id, NAME, lambda event: event.add("STATUS", "CANCELLED"))
    assert calendar.find() is None
    with pytest.raises(RemoteNotFound, match="cancelled"):
        calendar.read(NAME)
    with pytest.raises(RemoteChanged):
        calendar.put(wanted(booking(summary="Other")), base)
    again = calendar.put(wanted(booking()))
    assert again.series.master is not None
    assert again.series.master.status is not Status.CANCELLED


# ETags


@pytest.mark.parametrize("etag", ["", 'W/"1"'], ids=["none", "weak"])
def test_without_strong_etags_what_it_says_is_compared(
    site: Site, plain: CaldavSinkWorld, etag: str
) -> None:
    def other(headers: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in headers.items() if name.lower() != "etag"}
        return kept | ({"ETag": etag} if etag else {})

    calendar = new(plain)
    with site.proxy.fault(put_changing_headers(other)):
        base = calendar.put(wanted(booking()))
        assert base.etag is None
        after = calendar.put(wanted(booking(summary="Other")), base)
        assert taking_place(after.series)[0][2] == "Other"
        with pytest.raises(RemoteChanged):
            calendar.put(wanted(booking(summary="Third")), base)


@pytest.mark.covers("F17")
def test_a_change_between_our_writing_and_our_reading_back_is_not_taken_for_ours(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)

    def meddling(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        if call.method == "PUT":
            plain.rename(calendar.id, NAME, "Theirs")
        return answer

    with site.proxy.fault(meddling):
        written = calendar.put(wanted(booking()))
    assert taking_place(written.series)[0][2] == "Meeting"
    with pytest.raises(RemoteChanged):
        calendar.put(wanted(booking(summary="Ours")), written)


def test_a_change_between_our_reading_and_our_writing_is_refused(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)
    base = calendar.put(wanted(booking()))

    def meddling(call: Call, forward: Forward) -> Answer:
        if call.method == "PUT":
            plain.rename(calendar.id, NAME, "Theirs")
        return forward(call)

    with site.proxy.fault(meddling), pytest.raises(RemoteChanged):
        calendar.put(wanted(booking(summary="Ours")), base)
    assert taking_place(calendar.read(NAME).series)[0][2] == "Theirs"


# Guests


def guests_in(world: CaldavSinkWorld, calendar: Calendar) -> dict[str, dict[str, str]]:
    (event,) = world.shown(calendar.id, NAME).walk("VEVENT")
    people = event.get("ATTENDEE", [])
    people = people if isinstance(people, list) else [people]
    return {str(it).lower(): dict(it.params) for it in people}


def test_the_account_invites_whoever_the_client_named(place: CaldavSinkWorld) -> None:
    calendar = new(place)
    theirs = Attendee("mailto:boss@example.org")
    written = calendar.put(wanted(booking(organizer=theirs, attendees=(Attendee(ANN),))))
    assert written.series.master is not None
    assert written.series.master.organizer == Attendee("mailto:ann@example.com")
    calendar.put(wanted(booking("two@example.com", organizer=theirs), token=OTHER))
    assert "ORGANIZER" not in place.text(calendar.id, RemoteId(f"{OTHER}.ics"))


def test_the_account_itself_is_no_guest_even_where_a_program_adds_it(
    plain: CaldavSinkWorld,
) -> None:
    calendar = new(plain)
    desired = wanted(booking(attendees=(Attendee(ANN),)))
    calendar.put(desired)

    def change(event: Component) -> None:
        event.add("ATTENDEE", "mailto:ann@example.com", parameters={"PARTSTAT": "ACCEPTED"})

    plain.edit(calendar.id, NAME, change)
    base = calendar.read(NAME)
    assert replies(base.series) == {ANN: PartStat.NEEDS_ACTION}
    assert calendar.put(desired, base) == base
    assert not calendar.ask(lambda sink: sink.ends_by_uid(calendar.id)), "it mails nobody"
    assert "mailto:ann@example.com" in guests_in(plain, calendar)


def test_where_nobody_is_to_be_mailed_the_server_is_told_so(scheduling: CaldavSinkWorld) -> None:
    calendar = new(scheduling)
    assert calendar.ask(lambda sink: sink.ends_by_uid(calendar.id)), "it announces that it mails"
    quiet = calendar.put(wanted(booking(attendees=(Attendee(ANN),)), notify=False))
    assert guests_in(scheduling, calendar)[ANN]["SCHEDULE-AGENT"] == "NONE"
    told = calendar.put(wanted(booking(attendees=(Attendee(ANN),))), quiet)
    assert "SCHEDULE-AGENT" not in guests_in(scheduling, calendar)[ANN]
    both = booking(summary="Other", attendees=(Attendee(ANN), Attendee(BOB)))
    calendar.put(wanted(both, notify=False), told)
    agents = {who: it.get("SCHEDULE-AGENT") for who, it in guests_in(scheduling, calendar).items()}
    assert agents == {ANN: None, BOB: "NONE"}, "ANN would be told that all is off (RFC 6638)"


def test_where_the_client_invites_somebody_itself_the_server_is_told_so(
    scheduling: CaldavSinkWorld,
) -> None:
    calendar = new(scheduling)
    calendar.put(wanted(booking(attendees=(Attendee(ANN, schedule_agent="CLIENT"),))))
    assert guests_in(scheduling, calendar)[ANN]["SCHEDULE-AGENT"] == "CLIENT"


def test_a_server_that_schedules_mails_each_guest_once_for_each_change(
    connect: Callable[..., Transport], tmp_path: Path
) -> None:
    with MailBox(None, login=False) as box:
        relay = ("--smtp-host", "127.0.0.1", "--smtp-port", str(box.port))
        server = start_xandikos(
            tmp_path, "--imip-send", "smtp", "--smtp-from", "server@example.com", *relay
        )
        try:
            account = xandikos_account(server)
            account.set_props("/ann/", OWN_ADDRESS)
            world = CaldavSinkWorld(account, connect(), email="")
            calendar = new(world)
            desired = wanted(booking(attendees=(Attendee(ANN), Attendee(BOB))))
            written = calendar.put(desired)
            assert written.series.master is not None
            assert written.series.master.organizer == Attendee("mailto:ann@work.example")
            assert mails(box) == [(ANN, "REQUEST"), (BOB, "REQUEST")]
            assert calendar.put(desired, written) == written
            assert calendar.put(desired) == written
            assert mails(box) == []
            alone = booking(start=MONDAY, end=MONDAY + WEEK, attendees=(Attendee(ANN),))
            written = calendar.put(wanted(alone), written)
            assert mails(box) == [(ANN, "REQUEST"), (BOB, "CANCEL")]
            calendar.delete(written)
            calendar.delete(written)
            assert mails(box) == [(ANN, "CANCEL")]
        finally:
            server.stop()


OWN_ADDRESS = (
    "<C:calendar-user-address-set><D:href>mailto:ann@work.example</D:href>"
    "</C:calendar-user-address-set>"
)


def mails(box: MailBox) -> list[tuple[str, str]]:
    """Return to whom which iTIP methods went since the last time."""
    found = []
    for mail in box.mails:
        (part,) = (it for it in mail.walk() if it.get_content_type() == "text/calendar")
        method = str(Component.from_ical(part.get_content())["METHOD"])
        found.append((f"mailto:{mail['To']}", method))
    box.mails.clear()
    return sorted(found)


def test_a_server_that_mails_nobody_is_told_nothing(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    calendar.put(wanted(booking(attendees=(Attendee(ANN),)), notify=False))
    assert "SCHEDULE-AGENT" not in guests_in(plain, calendar)[ANN]


def test_a_reminder_by_mail_needs_somebody_to_mail(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    plain.email = ""
    with pytest.raises(RemoteRejected, match="needs the address of the account"):
        calendar.put(wanted(booking(alarms=(Alarm(timedelta(hours=1), "EMAIL"),))))


# What is refused


@pytest.mark.parametrize(
    ("status", "body", "code", "told"),
    [
        (403, "<D:need-privileges/>", "read_only", "may not write to this calendar"),
        (403, "<C:max-resource-size/>", "too_large", "too large for this server"),
        (403, "<C:valid-calendar-data/>", "rejected", "calls the event invalid"),
        (507, "<D:quota-not-exceeded/>", "no_room", "no room left"),
        (507, "", "no_room", "no room left"),
        (405, "", "read_only", "cannot be written to"),
        (413, "", "too_large", "too large"),
    ],
)
def test_a_refusal_says_why_to_the_person_who_booked(
    site: Site, plain: CaldavSinkWorld, status: int, body: str, code: str, told: str
) -> None:
    calendar = new(plain)
    error = f'<D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">{body}</D:error>'
    fault = answering(status, error.encode() if body else b"", when=is_put)
    with site.proxy.fault(fault), pytest.raises(RemoteRejected, match=told) as refused:
        calendar.put(wanted(booking()))
    assert refused.value.code == code


def is_put(call: Call) -> bool:
    return call.method == "PUT"


def test_an_event_that_cannot_be_understood_there_is_not_overwritten(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)
    base = calendar.put(wanted(booking()))
    spoilt = rewriting(lambda body: body.replace(b"DTSTART", b"X-START"))
    with site.proxy.fault(spoilt), pytest.raises(UnreadableAnswer, match="no DTSTART"):
        calendar.put(wanted(booking(summary="Other")), base)


def test_a_server_that_cannot_look_for_marks_is_asked_by_name_alone(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)
    body = (
        b'<error xmlns="DAV:"><a:supported-filter xmlns:a="urn:ietf:params:xml:ns:caldav"/></error>'
    )
    fault = answering(403, body, when=lambda call: call.is_report("calendar-query"))
    with site.proxy.fault(fault):
        assert calendar.find() is None
        written = calendar.put(wanted(booking()))
        assert calendar.find() == written


def test_a_server_that_names_objects_as_it_pleases_is_believed(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)

    def renaming(call: Call, forward: Forward) -> Answer:
        if is_put(call) and "if-none-match" in call.headers:
            return forward(replace(call, path=call.path.replace(TOKEN, "chosen")))
        return forward(call)

    with site.proxy.fault(renaming):
        written = calendar.put(wanted(booking()))
        assert written.remote_id == "chosen.ics"
        assert calendar.find() == written
        assert calendar.put(wanted(booking())) == written
    assert list(calendar.holds()) == ["chosen.ics"]


def test_a_server_that_does_not_know_options_announces_nothing(
    site: Site, plain: CaldavSinkWorld
) -> None:
    calendar = new(plain)
    fault = answering(405, when=lambda call: call.method == "OPTIONS")
    with site.proxy.fault(fault):
        calendar.put(wanted(booking(attendees=(Attendee(ANN),)), notify=False))
    assert "SCHEDULE-AGENT" not in guests_in(plain, calendar)[ANN]


def test_another_event_in_the_place_of_ours_is_left_alone(plain: CaldavSinkWorld) -> None:
    calendar = new(plain)
    base = calendar.put(wanted(booking()))
    plain.remove(calendar.id, NAME)
    theirs = calendar.put(wanted(booking("other@example.com")))
    with pytest.raises(RemoteNotFound, match="another event"):
        calendar.put(wanted(booking(summary="Ours")), base)
    assert calendar.read(NAME) == theirs


# iCloud


class AppleWorld(CaldavSinkWorld):
    """The same server by way of the preset."""

    def open(self, _calendar: CalendarId) -> Provider:
        settings = AppleConnection.model_validate({"username": "ann", "password": "secret"})
        defaults = AppleDefaults(server_url=self.url)
        return APPLE.open(Account("r.c", settings, defaults, self.way, owner=self.email))


def test_icloud_asks_for_a_pause_by_what_elsewhere_refuses(site: Site) -> None:
    world = AppleWorld(site.dav, site.http, site.proxy.url())
    calendar = Calendar(world, site.calendar())
    with site.proxy.fault(answering(403, when=is_put)), pytest.raises(RateLimited):
        calendar.put(wanted(booking()))
    error = b'<error xmlns="DAV:"><need-privileges/></error>'
    with site.proxy.fault(answering(403, error, when=is_put)), pytest.raises(RemoteRejected):
        calendar.put(wanted(booking()))
    written = calendar.put(
        wanted(booking(start=MONDAY, end=datetime(2026, 11, 23, 10, tzinfo=BERLIN)))
    )
    assert calendar.find() == written


def test_a_refusal_names_the_calendar_in_the_log_alone(
    site: Site, plain: CaldavSinkWorld, caplog: pytest.LogCaptureFixture
) -> None:
    calendar = new(plain)
    caplog.set_level(logging.INFO, "bridge.providers.caldav.sink")
    base = calendar.put(wanted(booking()))
    refusals = []
    with site.proxy.fault(answering(405, b"", when=is_put)):
        with pytest.raises(RemoteRejected) as refused:
            calendar.put(wanted(booking(summary="Other")), base)
        refusals.append(refused.value)
    with (
        site.proxy.fault(answering(403, b"", when=lambda call: call.method == "DELETE")),
        pytest.raises(RemoteRejected) as refused,
    ):
        calendar.delete(base)
    refusals.append(refused.value)
    for each in refusals:
        assert str(each).startswith("the calendar: ")
        assert calendar.id not in str(each)
    assert caplog.text.count(calendar.id) == 2
