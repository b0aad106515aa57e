"""Times and windows in URLs."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.interval import rfc3339
from bridge.web.times import DAY, Edge, floor_day, parse_instant, parse_moment, parse_span

NOW = int(datetime(2026, 11, 20, 15, 30, tzinfo=UTC).timestamp())
TODAY = floor_day(NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T09:00:00Z", "2026-11-20T09:00:00Z"),
        ("2026-11-20T09:00:00z", "2026-11-20T09:00:00Z"),
        ("2026-11-20t09:00:00Z", "2026-11-20T09:00:00Z"),
        ("2026-11-20 09:00:00Z", "2026-11-20T09:00:00Z"),
        ("2026-11-20T09:00:00+01:00", "2026-11-20T08:00:00Z"),
        ("2026-11-20T09:00:00 01:00", "2026-11-20T08:00:00Z"),
        ("2026-11-20T09:00:00-08:00", "2026-11-20T17:00:00Z"),
        ("2026-11-20T09:00:00.999Z", "2026-11-20T09:00:00Z"),
        ("20261120T090000Z", "2026-11-20T09:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        (" 2026-11-20T09:00:00Z ", "2026-11-20T09:00:00Z"),
    ],
)
def test_rfc_3339_and_rfc_5545_times(text: str, expected: str) -> None:
    assert rfc3339(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20",
        "20261120",
        "2026-11-20T09:00:00",
        "20261120T090000",
        "2026-11-31T09:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T23:59:61Z",
        "2026-11-20T09:00:00+24:00",
        "2026-11-20T09:00:00+01:60",
        "٢٠٢٦-11-20T09:00:00Z",
        "now",
        "",
        "9" * 10_000,
    ],
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time") as caught:
        parse_moment(text, NOW, Edge.START)
    assert len(str(caught.value)) < 200


@pytest.mark.covers("P9")
@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_time_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_first_and_the_last_second_can_be_written_again(text: str) -> None:
    assert rfc3339(parse_instant(text)) == text


def test_a_span_of_thousands_of_years_ends_with_the_calendar() -> None:
    last = parse_instant("9999-12-31T23:59:59Z")
    assert parse_moment("99999y", last, Edge.END) == last


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("0d", TODAY, TODAY + DAY),
        ("1day", TODAY + DAY, TODAY + 2 * DAY),
        ("60d", TODAY + 60 * DAY, TODAY + 61 * DAY),
        ("+60d", TODAY + 60 * DAY, TODAY + 61 * DAY),
        (" 60d", TODAY + 60 * DAY, TODAY + 61 * DAY),
        ("p1week", TODAY + 7 * DAY, TODAY + 8 * DAY),
        ("-2days", TODAY - 2 * DAY, TODAY - DAY),
        ("m2d", TODAY - 2 * DAY, TODAY - DAY),
        ("90mi", NOW + 5400, NOW + 5400),
        ("-1hour", NOW - 3600, NOW - 3600),
    ],
)
def test_relative_times_as_zimbra_has_them(text: str, start: int, end: int) -> None:
    assert parse_moment(text, NOW, Edge.START) == start
    assert parse_moment(text, NOW, Edge.END) == end


def test_months_and_years_are_those_of_the_calendar() -> None:
    assert rfc3339(parse_moment("1month", NOW, Edge.START)) == "2026-12-20T00:00:00Z"
    assert rfc3339(parse_moment("1y", NOW, Edge.START)) == "2027-11-20T00:00:00Z"
    end_of_january = int(datetime(2027, 1, 31, tzinfo=UTC).timestamp())
    assert rfc3339(parse_moment("1mon", end_of_january, Edge.START)) == "2027-02-28T00:00:00Z"
    assert rfc3339(parse_moment("-1mon", end_of_january, Edge.START)) == "2026-12-31T00:00:00Z"


@given(text=st.text(max_size=40), edge=st.sampled_from(Edge))
def test_any_text_is_a_time_or_a_value_error(text: str, edge: Edge) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_moment(text, NOW, edge), int)


@given(
    count=st.integers(0, 99_999),
    unit=st.sampled_from(["mi", "h", "d", "w", "m", "y"]),
    sign=st.sampled_from(["", "-", "p", "m"]),
)
def test_any_relative_time_is_an_instant(count: int, unit: str, sign: str) -> None:
    assert isinstance(parse_moment(f"{sign}{count}{unit}", NOW, Edge.END), int)


def test_a_period_is_an_iso_duration_that_lasts() -> None:
    assert parse_span("P1W") == timedelta(weeks=1)
    assert parse_span("PT8H") == timedelta(hours=8)
    assert parse_span("8h") == timedelta(hours=8)
    for text in ("P0D", "-P1D", "PT", "P", "week", "", "9" * 400 + "d"):
        with pytest.raises(ValueError, match="write PT8H"):
            parse_span(text)


@given(when=st.integers(-62_135_596_800, 253_402_300_799))
def test_instants_are_written_as_they_are_read(when: int) -> None:
    assert parse_instant(rfc3339(when)) == when
