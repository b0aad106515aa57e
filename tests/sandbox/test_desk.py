"""The page of an account: what a person adds, moves, deletes and answers there, programs see."""

from __future__ import annotations

import re
from html import unescape

import httpx2
import pytest

from bridge.sandbox.server import Sandbox
from tests.connecting.owner import plain_client
from tests.sandbox.people import ANN, BOB, EVE, Program, at, days

MINE = f"/accounts/{ANN}/calendars/{ANN}/events"
TEN = {"title": "Tea", "start": "2026-03-04T10:00", "end": "2026-03-04T11:30"}


class Desk:
    """Somebody in front of the page, who sends its forms."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.http = plain_client()
        self.url = sandbox.url

    def page(self, email: str = ANN) -> str:
        answer = self.http.get(f"{self.url}/accounts/{email}")
        assert answer.status_code == 200
        return answer.text

    def send(
        self, path: str, form: dict[str, str], headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        given = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"} | (headers or {})
        return self.http.post(self.url + path, data=form, headers=given)

    def done(self, path: str, form: dict[str, str]) -> str:
        """Send a form that is taken; give the event's id."""
        answer = self.send(path, form)
        assert answer.status_code == 303, answer.text
        path, _, event = answer.headers["Location"].partition("#")
        assert f'id="{event}"' in self.page() or form.get("action") == "delete"
        return str(event)

    def fields(self, event: str) -> dict[str, str]:
        """Read the form of an event as a browser would send it unchanged."""
        part = self.page().partition(f'id="{event}"')[2].partition("</li>")[0]
        found = re.findall(r'<input (?:type="[\w-]+" )?name="(\w+)" value="([^"]*)"', part)
        ticked = {"all_day": "on"} if " checked" in part else {}
        return {name: unescape(value) for name, value in found} | ticked


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    return Desk(sandbox)


def test_an_event_is_added(desk: Desk, ann: Program) -> None:
    desk.done(MINE, TEN)
    (event,) = ann.listed()
    assert event["summary"] == "Tea"
    assert event["start"] == {
        "dateTime": "2026-03-04T10:00:00+01:00",
        "timeZone": "Europe/Berlin",
    }
    assert event["end"]["dateTime"] == "2026-03-04T11:30:00+01:00"
    assert "<b>Tea</b> Wed 4 Mar, 10:00\u201311:30" in desk.page()


def test_whole_days_and_series_are_added(desk: Desk, ann: Program) -> None:
    desk.done(MINE, {**TEN, "end": "2026-03-05T00:00", "all_day": "on"})
    (away,) = ann.listed()
    assert (away["start"], away["end"]) == ({"date": "2026-03-04"}, {"date": "2026-03-06"})
    assert "Wed 4 Mar \u2013 Thu 5 Mar, all day" in desk.page(), "people name the last day"
    desk.done(MINE, {**TEN, "repeats": "WEEKLY"})
    assert ann.listed()[1]["recurrence"] == ["RRULE:FREQ=WEEKLY"]
    assert "every week" in desk.page()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("RRULE:FREQ=DAILY", "every day"),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "every 2 weeks on Mon, Fri"),
        ("RRULE:FREQ=MONTHLY;BYDAY=2TU", "RRULE:FREQ=MONTHLY;BYDAY=2TU"),
        ("RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=3"),
    ],
)
def test_a_series_is_told_in_words_where_they_say_all(
    desk: Desk, ann: Program, rule: str, said: str
) -> None:
    ann.insert(recurrence=[rule])
    assert f'<div class="note">{said}</div>' in desk.page()


def test_what_is_over_is_folded_away(desk: Desk, ann: Program) -> None:
    ann.insert(summary="Lunch", **at(12, day=1))
    ann.insert(summary="Dinner", **at(19, day=5))
    ahead, _, over = desk.page().partition("<summary>Earlier</summary>")
    assert ("Dinner" in ahead, "Lunch" in ahead) == (True, False)
    assert "Lunch" in over


def test_an_event_is_moved_and_renamed(desk: Desk, ann: Program) -> None:
    event = ann.insert(summary="Talk")["id"]
    form = desk.fields(event)
    assert form == {"title": "Talk", "start": "2026-03-03T10:00", "end": "2026-03-03T11:00"}
    token = ann.sync_token()
    moved = {**form, "start": "2026-03-03T14:00", "end": "2026-03-03T15:00", "title": "Walk"}
    desk.done(f"{MINE}/{event}", {**moved, "action": "save"})
    (changed,) = ann.listed(syncToken=token)
    assert changed["summary"] == "Walk"
    assert changed["start"]["dateTime"] == "2026-03-03T14:00:00+01:00"
    desk.done(f"{MINE}/{event}", {**moved, "all_day": "on", "action": "save"})
    assert ann.listed()[0]["end"] == {"date": "2026-03-04"}
    assert desk.fields(event)["all_day"] == "on"


def test_what_is_not_touched_stays_as_it_was(desk: Desk, ann: Program) -> None:
    """A series of another zone keeps it, although the page shows times of the calendar's."""
    tokyo = {
        name: {"dateTime": f"2026-03-03T{hour}:00:00+09:00", "timeZone": "Asia/Tokyo"}
        for name, hour in (("start", 17), ("end", 18))
    }
    event = ann.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=3"], **tokyo)
    form = desk.fields(event["id"])
    assert form["start"] == "2026-03-03T09:00"
    desk.done(f"{MINE}/{event['id']}", {**form, "title": "Call", "action": "save"})
    after = ann.listed()[0]
    assert after["summary"] == "Call"
    for name in ("start", "end", "recurrence"):
        assert after[name] == event[name]
    later = {**desk.fields(event["id"]), "start": "2026-03-03T10:00", "end": "2026-03-03T11:00"}
    desk.done(f"{MINE}/{event['id']}", {**later, "action": "save"})
    assert ann.listed()[0]["start"] == {
        "dateTime": "2026-03-03T10:00:00+01:00",
        "timeZone": "Asia/Tokyo",
    }


def test_an_event_is_deleted(desk: Desk, ann: Program) -> None:
    event = ann.insert()["id"]
    desk.done(f"{MINE}/{event}", {**desk.fields(event), "action": "delete"})
    assert ann.listed() == []
    assert event not in desk.page()


def test_an_invitation_is_answered_and_nothing_else(desk: Desk, sandbox: Sandbox) -> None:
    bob = Program(sandbox, BOB)
    event = bob.insert(attendees=[{"email": ANN}])["id"]
    assert desk.fields(event) == {}, "a guest has no fields to change"
    desk.done(f"{MINE}/{event}", {"action": "declined"})
    assert bob.listed()[0]["attendees"][0]["responseStatus"] == "declined"
    assert '<button name="action" value="declined" class="main">No' in desk.page()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"end": "2026-03-04T09:00"}, "The specified time range is empty."),
        ({"end": ""}, "Say when it starts and when it ends."),
        ({"start": "tomorrow"}, "Say when it starts and when it ends."),
        ({"repeats": "SECONDLY"}, "Invalid recurrence rule."),
    ],
)
def test_what_makes_no_sense_is_told_and_changes_nothing(
    desk: Desk, ann: Program, change: dict[str, str], said: str
) -> None:
    answer = desk.send(MINE, {**TEN, **change})
    assert (answer.status_code, said in answer.text) == (400, True)
    assert ann.listed() == []


def test_what_is_not_there_is_not_found(desk: Desk, ann: Program) -> None:
    event = ann.insert()["id"]
    assert desk.send(MINE.replace(ANN, "nobody"), TEN).status_code == 404
    assert desk.send(f"/accounts/{ANN}/calendars/none/events", TEN).status_code == 404
    assert desk.send(f"{MINE}/{event}", {"action": "steal"}).status_code == 400
    assert desk.send(f"{MINE}/no_such", {**TEN, "action": "delete"}).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_pages_cannot_have_a_browser_edit(
    desk: Desk, ann: Program, headers: dict[str, str]
) -> None:
    assert desk.send(MINE, TEN, headers).status_code == 403
    assert ann.listed() == []


def test_who_may_only_read_gets_no_forms_and_who_sees_times_no_titles(
    desk: Desk, sandbox: Sandbox, ann: Program
) -> None:
    ann.insert(summary="Secret plan", attendees=[{"email": EVE}], transparency="transparent")
    ann.insert(summary="Secret trip", **days(4, 6))
    sandbox.person(ANN).share(BOB, "freeBusyReader")
    shared = desk.page(BOB).partition(ANN)[2].partition("<section>")[0]
    assert "<b>busy</b> Wed 4 Mar" in shared
    for hidden in ("Secret", EVE, "<form", "3 Mar"):
        assert hidden not in shared, hidden
    answer = desk.send(f"/accounts/{BOB}/calendars/{ANN}/events", TEN)
    assert (answer.status_code, "writer access" in answer.text) == (403, True)
    sandbox.person(ANN).share(BOB, "writer")
    assert desk.send(f"/accounts/{BOB}/calendars/{ANN}/events", TEN).status_code == 303


def test_pages_run_no_script_and_load_nothing(desk: Desk, ann: Program) -> None:
    ann.insert(summary="<script>alert(1)</script>", **at(9))
    for path in ("/", f"/accounts/{ANN}", "/o/oauth2/v2/auth"):
        answer = desk.http.get(desk.url + path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.text
