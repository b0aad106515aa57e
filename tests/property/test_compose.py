"""A series that a provider sent as data is the same after its text was stored and read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from bridge.errors import InvalidCalendarObject
from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.model.event import Event, EventSeries
from tests.property.series import series_of_events


@given(series_of_events())
def test_reading_back_what_was_composed_gives_the_same_series(series: EventSeries) -> None:
    text = series_text(series)
    assert series_text(series) == text
    (found,) = parse_calendar(text).series
    assert replace(found.series, notes=()) == series


def test_a_zone_without_a_name_is_refused_and_not_guessed() -> None:
    class Nameless(type(ZoneInfo("UTC")).__mro__[1]):  # a plain tzinfo
        def utcoffset(self, _: datetime | None) -> timedelta:
            return timedelta(hours=1)

    start = datetime(2026, 11, 23, 9, tzinfo=Nameless())
    event = Event(uid="a", start=start, end=start + timedelta(hours=1))
    with pytest.raises(InvalidCalendarObject, match="has no name"):
        series_text(EventSeries(uid="a", master=event))


def test_days_stay_days() -> None:
    event = Event(uid="a", start=date(2026, 11, 23), end=date(2026, 11, 25))
    text = series_text(EventSeries(uid="a", master=event))
    assert "DTSTART;VALUE=DATE:20261123\r\n" in text
    assert parse_calendar(text).series[0].series.master == event
