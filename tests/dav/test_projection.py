"""What a free-busy reader may learn of an event: when, and nothing else (T50, T51, T52)."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.policy import Privacy, PrivacyMode
from bridge.model.event import Class
from bridge.privacy import details
from tests.dav.client import Client, free_busy, multiget, propfind, query, search, sync
from tests.dav.house import HOUR, NINE, House, hours, utc
from tests.unit.test_privacy import EVENT
from tests.web.site import DAY, TODAY, Response

CANARY = "c4n4ry"
FIELDS = ("title", "description", "location", "url", "conference_url", "status", "x-unknown")
DATA = "<D:getetag/><C:calendar-data/>"

texts = st.text(max_size=40).map(lambda text: f"{text}{CANARY}{text}") | st.just(
    f"x\r\nX-{CANARY}: y\r\nATTENDEE:mailto:{CANARY}"
)
people = st.fixed_dictionaries(dict.fromkeys(("address", "name", "partstat"), texts))
shown = st.fixed_dictionaries(
    dict.fromkeys(FIELDS, texts),
    optional={
        "organizer": people,
        "attendees": st.lists(people, min_size=1, max_size=3),
        "categories": st.lists(texts, min_size=1, max_size=3),
    },
)


@pytest.fixture(scope="module")
def clients(standing: House) -> dict[str, Client]:
    """`room-a` is always busy at the same times."""
    standing.fill("room-a", hours(2), title=CANARY)
    return {name: standing.client(name) for name in ("alice", "bob")}


def everything(client: Client, home: str) -> list[Response]:
    """Every answer that shows something of a busy calendar, and some that are refusals."""
    busy = f"{home}room-a.busy/"
    names = [busy + name for name in client.listing(busy)]
    window = (utc(TODAY), utc(TODAY + 9 * DAY))
    reports = [
        query(prop=DATA),
        query('<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"/></C:comp-filter>', DATA),
        query(
            f'<C:comp-filter name="VEVENT"><C:prop-filter name="LOCATION"><C:text-match>{CANARY}'
            "</C:text-match></C:prop-filter></C:comp-filter>"
        ),
        query(prop="<C:nonsense/>"),
        multiget(*names, prop=DATA),
        sync(prop=DATA),
        sync(client.sync(busy).sync_token, prop=DATA),
        sync("nonsense"),
        free_busy(*window),
        free_busy(None, None),
    ]
    return [
        *(client.get(name) for name in names),
        client.get(busy),
        client.get(f"{busy}?view=freebusy"),
        client.send("HEAD", names[0]),
        *(client.report(busy, report) for report in reports),
        *(
            client.send("PROPFIND", path, propfind("<D:allprop/>"), Depth="1")
            for path in ("/", home, busy, "/room-a/")
        ),
        client.report("/", search(("D:displayname", ""), prop="<D:allprop/>")),
        *(client.send(method, names[0]) for method in ("PUT", "DELETE", "MOVE", "POST", "COPY")),
    ]


def stable(answer: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = sorted(answer.headers.items())
    return (
        answer.status,
        [each for each in headers if each[0] not in {"date", "x-request-id"}],
        answer.body,
    )


@pytest.mark.covers("T50", "P6")
@settings(max_examples=40)
@given(fields=shown)
def test_whatever_an_event_says_a_free_busy_reader_gets_the_same_octets(
    standing: House, clients: dict[str, Client], fields: dict[str, Any]
) -> None:
    standing.fill("room-a", hours(2)[:1], **{"title": "Busy"} | fields)
    alice = clients["alice"]
    answers = everything(alice, "/alice/")
    for answer in answers:
        assert CANARY not in f"{answer.headers}{answer.body.decode()}"
        assert answer.status < 500
    standing.fill("room-a", hours(2)[:1], title="Busy")
    # Not even a tag tells that there is something else to see.
    assert [*map(stable, everything(alice, "/alice/"))] == [*map(stable, answers)]


@pytest.mark.covers("T27", "T28")
@settings(max_examples=40)
@given(fields=shown)
def test_whatever_an_event_says_a_reader_gets_one_event_in_valid_xml(
    standing: House, clients: dict[str, Client], fields: dict[str, Any]
) -> None:
    standing.fill("room-a", hours(2)[:1], **{"title": "Busy"} | fields)
    bob = clients["bob"]
    path = "/bob/room-a.busy/"
    within = f'<C:time-range end="{utc(NINE + HOUR)}"/>'
    (member,) = bob.query(
        path, f'<C:comp-filter name="VEVENT">{within}</C:comp-filter>', DATA
    ).values()
    text = re.sub("\n ", "", member.text("C:calendar-data"))
    assert CANARY in text
    names = [line.partition(":")[0].partition(";")[0] for line in text.split("\n")]
    assert names.count("BEGIN") == 2
    assert not {"ATTENDEE", f"X-{CANARY}".upper(), f"X-{CANARY}"} & set(names)
    for name in ("UID", "SUMMARY", "DTSTART", "DTEND", "DESCRIPTION", "LOCATION", "URL"):
        assert names.count(name) == 1
    for answer in everything(bob, "/bob/"):
        assert answer.status < 500
        assert f"x-{CANARY}" not in answer.headers


# Who is who


def parts(client: Client, path: str) -> set[str]:
    """All that could name a block: names and ETags, without their common ending."""
    found: set[str] = set()
    for name, etag in client.listing(path).items():
        found |= {name.removesuffix(".ics"), etag.strip('"').partition("-")[0]}
    assert len(found) == 2 * len(client.listing(path))
    return found


@pytest.mark.covers("T51")
def test_one_event_in_two_resources_cannot_be_recognised_by_any_name_or_tag(house: House) -> None:
    for room in ("room-a", "room-b"):
        house.fill(room, hours(3), title="The same")
    lia, gil = house.client("lia"), house.client("gil")
    views = [
        (lia, "/lia/room-a.busy/"),
        (lia, "/lia/room-b.busy/"),
        (gil, "/gil/room-a.busy/"),
        (gil, "/gil/room-b.busy/"),
    ]
    seen: set[str] = set()
    for client, path in views:
        assert not seen & parts(client, path)
        seen |= parts(client, path)
    tokens = {client.sync(path).sync_token for client, path in views}
    tags = {client.get(path).headers["etag"] for client, path in views}
    assert len(tokens) == len(tags) == 4


@pytest.mark.covers("T51")
def test_a_merged_block_is_named_by_its_time_and_not_by_the_events_in_it(house: House) -> None:
    house.fill("room-a", [(NINE, NINE + HOUR)], title="One")
    alice, path = house.client("alice"), "/alice/room-a.busy/"
    before = alice.listing(path)
    house.fill("room-a", [(NINE + 600, NINE + 1200)], title="Hidden inside")
    assert alice.listing(path) == before


@pytest.mark.covers("T52")
@pytest.mark.parametrize("mode", PrivacyMode)
@pytest.mark.parametrize("classification", Class)
def test_private_and_confidential_events_show_their_times_even_to_who_manages(
    house: House, mode: PrivacyMode, classification: Class
) -> None:
    event = dataclasses.replace(EVENT, classification=classification)
    privacy = Privacy(
        mode=mode,
        show_title=True,
        show_description=True,
        show_attendees=True,
        show_location=True,
    )
    house.fill("room-a", [(NINE, NINE + HOUR)], **details(event, "Work", privacy))
    open_to_readers = classification is Class.PUBLIC and mode is not PrivacyMode.BUSY_ONLY
    for name in ("bob", "carol", "dora", "root", "lia"):
        client = house.client(name)
        seen = b"".join(answer.body for answer in everything(client, f"/{name}/"))
        assert seen.count(b"DTSTART:20261121T090000Z") > 3
        assert (b"TITLE-CANARY" in seen) is open_to_readers
        assert (b"PLACE-CANARY" in seen) is open_to_readers
        # What no CalDAV answer shows at all.
        for hidden in (b"UID-CANARY", b"ORIGIN-CANARY", b"guest-canary", b"boss-canary"):
            assert hidden not in seen
    for name in ("alice", "gil", "room-b"):
        seen = b"".join(answer.body for answer in everything(house.client(name), f"/{name}/"))
        assert b"CANARY" not in seen.upper().replace(b"C4N4RY", b"")
