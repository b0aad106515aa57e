"""What is particular to Zoom: how meetings are held, series, late listings, and refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.errors import (
    ProviderError,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.event import EventSeries
from tests.contract.maker_contract import HOUR, OTHER, START, TOKEN, booking
from tests.contract.maker_worlds import NOW, ZoomMakerWorld

WEEKLY = ("FREQ=WEEKLY;COUNT=4",)


def weekly(start: datetime = START, **changes: Any) -> EventSeries:
    return booking(start, rrules=WEEKLY, **changes)


@pytest.mark.covers("S0-25", "S0-26", "S0-27", "S0-28")
def test_a_meeting_is_held_as_the_settings_say(place: ZoomMakerWorld) -> None:
    wanted = {
        "join_before_host": False,
        "mute_upon_entry": False,
        "waiting_room": True,
        "auto_recording": "local",
    }
    place.settings = wanted
    place.open().create(TOKEN, booking())
    [made] = place.host.meetings
    assert {name: made.settings[name] for name in wanted} == wanted
    assert made.settings["use_pmi"] is False


def test_a_change_leaves_alone_how_its_host_wants_to_hold_it(place: ZoomMakerWorld) -> None:
    made = place.open().create(TOKEN, booking())
    place.host.change(int(made.reference), settings={"waiting_room": True}, agenda="My notes")
    place.open().update(made.reference, booking(START + HOUR))
    [held] = place.host.meetings
    assert held.settings["waiting_room"]
    assert held.agenda == "My notes"


def test_guests_are_told_the_passcode_and_zoom_nothing_of_the_event_but_its_title(
    place: ZoomMakerWorld,
) -> None:
    made = place.open().create(TOKEN, booking(description="confidential", location="Paris"))
    [held] = place.host.meetings
    assert made.details == f"Meeting ID: {held.id}\nPasscode: {held.password}"
    assert held.agenda == f"Booked by BusyBridge, {TOKEN}"
    assert "start" not in made.join_url.removeprefix("https://")


def test_a_series_has_its_times_and_one_link(place: ZoomMakerWorld) -> None:
    made = place.open().create(TOKEN, weekly())
    [held] = place.host.meetings
    assert [each.start for each in held.occurrences] == [
        START + timedelta(weeks=week) for week in range(4)
    ]
    assert place.open().update(made.reference, weekly(START + HOUR)) == made
    assert [each.start for each in held.occurrences] == [
        START + HOUR + timedelta(weeks=week) for week in range(4)
    ]
    assert place.open().update(made.reference, booking()) == made
    assert (held.type, held.start) == (2, START)


def test_a_series_that_zoom_cannot_say_has_one_link_and_no_times(place: ZoomMakerWorld) -> None:
    endless = booking(rrules=("FREQ=YEARLY",))
    made = place.open().create(TOKEN, endless)
    [held] = place.host.meetings
    assert (held.type, held.start) == (3, None)
    assert place.open().update(made.reference, weekly()) == made
    assert held.type == 8
    assert place.open().update(made.reference, endless) == made
    assert held.type == 3


def test_a_series_that_has_begun_loses_its_times_rather_than_have_wrong_ones(
    place: ZoomMakerWorld,
) -> None:
    begun = NOW - timedelta(days=8)
    place.open().create(TOKEN, weekly(begun))
    [held] = place.host.meetings
    assert held.type == 3, "Zoom begins what has passed now"
    place.clean()
    made = place.open().create(TOKEN, weekly())
    place.open().update(made.reference, weekly(begun))
    assert place.host.meetings[0].type == 3


def test_a_meeting_that_is_made_is_not_lost_by_what_follows(place: ZoomMakerWorld) -> None:
    maker = place.open()
    place.misbehave("update_lost", times=1)
    made = maker.create(TOKEN, weekly(NOW - timedelta(days=8)))
    assert [each.reference for each in place.held()] == [made.reference]
    assert place.open().find(TOKEN) == made


@pytest.mark.covers("F5")
@pytest.mark.parametrize("fault", ["create_lost", "create_error", "cut", "html", "bad_gateway"])
def test_who_does_not_know_whether_it_was_made_waits_until_listings_have_it(
    place: ZoomMakerWorld, fault: str
) -> None:
    maker = place.open()
    place.misbehave(fault, times=1)
    with pytest.raises(TemporarilyUnavailable) as caught:
        maker.create(TOKEN, booking())
    assert caught.value.retry_after == timedelta(minutes=1)


def test_a_meeting_is_found_among_many_in_short_pages(place: ZoomMakerWorld) -> None:
    place.misbehave("short_pages")
    made = place.open().create(TOKEN, booking(START + 9 * HOUR))
    for hour in range(6):
        place.host.create("Another", START + hour * HOUR)
    assert place.open().find(TOKEN) == made
    place.host.change(int(made.reference), agenda="My own")
    assert place.open().find(TOKEN) is None
    place.host.change(int(made.reference), topic=f"It was {TOKEN}")
    assert place.open().find(TOKEN) == made, "a mark in the title is as good"


def test_of_two_meetings_the_first_one_is_it(place: ZoomMakerWorld) -> None:
    made = place.open().create(TOKEN, booking())
    with place.running.world.lock:
        place.running.world.advance(timedelta(seconds=2))
    place.open().create(TOKEN, booking(START - HOUR))
    assert place.open().find(TOKEN) == made


@pytest.mark.parametrize("fault", ["page_gone", "endless_pages"])
def test_a_listing_that_does_not_end_well_says_nothing(place: ZoomMakerWorld, fault: str) -> None:
    maker = place.open()
    for hour in range(4):
        place.host.create("Another", START + hour * HOUR)
    place.misbehave("short_pages")
    place.misbehave(fault)
    with pytest.raises((TemporarilyUnavailable, UnreadableAnswer)):
        maker.find(TOKEN)


REFUSED = {
    "insufficient_scopes": (RemoteRejected, "scope_missing"),
    "forbidden": (RemoteRejected, "forbidden"),
    "user_gone": (RemoteRejected, "host_unknown"),
    "too_many_requests": (RateLimited, "rate_limited"),
    "daily_limit": (RateLimited, "rate_limited"),
    "unavailable": (TemporarilyUnavailable, "unavailable"),
    "server_error": (TemporarilyUnavailable, "unavailable"),
}


@pytest.mark.parametrize("form", ["", "xml_errors", "bare_limits"])
@pytest.mark.parametrize("fault", REFUSED)
def test_a_refusal_is_understood_whatever_its_form(
    place: ZoomMakerWorld, fault: str, form: str
) -> None:
    maker = place.open()
    place.misbehave(fault)
    if form:
        place.misbehave(form)
    error, code = REFUSED[fault]
    with pytest.raises(error) as caught:
        maker.create(TOKEN, booking())
    assert isinstance(caught.value, ProviderError)
    assert caught.value.code == code
    assert place.held() == []


@pytest.mark.parametrize("form", ["", "bare_limits"])
def test_a_limit_of_the_day_lasts_until_midnight(place: ZoomMakerWorld, form: str) -> None:
    maker = place.open()
    place.misbehave("daily_limit")
    if form:
        place.misbehave(form)
    with pytest.raises(RateLimited, match="before 2026-03-03 00:00 UTC") as caught:
        maker.create(TOKEN, booking())
    # The stand-in's clock goes on while it answers.
    assert timedelta(0) <= timedelta(hours=15) - caught.value.retry_after < timedelta(minutes=1)


def test_a_meeting_that_is_held_is_cancelled_later(place: ZoomMakerWorld) -> None:
    made = place.open().create(TOKEN, booking())
    place.host.begin(int(made.reference))
    with pytest.raises(TemporarilyUnavailable, match="in progress"):
        place.open().cancel(made.reference)
    place.host.end(int(made.reference))
    place.open().cancel(made.reference)


@pytest.mark.parametrize("fault", ["delete_gone", "meeting_gone"])
def test_whatever_says_that_a_meeting_is_gone_is_good_enough(
    place: ZoomMakerWorld, fault: str
) -> None:
    made = place.open().create(TOKEN, booking())
    place.misbehave(fault, times=1)
    place.open().cancel(made.reference)


def test_a_meeting_that_is_gone_cannot_be_moved(place: ZoomMakerWorld) -> None:
    made = place.open().create(TOKEN, booking())
    maker = place.open()
    place.misbehave("meeting_gone")
    with pytest.raises(RemoteNotFound):
        maker.update(made.reference, booking(START + HOUR))


def test_a_program_names_its_host_and_a_host_does_not(place: ZoomMakerWorld) -> None:
    place.open().create(TOKEN, booking())
    replace(place, alone=True).open().create(OTHER, booking())
    posts = [each for each in place.asked if each.startswith("POST")]
    assert posts == [
        "POST /v2/users/me/meetings?",
        "POST /v2/users/ann@example.test/meetings?",
    ]
