"""What the lines of one listing come to, those of forms that no stand-in gives among them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.errors import UnreadableAnswer
from bridge.ical.recurrence import expand
from bridge.model.event import EventSeries
from bridge.model.interval import Window, instant, utc
from bridge.provider import Item, Series, SeriesRemoved, Unreadable
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.listing import Listing
from tests.contract.provider_contract import DAY, HOUR, NOW

WINDOW = Window(NOW - 10 * DAY, NOW + 60 * DAY)
DAYS = Window(NOW - DAY, NOW + 20 * DAY)


def times(start: int, hours: float = 1) -> dict[str, Any]:
    return {
        name: {"dateTime": f"{utc(int(when)):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}
        for name, when in (("start", start), ("end", start + hours * HOUR))
    }


def single(name: str = "one", start: int = NOW, **more: Any) -> dict[str, Any]:
    kind = {"id": name, "type": "singleInstance", "subject": "Talk"}
    return {**kind, "lastModifiedDateTime": "2026-11-01T00:00:00Z", **times(start), **more}


def master(count: int = 4, **more: Any) -> dict[str, Any]:
    pattern = {"type": "daily", "interval": 1}
    span = {"type": "numbered", "numberOfOccurrences": count, "startDate": f"{utc(NOW):%Y-%m-%d}"}
    rule = {"pattern": pattern, "range": {**span, "recurrenceTimeZone": "UTC"}}
    return single("series", **{"type": "seriesMaster", "recurrence": rule, **more})


def stub(day: int, **more: Any) -> dict[str, Any]:
    kind = {"id": f"series.{day}", "type": "occurrence", "seriesMasterId": "series"}
    return {**kind, **times(NOW + day * DAY), **more}


def changed(day: int, start: int, **more: Any) -> dict[str, Any]:
    original = f"{utc(NOW + day * DAY):%Y-%m-%dT%H:%M:%SZ}"
    kind = {"type": "exception", "seriesMasterId": "series", "originalStart": original}
    return single(f"series.{day}", start, **{**kind, **more})


def gone(name: str) -> dict[str, Any]:
    return {"id": name, "@removed": {"reason": "deleted"}}


def listed(*pages: list[Any]) -> list[Item]:
    listing = Listing("c", WINDOW)
    items = [item for page in pages for item in listing.page(wire.EventPage(value=page))]
    return items + listing.rest()


def whole(*lines: Any) -> EventSeries:
    found = listed(list(lines))
    assert isinstance(found[-1], Series)
    return found[-1].series


def starts(series: EventSeries) -> list[float]:
    """When it is, in days from now."""
    found = expand(series, DAYS, UTC, day_zone=UTC).occurrences
    return [(each.start - NOW) / DAY for each in found]


def test_what_is_listed_is_what_takes_place() -> None:
    assert starts(whole(master(), stub(0), stub(1), stub(2), stub(3))) == [0, 1, 2, 3]
    assert starts(whole(master(), stub(0), stub(3))) == [0, 3]
    assert starts(whole(master(2), stub(0), stub(1), stub(5))) == [0, 1, 5]
    assert starts(whole(master(2), stub(0), changed(1, NOW + 3 * DAY))) == [0, 3]


def test_an_occurrence_may_take_longer_than_the_rule_says() -> None:
    found = whole(master(2), stub(0), stub(1, **times(NOW + DAY, 3)))
    lengths = [each.end - each.start for each in expand(found, DAYS, UTC, day_zone=UTC).occurrences]
    assert lengths == [HOUR, 3 * HOUR]


def test_whole_days_are_the_days_that_are_written() -> None:
    start = instant(datetime(2026, 11, 20, tzinfo=UTC))
    days = {"isAllDay": True, **times(start, 24)}
    lines = [stub(day) | times(start + day * DAY, 24) for day in (0, 2)]
    found = whole(master(3) | days, *lines)
    assert found.master is not None
    assert [f"{each}" for each in found.master.exdates] == ["2026-11-21"]


@pytest.mark.parametrize(
    "pattern", [{"type": "lunar", "interval": 1}, {"type": "weekly", "interval": 0}]
)
def test_of_a_rule_that_nobody_understands_every_occurrence_stands(
    pattern: dict[str, Any],
) -> None:
    rule = {**master()["recurrence"], "pattern": pattern}
    found = whole(master(recurrence=rule), stub(0), stub(4), changed(7, NOW + 8 * DAY))
    assert starts(found) == [0, 4, 8]
    assert any("stands as listed" in note for note in found.notes)
    assert {each.summary for each in found.events()} == {"Talk"}


def test_a_rule_that_takes_place_too_often_is_left_out() -> None:
    far = Listing("c", Window(NOW, NOW + 40 * 365 * DAY))
    rule = {**master()["recurrence"], "range": {"type": "noEnd"}}
    far.page(wire.EventPage(value=[master(recurrence=rule), stub(0), stub(1)]))
    (item,) = far.rest()
    assert isinstance(item, Series)
    assert starts(item.series) == [0, 1]


NONSENSE: list[dict[str, Any]] = [{"start": {"dateTime": "when"}}, {"start": 7}, {"start": None}]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_an_occurrence_that_cannot_be_read_stays_where_the_series_has_it(
    nonsense: dict[str, Any],
) -> None:
    for line in (stub(1) | nonsense, changed(1, NOW) | nonsense):
        found = whole(master(), stub(0), line, stub(3))
        assert starts(found) == [0, 1, 2, 3], "what is missing may be the one"
        assert found.notes


def test_a_changed_occurrence_of_which_nobody_knows_which_it_is_takes_place_too() -> None:
    found = whole(master(2), stub(0), changed(1, NOW + 5 * DAY, originalStart="when"))
    assert starts(found) == [0, 1, 5]
    filler = {"originalStart": "0001-01-01T00:00:00Z", **times(NOW + DAY, 3)}
    found = whole(master(2), stub(0), stub(1), changed(5, NOW) | filler)
    spans = expand(found, DAYS, UTC, day_zone=UTC).occurrences
    assert [(each.start - NOW) / DAY for each in spans] == [0, 1, 1], "it is in nobody's place"
    assert max(each.end for each in spans) == NOW + DAY + 3 * HOUR
    (broken,) = listed([{**master(), "start": 7}, changed(1, NOW + 5 * DAY, originalStart="")])
    assert isinstance(broken, Unreadable)
    assert broken.remains is not None
    assert starts(broken.remains) == [5]


@pytest.mark.parametrize("nonsense", [*NONSENSE, {"recurrence": 7}, {"subject": {}}])
def test_a_series_that_cannot_be_read_costs_nobody_else(nonsense: dict[str, Any]) -> None:
    """And what is listed of it counts."""
    found = listed([master() | nonsense, stub(1), single(), changed(2, NOW + 9 * DAY)])
    kept = [item for item in found if isinstance(item, Series)]
    assert [item.remote_id for item in kept] == ["one"]
    (broken,) = (item for item in found if isinstance(item, Unreadable))
    assert broken.remote_id == "series"
    assert broken.remains is not None
    assert starts(broken.remains) == [1, 9]


def test_a_series_that_is_not_found_takes_the_time_that_is_listed_of_it() -> None:
    listing = Listing("c", WINDOW)
    listing.page(wire.EventPage(value=[stub(1), changed(2, NOW + 9 * DAY)]))
    assert listing.not_found("series") == []
    assert listing.lacking() == listing.partial() == []
    (item,) = listing.rest()
    assert isinstance(item, Unreadable)
    assert item.remains is not None
    assert starts(item.remains) == [1, 9]
    assert listing.named == {"series"}, "its tombstone is of something known"
    assert listing.take(gone("series")) == [SeriesRemoved(master()["id"])]
    assert listing.rest() == []


def test_a_series_that_is_not_found_is_gone_where_nothing_else_speaks_for_it() -> None:
    for lines in ([master()], [gone("series"), stub(1)]):
        listing = Listing("c", WINDOW)
        listing.page(wire.EventPage(value=lines))
        assert listing.not_found("series") == [SeriesRemoved(master()["id"])]
        assert listing.rest() == []


def test_a_changed_occurrence_of_no_series_is_an_event() -> None:
    found = whole(changed(1, NOW + 3 * DAY, seriesMasterId=""))
    assert found.master is not None
    assert starts(found) == [3]


def test_an_occurrence_of_no_series_takes_its_time_and_costs_nobody_else() -> None:
    lost = stub(1, seriesMasterId="")
    first, broken = listed([lost, single()])
    assert isinstance(first, Series)
    assert isinstance(broken, Unreadable)
    assert broken.remote_id == "series.1"
    assert broken.remains is not None
    assert starts(broken.remains) == [1]
    (nowhere,) = listed([{"type": "occurrence", "id": "x"}])
    assert isinstance(nowhere, Unreadable)
    assert nowhere.remains is None
    for lines in ([lost, stub(1)], [stub(1), lost]):
        assert starts(whole(master(2), stub(0), *lines)) == [0, 1]


def test_the_version_that_was_modified_last_counts() -> None:
    newer = single(start=NOW + DAY, lastModifiedDateTime="2026-11-02T00:00:00Z")
    for pages in ([[single()], [newer]], [[newer], [single()]], [[newer, single(), newer]]):
        found = listed(*pages)
        assert isinstance(found[-1], Series)
        assert starts(found[-1].series) == [1]
    late = {"lastModifiedDateTime": "2026-11-03T00:00:00Z"}
    for single_is_newer in (True, False):
        one, other = single("series"), master()
        (one if single_is_newer else other).update(late)
        for lines in ([one, other, stub(0)], [stub(0), other, one]):
            last = listed(lines)[-1]
            assert isinstance(last, Series)
            assert last.series.master is not None
            assert last.series.master.is_recurring is not single_is_newer


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("2026-11-02T00:00:26Z", "2026-11-02T00:00:26.5Z"),
        ("2026-11-02T00:00:26Z", "2026-11-02T02:00:26.5+02:00"),
        ("2026-11-02T00:00:26Z", ""),
        ("2026-11-02T00:00:26Z", "0001-01-01T00:00:00Z"),
        ("", "2026-11-02T00:00:26Z"),
    ],
)
def test_a_later_line_counts_unless_it_is_older_by_the_clock(first: str, then: str) -> None:
    before, after = {"lastModifiedDateTime": first}, {"lastModifiedDateTime": then}
    found = listed([single() | before, single(start=NOW + DAY) | after])
    assert isinstance(found[-1], Series)
    assert starts(found[-1].series) == [1]
    lines = [changed(1, NOW + 3 * DAY) | before, changed(1, NOW + 4 * DAY) | after]
    assert starts(whole(master(2), stub(0), *lines)) == [0, 4]


def test_a_changed_occurrence_outlives_what_it_was() -> None:
    older = changed(1, NOW + 3 * DAY, lastModifiedDateTime="2026-10-01T00:00:00Z")
    found = whole(master(2), stub(0), changed(1, NOW + 4 * DAY), older, stub(1))
    assert starts(found) == [0, 4]


def test_what_comes_after_a_tombstone_is_there() -> None:
    assert [type(item) for item in listed([single(), gone("one")])] == [Series, SeriesRemoved]
    assert [type(item) for item in listed([gone("one"), single()])] == [SeriesRemoved, Series]
    assert listed([master(), stub(0), gone("series")]) == [SeriesRemoved(master()["id"])]
    assert starts(whole(master(2), stub(0), stub(1), gone("series.1"))) == [0]


@pytest.mark.parametrize("line", [7, {}, {"id": ""}, {"subject": "Talk"}])
def test_a_line_that_names_nothing_is_no_line(line: Any) -> None:
    with pytest.raises(UnreadableAnswer):
        listed([line])
