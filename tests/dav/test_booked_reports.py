"""Reports on bookings look into what clients wrote: series, zones, alarms, several components."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bridge.store.database import Database
from tests.databases import SqliteDatabases, closing_database
from tests.dav.client import Client, query, read, refusal
from tests.dav.house import HOUR, NINE, utc
from tests.dav.reception import BOOKINGS, Reception, event, put
from tests.web.site import DAY, Response

SERIES, ALONE, ALL_DAY, BERLIN = (
    f"{BOOKINGS}{it}.ics" for it in ("series", "alone", "day", "berlin")
)
ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n"
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n"
    "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n"
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n"
    "END:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
)
ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Soon", "TRIGGER:-PT5M", "END:VALARM")


def override(original: int, start: int, *more: str, uid: str = "series") -> str:
    text = event(start, f"RECURRENCE-ID:{utc(original)}", *more, uid=uid, title="Moved")
    return text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")]


@pytest.fixture(scope="module")
def reception(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reception]:
    """A daily series of five at nine: the second at noon, the third left out; and three more."""
    url = sqlite_databases.url(tmp_path_factory.mktemp("reports") / "data")
    with closing_database(url) as database, Reception(database, max_duration="48h") as house:
        carol = house.client("carol")
        moved = override(NINE + DAY, NINE + DAY + 3 * HOUR)
        series = event(NINE, "RRULE:FREQ=DAILY;COUNT=5", f"EXDATE:{utc(NINE + 2 * DAY)}", *ALARM,
                       uid="series", title="Daily")  # fmt: skip
        texts = {
            SERIES: series.replace("END:VCALENDAR", f"{moved}END:VCALENDAR"),
            ALONE: event(NINE + 5 * HOUR, "CATEGORIES:A,B", uid="alone", title="Alone"),
            ALL_DAY: event(NINE, uid="day", title="Whole day")
            .replace(f"DTSTART:{utc(NINE)}", "DTSTART;VALUE=DATE:20261130")
            .replace(f"DTEND:{utc(NINE + HOUR)}", "DTEND;VALUE=DATE:20261201"),
            BERLIN: event(NINE, uid="berlin", title="Berlin")
            .replace(f"DTSTART:{utc(NINE)}", "DTSTART;TZID=Europe/Berlin:20261202T090000")
            .replace(f"DTEND:{utc(NINE + HOUR)}", "DTEND;TZID=Europe/Berlin:20261202T100000")
            .replace("BEGIN:VEVENT", f"{ZONE}BEGIN:VEVENT"),
        }
        for path, text in texts.items():
            answer = put(carol, path, text)
            assert answer.status == 201, answer
        yield house


@pytest.fixture
def carol(reception: Reception) -> Client:
    return reception.client("carol")


def within(start: int, end: int) -> str:
    span = f'start="{utc(start)}" end="{utc(end)}"'
    return f'<C:comp-filter name="VEVENT"><C:time-range {span}/></C:comp-filter>'


def found(client: Client, filters: str) -> set[str]:
    return set(client.query(BOOKINGS, filters))


@pytest.mark.parametrize(
    ("start", "end", "paths"),
    [
        (NINE, NINE + HOUR, {SERIES}),
        (NINE + HOUR, NINE + 2 * HOUR, set()),
        (NINE + DAY, NINE + DAY + HOUR, set()),  # moved away
        (NINE + DAY + 3 * HOUR, NINE + DAY + 4 * HOUR, {SERIES}),
        (NINE + 2 * DAY, NINE + 2 * DAY + HOUR, set()),  # left out
        (NINE + 5 * HOUR, NINE + 6 * HOUR, {ALONE}),
        (NINE + 5 * DAY, NINE + 30 * DAY, {ALL_DAY, BERLIN}),
        (NINE + 11 * DAY - HOUR, NINE + 11 * DAY, {BERLIN}),  # at eight in UTC
        (NINE + 11 * DAY, NINE + 11 * DAY + HOUR, set()),
    ],
)
def test_a_time_range_finds_what_takes_place_then(
    carol: Client, start: int, end: int, paths: set[str]
) -> None:
    assert found(carol, within(start, end)) == paths


def prop(name: str, inner: str) -> str:
    asked = f'<C:prop-filter name="{name}">{inner}</C:prop-filter>'
    return f'<C:comp-filter name="VEVENT">{asked}</C:comp-filter>'


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        (prop("SUMMARY", "<C:text-match>moved</C:text-match>"), {SERIES}),
        (prop("SUMMARY", "<C:text-match>alone</C:text-match>"), {ALONE}),
        (prop("CATEGORIES", ""), {ALONE}),
        (prop("RRULE", "<C:is-not-defined/>"), {SERIES, ALONE, ALL_DAY, BERLIN}),
        (prop("RRULE", ""), {SERIES}),
        (prop("UID", '<C:text-match collation="i;octet">berlin</C:text-match>'), {BERLIN}),
        (prop("DTSTART", '<C:param-filter name="TZID"/>'), {BERLIN}),
        (prop("DTSTART", f'<C:time-range start="{utc(NINE + 11 * DAY - HOUR)}" '
                         f'end="{utc(NINE + 11 * DAY)}"/>'), {BERLIN}),
        ('<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"/></C:comp-filter>', {SERIES}),
        ('<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"><C:is-not-defined/>'
         "</C:comp-filter></C:comp-filter>", {SERIES, ALONE, ALL_DAY, BERLIN}),
        ('<C:comp-filter name="VTIMEZONE"/>', {BERLIN}),
        ('<C:comp-filter name="VTODO"/>', set()),
        ('<C:comp-filter name="VTODO"><C:is-not-defined/></C:comp-filter>',
         {SERIES, ALONE, ALL_DAY, BERLIN}),
        ('<C:comp-filter name="VEVENT"><C:is-not-defined/></C:comp-filter>', set()),
        ('<C:comp-filter name="VEVENT"><C:prop-filter name="RRULE"/><C:prop-filter name="SUMMARY">'
         "<C:text-match>moved</C:text-match></C:prop-filter></C:comp-filter>", set()),
    ],
)  # fmt: skip
def test_conditions_are_asked_of_each_component_for_itself(
    carol: Client, filters: str, paths: set[str]
) -> None:
    assert found(carol, filters) == paths


def test_when_a_reminder_goes_off_cannot_be_searched_for_and_that_is_said(carol: Client) -> None:
    alarm = f'<C:comp-filter name="VALARM"><C:time-range start="{utc(NINE)}"/></C:comp-filter>'
    body = query(f'<C:comp-filter name="VEVENT">{alarm}</C:comp-filter>')
    assert refusal(carol.report(BOOKINGS, body))[:2] == (403, ["C:supported-filter"])


def data(carol: Client, inner: str, filters: str, path: str = SERIES) -> str:
    answer: Response = carol.report(
        BOOKINGS, query(filters, f"<C:calendar-data>{inner}</C:calendar-data>")
    )
    return read(answer)[path].text("C:calendar-data")


def values(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}[^:\n]*:(.*)$", text, re.MULTILINE)


def test_a_series_is_expanded_into_its_occurrences_in_utc(carol: Client) -> None:
    start, end = NINE, NINE + 4 * DAY
    inner = f'<C:expand start="{utc(start)}" end="{utc(end)}"/>'
    text = data(carol, inner, within(start, end))
    assert values(text, "DTSTART") == [
        utc(NINE), utc(NINE + DAY + 3 * HOUR), utc(NINE + 3 * DAY)
    ]  # fmt: skip
    assert values(text, "RECURRENCE-ID") == [utc(NINE), utc(NINE + DAY), utc(NINE + 3 * DAY)]
    assert values(text, "SUMMARY") == ["Daily", "Moved", "Daily"]
    assert text.count("BEGIN:VALARM") == 2
    assert "RRULE" not in text
    assert "EXDATE" not in text


def test_what_does_not_recur_is_expanded_to_itself(carol: Client) -> None:
    inner = f'<C:expand start="{utc(NINE)}" end="{utc(NINE + 30 * DAY)}"/>'
    everything = within(NINE, NINE + 30 * DAY)
    berlin = data(carol, inner, everything, BERLIN)
    assert values(berlin, "DTSTART") == [utc(NINE + 11 * DAY - HOUR)]
    assert "VTIMEZONE" not in berlin
    assert "RECURRENCE-ID" not in berlin
    day = data(carol, inner, everything, ALL_DAY)
    assert "DTSTART;VALUE=DATE:20261130" in day
    assert "DTEND;VALUE=DATE:20261201" in day


def test_what_was_changed_elsewhere_can_be_left_out(carol: Client) -> None:
    def limited(start: int, end: int) -> str:
        inner = f'<C:limit-recurrence-set start="{utc(start)}" end="{utc(end)}"/>'
        return data(carol, inner, within(NINE, NINE + 5 * DAY))

    assert values(limited(NINE, NINE + HOUR), "SUMMARY") == ["Daily"]
    assert values(limited(NINE + DAY, NINE + DAY + HOUR), "SUMMARY") == ["Daily", "Moved"]
    assert values(limited(NINE + DAY + 3 * HOUR, NINE + 2 * DAY), "SUMMARY") == ["Daily", "Moved"]


def test_of_an_object_as_much_is_given_as_is_asked_for(carol: Client) -> None:
    inner = (
        '<C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT">'
        '<C:prop name="SUMMARY"/></C:comp></C:comp>'
    )
    text = data(carol, inner, within(NINE, NINE + DAY))
    assert text.split() == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "SUMMARY:Daily", "END:VEVENT",
        "BEGIN:VEVENT", "SUMMARY:Moved", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    whole = '<C:comp name="VCALENDAR"><C:allprop/><C:allcomp/></C:comp>'
    assert "BEGIN:VALARM" in data(carol, whole, within(NINE, NINE + DAY))


def test_the_whole_calendar_is_one_stream_with_each_zone_once(
    reception: Reception, carol: Client
) -> None:
    text = carol.get(BOOKINGS).body.decode()
    assert text.count("BEGIN:VCALENDAR") == 1
    assert text.count("BEGIN:VTIMEZONE") == 1
    assert text.count("BEGIN:VEVENT") == 5
    assert "X-WR-CALNAME:Room A" in text


@pytest.mark.covers("T53")
def test_a_series_whose_occurrences_would_fill_the_memory_is_not_expanded(
    sqlite_database: Database,
) -> None:
    with Reception(sqlite_database) as house:
        carol = house.client("carol")
        long = [f"X-LONG-{n}:{'x' * 60_000}" for n in range(12)]
        daily = event(NINE, "RRULE:FREQ=DAILY;COUNT=300", *long, length=600)
        assert put(carol, SERIES, daily).status == 201
        span = f'start="{utc(NINE)}" end="{utc(NINE + 300 * DAY)}"'
        asked = f"<C:calendar-data><C:expand {span}/></C:calendar-data>"
        answer = carol.report(BOOKINGS, query(within(NINE, NINE + 300 * DAY), asked))
        assert refusal(answer)[:2] == (403, ["D:number-of-matches-within-limits"])


def test_changes_come_in_parts_when_they_are_asked_for_so(sqlite_database: Database) -> None:
    with Reception(sqlite_database) as house:
        carol = house.client("carol")
        first = carol.sync(BOOKINGS).sync_token
        for n in range(3):
            put(carol, f"{BOOKINGS}{n}.ics", event(NINE + n * 2 * HOUR, uid=f"u{n}"))
        carol.send("DELETE", f"{BOOKINGS}1.ics")
        names: set[str] = set()
        gone: set[str] = set()
        token, more = first, True
        while more:
            part = carol.sync(BOOKINGS, token, limit=1)
            names |= part.names() - {""}
            gone |= part.gone
            token, more = part.sync_token, part.truncated
        assert (names, gone) == ({"0.ics", "2.ics"}, {"1.ics"})
        assert carol.sync(BOOKINGS, first).sync_token == token
