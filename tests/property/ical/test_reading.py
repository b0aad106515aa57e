"""Reading against the icalendar library, and reading anything at all."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidCalendarObject
from bridge.ical.limits import Limits, check_calendar_body
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.ical.repair import wall_clock
from bridge.model.event import Event, Floating
from bridge.model.interval import Window, utc

ZONES = [None, UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns")]
NAIVE = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - wall clocks
    lambda it: it.replace(microsecond=0)
)
TIMES = st.one_of(
    st.builds(lambda it, zone: it.replace(tzinfo=zone), NAIVE, st.sampled_from(ZONES)),
    st.dates(date(1980, 1, 1), date(2100, 1, 1)),
)
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=120
)
EVENTS = st.fixed_dictionaries(
    {"uid": st.uuids().map(str), "dtstart": TIMES, "length": st.integers(1, 10**6)},
    optional={
        "summary": TEXT,
        "description": TEXT,
        "location": TEXT,
        "status": st.sampled_from(["TENTATIVE", "CONFIRMED", "CANCELLED"]),
        "transp": st.sampled_from(["OPAQUE", "TRANSPARENT"]),
        "class": st.sampled_from(["PUBLIC", "PRIVATE", "CONFIDENTIAL"]),
        "sequence": st.integers(0, 1000),
        "last-modified": NAIVE.map(lambda it: it.replace(tzinfo=UTC)),
        "cn": TEXT,
    },
)


def component(told: dict[str, object]) -> icalendar.Event:
    event = icalendar.Event()
    start = told["dtstart"]
    length = timedelta(seconds=told["length"])  # type: ignore[arg-type]
    if not isinstance(start, datetime):
        length = timedelta(days=1 + length.days)
    for name, value in told.items():
        if name not in ("length", "cn"):
            event.add(name, value)
    event.add("dtend", start + length)  # type: ignore[operator]
    if "cn" in told:
        person = icalendar.vCalAddress("MAILTO:Ann@Example.com")
        person.params["CN"] = told["cn"]
        person.params["PARTSTAT"] = "ACCEPTED"
        event.add("attendee", person)
    return event


def plain(moment: object) -> object:
    """Return a time of ours as the library has it."""
    return moment.wall if isinstance(moment, Floating) else moment


@given(st.lists(EVENTS, max_size=4, unique_by=lambda it: it["uid"]))
def test_what_the_library_writes_is_read_as_the_library_reads_it(
    told: list[dict[str, object]],
) -> None:
    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "test")
    for event in told:
        calendar.add_component(component(event))
    data = calendar.to_ical()
    parsed = parse_calendar(data, owner="ann@example.com")
    assert not parsed.broken
    read = {str(it["UID"]): it for it in icalendar.Calendar.from_ical(data).events}
    assert {it.series.uid for it in parsed.series} == read.keys()
    for found in parsed.series:
        ours, theirs = found.series.master, read[found.series.uid]
        assert ours is not None
        compare(ours, theirs)


def compare(ours: Event, theirs: icalendar.Event) -> None:
    assert plain(ours.start) == theirs["DTSTART"].dt
    assert type(plain(ours.start)) is type(theirs["DTSTART"].dt)
    assert wall_clock(ours.end) == wall_clock_of(theirs["DTEND"].dt)
    for name in ("summary", "description", "location"):
        assert getattr(ours, name) == str(theirs.get(name.upper(), ""))
    assert (ours.status.value if ours.status else "") == str(theirs.get("STATUS", ""))
    assert ours.transp.value == str(theirs.get("TRANSP", "OPAQUE"))
    assert ours.classification.value == str(theirs.get("CLASS", "PUBLIC"))
    assert ours.sequence == int(theirs.get("SEQUENCE", 0))
    if "LAST-MODIFIED" in theirs:
        assert ours.last_modified == theirs["LAST-MODIFIED"].dt
    if "ATTENDEE" in theirs:
        (attendee,) = ours.attendees
        assert attendee.address == "mailto:ann@example.com"
        assert ours.self_partstat is attendee.partstat


def wall_clock_of(moment: date | datetime) -> datetime:
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None)
    return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - a wall clock


LINES = st.one_of(
    st.sampled_from(
        [
            *("BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END:VALARM", "BEGIN:VTIMEZONE"),
            *(
                "END:VTIMEZONE",
                "BEGIN:STANDARD",
                "END:STANDARD",
                "BEGIN:VCALENDAR",
                "END:VCALENDAR",
            ),
            *("UID:one", "UID:two", "UID:", "RECURRENCE-ID:20260310T090000Z", "TZID:Odd"),
            *("DTSTART:20260310T090000Z", "DTSTART;VALUE=DATE:20260310", "DTSTART:", "DTSTART"),
            *(
                "DTSTART;TZID=Odd:20260310T090000",
                'DTSTART;TZID="Odd:20260310T090000',
                "DTEND:2026",
            ),
            *(
                "DURATION:P1D",
                "DURATION:-PT1H",
                "RRULE:FREQ=DAILY;COUNT=3",
                "RRULE:FREQ=",
                "RRULE;=:",
            ),
            *(
                "RRULE:FREQ=YEARLY;BYWEEKNO=53;BYSETPOS=-1",
                "EXDATE:20260310",
                "RDATE;VALUE=PERIOD:/",
            ),
            *(
                "RDATE:20260311T090000Z/PT1H",
                "TZOFFSETFROM:+0100",
                "TZOFFSETTO:-0200",
                "SEQUENCE:9",
            ),
            *('ATTENDEE;CN="a:b;c":mailto:a@b', "ATTENDEE;:", "X-WR-TIMEZONE:Odd", "VERSION:2.0"),
        ]
    ),
    st.text(max_size=60),
)


@pytest.mark.covers("T23")
@given(st.lists(LINES, max_size=30), st.sampled_from(["\r\n", "\n", "\r"]), st.binary(max_size=20))
def test_anything_is_read_or_refused_and_what_is_kept_is_valid(
    lines: list[str], end: str, tail: bytes
) -> None:
    body = end.join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""]).encode("utf-8", "replace")
    data = body + tail if len(tail) % 2 else body[: len(body) // 2] + tail + body[len(body) // 2 :]
    with contextlib.suppress(InvalidCalendarObject):
        check_calendar_body(data)
    try:
        parsed = parse_calendar(data)
    except InvalidCalendarObject:
        return
    assert len({it.series.uid for it in parsed.series} | {it.uid for it in parsed.broken}) == len(
        parsed.series
    ) + len(parsed.broken), "each UID once"
    for found in parsed.series:
        check_text(found.text)
        again = parse_calendar(found.text)
        assert [it.series.events() for it in again.series] == [found.series.events()]
        window = Window(1_700_000_000, 1_800_000_000)
        for zone in (UTC, ZoneInfo("Europe/Berlin")):
            try:
                expansion = expand(found.series, window, zone, day_zone=zone)
            except InvalidCalendarObject:
                continue
            for it in expansion.occurrences:
                assert utc(it.start) <= utc(it.end)


LONG = st.integers(0, 300).map("x".__mul__)
DATES = st.lists(
    st.integers(1, 28).map(lambda day: f"202603{day:02}T090000Z"), min_size=1, max_size=40
).map(",".join)
KEPT = st.one_of(
    st.builds("{}:{}".format, st.sampled_from(["RDATE", "EXDATE", "EXDATE;X=y"]), DATES),
    st.builds("RRULE:FREQ=DAILY;COUNT=3;X-N={}".format, LONG),
    st.builds("RRULE:FREQ=DAILY;COUNT=3;BYDAY={}".format, LONG),
    st.builds("ATTENDEE;PARTSTAT=DECLINED;CN={}:mailto:ann@example.com{}".format, LONG, LONG),
    st.builds(
        "{}:{}{}".format,
        st.sampled_from(["TRANSP", "STATUS", "CLASS", "SUMMARY", "LOCATION", "CATEGORIES", "X-Y"]),
        st.sampled_from(["TRANSPARENT", "CANCELLED", "PRIVATE", "\\,"]),
        LONG,
    ),
    st.builds("{}:https://meet.google.com/{}".format, st.sampled_from(["URL", "CONFERENCE"]), LONG),
    st.builds("DESCRIPTION:https://meet.google.com/{} and".format, LONG),
    st.builds("{}:20260101T000000Z{}".format, st.sampled_from(["DTSTAMP", "LAST-MODIFIED"]), LONG),
)


@given(st.lists(KEPT, max_size=12))
def test_lines_beyond_the_limit_mean_the_same_in_the_text_that_is_kept(lines: list[str]) -> None:
    told = "\n".join(["UID:one", "DTSTART:20260310T090000Z", *lines])
    data = f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\n{told}\nEND:VEVENT\nEND:VCALENDAR\n"
    limits = Limits(property_size=200)
    for found in parse_calendar(data, owner="ann@example.com", limits=limits).series:
        (again,) = parse_calendar(found.text, owner="ann@example.com", limits=limits).series
        assert again.series.events() == found.series.events()
        assert again.text == found.text


def check_text(text: str) -> None:
    assert text.endswith("END:VCALENDAR\r\n")
    for line in text.removesuffix("\r\n").split("\r\n"):
        assert len(line.encode()) <= 75
        assert "\r" not in line
        assert "\n" not in line
        assert not any((ord(c) < 32 and c != "\t") or c == "\x7f" for c in line)
