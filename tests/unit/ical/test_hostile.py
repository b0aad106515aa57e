"""Hostile rules, bodies and zones: refused or expanded within 200 ms of CPU."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import InvalidCalendarObject
from bridge.ical.limits import Limits, TooCostly, check_calendar_body
from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.ical.zones import named_zone
from bridge.model.interval import Window, instant
from tests.long import seeds

BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = Window(
    instant(datetime(2026, 3, 1, tzinfo=UTC)), instant(datetime(2027, 4, 15, tzinfo=UTC))
)
BOUND = 0.2


@pytest.fixture(autouse=True, scope="module")
def only_our_own_garbage() -> Iterator[None]:
    """Keep the collector from walking, on our time, what the other tests of this run hold."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def body(*lines: str) -> bytes:
    inside = ["BEGIN:VEVENT", "UID:one", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *inside, "END:VCALENDAR", ""]).encode()


def within_bound(act: Callable[[], object]) -> object:
    """Act within the bound, the best of three: what is too slow in itself is so each time."""
    taken = []
    while not taken or (min(taken) >= BOUND and len(taken) < 3):
        start = time.thread_time()
        try:
            found = act()
        except InvalidCalendarObject as err:
            found = err
        taken.append(time.thread_time() - start)
    assert min(taken) < BOUND
    return found


def pulled(rule: str, start: str = "20260101T100000Z") -> object:
    def expanded() -> object:
        parsed = parse_calendar(body(f"DTSTART:{start}", f"RRULE:{rule}"))
        if parsed.broken:
            return parsed.broken[0]
        return expand(parsed.series[0].series, WINDOW, BERLIN, day_zone=BERLIN).occurrences

    return within_bound(expanded)


def posted(rule: str, start: str = "20260101T100000Z") -> object:
    return within_bound(lambda: check_calendar_body(body(f"DTSTART:{start}", f"RRULE:{rule}")))


@pytest.mark.covers("T21")
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=1000000000",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=MINUTELY",
        "FREQ=MINUTELY;COUNT=1000000000",
        "FREQ=MINUTELY;INTERVAL=7;BYSETPOS=2",
    ],
)
def test_a_rule_that_keeps_others_busy_is_refused_from_both_sides(rule: str) -> None:
    assert not isinstance(pulled(rule), list)
    assert isinstance(posted(rule), InvalidCalendarObject)


@pytest.mark.covers("T21")
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=-30",
        "FREQ=HOURLY;BYMONTH=6;BYMONTHDAY=31",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYYEARDAY=1;BYMONTH=5",
        "FREQ=WEEKLY;BYDAY=MO;BYMONTH=1;BYSETPOS=3",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
    ],
)
def test_dates_that_never_come_are_found_at_once(rule: str) -> None:
    found = pulled(rule, "20270501T100000Z")
    assert isinstance(found, list)
    assert len(found) <= 1, "DTSTART itself at most"
    assert isinstance(posted(rule), InvalidCalendarObject), "parsers behind us would search on"


@pytest.mark.covers("T21", "F33")
@pytest.mark.parametrize("start", ["00010101T000000Z", "19700101T000000", "16010101T000000Z"])
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=10",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;COUNT=999999",
        "FREQ=MINUTELY;INTERVAL=999999999",
        "FREQ=HOURLY;BYHOUR=3;COUNT=90000",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;COUNT=99999",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1;COUNT=90000",
        "FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367))) + ";COUNT=99999",
        "FREQ=YEARLY;BYWEEKNO=" + ",".join(map(str, range(1, 54))) + ";BYHOUR=0,6,12,18",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,15,30,45",
        "FREQ=YEARLY;BYMONTHDAY=" + ",".join(map(str, range(1, 32))) + ";BYSETPOS=366",
    ],
)
def test_a_costly_rule_ends_in_time_wherever_it_starts(rule: str, start: str) -> None:
    pulled(rule, start)
    posted(rule, start)


def test_many_rules_share_the_budget_of_one_series() -> None:
    rules = [f"RRULE:FREQ=DAILY;BYMONTH={1 + n % 12};BYMONTHDAY=30;COUNT=99999" for n in range(20)]
    parsed = parse_calendar(body("DTSTART:19000101T000000Z", *rules))
    found = within_bound(lambda: expand(parsed.series[0].series, WINDOW, BERLIN, day_zone=BERLIN))
    assert isinstance(found, TooCostly)


FREQUENCIES = ["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


def random_rule(chance: random.Random) -> str:
    def some(low: int, high: int, most: int) -> str:
        return ",".join(str(chance.randint(low, high) or 1) for _ in range(chance.randint(1, most)))

    parts = [f"FREQ={chance.choice(FREQUENCIES)}"]
    options = {
        "INTERVAL": lambda: str(chance.choice([0, 1, 1, 2, 7, 1000, 10**9])),
        "COUNT": lambda: str(chance.choice([-1, 0, 1, 50, 10**5, 10**12])),
        "BYMONTH": lambda: some(1, 12, 12),
        "BYWEEKNO": lambda: some(-53, 53, 20),
        "BYYEARDAY": lambda: some(-366, 366, 50),
        "BYMONTHDAY": lambda: some(-31, 31, 20),
        "BYDAY": lambda: f"{chance.choice(['', '1', '-1', '53'])}{chance.choice(['MO', 'SU'])}",
        "BYHOUR": lambda: some(0, 23, 24),
        "BYMINUTE": lambda: some(0, 59, 60),
        "BYSECOND": lambda: some(0, 60, 60),
        "BYSETPOS": lambda: some(-366, 366, 5),
        "UNTIL": lambda: chance.choice(["20260501", "99991231T235959Z", "20260501T000000"]),
        "WKST": lambda: chance.choice(["MO", "SU", "XX"]),
    }
    names = chance.sample(list(options), chance.randint(0, 6))
    parts += [f"{name}={options[name]()}" for name in names]
    chance.shuffle(parts)
    return ";".join(parts)


@pytest.mark.covers("T21")
@pytest.mark.parametrize("seed", seeds(8, 200))
def test_ten_thousand_random_rules_are_each_refused_or_expanded_in_time(seed: int) -> None:
    chance = random.Random(seed)
    starts = ["20260101T100000Z", "19700101T000000", "20260301", "00010101T000000Z"]
    refused = 0
    for number in range(500):
        rule, start = random_rule(chance), chance.choice(starts)
        refused += not isinstance(pulled(rule, start), list)
        if number % 10 == 0:
            posted(rule, start)
    assert refused < 450, "a check that refuses everything shows nothing"


@pytest.mark.covers("T22")
@pytest.mark.parametrize(
    ("data", "precondition"),
    [
        (body("SUMMARY:" + "x" * (2 << 20)), "max-resource-size"),
        (body("SUMMARY:" + "x" * (65 << 10)), "max-resource-size"),
        (body("SUMMARY:" + "x\r\n " * (65 << 10)), "max-resource-size"),
        (body("ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "A" * 900_000), "max-resource-size"),
        (body(*["BEGIN:VALARM", "END:VALARM"] * 20_000), "max-resource-size"),
        (body(*["BEGIN:X"] * 30_000), "valid-calendar-data"),
        (body(*["X:1"] * 50_000), "max-resource-size"),
        (body(*["END:X"] * 50_000), "valid-calendar-data"),
        (body("EXDATE:" + ",".join(["20260101T000000Z"] * 3000)) * 15, "valid-calendar-data"),
        (body("SUMMARY:nul\0"), "valid-calendar-data"),
        (body("SUMMARY:bell\x07"), "valid-calendar-data"),
        (body().replace(b"one", b"\xff\xfe\xe9"), "valid-calendar-data"),
        (b"", "valid-calendar-data"),
        (b"BEGIN:VCALENDAR\r\n", "valid-calendar-data"),
    ],
    ids=range(14),
)
def test_a_body_out_of_bounds_is_refused_in_time(data: bytes, precondition: str) -> None:
    refused = within_bound(lambda: check_calendar_body(data))
    if isinstance(refused, InvalidCalendarObject):
        assert refused.precondition == precondition
    else:
        assert data.count(b"BEGIN:VCALENDAR") > 1, "only the many small dates are within bounds"


def test_an_ordinary_body_passes() -> None:
    check_calendar_body(
        body(
            "DTSTART;TZID=Europe/Berlin:20260310T090000",
            "DTEND;TZID=Europe/Berlin:20260310T100000",
            "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU",
            'ATTENDEE;CN="Doe: John":mailto:john@example.com',
            "BEGIN:VALARM",
            "TRIGGER:-PT15M",
            "END:VALARM",
        )
    )


@pytest.mark.covers("T22")
def test_a_pulled_file_costs_one_hostile_event_and_no_other() -> None:
    hostile = [
        "BEGIN:VEVENT\nUID:deep\nDTSTART:20260301T090000Z\n"
        + "BEGIN:X\n" * 50_000
        + "END:VEVENT\n",
        "BEGIN:VEVENT\nUID:wide\nDTSTART:20260301T090000Z\n" + "ATTENDEE:mailto:a@b\n" * 6000,
        "END:VEVENT\nBEGIN:VEVENT\nUID:dates\nDTSTART:20260301T090000Z\nEXDATE:",
        ",".join(["20260301T090000Z"] * 30_000) + "\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:alarms\nDTSTART:20260301T090000Z\n",
        "BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\n" * 20_000 + "END:VEVENT\n",
        "BEGIN:VEVENT\nUID:good\nDTSTART:20260301T090000Z\nEND:VEVENT\n",
    ]
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\n{''.join(hostile)}END:VCALENDAR\n"
    parsed = parse_calendar(text)
    assert {it.uid for it in parsed.broken} == {"deep", "wide", "dates"}
    assert {it.series.uid for it in parsed.series} == {"alarms", "good"}
    assert "VALARM" not in parsed.series[0].text


@pytest.mark.covers("F62")
def test_a_pulled_description_of_a_megabyte_is_cut_and_its_time_blocks() -> None:
    text = body(
        "DTSTART:20260310T090000Z", "DTEND:20260310T100000Z", "DESCRIPTION:" + "a\\n" * 350_000
    )
    parsed = parse_calendar(text)
    event = parsed.series[0].series
    assert event.master is not None
    assert len(event.master.description) <= Limits().property_size
    assert any("DESCRIPTION was cut" in note for note in event.notes)
    assert len(parsed.series[0].text) < 80_000
    assert parse_calendar(parsed.series[0].text).series[0].series.master == event.master
    assert len(expand(event, WINDOW, BERLIN, day_zone=BERLIN).occurrences) == 1
    with pytest.raises(InvalidCalendarObject) as refused:
        check_calendar_body(text)
    assert refused.value.precondition == "max-resource-size"


@pytest.mark.covers("F62")
def test_dates_in_one_line_beyond_the_limit_are_all_kept() -> None:
    days = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=2 * n) for n in range(4200)]
    listed = ",".join(f"{day:%Y%m%dT%H%M%SZ}" for day in days)
    for line in (f"RDATE:{listed}", f"RRULE:FREQ=HOURLY;INTERVAL=2\r\nEXDATE:{listed}"):
        found = parse_calendar(body("DTSTART:20260302T000000Z", line)).series[0]
        again = parse_calendar(found.text).series[0]
        assert again.series.events() == found.series.events()
        occurrences = expand(again.series, WINDOW, BERLIN, day_zone=BERLIN).occurrences
        assert len(occurrences) == (4200 if line.startswith("RDATE") else 708)


OPENED: list[str] = []
sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)


@pytest.mark.covers("T24")
@pytest.mark.parametrize(
    "tzid",
    [
        *("../../etc/passwd", "/dev/zero", "/etc/passwd", "Europe/../../../etc/passwd"),
        *("posix/../Europe/Berlin", "//etc/passwd", "C:/Windows/System32", "file:///etc/passwd"),
        *(
            "Europe/Berlin\0",
            "Europe//Berlin",
            ".",
            "..",
            "",
            "a" * 100_000,
            "localtime",
            "right/UTC",
        ),
    ],
)
def test_a_zone_name_never_becomes_a_file_name(tzid: str) -> None:
    OPENED.clear()
    assert named_zone(tzid) is None
    parts = [part for part in tzid.replace("\0", "").split("/") if len(part) > 2]
    for path in OPENED:
        assert "etc/passwd" not in path
        assert "/dev/zero" not in path
        assert ".." not in path, parts


@pytest.mark.covers("T24")
@pytest.mark.parametrize(
    "inside",
    [
        "",
        "BEGIN:STANDARD\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:x\nTZOFFSETTO:+0100\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+9900\nTZOFFSETTO:+0100\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:never\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n"
        "RRULE:FREQ=SECONDLY\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n"
        "RRULE:FREQ=DAILY\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nRDATE:"
        + ",".join(["19700101T000000"] * 10_000)
        + "\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\n" * 1000,
    ],
)
def test_a_malformed_zone_makes_its_times_floating_and_says_so(inside: str) -> None:
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Odd\n{inside}END:VTIMEZONE\n"
        "BEGIN:VEVENT\nUID:one\nDTSTART;TZID=Odd:20260310T090000\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    parsed = within_bound(lambda: parse_calendar(text))
    series = parsed.series[0].series  # type: ignore[attr-defined]
    assert any("Odd" in note for note in series.notes)
    occurrence = expand(series, WINDOW, BERLIN, day_zone=BERLIN).occurrences
    assert [it.start for it in occurrence] == [instant(datetime(2026, 3, 10, 8, tzinfo=UTC))]


def zone(tzid: str, lines: str) -> str:
    return (
        f"BEGIN:VTIMEZONE\nTZID:{tzid}\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        f"TZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n{lines}END:STANDARD\nEND:VTIMEZONE\n"
    )


def in_zones(zones: list[str], tzids: list[str]) -> str:
    events = "".join(
        f"BEGIN:VEVENT\nUID:{n}\nDTSTART;TZID={tzid}:20260310T090000\nEND:VEVENT\n"
        for n, tzid in enumerate(tzids)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{''.join(zones)}{events}END:VCALENDAR\n"


@pytest.mark.covers("T24")
def test_the_rules_of_one_zone_share_a_budget() -> None:
    rules = [f"RRULE:FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30;X={n}\n" for n in range(90)]
    text = in_zones([zone("Odd", "".join(rules))], ["Odd"])
    parsed = within_bound(lambda: parse_calendar(text))
    (found,) = parsed.series  # type: ignore[attr-defined]
    assert any("too many steps" in note for note in found.series.notes)


@pytest.mark.covers("T24")
@pytest.mark.parametrize(
    "lines", ["RRULE:FREQ=YEARLY;COUNT=2\n" * 101, "END:STANDARD\nBEGIN:STANDARD\n" * 1001]
)
def test_a_zone_with_too_many_rules_or_observances_is_not_followed(lines: str) -> None:
    text = in_zones([zone("Odd", lines)], ["Odd"])
    parsed = within_bound(lambda: parse_calendar(text))
    assert parsed.series[0].series.notes  # type: ignore[attr-defined]


@pytest.mark.covers("T24")
def test_the_zones_of_one_file_share_a_budget_and_the_rest_of_them_is_unknown() -> None:
    tzids = [f"Odd {n}" for n in range(150)]
    rule = "RRULE:FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30;X={}\n"
    zones = [zone(tzid, rule.format(tzid)) for tzid in tzids]
    parsed = within_bound(lambda: parse_calendar(in_zones(zones, tzids)))
    series = parsed.series  # type: ignore[attr-defined]
    refused = [it for it in series if any("definitions of all zones" in n for n in it.series.notes)]
    assert 100 < len(refused) < 150
    for found in (series[0], refused[0]):
        assert parse_calendar(found.text).series[0].series.events() == found.series.events()


def test_a_hundred_real_zones_in_one_file_are_all_followed() -> None:
    rules = "RRULE:FREQ=YEARLY;BYMONTH={};BYDAY=-1SU\n"
    tzids = [f"Mine {n}" for n in range(100)]
    zones = [
        zone(tzid, rules.format(3)).replace(
            "END:VTIMEZONE",
            "BEGIN:DAYLIGHT\nDTSTART:19701025T030000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0000\n"
            + rules.format(10)
            + "END:DAYLIGHT\nEND:VTIMEZONE",
        )
        for tzid in tzids
    ]
    for found in parse_calendar(in_zones(zones, tzids)).series:
        assert found.series.master is not None
        assert isinstance(found.series.master.start, datetime)


@pytest.mark.covers("T22")
@pytest.mark.parametrize(
    "line",
    [
        *(
            "ATTENDEE;" + 'a"' * 30_000 + ":x",
            'ATTENDEE;"' + '"' * 60_000,
            "ATTENDEE" + ";" * 60_000,
        ),
        *(
            'ATTENDEE;a="b' * 12_000 + ":x",
            "CATEGORIES:" + "\\," * 30_000,
            "SUMMARY:" + "\\" * 60_001,
        ),
        *(
            "DURATION:P" + "1W" * 30_000,
            "RDATE;VALUE=PERIOD:" + "/" * 60_000,
            "URL:" + "https://" * 8000,
        ),
        *(
            "DESCRIPTION:" + "https://a-b." * 5000,
            "RRULE:" + "A:" * 30_000,
            "LAST-MODIFIED:" + "2-" * 30_000,
        ),
        *(
            "DTSTART;TZID=" + "a/" * 30_000 + ":20260310T090000",
            "RRULE:FREQ=DAILY;COUNT=" + "9" * 60_000,
        ),
    ],
    ids=range(14),
)
def test_a_line_of_sixty_thousand_characters_is_read_in_time(line: str) -> None:
    within_bound(lambda: parse_calendar(body(line, "DTSTART:20260310T090000Z")))
    within_bound(lambda: check_calendar_body(body(line, "DTSTART:20260310T090000Z")))
