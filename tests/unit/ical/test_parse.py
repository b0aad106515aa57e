"""What a reading gives besides the events: identity, texts, notes, speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
import vobject

from bridge.errors import InvalidCalendarObject
from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.model.event import Event, EventSeries, PartStat
from bridge.model.interval import Window, instant, utc

BERLIN = ZoneInfo("Europe/Berlin")


def calendar(*events: str) -> str:
    inside = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{inside}END:VCALENDAR\n"


@pytest.mark.parametrize("owner", ["ann@example.com", "Ann@Example.COM", "mailto:ann@example.com"])
def test_the_owners_reply_is_found_whatever_the_case(owner: str) -> None:
    text = calendar(
        "UID:one\nDTSTART:20260310T090000Z\nATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com\n"
        "ATTENDEE;PARTSTAT=DECLINED:MAILTO:Ann@example.com"
    )
    master = parse_calendar(text, owner=owner).series[0].series.master
    assert master is not None
    assert master.self_partstat is PartStat.DECLINED


def test_an_owner_who_is_not_invited_has_no_reply() -> None:
    text = calendar("UID:one\nDTSTART:20260310T090000Z\nATTENDEE:mailto:bob@example.com")
    for owner in ("", "ann@example.com"):
        master = parse_calendar(text, owner=owner).series[0].series.master
        assert master is not None
        assert master.self_partstat is None


@pytest.mark.parametrize(
    "rule",
    [
        *("FREQ=WEEKLY;BYDAY=MO,XX", "FREQ=DAILY;INTERVAL=0", "FREQ=MONTHLY;BYMONTHDAY=0"),
        *("WEEKLY", "FREQ=DAILY\nRRULE:" * 30 + "FREQ=DAILY"),
    ],
)
def test_an_event_whose_rule_says_nothing_is_kept_for_what_it_says_outright(rule: str) -> None:
    parsed = parse_calendar(calendar(f"UID:one\nDTSTART:20260310T090000Z\nRRULE:{rule}"))
    assert not parsed.broken
    (found,) = parsed.series
    assert parse_calendar(found.text).series[0].series == found.series
    window = Window(0, 1 << 31)
    with pytest.raises(InvalidCalendarObject):
        expand(found.series, window, BERLIN, day_zone=BERLIN)
    assert found.series.master is not None
    outright = replace(found.series, master=replace(found.series.master, rrules=()))
    assert len(expand(outright, window, BERLIN, day_zone=BERLIN).occurrences) == 1


def spans(series: EventSeries) -> list[str]:
    found = expand(series, Window(0, 1 << 31), BERLIN, day_zone=BERLIN).occurrences
    return [f"{utc(it.start):%m-%d %H:%M}-{utc(it.end):%H:%M}" for it in found]


def test_events_that_share_a_uid_each_block_their_own_time() -> None:
    parsed = parse_calendar(
        calendar(
            "UID:one\nDTSTART:20260310T090000Z\nDTEND:20260310T100000Z",
            "UID:one\nDTSTART:20260311T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\n"
            "EXDATE:20260310T090000Z",
            "UID:one\nDTSTART:20260320T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2",
        )
    )
    (found,) = parsed.series
    expected = [f"03-{day} 09:00-10:00" for day in (10, 11, 12, 13, 20, 21)]
    assert spans(found.series) == expected
    assert any("several events have this UID" in note for note in found.series.notes)
    (again,) = parse_calendar(found.text).series
    assert again == found
    (written,) = parse_calendar(series_text(found.series)).series
    assert spans(written.series) == expected


def zoned(offset: str, event: str) -> str:
    return (
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:My Zone\nBEGIN:STANDARD\n"
        f"DTSTART:19700101T000000\nTZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD\n"
        f"END:VTIMEZONE\nBEGIN:VEVENT\nUID:one\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    )


def test_two_calendars_of_one_stream_keep_their_zones_apart() -> None:
    daily = "DTSTART;TZID=My Zone:20260310T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2"
    moved = 'RECURRENCE-ID;TZID="My Zone":20260311T130000\nDTSTART;TZID=My Zone:20260311T140000'
    (found,) = parse_calendar(zoned("+0100", daily) + zoned("+0500", moved)).series
    assert spans(found.series) == ["03-10 08:00-09:00", "03-11 09:00-09:00"]
    (again,) = parse_calendar(found.text).series
    assert spans(again.series) == spans(found.series)
    assert again.text == found.text


def test_the_second_of_two_equal_times_is_written_as_what_it_is() -> None:
    start = datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1)
    event = Event(uid="one", start=start, end=start + timedelta(minutes=30))
    (again,) = parse_calendar(series_text(EventSeries(uid="one", master=event))).series
    assert spans(again.series) == ["10-25 01:15-01:45"]
    later = replace(event, start=start.replace(fold=0), end=start, rrules=("FREQ=DAILY;COUNT=2",))
    (again,) = parse_calendar(series_text(EventSeries(uid="one", master=later))).series
    assert spans(again.series)[1] == "10-26 01:15-02:15"


def test_what_can_be_read_beside_a_broken_master_remains() -> None:
    parsed = parse_calendar(
        calendar(
            "UID:one\nDTSTART:never\nRRULE:FREQ=DAILY",
            "UID:one\nRECURRENCE-ID:20260310T090000Z\nDTSTART:20260310T110000Z",
        )
    )
    assert not parsed.series
    (broken,) = parsed.broken
    assert broken.remains is not None
    assert broken.remains.series.master is None
    (override,) = broken.remains.series.overrides
    assert override.start == datetime(2026, 3, 10, 11, tzinfo=UTC)
    (again,) = parse_calendar(broken.remains.text).series
    assert again.series.events() == broken.remains.series.events()


def test_a_fingerprint_does_not_change_when_only_dtstamp_does() -> None:
    first, second = (
        parse_calendar(calendar(f"UID:one\nDTSTAMP:2026030{day}T000000Z\nDTSTART:20260310T090000Z"))
        for day in (1, 2)
    )
    assert first.series[0].fingerprint == second.series[0].fingerprint
    other = parse_calendar(calendar("UID:one\nDTSTAMP:20260301T000000Z\nDTSTART:20260310T100000Z"))
    assert other.series[0].fingerprint != first.series[0].fingerprint


def test_alarms_are_no_part_of_what_is_kept() -> None:
    event = "UID:one\nDTSTART:20260310T090000Z"
    alarm = "\nBEGIN:VALARM\nTRIGGER:-PT5M\nUID:alarm\nDTSTART:20200101\nEND:VALARM"
    with_alarm, without = parse_calendar(calendar(event + alarm)), parse_calendar(calendar(event))
    assert with_alarm.series == without.series


def test_only_the_zones_that_a_series_uses_go_with_it() -> None:
    zones = "".join(
        f"BEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        "TZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE\n"
        for name in ("Used", "Unused")
    )
    text = calendar("UID:one\nDTSTART;TZID=Used:20260310T090000")
    kept = parse_calendar(text.replace("PRODID:test\n", f"PRODID:test\n{zones}")).series[0].text
    assert "TZID:Used" in kept
    assert "Unused" not in kept


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no text"),
        (b"\xef\xbb\xbf \r\n", "no text"),
        (b"<html><body>Sign in</body></html>", "HTML"),
        (b"  <?xml version='1.0'?><d:multistatus/>", "HTML or XML"),
        (b"not found", "no BEGIN:VCALENDAR"),
        (b'{"error": "denied"}', "no BEGIN:VCALENDAR"),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", "VCARD"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "cut short"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", "cut short"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "cut short"),
    ],
)
def test_what_is_not_a_whole_calendar_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidCalendarObject, match=reason):
        parse_calendar(data)


def test_a_file_cut_anywhere_is_never_taken_for_whole() -> None:
    data = calendar(
        "UID:one\nDTSTART:20260310T090000Z", "UID:two\nDTSTART:20260311T090000Z"
    ).encode()
    for size in range(len(data) - len("\n")):
        with pytest.raises(InvalidCalendarObject):
            parse_calendar(data[:size])


def cpu(act: Callable[[], object]) -> float:
    """CPU seconds, the least of three: what disturbs a run only ever adds to it."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        act()
        taken.append(time.process_time() - start)
    return min(taken)


def large(events: int) -> str:
    first = datetime(2026, 1, 1, 8)  # noqa: DTZ001 - a wall clock
    bodies = []
    for n in range(events):
        start = first + timedelta(minutes=30 * n)
        bodies.append(
            f"UID:{n:08}-4b1f-4c0e-9d0e-aabbccddeeff@example.com\nDTSTAMP:20260101T000000Z\n"
            "CREATED:20250101T120000Z\nLAST-MODIFIED:20260101T120000Z\nSEQUENCE:2\n"
            f"SUMMARY:Meeting number {n}\\, weekly planning\n"
            "DESCRIPTION:Agenda: look at the numbers and talk about the things that need a\n"
            " ttention in the coming week\\nand others\n"
            f"LOCATION:Room {n % 20}\nDTSTART;TZID=Europe/Berlin:{start:%Y%m%dT%H%M%S}\n"
            f"DTEND;TZID=Europe/Berlin:{start + timedelta(minutes=45):%Y%m%dT%H%M%S}\n"
            "ORGANIZER;CN=Ann Example:mailto:ann@example.com\n"
            "ATTENDEE;CN=Bob Example;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:bob@exa\n"
            " mple.com\nSTATUS:CONFIRMED\nTRANSP:OPAQUE"
        )
    return calendar(*bodies).replace("\n", "\r\n")


def test_a_large_calendar_is_read_and_expanded_faster_than_vobject_parses_it() -> None:
    text = large(1500)
    window = Window(
        instant(datetime(2026, 1, 1, tzinfo=UTC)), instant(datetime(2027, 2, 1, tzinfo=UTC))
    )

    def ours() -> None:
        for it in parse_calendar(text.encode()).series:
            expand(it.series, window, BERLIN, day_zone=BERLIN)

    assert cpu(ours) * 3 < cpu(lambda: vobject.readOne(text))


def test_series_are_expanded_faster_than_by_the_oracle() -> None:
    rules = ["DAILY", "WEEKLY;BYDAY=MO,WE,FR", "MONTHLY;BYDAY=-1FR", "YEARLY", "DAILY;BYDAY=MO,TU"]
    text = calendar(
        *(
            f"UID:{n}\nDTSTAMP:20260101T000000Z\n"
            f"DTSTART;TZID=Europe/Berlin:2024{1 + n % 12:02}05T{n % 24:02}0000\n"
            f"DURATION:PT1H\nRRULE:FREQ={rules[n % len(rules)]}"
            for n in range(60)
        )
    )
    from_, to = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    parsed = parse_calendar(text)
    oracle = recurring_ical_events.of(icalendar.Calendar.from_ical(text))

    def ours() -> None:
        window = Window(instant(from_), instant(to))
        for it in parsed.series:
            expand(it.series, window, BERLIN, day_zone=BERLIN)

    assert cpu(ours) * 8 < cpu(lambda: oracle.between(from_, to))
