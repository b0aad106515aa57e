"""calendar-query: filters by time and by content, and what makes no sense."""

from __future__ import annotations

import pytest

from bridge.model.interval import FBType
from tests.dav.client import DECLARED, Client, query, refusal
from tests.dav.house import HOUR, NINE, House, utc
from tests.web.site import DAY

BUSY = "/bob/room-a.busy/"
EVENT = '<C:comp-filter name="VEVENT">{}</C:comp-filter>'


def within(start: int | None, end: int | None) -> str:
    times = "".join(
        f' {name}="{utc(when)}"' for name, when in (("start", start), ("end", end)) if when
    )
    return EVENT.format(f"<C:time-range{times}/>")


def prop(name: str, inner: str) -> str:
    return EVENT.format(f'<C:prop-filter name="{name}">{inner}</C:prop-filter>')


def text(wanted: str, more: str = "") -> str:
    return f"<C:text-match{more}>{wanted}</C:text-match>"


@pytest.fixture
def titled(house: House, bob: Client) -> dict[str, str]:
    """Four events; their names by title."""
    wanted = {
        "Déjà vu": (NINE, NINE + HOUR),
        "Review, part 2": (NINE + 2 * HOUR, NINE + 3 * HOUR),
        "review": (NINE + DAY, NINE + DAY + HOUR),
    }
    for title, span in wanted.items():
        house.fill("room-a", [span], title=title)
    maybe = (NINE + 2 * DAY, NINE + 2 * DAY + HOUR)
    house.fill("room-a", [maybe], FBType.BUSY_TENTATIVE, title="Maybe", location="Hall")
    spans = wanted | {"Maybe": maybe}
    found = {}
    for title, (start, end) in spans.items():
        (found[title],) = bob.query(BUSY, within(start, end)).names()
    return found


def matching(client: Client, filters: str, titled: dict[str, str]) -> set[str]:
    names = client.query(BUSY, filters).names()
    assert names <= set(titled.values())
    return {title for title, name in titled.items() if name in names}


# Time


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (NINE - HOUR, NINE, False),  # ends when it begins
        (NINE - HOUR, NINE + 1, True),
        (NINE + HOUR - 1, NINE + 2 * HOUR, True),
        (NINE + HOUR, NINE + 2 * HOUR, False),  # begins when it ends
        (NINE + 600, NINE + 660, True),
        (NINE - DAY, NINE + DAY, True),
        (NINE + HOUR - 1, None, True),
        (NINE + HOUR, None, False),
        (None, NINE + 1, True),
        (None, NINE, False),
    ],
)
@pytest.mark.parametrize("name", ["alice", "bob"])
def test_a_window_is_half_open_and_either_end_may_be_missing(
    house: House, name: str, start: int | None, end: int | None, found: bool
) -> None:
    house.fill("room-a", [(NINE, NINE + HOUR)])
    answer = house.client(name).query(f"/{name}/room-a.busy/", within(start, end))
    assert len(answer) == found


def test_two_windows_must_both_be_met(titled: dict[str, str], bob: Client) -> None:
    both = EVENT.format(
        f'<C:time-range start="{utc(NINE)}"/><C:time-range end="{utc(NINE + 2 * HOUR)}"/>'
    )
    assert matching(bob, both, titled) == {"Déjà vu"}
    never = EVENT.format(f'<C:time-range start="{utc(NINE)}"/><C:time-range end="{utc(NINE)}"/>')
    assert matching(bob, never, titled) == set()


def test_a_window_outside_of_all_that_is_known_holds_nothing(
    titled: dict[str, str], bob: Client
) -> None:
    assert matching(bob, within(NINE + 5000 * DAY, None), titled) == set()
    assert matching(bob, within(None, NINE - 5000 * DAY), titled) == set()
    assert matching(bob, within(-(10**10), 10**11), titled) == set(titled)


def test_objects_come_in_the_order_of_time(titled: dict[str, str], bob: Client) -> None:
    order = [href.rsplit("/", 1)[1] for href in bob.query(BUSY)]
    assert order == list(titled.values())


# Components


@pytest.mark.parametrize(
    ("filters", "all_of_them"),
    [
        ("", True),
        (EVENT.format(""), True),
        ('<C:comp-filter name="vevent"/>', True),
        ('<C:comp-filter name="VTODO"/>', False),
        ('<C:comp-filter name="VJOURNAL"/>', False),
        ('<C:comp-filter name="VFREEBUSY"/>', False),
        ('<C:comp-filter name="VTODO"><C:is-not-defined/></C:comp-filter>', True),
        ('<C:comp-filter name="VEVENT"><C:is-not-defined/></C:comp-filter>', False),
        (EVENT.format('<C:comp-filter name="VALARM"/>'), False),
        (
            EVENT.format(
                f'<C:comp-filter name="VALARM"><C:time-range start="{utc(NINE)}"/></C:comp-filter>'
            ),
            False,
        ),
        (EVENT.format('<C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter>'), True),
        (
            '<C:comp-filter name="VTODO"><C:time-range start="20260101T000000Z"/></C:comp-filter>',
            False,
        ),
    ],
)
def test_there_are_events_and_no_other_component(
    titled: dict[str, str], bob: Client, filters: str, all_of_them: bool
) -> None:
    assert matching(bob, filters, titled) == (set(titled) if all_of_them else set())


# Properties


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (prop("SUMMARY", text("review")), {"Review, part 2", "review"}),
        (prop("summary", text("REVIEW")), {"Review, part 2", "review"}),
        (prop("SUMMARY", text("review", ' collation="i;octet"')), {"review"}),
        (prop("SUMMARY", text("review", ' collation="default"')), {"Review, part 2", "review"}),
        (prop("SUMMARY", text("DÉJÀ", ' collation="i;unicode-casemap"')), {"Déjà vu"}),
        (prop("SUMMARY", text("DÉJÀ")), set()),  # i;ascii-casemap folds ASCII only
        (prop("SUMMARY", text("Review, part")), {"Review, part 2"}),  # as read, not as written
        (prop("SUMMARY", text("view", ' negate-condition="yes"')), {"Déjà vu", "Maybe"}),
        (prop("SUMMARY", text("a") + text("e")), {"Maybe", "Review, part 2"}),
        (prop("STATUS", text("TENTATIVE")), {"Maybe"}),
        (prop("LOCATION", ""), {"Maybe"}),
        (prop("LOCATION", "<C:is-not-defined/>"), {"Déjà vu", "Review, part 2", "review"}),
        (prop("RRULE", ""), set()),
        (prop("ATTENDEE", text("bob")), set()),
        (prop("DTSTART", f'<C:time-range start="{utc(NINE + DAY)}"/>'), {"review", "Maybe"}),
        (
            prop("DTSTART", f'<C:time-range end="{utc(NINE + DAY)}"/>'),
            {"Déjà vu", "Review, part 2"},
        ),
        (prop("SUMMARY", f'<C:time-range start="{utc(NINE)}"/>'), set()),
        (
            prop("SUMMARY", '<C:param-filter name="LANGUAGE"><C:is-not-defined/></C:param-filter>'),
            {"Déjà vu", "Review, part 2", "review", "Maybe"},
        ),
        (prop("SUMMARY", '<C:param-filter name="LANGUAGE"/>'), set()),
        (
            prop("SUMMARY", f'<C:param-filter name="LANGUAGE">{text("en")}</C:param-filter>'),
            set(),
        ),
    ],
)
def test_a_filter_finds_what_the_properties_say(
    titled: dict[str, str], bob: Client, filters: str, found: set[str]
) -> None:
    assert matching(bob, filters, titled) == found


def test_conditions_on_time_and_on_content_must_both_be_met(
    titled: dict[str, str], bob: Client
) -> None:
    both = EVENT.format(
        f'<C:time-range start="{utc(NINE)}" end="{utc(NINE + DAY)}"/>'
        f'<C:prop-filter name="SUMMARY">{text("review")}</C:prop-filter>'
    )
    assert matching(bob, both, titled) == {"Review, part 2"}


def test_a_property_of_the_calendar_around_the_event_can_be_asked_for(
    titled: dict[str, str], bob: Client
) -> None:
    version = '<C:prop-filter name="VERSION"><C:text-match>2.0</C:text-match></C:prop-filter>'
    assert matching(bob, version, titled) == set(titled)
    method = '<C:prop-filter name="METHOD"/>'
    assert matching(bob, method, titled) == set()


@pytest.mark.covers("T50")
def test_a_filter_cannot_ask_about_a_title_that_it_may_not_see(
    titled: dict[str, str], house: House
) -> None:
    alice = house.client("alice")
    path = "/alice/room-a.busy/"
    assert len(alice.query(path)) == 4
    assert alice.query(path, prop("SUMMARY", text("review"))) == {}
    assert alice.query(path, prop("LOCATION", "")) == {}
    assert len(alice.query(path, prop("SUMMARY", text("busy")))) == 4


# What makes no sense

VALID_FILTER = ["C:valid-filter"]
INVALID = {
    "an unreadable time": '<C:time-range start="yesterday"/>',
    "a time without zone": '<C:time-range start="20260101T000000"/>',
    "a date": '<C:time-range start="20260101"/>',
    "a day that does not exist": '<C:time-range start="20261301T000000Z"/>',
    "an hour that does not exist": '<C:time-range start="20260101T240000Z"/>',
    "digits of another script": '<C:time-range start="\uff12\uff10\uff12\uff160101T000000Z"/>',
    "neither start nor end": "<C:time-range/>",
    "an end before the start": '<C:time-range start="20260102T000000Z" end="20260101T000000Z"/>',
    "an empty window": '<C:time-range start="20260102T000000Z" end="20260102T000000Z"/>',
    "a property without a name": "<C:prop-filter/>",
    "a component without a name": "<C:comp-filter/>",
    "a stranger in a component": "<C:nonsense/>",
    "a stranger in a property": '<C:prop-filter name="SUMMARY"><C:nonsense/></C:prop-filter>',
    "a stranger in a parameter": '<C:prop-filter name="SUMMARY"><C:param-filter name="X">'
    "<C:nonsense/></C:param-filter></C:prop-filter>",
    "nonsense inside of VALARM": '<C:comp-filter name="VALARM"><C:nonsense/></C:comp-filter>',
    "a hundred and one conditions": '<C:prop-filter name="SUMMARY"/>' * 101,
}


@pytest.mark.parametrize("inner", INVALID.values(), ids=INVALID)
def test_a_filter_that_makes_no_sense_is_403_valid_filter(bob: Client, inner: str) -> None:
    found = refusal(bob.report(BUSY, query(EVENT.format(inner))))
    assert found[:2] == (403, VALID_FILTER)
    assert found.reason


@pytest.mark.parametrize(
    "inner",
    [
        "",
        '<C:comp-filter name="VEVENT"/>',
        '<C:comp-filter name="VCALENDAR"/><C:comp-filter name="VCALENDAR"/>',
        '<C:prop-filter name="SUMMARY"/>',
    ],
)
def test_a_filter_is_one_comp_filter_of_vcalendar(bob: Client, inner: str) -> None:
    body = f"<C:calendar-query {DECLARED}><C:filter>{inner}</C:filter></C:calendar-query>"
    assert refusal(bob.report(BUSY, body))[:2] == (403, VALID_FILTER)


def test_an_unknown_collation_is_403_supported_collation(bob: Client) -> None:
    filters = prop("SUMMARY", text("x", ' collation="i;klingon"'))
    assert refusal(bob.report(BUSY, query(filters)))[:2] == (403, ["C:supported-collation"])


@pytest.mark.parametrize("name", ["x:nonsense", "D:expand-property", "C:free-busy", "D:acl"])
def test_an_unknown_report_is_403_supported_report(bob: Client, name: str) -> None:
    body = f'<{name} {DECLARED} xmlns:x="urn:x"/>'
    for path in (BUSY, "/bob/", "/", "/room-a/"):
        assert refusal(bob.report(path, body))[:2] == (403, ["D:supported-report"])


@pytest.mark.parametrize("path", ["/", "/bob/", "/room-a/"])
def test_reports_of_calendars_are_for_calendars(bob: Client, path: str) -> None:
    assert refusal(bob.report(path, query()))[:2] == (403, ["D:supported-report"])


def test_a_report_without_a_body_is_400(bob: Client) -> None:
    assert bob.report(BUSY, "").status == 400


@pytest.mark.parametrize("odd", ["\ufffe", "\uffff", "\x0b"])
def test_a_title_that_xml_cannot_hold_leaves_the_answer_readable(
    house: House, bob: Client, odd: str
) -> None:
    house.fill("room-a", [(NINE, NINE + HOUR)], title=f"Plan{odd}ning <1> & \U0001f5d3")
    [found] = bob.query(BUSY, prop="<C:calendar-data/>").values()
    assert "SUMMARY:Planning <1> & \U0001f5d3" in found.text("C:calendar-data")
