"""The definition of a zone that goes with an event: any program reads the same times from it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.ical.definition import zone_definition
from bridge.ical.vtimezone import custom_zone

KINDS = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # the first Sunday that is not the 1st
    "Australia/Lord_Howe",  # half an hour
    "Asia/Jerusalem",  # the Friday before a Sunday
    "Africa/Cairo",  # a day that is in one month or the next
    "Africa/Casablanca",  # by the moon
    "Asia/Kolkata",  # never
    "Europe/Istanbul",  # no longer
    "America/Sao_Paulo",
    "Europe/Dublin",
)


def test_a_zone_that_goes_by_rules_is_written_as_rules() -> None:
    assert zone_definition("Europe/Berlin", 2026).split("\n") == [
        "BEGIN:VTIMEZONE",
        "TZID:Europe/Berlin",
        "BEGIN:DAYLIGHT",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200",
        "TZNAME:CEST",
        "DTSTART:20250330T020000",
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
        "END:DAYLIGHT",
        "BEGIN:STANDARD",
        "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0100",
        "TZNAME:CET",
        "DTSTART:20251026T030000",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
        "END:STANDARD",
        "END:VTIMEZONE",
    ]


@pytest.mark.parametrize("since", [1995, 2026])
@pytest.mark.parametrize("key", KINDS)
def test_a_definition_has_the_zones_offsets_from_its_first_year_on(key: str, since: int) -> None:
    written = custom_zone(zone_definition(key, since))
    zone = ZoneInfo(key)
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (since, 2095))
    for when in range(first, last, 6 * 86400 + 3601):
        offset = datetime.fromtimestamp(when, zone).utcoffset()
        assert offset is not None
        assert written.offset_at(when) == offset.total_seconds(), datetime.fromtimestamp(when, UTC)
