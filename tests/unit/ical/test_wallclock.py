"""Wall clocks to instants, against zoneinfo and first principles, over every clock change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from bridge.ical.parse import parse_calendar
from bridge.ical.recurrence import expand
from bridge.ical.vtimezone import custom_zone
from bridge.ical.wallclock import instant_of, midnight_of, wall_at, wall_of
from bridge.model.interval import Window, instant

ZONES = [
    *("Europe/Berlin", "Europe/London", "Europe/Dublin", "Atlantic/Azores", "Africa/Casablanca"),
    *("Africa/Cairo", "Asia/Beirut", "Asia/Tehran", "Asia/Gaza", "Asia/Amman", "Pacific/Apia"),
    *("Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "America/New_York"),
    *("America/St_Johns", "America/Havana", "America/Santiago", "America/Asuncion", "America/Nuuk"),
]
FIRST, LAST = date(2018, 1, 1), date(2028, 1, 1)


@cache
def changes(zone: ZoneInfo) -> list[datetime]:
    """Return the instants of ten years at which the zone's offset changes, to the minute."""
    found = []
    hour = datetime(FIRST.year, 1, 1, tzinfo=UTC)
    while hour.date() < LAST:
        later = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            minutes = (hour + timedelta(minutes=n) for n in range(1, 61))
            before = hour.astimezone(zone).utcoffset()
            found.append(next(m for m in minutes if m.astimezone(zone).utcoffset() != before))
        hour = later
    return found


def expected(naive: datetime, zone: ZoneInfo) -> int:
    """Find the instant from offsets alone: the first that shows it, else by the offset before."""
    offsets = [
        (naive + timedelta(days=by)).replace(tzinfo=UTC).astimezone(zone).utcoffset()
        for by in (-1, 1)
    ]
    candidates = [naive.replace(tzinfo=UTC) - offset for offset in offsets if offset is not None]
    showing = [it for it in candidates if it.astimezone(zone).replace(tzinfo=None) == naive]
    return instant(min(showing, default=candidates[0]))


@pytest.mark.covers("F30")
@pytest.mark.parametrize("key", ZONES)
def test_every_clock_change_of_ten_years_is_placed_as_the_rfc_says(key: str) -> None:
    zone = ZoneInfo(key)
    for change in changes(zone):
        local = change.astimezone(zone).replace(tzinfo=None)
        for minutes in range(-180, 181, 15):
            naive = local + timedelta(minutes=minutes)
            found = instant_of(wall_of(naive.replace(tzinfo=UTC)), zone)
            assert found == expected(naive, zone), (key, naive)
            assert found == int(naive.replace(tzinfo=zone).timestamp()), (key, naive)


@pytest.mark.covers("F30")
@pytest.mark.parametrize("key", ZONES)
def test_a_day_begins_at_the_first_instant_that_the_clock_shows_it(key: str) -> None:
    zone = ZoneInfo(key)
    for change in changes(zone):
        for by in (-1, 0, 1):
            day = (change.astimezone(zone) + timedelta(days=by)).date()
            start = midnight_of(day.toordinal(), zone)
            shown = datetime.fromtimestamp(start, UTC).astimezone(zone)
            before = datetime.fromtimestamp(start - 1, UTC).astimezone(zone)
            assert shown.date() == day, (key, day)
            assert before.date() < day, (key, day)


@pytest.mark.covers("F30")
@pytest.mark.parametrize("exact", [False, True], ids=["DTEND", "DURATION"])
@pytest.mark.parametrize("key", ZONES)
def test_a_daily_event_keeps_its_wall_clock_over_ten_years(key: str, *, exact: bool) -> None:
    zone = ZoneInfo(key)
    text = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:one\n"
        f"DTSTART;TZID={key}:20180101T020000\nRRULE:FREQ=DAILY\n"
        f"{'DURATION:PT1H' if exact else f'DTEND;TZID={key}:20180101T030000'}\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    window = Window(*(int(datetime(d.year, 1, 1, tzinfo=zone).timestamp()) for d in (FIRST, LAST)))
    found = expand(parse_calendar(text).series[0].series, window, zone, day_zone=zone).occurrences
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]
    walls = [datetime(day.year, day.month, day.day, 2) for day in days]  # noqa: DTZ001 - walls
    assert [it.start for it in found] == [expected(naive, zone) for naive in walls]
    three = [expected(naive + timedelta(hours=1), zone) for naive in walls]
    assert [it.end for it in found] == [
        max(it.start + 3600, 0 if exact else end) for it, end in zip(found, three, strict=True)
    ]


def offset_text(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def definition(zone: ZoneInfo) -> str:
    """Write the changes of ten years as a VTIMEZONE, one observance each (RFC 5545 3.6.5)."""
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone.key}"]
    for change in changes(zone):
        before = (change - timedelta(minutes=1)).astimezone(zone).utcoffset()
        after = change.astimezone(zone).utcoffset()
        lines += [
            "BEGIN:STANDARD",
            f"DTSTART:{change + before:%Y%m%dT%H%M%S}",  # by the clock before the change
            f"TZOFFSETFROM:{offset_text(before)}",
            f"TZOFFSETTO:{offset_text(after)}",
            "END:STANDARD",
        ]
    return "\n".join([*lines, "END:VTIMEZONE"])


@pytest.mark.parametrize("key", ZONES)
def test_an_inline_definition_agrees_with_the_zone_it_was_made_from(key: str) -> None:
    zone = ZoneInfo(key)
    custom = custom_zone(definition(zone))
    for change in changes(zone):
        for minutes in range(-180, 181, 15):
            moment = change + timedelta(minutes=minutes)
            local = moment.astimezone(custom)
            assert local.utcoffset() == moment.astimezone(zone).utcoffset()
            assert local.fold == moment.astimezone(zone).fold
            assert local.timestamp() == moment.timestamp()
            naive = moment.astimezone(zone).replace(tzinfo=None)
            assert wall_at(instant(moment), custom) == wall_of(naive.replace(tzinfo=UTC))
            for wall in (naive, naive + timedelta(minutes=30)):
                found = instant_of(wall_of(wall.replace(tzinfo=UTC)), custom)
                assert found == expected(wall, zone), (key, wall)


def test_a_gap_across_midnight_starts_the_day_when_the_clock_jumps() -> None:
    # Toronto, 30 March 1919: from 23:30 to 00:30 of the next day
    zone = ZoneInfo("America/Toronto")
    start = midnight_of(date(1919, 3, 31).toordinal(), zone)
    assert (
        datetime.fromtimestamp(start, UTC).astimezone(zone).isoformat()[:16] == "1919-03-31T00:30"
    )
    assert datetime.fromtimestamp(start - 1, UTC).astimezone(zone).date() == date(1919, 3, 30)


def test_a_day_that_never_was_lasts_nothing() -> None:
    zone = ZoneInfo("Pacific/Apia")  # 30 December 2011 was left out
    day = date(2011, 12, 30).toordinal()
    assert midnight_of(day, zone) == midnight_of(day + 1, zone)
    assert midnight_of(day + 2, zone) - midnight_of(day, zone) == 86400


@pytest.mark.covers("F33")
@pytest.mark.parametrize("key", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "Europe/Berlin"])
def test_the_edges_of_time_do_not_overflow(key: str) -> None:
    zone = ZoneInfo(key)
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        wall = wall_of(moment)
        assert abs(wall_at(instant_of(wall, zone), zone) - wall) <= 1
        midnight_of(wall // 86400, zone)


@pytest.mark.parametrize(
    ("key", "since", "standard", "daylight"),
    [
        ("Europe/Berlin", "16010101", "BYDAY=-1SU;BYMONTH=10", "BYDAY=-1SU;BYMONTH=3"),
        ("America/New_York", "16010101", "BYDAY=1SU;BYMONTH=11", "BYDAY=2SU;BYMONTH=3"),
        ("Europe/Berlin", "19701025", "BYMONTH=10;BYDAY=-1SU", "BYMONTH=3;BYDAY=-1SU"),
    ],
)
def test_a_definition_by_rules_agrees_with_its_zone(
    key: str, since: str, standard: str, daylight: str
) -> None:
    winter, summer, hour = ("+0100", "+0200", "03") if "Berlin" in key else ("-0500", "-0400", "02")
    custom = custom_zone(
        "BEGIN:VTIMEZONE\nTZID:Any\n"
        f"BEGIN:STANDARD\nDTSTART:{since}T{hour}0000\nTZOFFSETFROM:{summer}\nTZOFFSETTO:{winter}\n"
        f"RRULE:FREQ=YEARLY;INTERVAL=1;{standard}\nEND:STANDARD\n"
        f"BEGIN:DAYLIGHT\nDTSTART:{since}T020000\nTZOFFSETFROM:{winter}\nTZOFFSETTO:{summer}\n"
        f"RRULE:FREQ=YEARLY;INTERVAL=1;{daylight}\nEND:DAYLIGHT\nEND:VTIMEZONE"
    )
    for hours in range(0, 24 * 365 * 10, 7):
        moment = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        assert moment.astimezone(custom).utcoffset() == moment.astimezone(ZoneInfo(key)).utcoffset()
