"""What cannot be expanded is never free: dense series, refused rules, moved and waiting events."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from bridge.model.resource import Projection
from tests.engine.house import DAY, House, instant_at, make_series


def covers_all(house: House) -> bool:
    """Tell whether everything from now on is busy."""
    horizon, periods = house.state().horizon, house.periods()
    joined = all(a.end == b.start for a, b in pairwise(periods))
    return joined and periods[0].start <= house.now and periods[-1].end == horizon.end


def test_a_series_over_the_cap_blocks_its_first_ones_and_then_everything(house: House) -> None:
    dense = make_series("2026-01-01 00:00", 0.25, uid="dense", rrules=("FREQ=HOURLY",))
    house.calendar().put("dense", dense)
    house.pull()
    horizon, periods = house.state().horizon, house.periods()
    assert periods[0] == (horizon.start, horizon.start + 900, periods[0].fbtype)
    assert periods[1].start == horizon.start + 3600
    assert periods[-1].end == horizon.end
    assert periods[-1].end - periods[-1].start > 20 * DAY
    assert "event dense: more than 10000 occurrences" in house.calendar_rows()["Main"].notes
    assert "could not be worked out" in house.explain(at=horizon.end - 1)[0].reason


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=NEVER", "FREQ=DAILY;INTERVAL=0"])
def test_a_refused_rule_of_a_series_that_began_long_ago_blocks_everything(
    house: House, rule: str
) -> None:
    house.calendar().put("old", make_series("2026-01-01 00:00", uid="old", rrules=(rule,)))
    house.pull()
    assert covers_all(house)
    assert "event old: cannot be expanded" in house.calendar_rows()["Main"].notes
    over = f"{rule};UNTIL=20260301T000000Z"
    house.calendar().put("old", make_series("2026-01-01 00:00", uid="old", rrules=(over,)))
    house.calendar().delete("old")
    house.pull()
    house.calendar().put("old", make_series("2026-01-01 00:00", uid="old", rrules=(over,)))
    house.pull()
    assert house.busy() == [], "it says itself that it is over"


def test_the_month_that_brings_a_series_over_the_cap_is_not_free(house: House) -> None:
    limits = {"occurrences_per_series": 1595}  # 61 days with the margins, not 62
    sync = {"window": {"past": "0s", "future": "31d"}, "limits": limits}
    house.configure(sections={"sync": sync}, connections=[{"id": "work"}])
    dense = make_series("2026-01-01 00:00", 0.25, uid="a", rrules=("FREQ=HOURLY",))
    house.calendar().put("a", dense)
    house.pull()
    assert house.calendar_rows()["Main"].notes == "[]"
    house.now = instant_at("2026-12-20 12:00")
    house.ingest.advance_horizons(house.now)
    assert "more than 1595 occurrences" in house.calendar_rows()["Main"].notes
    assert house.periods()[-1].end == house.state().horizon.end


def test_a_moved_event_that_is_refused_blocks_both_times(house: House) -> None:
    house.calendar().put("a", make_series(rrules=("FREQ=DAILY;COUNT=2",)))
    house.pull()
    house.calendar().put("a", make_series("2026-11-23 15:00", rrules=("FREQ=SECONDLY",)))
    house.pull()
    assert [start for start, _, _ in house.busy()] == [
        "2026-11-23 09:00",
        "2026-11-23 15:00",
        "2026-11-24 09:00",
    ]


def test_tightened_privacy_holds_for_what_cannot_be_made_anew(house: House) -> None:
    def configure(mode: str) -> None:
        house.configure(sections={"privacy": {"mode": mode}}, connections=[{"id": "work"}])

    configure("full")
    secret = {"summary": "SECRET", "description": "SECRET", "location": "SECRET"}
    house.calendar().put("a", make_series(rrules=("FREQ=DAILY;COUNT=2",), **secret))
    house.calendar().put("b", make_series("2026-11-23 15:00", uid="b", **secret))
    house.pull()
    house.calendar().put("a", make_series(rrules=("FREQ=SECONDLY",), **secret))
    house.calendar().spoil("b", "the zone says nothing")
    house.pull()
    shown = [json.loads(it.details) for it in house.blocks(Projection.DETAILS)]
    assert {it["title"] for it in shown} == {"SECRET"}
    for mode in ("private", "busy_only"):
        configure(mode)
        house.pull()
        told = [it.details for it in house.blocks(Projection.DETAILS)]
        assert len(told) == 3
        assert "SECRET" not in "".join(told)
