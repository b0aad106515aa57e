"""What we write: valid, deterministic, and the same again when read."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ical.contentline import Properties, split_line
from bridge.ical.parse import parse_calendar
from bridge.ical.serialize import (
    FeedBlock,
    duration_text,
    escape_text,
    event_text,
    feed,
    freebusy,
    parameter,
)
from bridge.model.event import ShowAs, Status
from bridge.model.interval import BusyPeriod, FBType, Window, instant

START = instant(datetime(2026, 3, 10, 9, tzinfo=UTC))
WINDOW = Window(START - 86400, START + 86400)
HOSTILE = "x\r\nATTENDEE:mailto:evil@example.com\nBEGIN:VEVENT\u2028;,\\\x00\x0b\ud800\x85\"^'"
TEXTS = st.one_of(st.text(max_size=200), st.just(HOSTILE), st.text('\\;,:"^n\r\n\t x', max_size=50))
BLOCKS = st.builds(
    FeedBlock,
    uid=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40),
    start=st.integers(0, 4_000_000_000),
    end=st.integers(0, 4_000_000_000),
    fbtype=st.sampled_from(FBType),
    changed_at=st.integers(0, 4_000_000_000),
    sequence=st.integers(0, 10**6),
    summary=TEXTS,
    description=TEXTS,
    location=TEXTS,
    url=TEXTS,
    categories=st.lists(TEXTS, max_size=3).map(tuple),
)


def block(**values: object) -> FeedBlock:
    told = {
        "uid": "one",
        "start": START,
        "end": START + 3600,
        "fbtype": FBType.BUSY,
        "changed_at": START,
    }
    return FeedBlock(**(told | values))  # type: ignore[arg-type]


def lines_of(data: bytes) -> list[str]:
    """Return the unfolded lines after checking what RFC 5545 section 3.1 asks of the octets."""
    assert data.endswith(b"\r\n")
    physical = data.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= 75 for line in physical)
    text = data.decode().replace("\r\n ", "").removesuffix("\r\n")
    assert not any((ord(c) < 32 and c not in "\r\n\t") or c == "\x7f" for c in text)
    lines = text.split("\r\n")
    assert all(split_line(line)[1] for line in lines), "every line is a property"
    assert "\r" not in "".join(lines)
    assert "\n" not in "".join(lines)
    return lines


def names(data: bytes) -> list[str]:
    return [split_line(line)[0].partition(";")[0] for line in lines_of(data)]


def test_a_free_busy_object_is_one_vfreebusy_without_method() -> None:
    periods = [
        BusyPeriod(START, START + 3600, FBType.BUSY),
        BusyPeriod(START + 3600, START + 7200, FBType.BUSY_TENTATIVE),
        BusyPeriod(START + 7200, START + 9000, FBType.BUSY_UNAVAILABLE),
    ]
    data = freebusy(
        periods,
        WINDOW,
        uid="room-a",
        dtstamp=START,
        name='Room "A"; first floor',
        email="room-a@example.com",
        url="https://cal.example.com/freebusy/room-a",
    )
    assert lines_of(data) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//BusyBridge//EN",
        "BEGIN:VFREEBUSY",
        "UID:room-a",
        "DTSTAMP:20260310T090000Z",
        "DTSTART:20260309T090000Z",
        "DTEND:20260311T090000Z",
        "ORGANIZER;CN=\"Room ^'A^'; first floor\":mailto:room-a@example.com",
        "URL:https://cal.example.com/freebusy/room-a",
        "FREEBUSY;FBTYPE=BUSY:20260310T090000Z/20260310T100000Z",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260310T100000Z/20260310T110000Z",
        "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260310T110000Z/20260310T113000Z",
        "END:VFREEBUSY",
        "END:VCALENDAR",
    ]


def test_a_feed_says_how_often_to_come_back_and_whose_it_is() -> None:
    data = feed([block()], name="Room A", refresh=timedelta(minutes=15), origin="3f2a")
    assert lines_of(data) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//BusyBridge//EN",
        "NAME:Room A",
        "X-WR-CALNAME:Room A",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
        "BEGIN:VEVENT",
        "UID:one",
        "DTSTAMP:20260310T090000Z",
        "LAST-MODIFIED:20260310T090000Z",
        "SEQUENCE:0",
        "DTSTART:20260310T090000Z",
        "DTEND:20260310T100000Z",
        "SUMMARY:Busy",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "CLASS:PUBLIC",
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        "X-BUSYBRIDGE-ORIGIN:3f2a",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


@pytest.mark.parametrize(
    ("fbtype", "shown", "status"),
    [
        (FBType.BUSY, ShowAs.BUSY, Status.CONFIRMED),
        (FBType.BUSY_TENTATIVE, ShowAs.TENTATIVE, Status.TENTATIVE),
        (FBType.BUSY_UNAVAILABLE, ShowAs.OUT_OF_OFFICE, Status.CONFIRMED),
    ],
)
def test_the_kind_of_busy_survives_in_a_feed(fbtype: FBType, shown: ShowAs, status: Status) -> None:
    (found,) = parse_calendar(event_text(block(fbtype=fbtype), origin="3f2a")).series
    assert found.series.master is not None
    assert (found.series.master.show_as, found.series.master.status) == (shown, status)
    assert found.series.master.origin == "3f2a"


@pytest.mark.covers("T23", "T27", "T28")
@given(st.lists(BLOCKS, max_size=3, unique_by=lambda it: it.uid), TEXTS)
def test_no_text_can_add_a_property_or_a_component(blocks: list[FeedBlock], name: str) -> None:
    data = feed(
        blocks, name=name, refresh=timedelta(hours=1), origin="3f2a", url="https://x/" + name
    )
    harmless = [
        block(
            uid="one",
            description="x" * bool(it.description),
            location="x" * bool(it.location),
            url="x" * bool(it.url),
            categories=("x",) * bool(it.categories),
        )
        for it in blocks
    ]
    plain = feed(harmless, name="x", refresh=timedelta(hours=1), origin="3f2a", url="https://x/")
    assert names(data) == names(plain)


@pytest.mark.covers("T28")
@given(BLOCKS)
def test_what_is_read_back_is_what_was_written(written: FeedBlock) -> None:
    (read,) = parse_calendar(event_text(written)).series
    event = read.series.master
    assert event is not None

    def kept(text: str) -> str:
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(
            c
            for c in lines
            if c in "\n\t" or not (ord(c) < 32 or c == "\x7f" or 0xD800 <= ord(c) < 0xE000)
        )

    assert event.uid == written.uid
    assert event.summary == kept(written.summary)
    assert event.description == kept(written.description)
    assert event.location == kept(written.location)
    assert event.categories == tuple(filter(None, (kept(it).strip() for it in written.categories)))
    assert event.start == datetime.fromtimestamp(written.start, UTC)
    assert event.sequence == written.sequence
    assert event.last_modified == datetime.fromtimestamp(written.changed_at, UTC)


@given(TEXTS)
def test_the_icalendar_library_reads_the_same_text(text: str) -> None:
    written = block(summary=text, uid="one")
    (event,) = icalendar.Calendar.from_ical(event_text(written)).events
    (ours,) = parse_calendar(event_text(written)).series
    assert ours.series.master is not None
    assert str(event["SUMMARY"]).rstrip() == ours.series.master.summary.rstrip()


@pytest.mark.covers("T27")
@given(TEXTS, TEXTS, TEXTS)
def test_a_name_or_address_cannot_break_out_of_the_organizer(
    name: str, mail: str, url: str
) -> None:
    data = freebusy(
        [], WINDOW, uid="x", dtstamp=0, name=name, email=f"a{mail}", url=f"https://x/{url}"
    )
    assert names(data).count("ORGANIZER") == 1
    assert names(data)[-3:] == ["URL", "END", "END"]


@given(TEXTS)
def test_a_parameter_reads_back_as_it_was(text: str) -> None:
    line = f"X;CN={parameter(text)}:value"
    raw, value = Properties(line, frozenset({"X"})).first["X"]
    assert value == "value"
    assert "\n" not in raw


def test_the_same_blocks_give_the_same_octets() -> None:
    blocks = [block(uid=str(n), start=START + n) for n in range(50)]
    first = feed(blocks, name="A", refresh=timedelta(minutes=5))
    assert feed(list(blocks), name="A", refresh=timedelta(minutes=5)) == first


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "PT0S"),
        (timedelta(minutes=15), "PT15M"),
        (timedelta(days=7), "P7D"),
        (timedelta(days=1, hours=2, seconds=3), "P1DT2H3S"),
    ],
)
def test_durations_are_written_as_the_rfc_has_them(length: timedelta, text: str) -> None:
    assert duration_text(length) == text


def test_escaping_leaves_one_line() -> None:
    assert escape_text("a,b;c\\d\r\ne\rf\0g\ud800") == "a\\,b\\;c\\\\d\\ne\\nfg"


def test_writing_a_feed_takes_no_time_to_speak_of() -> None:
    blocks = [block(uid=str(n), start=START + n) for n in range(20_000)]
    before = time.thread_time()
    feed(blocks, name="A", refresh=timedelta(minutes=5), origin="3f2a")
    assert (time.thread_time() - before) / len(blocks) < 50e-6
