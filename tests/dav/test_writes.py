"""What would change a calendar is refused with a reason, and changes nothing (A-22)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bridge.store.database import Database
from tests.dav.client import Client, change, read, refusal
from tests.dav.house import House, hours
from tests.web.site import Response

HOME = "/carol/"
BUSY = "/carol/room-a.busy/"
BOOKINGS = "/carol/room-a.bookings/"
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:mine\r\n"
    "DTSTAMP:20261120T000000Z\r\nDTSTART:20261121T090000Z\r\nDTEND:20261121T100000Z\r\n"
    "SUMMARY:Mine\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
METHODS = ("PUT", "DELETE", "MOVE", "MKCALENDAR", "MKCOL")


@pytest.fixture
def carol(house: House) -> Client:
    """May write bookings of `room-a`, once there are any."""
    house.fill("room-a", hours(3), title="Chess")
    return house.client("carol")


def state(client: Client) -> dict[str, Any]:
    """All that a client can see of its home, with every tag."""
    wanted = ("D:displayname", "D:getetag", "CS:getctag", "D:sync-token", "D:resourcetype")
    found: dict[str, Any] = {}
    for path in (HOME, BUSY, BOOKINGS):
        for href, member in client.propfind(path, *wanted, depth="1").items():
            found[href] = {name: member.text(name) for name in member.props}
    found["busy"] = client.get(BUSY).body
    return found


def attempt(client: Client, method: str, path: str) -> Response:
    if method == "PUT":
        return client.send("PUT", path, EVENT, Content_Type="text/calendar")
    if method == "MOVE":
        there = f"http://127.0.0.1:{client.port}{BOOKINGS}moved.ics"
        return client.send("MOVE", path, Destination=there, Overwrite="T")
    return client.send(method, path)


@pytest.mark.covers("A-22")
@pytest.mark.parametrize("method", METHODS)
def test_no_write_is_let_through_anywhere_and_each_is_told_why(carol: Client, method: str) -> None:
    before = state(carol)
    (name, *_) = carol.listing(BUSY)
    for path in (
        BUSY + name,
        BUSY + "new.ics",
        BUSY,
        BOOKINGS + "new.ics",
        BOOKINGS,
        HOME,
        HOME + "new/",
        HOME + "new.ics",
        HOME + "inbox/",
        HOME + "inbox/new.ics",
        HOME + "outbox/",
        "/",
        "/room-a/",
        "/room-a/new.ics",
        "/nobody/",
    ):
        answer = attempt(carol, method, path)
        found = refusal(answer)
        assert found[:2] == (403, ["D:need-privileges"]), path
        assert f"<D:href>{path}</D:href>".encode() in answer.body
        assert found.reason.endswith((".", "!"))
        assert "etag" not in answer.headers
    assert state(carol) == before


@pytest.mark.parametrize(
    "path", ["/alice/room-a.busy/x.ics", "/carol/nothing/x.ics", "/nobody/busy/x.ics"]
)
def test_what_has_no_collection_to_be_put_into_is_a_conflict(carol: Client, path: str) -> None:
    """RFC 4918 section 9.7.1; somebody else's collection is none."""
    answer = attempt(carol, "PUT", path)
    assert refusal(answer)[:2] == (409, [])
    assert "collection" in refusal(answer).reason


@pytest.mark.covers("A-22")
def test_the_reason_says_what_to_do_instead(carol: Client) -> None:
    reasons = [
        refusal(attempt(carol, "PUT", path)).reason
        for path in (BUSY + "x.ics", BOOKINGS + "x.ics", HOME + "x.ics")
    ]
    assert "calendars that are read" in reasons[0]
    assert "bookings" in reasons[1]
    assert "configuration" in reasons[2]


def test_preconditions_change_nothing_about_a_refusal(carol: Client) -> None:
    """DAVx5 repeats a PUT for ever after 409 or 412."""
    (name, *_) = carol.listing(BUSY)
    for headers in ({"If_Match": '"other"'}, {"If_None_Match": "*"}, {"If_Match": "*"}):
        answer = carol.send("PUT", BUSY + name, EVENT, Content_Type="text/calendar", **headers)
        assert refusal(answer)[:2] == (403, ["D:need-privileges"])
        assert carol.send("DELETE", BUSY + name, **headers).status == 403


@pytest.mark.parametrize("name", ["%26%3C%3E%22.ics", "%C3%A9%20x.ics", "%5D%5D%3E.ics", "%2525"])
def test_a_refusal_names_any_path_as_it_was_asked_for(carol: Client, name: str) -> None:
    answer = attempt(carol, "PUT", BUSY + name)
    assert refusal(answer)[:2] == (403, ["D:need-privileges"])
    (href,) = re.findall("<D:href>(.*?)</D:href>", answer.body.decode())
    assert href == BUSY + name


@pytest.mark.parametrize(
    "destination",
    [
        "/carol/room-a.busy/other.ics",
        "/alice/room-a.busy/x.ics",
        "/carol/room-b.busy/x.ics",
        "http://elsewhere.example/x.ics",
        "",
    ],
)
def test_nothing_can_be_moved_from_bookings_wherever_to(carol: Client, destination: str) -> None:
    answer = carol.send("MOVE", BOOKINGS + "x.ics", Destination=destination)
    assert refusal(answer)[:2] == (403, ["D:need-privileges"])


@pytest.mark.parametrize("path", ["/", HOME, BUSY, BOOKINGS, "/carol/inbox/", "/nobody/"])
def test_there_is_nothing_to_post_to(carol: Client, path: str) -> None:
    answer = carol.send("POST", path, EVENT, Content_Type="text/calendar")
    assert answer.status == 405
    assert "POST" not in answer.headers["allow"]


@pytest.mark.parametrize("method", ["COPY", "LOCK", "UNLOCK", "ACL", "PATCH", "TRACE", "SEARCH"])
def test_methods_that_nobody_speaks_here_are_405(carol: Client, method: str) -> None:
    before = state(carol)
    answer = carol.send(method, BUSY)
    assert answer.status == 405
    assert answer.headers["allow"] == carol.send("OPTIONS", BUSY).headers["allow"]
    assert b"reason>" in answer.body
    assert state(carol) == before


# PROPPATCH


@pytest.fixture
def bob(house: House, carol: Client) -> Client:
    return house.client("bob")


def outcome(answer: Response) -> tuple[set[str], dict[str, int], list[str]]:
    (member,) = read(answer).values()
    return set(member.props), dict(member.others), list(member.error)


@pytest.mark.covers("A-22")
def test_name_colour_and_order_are_ones_own_and_change_no_tag(carol: Client, bob: Client) -> None:
    before = state(carol)
    theirs = bob.propfind("/bob/room-a.busy/", depth="1")
    mine = {
        "D_displayname": "Meeting room",
        "A_calendar_color": "#FF00AAFF",
        "A_calendar_order": "3",
    }
    found, others, _ = outcome(carol.proppatch(BUSY, change("set", **mine)))
    assert (found, others) == ({"D:displayname", "A:calendar-color", "A:calendar-order"}, {})
    after = state(carol)
    assert after[BUSY].pop("D:displayname") == "Meeting room"
    assert before[BUSY].pop("D:displayname") == "Room A - busy"
    assert after == before
    kept = carol.propfind(BUSY, "A:calendar-color", "A:calendar-order")[BUSY]
    assert (kept.text("A:calendar-color"), kept.text("A:calendar-order")) == ("#FF00AAFF", "3")
    # Nobody else's, and of no other calendar.
    others_now = bob.propfind("/bob/room-a.busy/", depth="1")
    assert {
        href: {name: member.text(name) for name in member.props}
        for href, member in others_now.items()
    } == {
        href: {name: member.text(name) for name in member.props} for href, member in theirs.items()
    }
    booked = carol.propfind(BOOKINGS, "D:displayname", "A:calendar-color")[BOOKINGS]
    assert booked.text("D:displayname") == "Room A - bookings"
    assert booked.others == {"A:calendar-color": 404}


def test_what_was_kept_can_be_changed_and_taken_back(carol: Client) -> None:
    for name in ("One", "Two"):
        carol.proppatch(BUSY, change("set", D_displayname=name))
        assert carol.propfind(BUSY, "D:displayname")[BUSY].text("D:displayname") == name
    assert outcome(carol.proppatch(BUSY, change("remove", D_displayname="")))[0] == (
        {"D:displayname"}
    )
    assert carol.propfind(BUSY, "D:displayname")[BUSY].text("D:displayname") == "Room A - busy"
    # RFC 4918 section 14.23: removing what is not there is no error.
    assert outcome(carol.proppatch(BUSY, change("remove", A_calendar_color=""))) == (
        {"A:calendar-color"},
        {},
        [],
    )


def test_instructions_are_followed_in_their_order(carol: Client) -> None:
    carol.proppatch(
        BUSY,
        change("set", D_displayname="One"),
        change("remove", D_displayname=""),
        change("set", D_displayname="Two"),
    )
    assert carol.propfind(BUSY, "D:displayname")[BUSY].text("D:displayname") == "Two"
    carol.proppatch(BUSY, change("set", D_displayname="x"), change("remove", D_displayname=""))
    assert carol.propfind(BUSY, "D:displayname")[BUSY].text("D:displayname") == "Room A - busy"


@pytest.mark.parametrize("kind", ["set", "remove"])
@pytest.mark.parametrize(
    "prop",
    [
        "D_resourcetype",
        "D_getetag",
        "D_sync_token",
        "CS_getctag",
        "D_owner",
        "D_acl",
        "C_calendar_description",
        "C_calendar_timezone",
        "C_supported_calendar_component_set",
        "C_schedule_calendar_transp",
        "C_calendar_free_busy_set",
        "A_refreshrate",
    ],
)
def test_any_other_property_is_refused_and_nothing_changes(
    carol: Client, kind: str, prop: str
) -> None:
    before = state(carol)
    found, others, error = outcome(carol.proppatch(BUSY, change(kind, **{prop: ""})))
    assert found == set()
    assert list(others.values()) == [403]
    assert error == ["D:cannot-modify-protected-property"]
    assert state(carol) == before


@pytest.mark.covers("A-22")
def test_one_refusal_keeps_the_others_from_being_set(carol: Client) -> None:
    before = state(carol)
    answer = carol.proppatch(
        BUSY,
        change("set", D_displayname="Mine", A_calendar_color="#000000"),
        change("remove", D_resourcetype=""),
        change("set", A_calendar_order="1"),
    )
    assert outcome(answer)[:2] == (
        set(),
        {
            "D:resourcetype": 403,
            "D:displayname": 424,
            "A:calendar-color": 424,
            "A:calendar-order": 424,
        },
    )
    assert state(carol) == before
    assert "A:calendar-color" in carol.propfind(BUSY, "A:calendar-color")[BUSY].others


@pytest.mark.parametrize(
    ("prop", "value"),
    [
        ("D_displayname", "x" * 256),
        ("D_displayname", "x" * 100_000),
        ("A_calendar_color", "#12"),
        ("A_calendar_color", "#" + "1" * 9),
        ("A_calendar_color", "url(javascript:alert(1))"),
        ("A_calendar_order", "first"),
        ("A_calendar_order", "1" * 10),
        ("A_calendar_order", "\u0661"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused(carol: Client, prop: str, value: str) -> None:
    before = state(carol)
    found, others, _ = outcome(carol.proppatch(BUSY, change("set", **{prop: value})))
    assert (found, list(others.values())) == (set(), [403])
    assert state(carol) == before


@pytest.mark.parametrize(
    "name", ["x" * 255, "R&D <b>", "\u2603 Raum \U0001f4c5", '"quoted"', "a\nb", "]]>"]
)
def test_any_name_that_a_person_types_is_kept_as_it_is(carol: Client, name: str) -> None:
    carol.proppatch(BUSY, change("set", D_displayname=name))
    assert carol.propfind(BUSY, "D:displayname")[BUSY].text("D:displayname") == name


@pytest.mark.parametrize("path", ["/", HOME, "/room-a/"])
def test_principals_and_homes_keep_nothing(carol: Client, path: str) -> None:
    before = state(carol)
    answer = carol.proppatch(path, change("set", D_displayname="Mine"))
    assert outcome(answer)[:2] == (set(), {"D:displayname": 403})
    assert state(carol) == before


def test_objects_keep_nothing(carol: Client) -> None:
    (name, *_) = carol.listing(BUSY)
    answer = carol.proppatch(BUSY + name, change("set", D_displayname="Mine"))
    assert outcome(answer)[:2] == (set(), {"D:displayname": 403})


@pytest.mark.parametrize("path", ["/carol/room-b.busy/", "/alice/room-a.busy/", "/nobody/"])
def test_what_cannot_be_seen_keeps_nothing(carol: Client, path: str) -> None:
    assert carol.proppatch(path, change("set", D_displayname="Mine")).status == 404


def test_an_object_that_does_not_exist_is_404(carol: Client) -> None:
    path = f"{BUSY}{'0' * 40}.ics"
    assert carol.proppatch(path, change("set", D_displayname="Mine")).status == 404


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<D:propfind xmlns:D='DAV:'/>",
        "<D:propertyupdate xmlns:D='DAV:'/>",
        "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop/></D:set></D:propertyupdate>",
        "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop>"
        + "".join(f"<D:p{n}/>" for n in range(101))
        + "</D:prop></D:set></D:propertyupdate>",
    ],
)
def test_a_body_that_sets_nothing_is_400(carol: Client, body: str) -> None:
    assert carol.send("PROPPATCH", BUSY, body).status == 400


def test_what_a_login_keeps_survives_a_restart(database: Database) -> None:
    with House(database) as house:
        carol = house.client("carol")
        for name in ("One", "Mine"):
            carol.proppatch(BUSY, change("set", D_displayname=name, A_calendar_order="7"))
        carol.proppatch(BUSY, change("remove", A_calendar_order=""))
    with House(database, store=False) as restarted:
        member = restarted.client("carol").propfind(BUSY, "D:displayname", "A:calendar-order")[BUSY]
        assert member.text("D:displayname") == "Mine"
        assert member.others == {"A:calendar-order": 404}


def test_a_body_that_is_refused_by_itself_also_names_the_privilege(bob: Client) -> None:
    """DAVx5 gives up a whole collection after a 403 that does not."""
    path = "/bob/room-a.busy/x.ics"
    answer = bob.send("PUT", path, b"BEGIN:VCALENDAR\r\n", Content_Type="text/calendar")
    assert answer.status == 403
    assert b"<C:valid-calendar-data/><D:need-privileges/>" in answer.body
