"""What the events of bookings have in Outlook, and their series."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bridge.model.conference import ConferenceKind
from bridge.model.event import Alarm, Attendee, Class, ShowAs, Status
from bridge.model.http import Http
from bridge.model.interval import utc
from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.microsoft_world import ANN
from tests.contract.provider_contract import DAY, NOW
from tests.contract.sink_calendar import ANN as GUEST
from tests.contract.sink_calendar import (
    BERLIN,
    BOB,
    EVE,
    MONDAY,
    ORIGIN,
    TOKEN,
    WEEK,
    Calendar,
    booking,
    changed,
    override,
    taking_place,
    wanted,
    weekly,
)
from tests.unit.providers.microsoft.writing import master, moved_to, sink_of

TEAMS = ConferenceKind.TEAMS


def test_the_guests_of_a_series_are_mailed_once_however_much_differs_in_it(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    series = weekly(attendees=(Attendee(GUEST), Attendee(BOB)), exdates=(MONDAY + WEEK,))
    moved = moved_to(series, 2, timedelta(days=1))
    made = calendar.put(wanted(changed(series, moved)))
    assert world.mailed(calendar.id) == [(GUEST, "invited"), (BOB, "invited")]
    assert [len(each.attendees) for each in made.series.events()] == [2, 2]
    copies = list(
        world.directory.mailbox("bob@example.net").copies(world.found(made.remote_id).item.uid)
    )
    ((_, copy),) = copies
    assert len(copy.cancelled) == len(copy.overrides) == 1


def test_a_guest_of_one_occurrence_hears_nothing_of_what_changes_elsewhere(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    series = weekly()
    one = override(series, MONDAY + WEEK, attendees=(Attendee(GUEST),))
    made = calendar.put(wanted(changed(series, one)))
    assert world.mailed(calendar.id) == [(GUEST, "invited")]
    gone = changed(series, one, exdates=(MONDAY + 3 * WEEK,))
    after = calendar.put(wanted(gone), made)
    assert taking_place(after.series) == taking_place(gone)
    assert world.mailed(calendar.id) == [(GUEST, "invited")]


def test_occurrences_make_room_for_each_other(calendar: Calendar) -> None:
    series = weekly()
    days = [timedelta(days=6), timedelta(days=6), timedelta(days=6)]
    moved = [
        override(
            series,
            MONDAY + n * WEEK,
            start=MONDAY + n * WEEK + by,
            end=MONDAY + n * WEEK + by + timedelta(hours=1),
        )
        for n, by in enumerate(days, 1)
    ]
    there = calendar.put(wanted(changed(series, *moved)))
    assert taking_place(there.series) == taking_place(changed(series, *moved))
    back = [moved_to(series, n, timedelta(days=-3)) for n in (1, 2, 3)]
    after = calendar.put(wanted(changed(series, *back)), there)
    assert taking_place(after.series) == taking_place(changed(series, *back))


@pytest.mark.covers("F54", "F55")
def test_a_pull_brings_the_whole_of_a_bookings_series_as_it_was_written(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    """What lies outside of the window that is pulled must not seem to be given back."""
    first = MONDAY - 100 * WEEK
    series = weekly(count=300, start=first, end=first + timedelta(hours=1), description="All",
                    exdates=(first + WEEK, MONDAY + WEEK, MONDAY + 150 * WEEK))  # fmt: skip
    others = [
        override(series, at, summary="Other") for at in (first + 2 * WEEK, MONDAY + 160 * WEEK)
    ]
    made = calendar.put(wanted(changed(series, *others), conference=TEAMS))
    mirror = calendar.mirror()
    silent = replace(master(made.series), alarms=None)
    told = tuple(replace(each, alarms=None) for each in made.series.overrides)
    whole = replace(made.series, master=silent, overrides=told)
    assert mirror.objects == {made.remote_id: whole}
    world.person.change(made.remote_id, subject="Theirs")
    mirror.pull()
    (found,) = mirror.objects.values()
    assert len(master(found).exdates) == 3
    assert len(found.overrides) == 2


def test_a_change_of_the_hour_takes_changed_occurrences_along(calendar: Calendar) -> None:
    series = weekly(exdates=(MONDAY + WEEK,))
    other = override(series, MONDAY + 2 * WEEK, summary="Other")
    base = calendar.put(wanted(changed(series, other)))
    at = MONDAY + timedelta(hours=2)
    later = weekly(start=at, end=at + timedelta(hours=1), exdates=(at + WEEK,))
    other = override(later, at + 2 * WEEK, summary="Other")
    after = calendar.put(wanted(changed(later, other)), base)
    assert after.remote_id == base.remote_id
    assert taking_place(after.series) == taking_place(changed(later, other))


@pytest.mark.parametrize(
    "rule",
    ["FREQ=DAILY;COUNT=6", "FREQ=DAILY;INTERVAL=2;COUNT=5", "FREQ=MONTHLY;BYMONTHDAY=23;COUNT=4"],
)
def test_a_deleted_occurrence_of_any_series_comes_back(calendar: Calendar, rule: str) -> None:
    series = weekly(rrules=(rule,))
    starts = [utc(at).astimezone(BERLIN) for at, _, _ in taking_place(series)]
    other = override(series, starts[1], summary="Other")
    base = calendar.put(wanted(changed(series, other, exdates=(starts[2],))))
    after = calendar.put(wanted(changed(series, other)), base)
    assert taking_place(after.series) == taking_place(changed(series, other))
    assert calendar.put(wanted(changed(series, other)), after) == after


def test_a_deleted_day_of_a_series_of_days_comes_back(calendar: Calendar) -> None:
    days = {
        "start": date(2026, 11, 23),
        "end": date(2026, 11, 24),
        "rrules": ("FREQ=DAILY;COUNT=4",),
    }
    base = calendar.put(wanted(booking(**days, exdates=(date(2026, 11, 25),))))
    assert len(taking_place(base.series)) == 3
    after = calendar.put(wanted(booking(**days)), base)
    assert taking_place(after.series) == taking_place(booking(**days))


def test_guests_are_required_optional_or_a_resource(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    guests = (
        Attendee(GUEST, common_name="Ann"),
        Attendee(BOB, role="OPT-PARTICIPANT"),
        Attendee(EVE, cutype="ROOM", role="NON-PARTICIPANT"),
        Attendee(f"mailto:{ANN}"),
    )
    made = calendar.put(wanted(booking(attendees=guests)))
    kinds = {
        each["emailAddress"]["address"]: each["type"]
        for each in world.event(made.remote_id)["attendees"]
    }
    assert kinds == {"ann.guest@example.net": "required", "bob@example.net": "optional",
                     "eve@example.net": "resource"}  # fmt: skip
    found = {each.address: (each.role, each.cutype) for each in master(made.series).attendees}
    assert found == {GUEST: ("", ""), BOB: ("OPT-PARTICIPANT", ""), EVE: ("", "RESOURCE")}


def test_whoever_invites_is_no_guest_even_where_outlook_lists_them(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    desired = wanted(booking(attendees=(Attendee(GUEST),)))
    made = calendar.put(desired)
    both = [{"emailAddress": {"address": each}} for each in ("ann.guest@example.net", ANN)]
    world.person.change(made.remote_id, attendees=both)
    base = calendar.read(made.remote_id)
    (pulled,) = calendar.holds().values()
    for series in (base.series, pulled):
        assert [each.address for each in master(series).attendees] == [GUEST]
    world.http.asked.clear()
    assert calendar.put(desired, base) == base
    assert world.writes == []


@pytest.mark.covers("S0-38")
def test_a_reminder_is_the_bookings_or_the_mailboxs_own(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    def reminder(remote_id: str) -> tuple[bool, int]:
        event = world.event(remote_id)
        return event["isReminderOn"], event["reminderMinutesBeforeStart"]

    made = calendar.put(wanted(booking()))
    assert reminder(made.remote_id) == (True, 15)
    made = calendar.put(wanted(booking(alarms=(Alarm(timedelta()),))), made)
    assert reminder(made.remote_id) == (True, 0)
    made = calendar.put(wanted(booking(alarms=None, summary="B")), made)
    assert reminder(made.remote_id) == (True, 0)
    made = calendar.put(wanted(booking(alarms=())), made)
    assert reminder(made.remote_id)[0] is False
    twice = (Alarm(timedelta(hours=1)), Alarm(timedelta(hours=1), "AUDIO"))
    made = calendar.put(wanted(booking(alarms=twice)), made)
    assert reminder(made.remote_id) == (True, 60)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"classification": Class.PRIVATE}, "sensitivity", "private"),
        ({"classification": Class.CONFIDENTIAL}, "sensitivity", "confidential"),
        ({"show_as": ShowAs.OUT_OF_OFFICE}, "showAs", "oof"),
        ({"status": Status.TENTATIVE}, "showAs", "tentative"),
        ({"categories": ("Red", "Blue")}, "categories", ["Red", "Blue"]),
    ],
)
@pytest.mark.covers("S0-37")
def test_properties_are_outlooks_own(
    world: MicrosoftSinkWorld, calendar: Calendar, fields: dict[str, Any], name: str, value: Any
) -> None:
    made = calendar.put(wanted(booking(**fields)))
    assert world.event(made.remote_id)[name] == value
    plain = calendar.put(wanted(booking()), made)
    assert world.event(plain.remote_id)[name] != value


def test_how_important_it_is_and_what_else_nobody_speaks_of_stays(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    made = calendar.put(wanted(booking()))
    theirs = {"importance": "high", "sensitivity": "personal", "hideAttendees": True}
    world.person.change(made.remote_id, **theirs)
    base = calendar.read(made.remote_id)
    calendar.put(wanted(booking(summary="B", classification=Class.PRIVATE)), base)
    event = world.event(made.remote_id)
    assert {name: event[name] for name in theirs} == theirs


def test_a_url_stands_in_the_text_unless_it_is_there_already(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    url = "https://example.com/agenda"
    desired = wanted(booking(description="As agreed", url=url))
    made = calendar.put(desired)
    assert master(made.series).description == f"As agreed\n\n{url}"
    assert calendar.put(desired, made) == made
    named = wanted(booking(description=f"See {url}", url=url))
    assert master(calendar.put(named, made).series).description == f"See {url}"


def test_the_booking_stands_with_the_event_unseen(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    made = calendar.put(wanted(booking("client-uid@example.com")))
    event = world.event(made.remote_id)
    hidden = {
        each["id"].rpartition(" ")[2]: each["value"]
        for each in event["singleValueExtendedProperties"]
    }
    assert hidden == {"BusyBridgeOrigin": ORIGIN, "BusyBridgeToken": TOKEN,
                      "BusyBridgeUid": "client-uid@example.com"}  # fmt: skip
    assert event["transactionId"].startswith(TOKEN)
    assert made.uid == made.series.uid != "client-uid@example.com"


def test_an_event_without_guests_is_deleted_and_one_with_guests_cancelled(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    alone = calendar.put(wanted(booking()))
    met = calendar.put(wanted(booking(attendees=(Attendee(GUEST),)), token=TOKEN[::-1]))
    world.http.asked.clear()
    calendar.delete(alone)
    calendar.delete(met)
    calendar.delete(met)
    assert world.writes == ["DELETE", "POST/cancel", "POST/cancel"]
    assert world.mailed(calendar.id) == [(GUEST, "invited"), (GUEST, "cancelled")]
    assert calendar.holds() == {}


def test_an_application_writes_into_the_mailbox_that_it_acts_for(
    writable: Sandbox, http: Http, world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    made = sink_of(world, world.http, acts_for=ANN).put(calendar.id, wanted(booking()), None)
    assert list(calendar.holds()) == [made.remote_id]
    assert any("/users/" in each and each.startswith("POST") for each in world.http.asked)


def test_an_event_may_be_years_away_and_last_a_moment(calendar: Calendar) -> None:
    at = NOW + 3650 * DAY
    made = calendar.put(wanted(booking(start=utc(at), end=utc(at))))
    assert (master(made.series).start, master(made.series).end) == (utc(at), utc(at))


def test_a_copy_has_the_marks_and_not_the_token_of_what_it_is_a_copy_of(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    """Outlook copies extended properties, and a transaction makes one event alone."""
    made = calendar.put(wanted(booking(), mirror="0123abcd"))
    marks = world.event(made.remote_id)["singleValueExtendedProperties"]
    world.person.create("Copy", utc(NOW), calendar=calendar.id, singleValueExtendedProperties=marks)
    found = calendar.marked()
    assert {token: each.mirror for token, each in found.items()} == {
        TOKEN: "0123abcd", "": "0123abcd",
    }  # fmt: skip
    assert found[""].written.series.events()[0].summary == "Copy"
