"""Which zone a TZID means, and that no calendar can change it for another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
from icalendar.timezone import tzp
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from bridge.ical.parse import parse_calendar
from bridge.ical.zones import Zones, named_zone, windows_name
from bridge.model.event import EventSeries, Floating


def definition(tzid: str, offset: str) -> str:
    return (
        f"BEGIN:VTIMEZONE\nTZID:{tzid}\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        f"TZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD\nEND:VTIMEZONE\n"
    )


def read(tzid: str, head: str = "") -> EventSeries:
    event = f"BEGIN:VEVENT\nUID:one\nDTSTART;TZID={tzid}:20260710T090000\nEND:VEVENT\n"
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{event}END:VCALENDAR\n"
    return parse_calendar(text).series[0].series


def start(series: EventSeries) -> object:
    assert series.master is not None
    return series.master.start


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("UTC", UTC),
        ("Z", UTC),
        ("GMT", UTC),
        ("Etc/UTC", UTC),
        ("tzone://Microsoft/Utc", UTC),
        ("Europe/Berlin", ZoneInfo("Europe/Berlin")),
        ("europe/berlin", ZoneInfo("Europe/Berlin")),
        ('"Europe/Berlin"', ZoneInfo("Europe/Berlin")),
        (" Europe/Berlin ", ZoneInfo("Europe/Berlin")),
        ("US/Eastern", ZoneInfo("US/Eastern")),
        ("Etc/GMT+5", ZoneInfo("Etc/GMT+5")),
        ("America/Argentina/Buenos_Aires", ZoneInfo("America/Argentina/Buenos_Aires")),
        ("W. Europe Standard Time", ZoneInfo("Europe/Berlin")),
        ("Tokyo Standard Time", ZoneInfo("Asia/Tokyo")),
        ("/freeassociation.sourceforge.net/Europe/Berlin", ZoneInfo("Europe/Berlin")),
        ("/freeassociation.sourceforge.net/Tzfile/Asia/Tokyo", ZoneInfo("Asia/Tokyo")),
        ("/citadel.org/20190914_1/America/Indiana/Knox", ZoneInfo("America/Indiana/Knox")),
        ("/softwarestudio.org/Olson_20011030_5/America/Denver", ZoneInfo("America/Denver")),
        ("/example.org/UTC", UTC),
        ("Mars/Olympus", None),
        ("Customized Time Zone", None),
        ("tzone://Microsoft/Custom", None),
        ("Factory", None),
        ("", None),
    ],
)
def test_names_of_zones(name: str, zone: object) -> None:
    assert named_zone(name) == zone


def test_every_iana_key_is_itself() -> None:
    kept_out = ("posix", "right", "localtime", "Factory")
    for key in sorted(available_timezones()):
        zone = named_zone(key)
        if key.startswith(kept_out):
            continue
        assert zone is UTC or zone == ZoneInfo(key), key
        at = datetime(2026, 7, 1, tzinfo=UTC)
        assert zone is not None
        assert at.astimezone(zone).utcoffset() == at.astimezone(ZoneInfo(key)).utcoffset()


@pytest.mark.parametrize("name", sorted(WINDOWS_TO_OLSON))
def test_every_windows_name_has_a_zone(name: str) -> None:
    assert named_zone(name) is not None
    assert named_zone(name.upper()) is not None


@pytest.mark.parametrize("name", sorted(WINDOWS_TO_OLSON))
def test_a_zone_has_its_windows_name(name: str) -> None:
    assert windows_name(named_zone(name)) == name


def test_a_zone_that_windows_does_not_know_has_its_own_name() -> None:
    assert windows_name(ZoneInfo("Europe/Madrid")) == "Europe/Madrid"
    assert windows_name(timezone(timedelta(hours=1))) == ""


def test_one_calendars_definition_does_not_reach_another() -> None:
    here = read("Our Place", definition("Our Place", "+0300"))
    there = read("Our Place", definition("Our Place", "-0700"))
    nowhere = read("Our Place")
    assert start(here) == datetime(2026, 7, 10, 6, tzinfo=UTC)
    assert start(there) == datetime(2026, 7, 10, 16, tzinfo=UTC)
    assert isinstance(start(nowhere), Floating)
    assert tzp.timezone("Our Place") is None, "the library's registry knows nothing of ours"


def test_a_library_that_knows_a_foreign_zone_does_not_change_what_we_read() -> None:
    icalendar.Calendar.from_ical(
        f"BEGIN:VCALENDAR\n{definition('Our Place', '+0300')}END:VCALENDAR\n"
    )
    assert tzp.timezone("Our Place") is not None
    assert isinstance(start(read("Our Place")), Floating)
    tzp.use_default()


def test_a_definition_of_an_iana_name_moves_nobody_not_even_its_own_calendar() -> None:
    moved = read("Europe/Berlin", definition("Europe/Berlin", "+0900"))
    assert start(moved) == datetime(2026, 7, 10, 7, tzinfo=UTC)
    assert any("defined otherwise" in note for note in moved.notes)
    assert start(read("Europe/Berlin")) == start(moved)
    assert read("Europe/Berlin").notes == ()


def test_a_definition_that_agrees_is_not_worth_a_note() -> None:
    assert read("Asia/Tokyo", definition("Asia/Tokyo", "+0900")).notes == ()


def test_an_abbreviation_means_what_the_calendar_says_it_means() -> None:
    assert start(read("EST")) == datetime(2026, 7, 10, 14, tzinfo=UTC)
    assert start(read("EST", definition("EST", "+1000"))) == datetime(2026, 7, 9, 23, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Europe/Paris", "Romance Standard Time", "europe/paris"])
def test_the_calendars_zone_is_known_by_any_name(name: str) -> None:
    parsed = parse_calendar(f"BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-TIMEZONE:{name}\nEND:VCALENDAR\n")
    assert parsed.time_zone == "Europe/Paris"


def test_an_unknown_zone_of_the_calendar_is_noted() -> None:
    parsed = parse_calendar("BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-TIMEZONE:Mars\nEND:VCALENDAR\n")
    assert parsed.time_zone == ""
    assert any("Mars" in note for note in parsed.notes)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("UTC+02:00", "Etc/GMT-2"), ("GMT+0200", "Etc/GMT-2"), ("utc-5", "Etc/GMT+5")),
        *(("+02:00", "Etc/GMT-2"), ("-0330", ""), ("UTC+05:30", "Asia/Kolkata")),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
        ("(GMT+01.00) Sarajevo, Skopje, Warsaw, Zagreb", "Europe/Sarajevo"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(GMT-08:00) Pacific Time (US & Canada); Tijuana", "America/Los_Angeles"),
        ("(UTC) Dublin, Edinburgh, Lisbon, London", "Europe/Dublin"),
        ("(UTC+03:00) Nowhere, Berlin", "Etc/GMT-3"),
        *(("UTC+25", ""), ("UTC+02:00 and so on", ""), ("(UTC+01:00", "Etc/GMT-1")),
    ],
)
def test_a_name_that_says_its_offset_is_understood_and_noted(name: str, key: str) -> None:
    assert str(named_zone(name) or "") == key
    found = Zones([]).resolve(name)
    assert str(found.zone or "") == key
    assert found.note
