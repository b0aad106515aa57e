"""What a client writes into `bookings`, and what it and others read there then."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any
from urllib.parse import quote, unquote

import pytest

from bridge.store.database import Database
from tests.databases import SqliteDatabases, closing_database
from tests.dav.client import Client, ask_busy, free_busy, recipients, refusal
from tests.dav.house import HOUR, NINE, utc
from tests.dav.reception import BOOKINGS, Reception, event, put
from tests.dav.test_matrix import Known, answer_to, everything, said
from tests.e2e.served import freebusy_periods
from tests.web.site import DAY, NOW, Response

ONE = f"{BOOKINGS}one.ics"
BUSY = "/carol/room-a.busy/"
PRIVILEGES = "D:current-user-privilege-set"
Opener = Callable[..., Reception]


@pytest.fixture
def open_reception(sqlite_database: Database) -> Iterator[Opener]:
    opened: list[Reception] = []

    def open_it(**keys: Any) -> Reception:
        opened.append(Reception(sqlite_database, **keys).__enter__())
        return opened[-1]

    yield open_it
    for each in opened:
        each.__exit__()


@pytest.fixture(scope="module")
def house(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reception]:
    url = sqlite_databases.url(tmp_path_factory.mktemp("house") / "data")
    with closing_database(url) as database, Reception(database) as opened:
        yield opened


@pytest.fixture
def reception(house: Reception) -> Iterator[Reception]:
    """One house for all, which each test leaves as it found it."""
    yield house
    house.provider.refuses = ""
    carol = house.client("carol")
    for name in carol.listing(BOOKINGS):
        assert carol.send("DELETE", BOOKINGS + name).status == 204
    house.clear("room-a")
    house.provider.written.clear()


@pytest.fixture
def carol(reception: Reception) -> Client:
    """May book `room-a`."""
    return reception.client("carol")


def refused(answer: Response) -> tuple[int, list[str]]:
    found = refusal(answer)
    assert found.reason
    return found.status, found.preconditions


NEED = "D:need-privileges"


# PUT


@pytest.mark.covers("A-22")
def test_what_is_put_is_there_octet_for_octet_under_the_tag_of_the_answer(
    reception: Reception, carol: Client
) -> None:
    text = event(
        NINE,
        "X-UNKNOWN;X-PARAM=a:kept",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT5M",
        "DESCRIPTION:x",
        "END:VALARM",
    )
    made = put(carol, ONE, text, If_None_Match="*")
    assert (made.status, made.body) == (201, b"")
    found = carol.get(ONE)
    assert found.body == text.encode()
    assert found.headers["etag"] == made.headers["etag"]
    assert carol.listing(BOOKINGS) == {"one.ics": made.headers["etag"]}
    assert reception.provider.written == [("create", "one")]
    changed = put(carol, ONE, text.replace("Talk", "Walk"), If_Match=made.headers["etag"])
    assert changed.status == 204
    assert changed.headers["etag"] != made.headers["etag"]
    assert "Walk" in carol.get(ONE).body.decode()


def test_a_booking_lives_and_dies_on_each_kind_of_database(database: Database) -> None:
    with Reception(database) as house:
        carol = house.client("carol")
        begun = carol.sync(BOOKINGS).sync_token
        made = put(carol, ONE, event(NINE), If_None_Match="*")
        assert made.status == 201
        assert put(carol, ONE, event(NINE + HOUR), If_Match=made.headers["etag"]).status == 204
        assert put(carol, f"{BOOKINGS}two.ics", event(NINE + HOUR, uid="two")).status == 403
        window = f'<C:time-range start="{utc(NINE + HOUR)}" end="{utc(NINE + 2 * HOUR)}"/>'
        during = f'<C:comp-filter name="VEVENT">{window}</C:comp-filter>'
        assert set(carol.query(BOOKINGS, during)) == {ONE}
        assert carol.sync(BOOKINGS, begun).names() == {"one.ics"}
        assert carol.send("DELETE", ONE).status == 204
        assert carol.sync(BOOKINGS, begun).gone == {"one.ics"}
        assert carol.get(ONE).status == 404


def test_an_answer_has_no_tag_where_a_reader_gets_other_octets(carol: Client) -> None:
    """RFC 4791 section 5.3.4: a guest's state was added, or a link."""
    text = event(
        NINE,
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ben@example.com",
        "ORGANIZER:mailto:carol@example.com",
    )
    made = put(carol, ONE, text)
    same = carol.get(ONE).body == text.encode()
    assert ("etag" in made.headers) is same


@pytest.mark.covers("A-20", "F48")
def test_the_same_put_again_after_a_lost_answer_makes_one_booking(
    reception: Reception, carol: Client
) -> None:
    text = event(NINE)
    first, again = put(carol, ONE, text), put(carol, ONE, text)
    assert first.status == 201
    assert again.status in {201, 204}
    assert reception.provider.written == [("create", "one")]


@pytest.mark.covers("A-21", "F46")
def test_a_stale_tag_is_refused_and_the_provider_hears_nothing(
    reception: Reception, carol: Client
) -> None:
    first = put(carol, ONE, event(NINE)).headers["etag"]
    second = put(carol, ONE, event(NINE, title="Second"), If_Match=first).headers["etag"]
    before = list(reception.provider.written)
    for headers in (
        {"If_Match": first},
        {"If_Match": f'"x", {first}'},
        {"If_Match": f"W/{second}"},  # RFC 9110 section 13.1.1: weak ones never match
        {"If_Match": "nonsense"},
        {"If_None_Match": "*"},
        {"If_None_Match": f'"x", {second}'},
        {"If_None_Match": f"W/{second}"},
        {"If_Schedule_Tag_Match": '"x"'},
    ):
        answer = put(carol, ONE, event(NINE, title="Third"), **headers)
        assert refused(answer)[0] == 412, headers
        assert carol.send("DELETE", ONE, **headers).status == 412
    assert reception.provider.written == before
    assert carol.get(ONE).headers["etag"] == second


def test_a_list_of_tags_and_a_star_hold_as_they_say(carol: Client) -> None:
    first = put(carol, ONE, event(NINE)).headers["etag"]
    listed = put(carol, ONE, event(NINE, title="B"), If_Match=f'"a,b", {first} , "c"')
    assert listed.status == 204
    assert put(carol, ONE, event(NINE, title="C"), If_Match="*").status == 204
    assert put(carol, ONE, event(NINE, title="D"), If_None_Match='"other"').status == 204
    other = f"{BOOKINGS}two.ics"
    later = event(NINE + 2 * HOUR, uid="two")
    assert put(carol, other, later, If_Match="*").status == 412
    assert put(carol, other, later, If_Match='"x"').status == 412
    assert carol.get(other).status == 404


@pytest.mark.covers("F46")
def test_of_two_who_change_the_same_state_one_wins(reception: Reception, carol: Client) -> None:
    first = put(carol, ONE, event(NINE)).headers["etag"]
    clients = {"carol": carol, "dora": reception.client("dora")}
    barrier, answers = Barrier(2), list[int]()

    def change(name: str) -> None:
        path = f"/{name}/room-a.bookings/one.ics"
        barrier.wait()
        answer = put(clients[name], path, event(NINE, title=name), If_Match=first)
        answers.append(answer.status)

    threads = [Thread(target=change, args=(name,)) for name in clients]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [204, 412]


@pytest.mark.covers("F47")
def test_without_a_condition_the_last_one_wins(carol: Client) -> None:
    for title in ("A", "B", "C"):
        put(carol, ONE, event(NINE, title=title))
    assert b"SUMMARY:C" in carol.get(ONE).body


@pytest.mark.covers("A-25")
def test_a_booking_over_busy_time_is_refused_with_when_and_not_with_what(
    reception: Reception, carol: Client
) -> None:
    reception.fill("room-a", [(NINE, NINE + HOUR)], title="Secret title")
    answer = put(carol, ONE, event(NINE + 1800))
    assert refused(answer) == (403, [NEED])
    assert "09:00 to 10:00" in refusal(answer).reason
    assert b"Secret" not in answer.body
    assert carol.listing(BOOKINGS) == {}
    assert reception.provider.written == []


def test_a_booking_may_be_moved_over_itself(carol: Client) -> None:
    first = put(carol, ONE, event(NINE)).headers["etag"]
    assert put(carol, ONE, event(NINE + 1800), If_Match=first).status == 204


def test_who_declines_like_a_room_s_mailbox_takes_it_and_shows_why(
    open_reception: Opener,
) -> None:
    house = open_reception(on_conflict="decline")
    house.fill("room-a", [(NINE, NINE + HOUR)])
    carol = house.client("carol")
    answer = put(carol, ONE, event(NINE))
    assert answer.status == 201
    assert "etag" not in answer.headers
    assert b"STATUS:CANCELLED" in carol.get(ONE).body
    assert carol.report(BOOKINGS, free_busy(utc(NINE), utc(NINE + HOUR))).status == 200
    in_window = f'<C:comp-filter name="VEVENT"><C:time-range start="{utc(NINE)}"/></C:comp-filter>'
    assert set(carol.query(BOOKINGS, in_window)) == {ONE}


def test_what_a_provider_refuses_is_refused_with_its_words(
    reception: Reception, carol: Client
) -> None:
    reception.provider.refuses = "guests outside of the company are not allowed"
    answer = put(carol, ONE, event(NINE))
    assert refused(answer) == (403, [NEED])
    assert refusal(answer).reason == "Guests outside of the company are not allowed."
    assert carol.get(ONE).status == 404
    reception.provider.refuses = ""
    made = put(carol, ONE, event(NINE)).headers["etag"]
    reception.provider.refuses = "no"
    assert put(carol, ONE, event(NINE, title="B"), If_Match=made).status == 403
    assert carol.send("DELETE", ONE).status == 403
    assert carol.get(ONE).headers["etag"] == made


@pytest.mark.parametrize(
    ("text", "precondition"),
    [
        ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "valid-calendar-object-resource"),
        (event(NINE).replace("UID:one\r\n", ""), "valid-calendar-data"),
        (event(NINE).replace("VEVENT", "VTODO"), "supported-calendar-component"),
        (event(NINE).replace("PRODID", "METHOD:REQUEST\r\nPRODID"),
         "valid-calendar-object-resource"),
        (event(NINE, f"RECURRENCE-ID:{utc(NINE)}").replace(
            "END:VCALENDAR", event(NINE, uid="two").partition("EN\r\n")[2].strip()),
         "valid-calendar-object-resource"),
        (event(NINE).replace(f"DTSTART:{utc(NINE)}", "DTSTART:today"), "valid-calendar-data"),
        (event(NINE + 500 * DAY), "max-date-time"),
        (event(NOW - 2 * HOUR), "min-date-time"),
        (event(NINE, *(f"ATTENDEE:mailto:{n}@example.com" for n in range(101))),
         "max-attendees-per-instance"),
        ("", "valid-calendar-data"),
        ("nonsense", "valid-calendar-data"),
    ],
)  # fmt: skip
def test_what_cannot_be_booked_is_refused_by_the_precondition_it_does_not_meet(
    carol: Client, text: str, precondition: str
) -> None:
    answer = put(carol, ONE, text)
    assert refused(answer) == (403, [f"C:{precondition}", NEED])
    assert carol.get(ONE).status == 404


def test_only_text_calendar_is_taken(carol: Client) -> None:
    answer = put(carol, ONE, event(NINE), Content_Type="application/calendar+json")
    assert refused(answer) == (403, ["C:supported-calendar-data", NEED])
    assert put(carol, ONE, event(NINE), Content_Type="").status == 201


def test_a_uid_stands_once_in_a_calendar_and_the_answer_says_where(carol: Client) -> None:
    put(carol, ONE, event(NINE))
    answer = put(carol, f"{BOOKINGS}two.ics", event(NINE + DAY))
    assert refused(answer) == (403, ["C:no-uid-conflict", NEED])
    assert f"<D:href>{ONE}</D:href>".encode() in answer.body
    assert refused(put(carol, ONE, event(NINE, uid="other")))[1][0] == "C:no-uid-conflict"


@pytest.mark.parametrize(
    "name", ["a b.ics", "é.ics", "50%25.ics", "x&y<z>.ics", "no-suffix", "_-~"]
)
def test_an_object_has_the_name_that_its_client_gave_it(carol: Client, name: str) -> None:
    path = BOOKINGS + quote(unquote(name))
    assert put(carol, path, event(NINE)).status == 201
    assert [href for href in carol.propfind(BOOKINGS, depth="1") if href != BOOKINGS] == [path]
    assert set(carol.multiget(BOOKINGS, path)) == {path}
    assert carol.get(path).status == 200


# Who is not there, and who waits


def test_a_provider_that_says_nothing_is_503_and_nothing_is_booked(open_reception: Opener) -> None:
    house = open_reception(confirm_within="0s")
    house.provider.answers = False
    carol = house.client("carol")
    for answer in (put(carol, ONE, event(NINE)), put(carol, ONE, event(NINE))):
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert refusal(answer).reason
    assert carol.listing(BOOKINGS) == {}
    house.provider.work()
    assert house.provider.written == []


def test_what_is_queued_is_taken_and_shown_as_tentative(open_reception: Opener) -> None:
    house = open_reception(confirm_within="0s", on_provider_down="queue")
    house.provider.answers = False
    carol = house.client("carol")
    token = carol.sync(BOOKINGS).sync_token
    answer = put(carol, ONE, event(NINE))
    assert answer.status == 201
    assert "etag" not in answer.headers
    tentative = carol.get(ONE)
    assert b"STATUS:TENTATIVE" in tentative.body
    house.provider.work()
    settled = carol.get(ONE)
    assert settled.body == event(NINE).encode()
    assert settled.headers["etag"] != tentative.headers["etag"]
    assert carol.sync(BOOKINGS, token).names() == {"one.ics"}


def test_a_deletion_that_is_queued_is_gone_at_once(open_reception: Opener) -> None:
    house = open_reception(confirm_within="0s", on_provider_down="queue")
    house.provider.answers = False
    carol = house.client("carol")
    put(carol, ONE, event(NINE))
    house.provider.work()
    token = carol.sync(BOOKINGS).sync_token
    assert carol.send("DELETE", ONE).status == 204
    assert carol.get(ONE).status == 404
    assert carol.sync(BOOKINGS, token).gone == {"one.ics"}


def test_no_more_than_a_quarter_of_the_threads_wait(open_reception: Opener) -> None:
    house = open_reception(threads=8, confirm_within="60s")
    house.provider.answers = False
    carol, patient = house.client("carol"), [house.client("carol") for _ in range(2)]
    answers: list[int] = []

    def book(client: Client, number: int) -> None:
        text = event(NINE + number * 2 * HOUR, uid=f"u{number}")
        answers.append(put(client, f"{BOOKINGS}{number}.ics", text).status)

    threads = [Thread(target=book, args=each) for each in zip(patient, (1, 2), strict=True)]
    for each in threads:
        each.start()
    while len(house.waiting()) < 2:
        house.wake.wait("outbox", 0.05)
    late = put(carol, ONE, event(NINE))
    assert late.status == 503
    assert int(late.headers["retry-after"]) > 0
    assert carol.get(BOOKINGS).status == 200  # who reads is not held up
    house.provider.answers = True
    house.wake.notify("outbox")
    for each in threads:
        each.join()
    assert answers == [201, 201]


# DELETE and MOVE


def test_a_deleted_booking_is_gone_for_everybody(reception: Reception, carol: Client) -> None:
    made = put(carol, ONE, event(NINE)).headers["etag"]
    token = carol.sync(BOOKINGS).sync_token
    assert carol.send("DELETE", ONE, If_Match=made).status == 204
    assert carol.get(ONE).status == 404
    assert carol.sync(BOOKINGS, token).gone == {"one.ics"}
    assert carol.listing(BUSY) == {}
    assert carol.send("DELETE", ONE).status == 404
    assert reception.provider.written == [("create", "one"), ("delete", "one")]


def test_who_forgets_what_could_not_be_deleted_finds_it_again_among_the_changes(
    reception: Reception, carol: Client
) -> None:
    """DAVx5 deletes on the phone whatever it is told; other clients have what they find."""
    made = put(carol, ONE, event(NINE)).headers["etag"]
    token = carol.sync(BOOKINGS).sync_token
    busy = carol.sync(BUSY).sync_token
    reception.provider.refuses = "no"
    assert carol.send("DELETE", ONE).status == 403
    changes = carol.sync(BOOKINGS, token)
    assert [each.text("D:getetag") for each in changes.values()] == [made]
    assert carol.sync(BUSY).sync_token == busy


@pytest.mark.covers("F49")
def test_a_uid_may_be_booked_again_after_it_was_deleted(
    reception: Reception, carol: Client
) -> None:
    put(carol, ONE, event(NINE))
    carol.send("DELETE", ONE)
    assert put(carol, ONE, event(NINE), If_None_Match="*").status == 201
    assert [kind for kind, _ in reception.provider.written] == ["create", "delete", "create"]


def test_a_moved_booking_has_another_name_and_stays_the_same(
    reception: Reception, carol: Client
) -> None:
    put(carol, ONE, event(NINE))
    token = carol.sync(BOOKINGS).sync_token
    there = f"{BOOKINGS}new%20name.ics"
    answer = carol.send("MOVE", ONE, Destination=f"http://127.0.0.1:{carol.port}{there}")
    assert answer.status == 201
    assert carol.get(there).body == event(NINE).encode()
    assert carol.get(ONE).status == 404
    changes = carol.sync(BOOKINGS, token)
    assert (changes.names(), changes.gone) == ({"new%20name.ics"}, {"one.ics"})
    assert reception.provider.written == [("create", "one")]


@pytest.mark.parametrize(
    ("destination", "overwrite", "status"),
    [
        (f"{BOOKINGS}two.ics", "F", 412),
        (f"{BOOKINGS}two.ics", "T", 403),
        (ONE, "T", 403),
        (BOOKINGS, "T", 403),
        ("/carol/room-a.busy/x.ics", "T", 403),
        ("/carol/nothing/x.ics", "T", 409),
        ("/alice/room-a.bookings/x.ics", "T", 409),
        ("http://elsewhere.example/carol/room-a.bookings/x.ics", "T", 502),
        ("", "T", 400),
        ("http://[", "T", 400),
    ],
)
def test_a_booking_goes_nowhere_else_and_over_no_other(
    carol: Client, destination: str, overwrite: str, status: int
) -> None:
    put(carol, ONE, event(NINE))
    put(carol, f"{BOOKINGS}two.ics", event(NINE + 2 * HOUR, uid="two"))
    before = carol.listing(BOOKINGS)
    answer = carol.send("MOVE", ONE, Destination=destination, Overwrite=overwrite)
    assert answer.status == status
    assert carol.listing(BOOKINGS) == before


def test_what_is_not_there_is_neither_moved_nor_deleted(carol: Client) -> None:
    assert carol.send("MOVE", ONE, Destination=f"{BOOKINGS}x.ics").status == 404
    assert carol.send("DELETE", ONE).status == 404


@pytest.mark.covers("A-22")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "MOVE", "MKCALENDAR", "MKCOL"])
def test_the_calendar_itself_is_neither_replaced_nor_deleted(carol: Client, method: str) -> None:
    put(carol, ONE, event(NINE))
    body = event(NINE, uid="x") if method == "PUT" else ""
    there = {"Content_Type": "text/calendar", "Destination": "/carol/other/"}
    answer = carol.send(method, BOOKINGS, body, **there)
    assert refused(answer) == (403, [NEED])
    assert set(carol.listing(BOOKINGS)) == {"one.ics"}


# Who may


def test_only_who_may_write_is_told_so_and_may(reception: Reception, carol: Client) -> None:
    put(carol, ONE, event(NINE))
    for name in ("bob", "dora", "root", "carol", "lia"):
        client = reception.client(name)
        path = f"/{name}/room-a.bookings/"
        told = {
            each.tag.rpartition("}")[2] for each in client.propfind(path, PRIVILEGES)[path]
            .props[PRIVILEGES].iter()
        }  # fmt: skip
        may = name in {"dora", "root", "carol"}
        assert ({"write", "write-content", "bind", "unbind"} <= told) is may
        answer = put(client, f"{path}{name}.ics", event(NINE + 3 * HOUR, uid=name))
        assert answer.status == (201 if may else 403)
        if may:
            assert client.send("DELETE", f"{path}{name}.ics").status == 204
        else:
            assert refused(answer) == (403, [NEED])
            assert refused(client.send("DELETE", f"{path}one.ics")) == (403, [NEED])
    assert put(reception.client("alice"), "/alice/room-a.bookings/x.ics", event(NINE)).status == 409


@pytest.mark.covers("T52")
def test_another_login_sees_of_a_private_booking_no_more_than_when_it_is(
    reception: Reception, carol: Client
) -> None:
    text = event(NINE, "CLASS:PRIVATE", "LOCATION:Canary", "ATTENDEE:mailto:canary@example.com",
                 title="Canary", uid="canary")  # fmt: skip
    mine = put(carol, ONE, text)
    bob, root = reception.client("bob"), reception.client("root")
    theirs = bob.get("/bob/room-a.bookings/one.ics")
    assert f"DTSTART:{utc(NINE)}".encode() in theirs.body
    everything = [
        theirs.body,
        bob.get("/bob/room-a.bookings/").body,
        bob.report("/bob/room-a.bookings/", _DATA).body,
        bob.send("PROPFIND", "/bob/room-a.bookings/", Depth="1").body,
    ]
    assert not [each for each in everything if b"canary" in each.lower()]
    assert theirs.headers["etag"] != carol.get(ONE).headers["etag"]
    assert "schedule-tag" not in theirs.headers
    assert b"Canary" in root.get("/root/room-a.bookings/one.ics").body
    assert mine.status == 201
    dora = reception.client("dora")
    assert put(dora, "/dora/room-a.bookings/one.ics", event(NINE, uid="canary")).status == 403
    assert bob.sync("/bob/room-a.bookings/").sync_token != carol.sync(BOOKINGS).sync_token


@pytest.mark.covers("T49")
@pytest.mark.parametrize("login", ["alice", "bob", "dora", "root", "gil", "lia", "room-b"])
def test_no_request_of_anybody_shows_what_is_private_to_somebody_else(
    reception: Reception, carol: Client, login: str
) -> None:
    text = event(NINE, "CLASS:PRIVATE", title="canary of carol", uid="canary")
    made = put(carol, ONE, text)
    known = Known(["one.ics"], [carol.sync(BOOKINGS).sync_token])
    client = reception.client(login)
    writes = {"PUT", "DELETE", "MOVE"} if login in {"dora", "root"} else set()
    asks = [ask for ask in everything(login, "room-a", known) if ask.method not in writes]
    shown = {ask.method for ask in asks if b"canary" in said(answer_to(client, ask))}
    assert shown == ({"GET", "REPORT"} if login == "root" else set())
    assert carol.get(ONE).headers["etag"] == made.headers["etag"]


_DATA = (
    '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>'
    '<C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'
    "</C:calendar-query>"
)


# Reading


@pytest.mark.covers("A-04")
def test_a_booking_is_busy_time_once_in_every_output(reception: Reception, carol: Client) -> None:
    put(carol, ONE, event(NINE))
    start, end = utc(NINE - HOUR), utc(NINE + 3 * HOUR)
    expected = [(NINE, NINE + HOUR, "BUSY")]
    answer = carol.report(BUSY, free_busy(start, end))
    assert freebusy_periods(answer.body) == expected
    assert freebusy_periods(carol.report(BOOKINGS, free_busy(start, end)).body) == expected
    url = f"/freebusy/room-a.ifb?start={start}&end={end}"
    found = reception.get(url, Authorization=carol.authorization)
    assert freebusy_periods(found.body) == expected
    asked = ask_busy("/carol/", "mailto:room-a@example.com", start=start, end=end)
    posted = carol.send("POST", "/carol/outbox/", asked, Content_Type="text/calendar")
    (one,) = recipients(posted).values()
    assert freebusy_periods(one.text.encode()) == expected


def test_a_schedule_tag_is_shown_where_somebody_is_invited(carol: Client) -> None:
    put(carol, f"{BOOKINGS}alone.ics", event(NINE, uid="alone"))
    invited = event(NINE + 2 * HOUR, "ORGANIZER:mailto:carol@example.com",
                    "ATTENDEE:mailto:ben@example.com")  # fmt: skip
    made = put(carol, ONE, invited)
    tag = carol.get(ONE).headers["schedule-tag"]
    assert re.fullmatch(r'"[^"]+"', tag)
    assert made.headers["schedule-tag"] == tag
    found = carol.propfind(BOOKINGS, "C:schedule-tag", "D:getetag", depth="1")
    assert found[ONE].text("C:schedule-tag") == tag
    assert found[f"{BOOKINGS}alone.ics"].others == {"C:schedule-tag": 404}
    assert "schedule-tag" not in carol.get(f"{BOOKINGS}alone.ics").headers
    again = put(carol, ONE, invited.replace("Talk", "Walk"), If_Schedule_Tag_Match=tag)
    assert again.status == 204
    assert put(carol, ONE, invited, If_Schedule_Tag_Match=tag).status == 412


def test_limits_are_told_before_they_are_met(carol: Client) -> None:
    wanted = ("C:max-instances", "C:max-attendees-per-instance", "C:max-resource-size",
              "C:min-date-time", "C:max-date-time")  # fmt: skip
    member = carol.propfind(BOOKINGS, *wanted)[BOOKINGS]
    assert member.others == {}
    assert member.text("C:max-attendees-per-instance") == "100"
    assert int(member.text("C:max-instances")) == 10000


def test_a_preference_for_what_stands_now_is_followed(carol: Client) -> None:
    """RFC 8144 sections 3.1 and 3.2."""
    made = put(carol, ONE, event(NINE), Prefer="return=representation")
    assert (made.status, made.body) == (201, event(NINE).encode())
    assert made.headers["preference-applied"] == "return=representation"
    assert made.headers["content-location"] == ONE
    assert made.headers["etag"] == carol.get(ONE).headers["etag"]
    changed = put(carol, ONE, event(NINE, title="B"), Prefer='return="representation"; x')
    assert (changed.status, changed.body) == (200, event(NINE, title="B").encode())
    late = put(
        carol, ONE, event(NINE), If_Match=made.headers["etag"], Prefer="return=representation"
    )
    assert (late.status, late.body) == (412, event(NINE, title="B").encode())
    assert late.headers["etag"] == changed.headers["etag"]
    assert put(carol, ONE, event(NINE), Prefer="return=minimal").body == b""
