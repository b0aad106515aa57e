"""Meetings: copies of the guests, their answers, the mail, and links to Teams."""

from __future__ import annotations

from html import unescape

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.microsoft.people import ANN, BOB, PAT, ROOM, Json, Program, at, daily, march

OUTSIDE = "carl@elsewhere.example"


@pytest.fixture
def bob(sandbox: Sandbox) -> Program:
    return Program(sandbox, BOB)


def guests(*emails: str) -> Json:
    return {"attendees": [{"emailAddress": {"address": each}} for each in emails]}


def mail(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return what was sent since the last time."""
    sent = [(each.method, each.to) for each in sandbox.world.mail]
    sandbox.world.mail.clear()
    return sent


def only(program: Program) -> Json:
    [found] = program.listed()
    return found


def response_of(event: Json, email: str) -> str:
    [status] = [
        each["status"]["response"]
        for each in event["attendees"]
        if each["emailAddress"]["address"] == email
    ]
    return str(status)


def test_guests_get_a_copy_and_mail(sandbox: Sandbox, ann: Program, bob: Program) -> None:
    made = ann.create(subject="Review", **guests(BOB, OUTSIDE))
    copy = only(bob)
    assert copy["id"] != made["id"]
    assert copy["iCalUId"] == made["iCalUId"]
    assert (copy["isOrganizer"], copy["showAs"]) == (False, "tentative")
    assert copy["responseStatus"]["response"] == "notResponded"
    assert copy["organizer"]["emailAddress"]["address"] == ANN
    assert mail(sandbox) == [("REQUEST", BOB), ("REQUEST", OUTSIDE)]


def test_there_is_no_way_to_invite_without_mail(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create()
    assert mail(sandbox) == []
    ann.ok("PATCH", f"me/events/{made['id']}", json=guests(BOB))
    assert mail(sandbox) == [("REQUEST", BOB)]
    ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": "Other"})
    assert mail(sandbox) == [("REQUEST", BOB)]
    ann.ok("PATCH", f"me/events/{made['id']}", json={"categories": ["Red"]})
    assert mail(sandbox) == []
    ann.ok("PATCH", f"me/events/{made['id']}", json={"attendees": []})
    assert mail(sandbox) == [("CANCEL", BOB)]


@pytest.mark.parametrize(
    ("action", "response", "shown"),
    [
        ("accept", "accepted", ["busy"]),
        ("tentativelyAccept", "tentativelyAccepted", ["tentative"]),
        ("decline", "declined", []),
    ],
)
def test_an_answer_reaches_the_organiser(
    sandbox: Sandbox, ann: Program, bob: Program, action: str, response: str, shown: list[str]
) -> None:
    made = ann.create(**guests(BOB))
    mail(sandbox)
    answer = bob.send("POST", f"me/events/{only(bob)['id']}/{action}", json={"comment": "ok"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert [each["showAs"] for each in bob.listed()] == shown
    told = ann.ok("GET", f"me/events/{made['id']}")
    assert response_of(told, BOB) == response
    assert mail(sandbox) == [("REPLY", ANN)]


def test_a_change_of_the_guests_alone_is_told_to_those_whom_it_concerns(
    sandbox: Sandbox, ann: Program
) -> None:
    made = ann.create(**guests(BOB))
    mail(sandbox)
    ann.ok("PATCH", f"me/events/{made['id']}", json=guests(BOB, OUTSIDE))
    assert mail(sandbox) == [("REQUEST", OUTSIDE)]
    ann.ok("PATCH", f"me/events/{made['id']}", json=guests(OUTSIDE))
    assert mail(sandbox) == [("CANCEL", BOB)]


def test_guests_of_one_occurrence_are_told_of_it(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(**daily(3), **guests(BOB))
    second = ann.listed(f"me/events/{made['id']}/instances", **march())[1]
    mail(sandbox)
    ann.ok("PATCH", f"me/events/{second['id']}", json=guests(BOB, OUTSIDE))
    assert mail(sandbox) == [("REQUEST", OUTSIDE)]
    ann.ok("PATCH", f"me/events/{second['id']}", json={"subject": "Other"})
    assert mail(sandbox) == [("REQUEST", BOB), ("REQUEST", OUTSIDE)]
    ann.ok("PATCH", f"me/events/{second['id']}", json=guests(OUTSIDE))
    assert mail(sandbox) == [("CANCEL", BOB)]


def test_an_answer_that_is_lost_takes_nothing_back(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.misbehave(ANN, "lost_answers", times=1)
    assert ann.send("POST", "me/events", json={"subject": "Talk", **at(10)}).status_code == 504
    assert ann.subjects() == ["Talk"]


def test_the_text_of_a_meeting_has_what_outlook_added_on_lines_of_its_own(ann: Program) -> None:
    made = ann.create(isOnlineMeeting=True, body={"contentType": "text", "content": "Agenda"})
    text = ann.ok("GET", f"me/events/{made['id']}", prefer='outlook.body-content-type="text"')
    lines = [each for each in text["body"]["content"].split("\n") if each]
    assert (lines[0], lines[2]) == ("Agenda", "Microsoft Teams Need help?")
    assert lines[1] == lines[-1] == "_" * 80


def test_an_answer_may_be_kept_to_oneself(sandbox: Sandbox, ann: Program, bob: Program) -> None:
    made = ann.create(**guests(BOB))
    mail(sandbox)
    bob.send("POST", f"me/events/{only(bob)['id']}/accept", json={"sendResponse": False})
    assert only(bob)["responseStatus"]["response"] == "accepted"
    assert response_of(ann.ok("GET", f"me/events/{made['id']}"), BOB) == "none"
    assert mail(sandbox) == []


def test_the_organiser_cannot_answer_for_guests(ann: Program) -> None:
    accepted = {"response": "accepted", "time": "2026-03-02T09:00:00Z"}
    body = {"attendees": [{**guests(BOB)["attendees"][0], "status": accepted}]}
    made = ann.create(**body)
    assert response_of(made, BOB) == "none"
    assert ann.refused("POST", f"me/events/{made['id']}/accept") == (400, "ErrorInvalidRequest")


def test_other_times_ask_the_guests_again(sandbox: Sandbox, ann: Program, bob: Program) -> None:
    made = ann.create(**guests(BOB))
    bob.send("POST", f"me/events/{only(bob)['id']}/accept")
    ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": "New"})
    assert only(bob)["responseStatus"]["response"] == "accepted"
    assert only(bob)["subject"] == "New"
    ann.ok("PATCH", f"me/events/{made['id']}", json=at(15))
    assert only(bob)["responseStatus"]["response"] == "notResponded"
    assert only(bob)["start"]["dateTime"].startswith("2026-03-03T14:00")
    assert response_of(ann.ok("GET", f"me/events/{made['id']}"), BOB) == "none"


def test_what_guests_have_for_themselves_stays(ann: Program, bob: Program) -> None:
    made = ann.create(**guests(BOB))
    name = f"me/events/{only(bob)['id']}"
    bob.ok("PATCH", name, json={"showAs": "free", "categories": ["Mine"]})
    ann.ok("PATCH", f"me/events/{made['id']}", json={"subject": "New", "showAs": "oof"})
    copy = only(bob)
    assert (copy["subject"], copy["showAs"], copy["categories"]) == ("New", "free", ["Mine"])


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_cancelled_meeting_stays_with_the_guests(
    sandbox: Sandbox, ann: Program, bob: Program, is_cancelled: bool
) -> None:
    made = ann.create(subject="Review", **guests(BOB))
    mail(sandbox)
    path = f"me/events/{made['id']}"
    if is_cancelled:
        assert ann.send("POST", f"{path}/cancel", json={"Comment": "ill"}).status_code == 202
    else:
        assert ann.send("DELETE", path).status_code == 204
    assert ann.listed() == []
    copy = only(bob)
    assert (copy["isCancelled"], copy["subject"]) == (True, "Canceled: Review")
    assert copy["showAs"] == "free"
    assert mail(sandbox) == [("CANCEL", BOB)]


def test_a_guest_cannot_cancel_but_delete(sandbox: Sandbox, ann: Program, bob: Program) -> None:
    ann.create(**guests(BOB))
    mail(sandbox)
    path = f"me/events/{only(bob)['id']}"
    assert bob.refused("POST", f"{path}/cancel") == (400, "ErrorInvalidRequest")
    assert bob.send("DELETE", path).status_code == 204
    assert len(ann.listed()) == 1
    assert mail(sandbox) == []


def test_one_occurrence_is_declined_or_cancelled(ann: Program, bob: Program) -> None:
    made = ann.create(**daily(3), **guests(BOB))
    third = bob.listed("me/calendarView", **march())[2]
    bob.send("POST", f"me/events/{third['id']}/decline")
    assert len(bob.listed("me/calendarView", **march())) == 2
    mine = ann.listed(f"me/events/{made['id']}/instances", **march())
    assert [response_of(each, BOB) for each in mine] == ["none", "none", "declined"]
    ann.send("DELETE", f"me/events/{mine[0]['id']}")
    first = bob.listed("me/calendarView", **march())[0]
    assert (first["isCancelled"], first["type"]) == (True, "exception")


def test_a_guest_answers_a_series_that_only_its_own_copy_is(ann: Program, bob: Program) -> None:
    ann.create(**guests(BOB))
    copy = only(bob)
    bob.ok("PATCH", f"me/events/{copy['id']}", json=daily(3))
    second = bob.listed(f"me/events/{copy['id']}/instances", **march())[1]
    bob.ok("POST", f"me/events/{second['id']}/decline")
    assert len(bob.listed(f"me/events/{copy['id']}/instances", **march())) == 2
    assert response_of(only(ann), BOB) == "none"


def test_a_room_accepts_what_it_has_time_for(sandbox: Sandbox, ann: Program, bob: Program) -> None:
    body = {"attendees": [{"emailAddress": {"address": ROOM}, "type": "resource"}]}
    first, second = ann.create(**body)["id"], bob.create(**body)["id"]
    assert response_of(ann.ok("GET", f"me/events/{first}"), ROOM) == "accepted"
    assert response_of(bob.ok("GET", f"me/events/{second}"), ROOM) == "declined"


def test_a_transaction_happens_once(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(transactionId="t-1")
    assert made["transactionId"] == "t-1"
    again = {"subject": "Talk", **at(10), "transactionId": "t-1"}
    error = ann.send("POST", "me/events", json=again).json()["error"]
    assert error["@event.existingEventId"] == made["id"]
    refused = (400, "ErrorDuplicateTransactionId")
    assert ann.refused("POST", "me/events", json=again) == refused
    sandbox.microsoft.misbehave(ANN, "transaction_conflict")
    assert ann.refused("POST", "me/events", json=again) == (409, refused[1])
    sandbox.microsoft.misbehave(ANN, "transaction_repeats")
    assert ann.create(transactionId="t-1")["id"] == made["id"]
    assert len(ann.listed()) == 1
    changed = ann.ok("PATCH", f"me/events/{made['id']}", json={"transactionId": "t-2"})
    assert changed["transactionId"] == "t-1"
    ann.send("DELETE", f"me/events/{made['id']}")
    assert ann.refused("POST", "me/events", json=again) == refused


def test_an_online_meeting_has_a_link(ann: Program) -> None:
    made = ann.create(
        isOnlineMeeting=True,
        onlineMeetingProvider="teamsForBusiness",
        body={"contentType": "text", "content": "Agenda & more"},
    )
    url = made["onlineMeeting"]["joinUrl"]
    assert url.startswith("https://teams.microsoft.com/l/meetup-join/")
    assert made["onlineMeetingUrl"] is None
    assert url in unescape(made["body"]["content"])
    assert "Agenda &amp; more" in made["body"]["content"]


def test_an_online_meeting_stays_one(ann: Program) -> None:
    made = ann.create(isOnlineMeeting=True)
    assert made["onlineMeetingProvider"] == "teamsForBusiness"
    for changes in ({"isOnlineMeeting": False}, {"onlineMeetingProvider": "skypeForBusiness"}):
        changed = ann.ok("PATCH", f"me/events/{made['id']}", json=changes)
        assert changed["onlineMeeting"] == made["onlineMeeting"]
        assert changed["onlineMeetingProvider"] == "teamsForBusiness"


def test_another_body_destroys_the_link(ann: Program) -> None:
    made = ann.create(isOnlineMeeting=True)
    path = f"me/events/{made['id']}"
    with_link = f"<p>New</p>{made['body']['content']}"
    body = {"contentType": "html", "content": with_link}
    assert ann.ok("PATCH", path, json={"body": body})["onlineMeeting"] == made["onlineMeeting"]
    changed = ann.ok("PATCH", path, json={"body": {"contentType": "html", "content": "Bye"}})
    assert (changed["onlineMeeting"], changed["isOnlineMeeting"]) == (None, False)


def test_a_link_may_come_late_or_never(sandbox: Sandbox, ann: Program) -> None:
    sandbox.microsoft.misbehave(ANN, "join_url_late", 2, times=1)
    made = ann.create(isOnlineMeeting=True)
    assert made["onlineMeeting"] is None
    path = f"me/events/{made['id']}"
    seen = [ann.ok("GET", path)["onlineMeeting"] is not None for _ in range(3)]
    assert seen == [False, False, True]
    sandbox.microsoft.misbehave(ANN, "online_meeting_fails")
    never = ann.create(isOnlineMeeting=True)
    assert (never["isOnlineMeeting"], never["onlineMeeting"]) == (True, None)


def test_other_providers_and_personal_accounts_have_no_online_meetings(
    sandbox: Sandbox, ann: Program
) -> None:
    other = {**at(10), "isOnlineMeeting": True, "onlineMeetingProvider": "skypeForBusiness"}
    assert ann.refused("POST", "me/events", json=other)[0] == 400
    made = Program(sandbox, PAT).create(isOnlineMeeting=True)
    assert (made["isOnlineMeeting"], made["onlineMeetingProvider"]) == (False, "unknown")
