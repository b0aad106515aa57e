"""Inbox and outbox of RFC 6638: who is told that the server invites, and when others are busy."""

from __future__ import annotations

import pytest

from bridge.store.database import Database
from tests.dav.client import Client, ask_busy, multiget, query, read, recipients, refusal
from tests.dav.house import EVERYBODY, HOUR, NINE, House, hours, utc
from tests.e2e.served import freebusy_periods
from tests.web.site import HORIZON, Response

DAY = (utc(NINE - 9 * HOUR), utc(NINE + 15 * HOUR))
ROOM_A, ROOM_B = "mailto:room-a@example.com", "mailto:b@example.com"
ALICE = "mailto:alice@example.com"
OUTBOX = "/alice/outbox/"


@pytest.fixture(scope="module")
def house(standing: House) -> House:
    """Nothing here changes it any more."""
    standing.fill("room-a", hours(3), title="Chess")
    standing.fill("room-b", hours(1), title="Tea")
    return standing


def ask(client: Client, path: str, *attendees: str, organizer: str = ALICE) -> Response:
    body = ask_busy(organizer, *attendees, start=DAY[0], end=DAY[1])
    return client.send("POST", path, body, Content_Type="text/calendar; charset=utf-8")


def properties_of(text: str) -> dict[str, str]:
    """Values by name and parameters, of a text without folds that matter."""
    lines = text.replace("\r\n ", "").split("\r\n")
    return dict(line.split(":", 1) for line in lines if line and not line.startswith("FREEBUSY"))


# What is announced, and found


def test_a_principal_names_its_inbox_and_its_outbox_and_both_are_what_they_are(
    alice: Client,
) -> None:
    wanted = ("C:schedule-inbox-URL", "C:schedule-outbox-URL")
    found = alice.propfind("/alice/", *wanted)["/alice/"]
    assert found.hrefs("C:schedule-inbox-URL") == ["/alice/inbox/"]
    assert found.hrefs("C:schedule-outbox-URL") == ["/alice/outbox/"]
    for box in ("inbox", "outbox"):
        path = f"/alice/{box}/"
        members = alice.propfind(path, "D:resourcetype", "D:displayname", "D:owner", depth="1")
        assert list(members) == [path]
        assert members[path].children("D:resourcetype") == ["D:collection", f"C:schedule-{box}"]
        assert members[path].text("D:displayname") == box.title()
        assert members[path].hrefs("D:owner") == ["/alice/"]


def test_a_resource_that_nobody_logs_in_by_has_neither(alice: Client) -> None:
    asked = alice.propfind("/room-a/", "C:schedule-inbox-URL", "C:schedule-outbox-URL")["/room-a/"]
    assert asked.props == {}
    for box in ("inbox", "outbox"):
        assert alice.send("PROPFIND", f"/room-a/{box}/", Depth="0").status == 404
        assert alice.send("PROPFIND", f"/bob/{box}/", Depth="0").status == 404


def test_only_who_sees_bookings_is_told_that_the_server_invites(house: House) -> None:
    """A client that is told so mails nobody itself."""
    told = {
        name
        for name, client in house.everybody().items()
        if "calendar-auto-schedule" in client.send("OPTIONS", f"/{name}/").headers["dav"]
    }
    assert told == {"bob", "carol", "dora", "root", "lia", "room-b"}
    assert told < set(EVERYBODY)


def test_an_outbox_says_that_it_takes_a_post(alice: Client) -> None:
    assert "POST" in alice.send("OPTIONS", OUTBOX).headers["allow"].split(", ")
    assert "POST" not in alice.send("OPTIONS", "/alice/inbox/").headers["allow"]


def privileges(client: Client, path: str) -> set[str]:
    found = client.propfind(path, "D:current-user-privilege-set")[path]
    return {each.tag.rpartition("}")[2] for each in found.props[_PRIVILEGES].iter()} - {
        "current-user-privilege-set",
        "privilege",
    }


_PRIVILEGES = "D:current-user-privilege-set"


def test_privileges_say_what_may_be_sent(house: House) -> None:
    asking = {"read", "read-current-user-privilege-set", "schedule-send-freebusy"}
    assert privileges(house.client("bob"), "/bob/outbox/") == asking
    inviting = {"schedule-send", "schedule-send-invite", "schedule-send-reply"}
    assert privileges(house.client("carol"), "/carol/outbox/") == asking | inviting
    assert "schedule-deliver" not in privileges(house.client("carol"), "/carol/inbox/")


def test_the_inbox_names_the_calendar_that_events_go_to(house: House) -> None:
    name = "C:schedule-default-calendar-URL"
    for login, where in (("carol", ["/carol/room-a.bookings/"]), ("bob", []), ("root", [])):
        path = f"/{login}/inbox/"
        assert house.client(login).propfind(path, name)[path].hrefs(name) == where


def test_an_inbox_is_an_empty_list_however_it_is_asked(alice: Client) -> None:
    path = "/alice/inbox/"
    assert alice.listing(path) == {}
    assert alice.query(path) == {}
    everything = read(alice.report(path, query('<C:comp-filter name="VEVENT"/>')))
    assert everything == {}
    assert read(alice.report(path, multiget(f"{path}x.ics"))).gone == {"x.ics"}
    first = alice.sync(path)
    assert first == {}
    assert alice.sync(path, first.sync_token).sync_token == first.sync_token
    assert alice.get(f"{path}x.ics").status == 404
    tags = alice.propfind(path, "CS:getctag", "D:sync-token")[path]
    assert tags.text("D:sync-token") == first.sync_token


def test_an_inbox_is_no_calendar_and_counts_nothing(alice: Client) -> None:
    time_range = f'<C:time-range start="{DAY[0]}" end="{DAY[1]}"/>'
    body = f'<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">{time_range}'
    answer = alice.report("/alice/inbox/", f"{body}</C:free-busy-query>")
    assert refusal(answer)[:2] == (403, ["D:supported-report"])
    assert alice.get("/alice/inbox/").status == 403
    assert alice.report(OUTBOX, query()).status == 403


# Asking


@pytest.mark.covers("A-04")
def test_an_outbox_gives_the_same_periods_as_every_other_output(
    house: House, alice: Client
) -> None:
    found = recipients(ask(alice, OUTBOX, ROOM_A))[ROOM_A]
    assert found.status == "2.0;Success"
    elsewhere = house.get(
        f"/freebusy/room-a.ifb?start={DAY[0]}&end={DAY[1]}",
        Authorization=alice.authorization,
    )
    assert freebusy_periods(found.text.encode()) == freebusy_periods(elsewhere.body)
    assert len(freebusy_periods(found.text.encode())) == 3
    assert "Chess" not in found.text


def test_an_answer_is_a_reply_to_who_asked_about_whom_was_asked(alice: Client) -> None:
    body = ask_busy(
        "mailto:Alice@example.com",
        start=DAY[0],
        end=DAY[1],
        more='ATTENDEE;CN="Room; A";ROLE=REQ-PARTICIPANT:mailto:Room-A@Example.com\r\n',
    )
    answer = alice.send("POST", OUTBOX, body, Content_Type="text/calendar")
    found = properties_of(recipients(answer)["mailto:Room-A@Example.com"].text)
    assert found["METHOD"] == "REPLY"
    assert found["UID"] == "asked-by-tests"
    assert (found["DTSTART"], found["DTEND"]) == DAY
    assert found["ORGANIZER"] == "mailto:Alice@example.com"
    assert found['ATTENDEE;CN="Room; A"'] == "mailto:Room-A@Example.com"


def test_each_is_answered_once_and_whom_nobody_may_know_like_whom_nobody_knows(
    house: House, alice: Client
) -> None:
    nobody = [
        ROOM_B,  # alice may not look it up
        "mailto:nobody@example.com",
        "mailto:carol@example.com",
        "mailto:room-a",
        "mailto:",
        "urn:uuid:x",
        "/room-c/",
        "/alice/room-a.busy/",
    ]
    answer = ask(alice, OUTBOX, ROOM_A, *nobody, ROOM_A.upper().replace("MAILTO", "mailto"))
    found = recipients(answer)
    assert [each.status for each in found.values()].count("2.0;Success") == 1
    assert {found[each] for each in nobody} == {("3.7;Invalid calendar user", "", "")}
    gil = house.client("gil")  # has a glob that lists nothing
    both = recipients(ask(gil, "/gil/outbox/", ROOM_A, ROOM_B, organizer="mailto:gil@x.example"))
    assert {each.status for each in both.values()} == {"2.0;Success"}


@pytest.mark.parametrize("form", ["/room-c/", "http://127.0.0.1:5232/room-c/"])
def test_a_resource_without_mail_is_asked_about_by_its_principal(house: House, form: str) -> None:
    gil = house.client("gil")
    answer = ask(gil, "/gil/outbox/", form, organizer="/gil/")
    assert recipients(answer)[form].status == "2.0;Success"


def test_beyond_what_is_known_nothing_is_called_free(alice: Client) -> None:
    start, end = utc(HORIZON.end - HOUR), utc(HORIZON.end + HOUR)
    body = ask_busy(ALICE, ROOM_A, start=start, end=end)
    answer = alice.send("POST", OUTBOX, body, Content_Type="text/calendar")
    assert properties_of(recipients(answer)[ROOM_A].text)["DTEND"] == utc(HORIZON.end)
    body = ask_busy(ALICE, ROOM_A, start=utc(HORIZON.end), end=end)
    answer = alice.send("POST", OUTBOX, body, Content_Type="text/calendar")
    found = recipients(answer)[ROOM_A]
    assert (found.status, found.text) == ("5.1;Service unavailable", "")
    assert utc(HORIZON.end) in found.reason


def test_a_resource_that_was_never_read_is_not_called_free(sqlite_database: Database) -> None:
    with House(sqlite_database, unread=["room-a"]) as house:
        alice = house.client("alice")
        found = recipients(ask(alice, OUTBOX, ROOM_A))[ROOM_A]
        assert (found.status, found.text) == ("5.1;Service unavailable", "")
        assert "not read yet" in found.reason


@pytest.mark.parametrize(
    ("change", "precondition"),
    [
        (("METHOD:REQUEST", "METHOD:PUBLISH"), "C:valid-scheduling-message"),
        (("METHOD:REQUEST\r\n", ""), "C:valid-scheduling-message"),
        (("VFREEBUSY", "VEVENT"), "C:valid-scheduling-message"),
        (("UID:asked-by-tests\r\n", ""), "C:valid-scheduling-message"),
        (("ATTENDEE;PARTSTAT=NEEDS-ACTION", "CONTACT"), "C:valid-scheduling-message"),
        ((f"DTEND:{DAY[1]}", f"DTEND:{DAY[0]}"), "C:valid-scheduling-message"),
        ((f"DTEND:{DAY[1]}", f"DTEND:{DAY[1][:-1]}"), "C:valid-scheduling-message"),
        ((f"DTEND:{DAY[1]}", "DTEND:20261399T000000Z"), "C:valid-scheduling-message"),
        ((f"DTEND:{DAY[1]}\r\n", ""), "C:valid-scheduling-message"),
        ((ALICE, "mailto:bob@example.com"), "C:valid-organizer"),
        (("END:VFREEBUSY\r\n", ""), "C:valid-calendar-data"),
    ],
)
def test_what_is_no_question_for_busy_time_is_refused_and_says_why(
    alice: Client, change: tuple[str, str], precondition: str
) -> None:
    body = ask_busy(ALICE, ROOM_A, start=DAY[0], end=DAY[1]).replace(*change)
    found = refusal(alice.send("POST", OUTBOX, body, Content_Type="text/calendar"))
    assert found.status == 403
    assert precondition in found.preconditions
    assert found.reason


def test_only_text_calendar_is_read_and_only_one_s_own_outbox_is_asked(alice: Client) -> None:
    body = ask_busy(ALICE, ROOM_A, start=DAY[0], end=DAY[1])
    answer = alice.send("POST", OUTBOX, body, Content_Type="application/calendar+json")
    assert refusal(answer)[:2] == (403, ["C:supported-calendar-data"])
    for path in ("/bob/outbox/", "/room-a/outbox/", "/alice/outbox/x"):
        assert ask(alice, path, ROOM_A).status == 405


def test_more_attendees_than_any_meeting_has_are_refused(alice: Client) -> None:
    many = [f"mailto:{n}@example.com" for n in range(101)]
    assert refusal(ask(alice, OUTBOX, *many))[:2] == (403, ["C:valid-scheduling-message"])
