"""Teams meetings of bookings, and the bodies that hold their links."""

from __future__ import annotations

import pytest

from bridge.model.conference import ConferenceKind, ConferenceState
from bridge.model.event import Attendee
from bridge.model.http import Http
from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.microsoft_world import signed
from tests.contract.provider_contract import HOUR, NOW
from tests.contract.sink_calendar import ANN as GUEST
from tests.contract.sink_calendar import (
    MONDAY,
    WEEK,
    Calendar,
    booking,
    changed,
    override,
    taking_place,
    wanted,
    weekly,
)
from tests.unit.providers.microsoft.writing import body_of, master

TEAMS = ConferenceKind.TEAMS
PAT = "pat@outlook.test"


@pytest.mark.covers("S0-03")
def test_a_meeting_and_its_guest_take_one_request_and_one_mail(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    world.http.asked.clear()
    made = calendar.put(wanted(booking(attendees=(Attendee(GUEST),)), conference=TEAMS))
    assert world.writes == ["POST"]
    event = world.event(made.remote_id)
    assert (event["isOnlineMeeting"], event["onlineMeetingProvider"]) == (True, "teamsForBusiness")
    assert made.conference is not None
    assert made.conference.kind is TEAMS
    assert made.conference.join_url == event["onlineMeeting"]["joinUrl"]
    assert world.mailed(calendar.id) == [(GUEST, "invited")]


@pytest.mark.covers("F56")
def test_a_link_that_comes_late_is_pending_until_it_is_read(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    world.faults.switch("join_url_late", 2, 1)
    made = calendar.put(wanted(booking(), conference=TEAMS))
    states = [made.conference]
    states += [calendar.read(made.remote_id).conference for _ in range(3)]
    assert [each and each.state.value for each in states] == ["pending"] * 3 + ["ready"]
    assert calendar.ready(made).join_url.startswith("https://teams.microsoft.com/")


def test_a_link_that_never_comes_leaves_the_event_and_is_not_asked_for_again(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    with world.fault("online_meeting_fails"):
        made = calendar.put(wanted(booking(), conference=TEAMS))
    world.http.asked.clear()
    again = calendar.put(wanted(booking(summary="Other"), conference=TEAMS), made)
    assert world.writes == ["PATCH"]
    assert again.conference is not None
    assert again.conference.state is ConferenceState.PENDING
    assert taking_place(again.series) == [(NOW, NOW + HOUR, "Other")]


@pytest.mark.covers("F60")
def test_a_mailbox_without_teams_keeps_the_event_and_says_why_there_is_no_link(
    writable: Sandbox, http: Http
) -> None:
    directory = writable.microsoft.directory
    with writable.world.lock:
        if directory.find(PAT) is None:
            directory.add_mailbox(PAT, personal=True)
    world = MicrosoftSinkWorld(writable, signed(writable, http, PAT), PAT)
    calendar = Calendar(world, world.new_calendar())
    desired = wanted(booking(), conference=TEAMS)
    made = calendar.put(desired)
    assert made.conference is not None
    assert made.conference.state is ConferenceState.FAILING
    assert "licence for Teams" in made.conference.reason
    assert list(calendar.holds()) == [made.remote_id]
    world.http.asked.clear()
    assert calendar.put(desired, made) == made
    assert world.writes == []


def test_what_outlook_added_to_a_body_outlives_another_text(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    desired = wanted(booking(description="Agenda"), conference=TEAMS)
    made = calendar.put(desired)
    link = calendar.ready(made).join_url
    block = body_of(world, made.remote_id).partition('<div class="me-email-text"')[2]
    text = "1 < 2 & <b>no markup</b>\n\n  indented"
    after = calendar.put(wanted(booking(description=text), conference=TEAMS), made)
    assert body_of(world, after.remote_id).partition('<div class="me-email-text"')[2][:-14] in block
    assert "&lt;b&gt;no markup&lt;/b&gt;" in body_of(world, after.remote_id)
    assert calendar.ready(after).join_url == link
    assert " ".join(master(after.series).description.split()) == " ".join(text.split())
    bare = calendar.put(wanted(booking(), conference=TEAMS), after)
    assert calendar.ready(bare).join_url == link
    assert master(bare.series).description == ""


def test_a_body_that_somebody_formatted_is_changed_only_when_its_text_is(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    made = calendar.put(wanted(booking(description="Agenda"), conference=TEAMS))
    link = calendar.ready(made).join_url
    there = body_of(world, made.remote_id)
    formatted = there.replace("Agenda", "<p>Agenda</p>").replace("<div", "<div style='x'")
    world.person.change(made.remote_id, body={"contentType": "html", "content": formatted})
    base = calendar.read(made.remote_id)
    assert master(base.series).description == "Agenda"
    after = calendar.put(wanted(booking(summary="B", description="Agenda"), conference=TEAMS), base)
    assert body_of(world, made.remote_id) == formatted
    after = calendar.put(wanted(booking(description="Other"), conference=TEAMS), after)
    assert master(after.series).description == "Other"
    assert "Agenda" not in body_of(world, made.remote_id)
    assert calendar.ready(after).join_url == link


def test_a_pull_reads_the_description_without_what_outlook_added(calendar: Calendar) -> None:
    made = calendar.put(wanted(booking(description="Agenda"), conference=TEAMS))
    (pulled,) = calendar.holds().values()
    assert master(pulled).description == master(made.series).description == "Agenda"
    assert master(pulled).conference_url == calendar.ready(made).join_url


def test_the_text_of_one_occurrence_leaves_its_link(
    world: MicrosoftSinkWorld, calendar: Calendar
) -> None:
    series = weekly(description="All")
    one = override(series, MONDAY + WEEK, description="One")
    made = calendar.put(wanted(changed(series, one), conference=TEAMS))
    (event,) = made.series.overrides
    assert (event.description, event.conference_url) == ("One", calendar.ready(made).join_url)
    instance = world.found(world.person.instance(made.remote_id, MONDAY + WEEK))
    assert instance.original is not None
    body = instance.item.overrides[instance.original].properties["body"]["content"]
    assert "meet_invite_block" in body
