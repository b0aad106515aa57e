"""calendar-multiget, and how much of an object's text a report gives."""

from __future__ import annotations

import pytest

from tests.dav.client import DECLARED, Client, query, read, refusal
from tests.dav.house import HOUR, NINE, House, hours

BUSY = "/bob/room-a.busy/"
DATA = "<D:getetag/><C:calendar-data/>"


def data(inner: str = "", more: str = "") -> str:
    return f"<C:calendar-data{more}>{inner}</C:calendar-data>"


@pytest.fixture
def name(house: House, bob: Client) -> str:
    """The one object of `room-a` as bob sees it."""
    house.fill("room-a", [(NINE, NINE + HOUR)], title="Chess", location="Café")
    (found,) = bob.listing(BUSY)
    return found


def test_objects_come_with_the_text_and_the_etag_that_a_get_has(house: House, bob: Client) -> None:
    house.fill("room-a", hours(30))
    hrefs = [BUSY + each for each in bob.listing(BUSY)]
    found = bob.multiget(BUSY, *hrefs, prop=DATA)
    assert list(found) == hrefs
    for href, member in found.items():
        answer = bob.get(href)
        # XML reads CRLF as LF (section 2.11 of XML 1.0).
        assert member.text("C:calendar-data") == answer.body.decode().replace("\r\n", "\n")
        assert member.text("D:getetag") == answer.headers["etag"]


def test_an_href_may_be_encoded_in_any_way_or_be_a_whole_url(bob: Client, name: str) -> None:
    encoded = "".join(f"%{ord(char):02x}" for char in name)
    for href in (
        f"/bob/room%2Da.busy/{name}",
        f"/%62ob/room-a%2ebusy/{encoded}",
        f"http://127.0.0.1:{bob.port}{BUSY}{name}",
        f"https://cal.example.com{BUSY}{name}",
    ):
        (member,) = bob.multiget(BUSY, href, prop=DATA).values()
        assert "SUMMARY:Chess" in member.text("C:calendar-data")


def test_an_object_asked_for_twice_comes_once(bob: Client, name: str) -> None:
    assert list(bob.multiget(BUSY, BUSY + name, BUSY + name)) == [BUSY + name]
    assert list(bob.multiget(BUSY, BUSY + name, f"/bob/room-a%2Ebusy/{name}")) == [BUSY + name]


@pytest.mark.covers("T26")
def test_whatever_is_not_an_object_here_is_404_under_the_href_that_was_sent(
    house: House, bob: Client, name: str
) -> None:
    strangers = [
        f"{BUSY}{'0' * 40}.ics",
        f"{BUSY}{name.upper()}",
        f"{BUSY}{name.replace('.ics', '.ICS')}",
        f"{BUSY}{name}x",
        f"{BUSY}x{name}",
        f"{BUSY}{name}%00",
        f"{BUSY}{name}%ff",
        BUSY + name.replace("a", "\uff41"),
        BUSY + name.replace(".", "\uff0e"),
        f"{BUSY}../{name}",
        f"{BUSY}{name}/",
        BUSY,
        f"/bob/room-a.bookings/{name}",
        f"/alice/room-a.busy/{name}",
        f"/bob/room-b.busy/{name}",
        f"/nobody/{name}",
        name,
        "",
        "http://[::1",
        "?",
        "mailto:bob@example.com",
    ]
    found = bob.multiget(BUSY, *strangers, BUSY + name)
    assert found.names() == {name}
    assert [href for href, member in found.items() if member.status == 404] == strangers


def test_a_multiget_of_nothing_is_an_empty_answer(bob: Client) -> None:
    assert bob.multiget(BUSY) == {}


def test_more_hrefs_than_anyone_needs_are_refused(bob: Client) -> None:
    body = "".join(f"<D:href>/{n}</D:href>" for n in range(5001))
    answer = bob.report(
        BUSY,
        f'<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">{body}'
        "</C:calendar-multiget>",
    )
    assert answer.status == 403


# calendar-data


@pytest.mark.parametrize("kind", ["expand", "limit-recurrence-set", "limit-freebusy-set"])
def test_expanding_and_limiting_change_nothing_in_what_does_not_recur(
    bob: Client, name: str, kind: str
) -> None:
    whole = bob.multiget(BUSY, BUSY + name, prop=DATA)[BUSY + name].text("C:calendar-data")
    window = f'<C:{kind} start="20260101T000000Z" end="20280101T000000Z"/>'
    by_query = bob.query(BUSY, prop=data(window))[BUSY + name]
    by_name = bob.multiget(BUSY, BUSY + name, prop=data(window))[BUSY + name]
    assert by_query.text("C:calendar-data") == by_name.text("C:calendar-data") == whole


@pytest.mark.parametrize("kind", ["expand", "limit-recurrence-set", "limit-freebusy-set"])
@pytest.mark.parametrize(
    "window",
    [
        "",
        'start="20260101T000000Z"',
        'end="20260101T000000Z"',
        'start="20260102T000000Z" end="20260101T000000Z"',
        'start="now" end="20260101T000000Z"',
    ],
)
def test_a_window_of_calendar_data_that_makes_no_sense_is_refused(
    bob: Client, kind: str, window: str
) -> None:
    answer = bob.report(BUSY, query(prop=data(f"<C:{kind} {window}/>")))
    assert refusal(answer)[:2] == (403, ["C:valid-filter"])


def test_parts_of_an_object_can_be_asked_for(bob: Client, name: str) -> None:
    wanted = (
        '<C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT">'
        '<C:prop name="SUMMARY"/><C:prop name="UID"/><C:prop name="X-NONSENSE"/></C:comp></C:comp>'
    )
    (member,) = bob.query(BUSY, prop=data(wanted)).values()
    assert member.text("C:calendar-data").split("\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "BEGIN:VEVENT",
        f"UID:{name.removesuffix('.ics')}@busybridge",
        "SUMMARY:Chess",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_all_of_a_part_can_be_asked_for_and_folded_lines_stay_whole(
    house: House, bob: Client
) -> None:
    title = "A long meeting about " + "very " * 40 + "little"
    house.fill("room-a", [(NINE, NINE + HOUR)], title=title)
    everything = (
        '<C:comp name="VCALENDAR"><C:allprop/><C:comp name="VEVENT"><C:allprop/></C:comp></C:comp>'
    )
    allcomp = '<C:comp name="VCALENDAR"><C:allprop/><C:allcomp/></C:comp>'
    texts = [
        next(iter(bob.query(BUSY, prop=data(each)).values())).text("C:calendar-data")
        for each in ("", everything, allcomp)
    ]
    assert texts[0] == texts[1] == texts[2]
    only = (
        '<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY"/></C:comp></C:comp>'
    )
    (member,) = bob.query(BUSY, prop=data(only)).values()
    assert f"SUMMARY:{title}" in member.text("C:calendar-data").replace("\n ", "")


@pytest.mark.parametrize("more", [' content-type="application/calendar+json"', ' version="1.0"'])
def test_a_form_that_is_not_spoken_is_403_supported_calendar_data(bob: Client, more: str) -> None:
    answer = bob.report(BUSY, query(prop=data(more=more)))
    assert refusal(answer)[:2] == (403, ["C:supported-calendar-data"])


def test_a_report_can_ask_for_everything_or_for_names(bob: Client, name: str) -> None:
    plain = f"<C:calendar-query {DECLARED}>{{}}</C:calendar-query>"
    everything = read(bob.report(BUSY, plain.format("<D:allprop/>")))[BUSY + name]
    assert everything.text("D:getetag") == bob.get(BUSY + name).headers["etag"]
    names = read(bob.report(BUSY, plain.format("<D:propname/>")))[BUSY + name]
    assert set(names.props) == set(everything.props)
    assert not any(len(each) or each.text for each in names.props.values())


def test_a_property_that_objects_lack_is_404_beside_those_they_have(bob: Client, name: str) -> None:
    (member,) = bob.query(BUSY, prop="<D:getetag/><D:nonsense/>").values()
    assert list(member.props) == ["D:getetag"]
    assert member.others == {"D:nonsense": 404}
