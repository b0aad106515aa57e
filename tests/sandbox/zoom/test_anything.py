"""Whatever a program sends, the stand-in answers it, and says what is described."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.server import Sandbox
from tests.sandbox.zoom.people import ANN, START, Json, Program, opened

TODAY = START.replace(tzinfo=None)
WALLS = st.datetimes(TODAY - timedelta(days=1), TODAY + timedelta(days=500)).map(
    lambda each: f"{each:%Y-%m-%dT%H:%M:%S}"
)
UTC_TIMES = WALLS.map(lambda each: f"{each}Z")
ODD_TIMES = st.datetimes().map(lambda each: each.isoformat()) | st.just("")
ODD = st.one_of(
    st.none(), st.integers(), st.booleans(), st.text(max_size=5), st.lists(st.none()), ODD_TIMES
)
EITHER = st.fixed_dictionaries(
    {},
    optional={
        "topic": st.text(max_size=200),
        "agenda": st.text(max_size=300),
        "start_time": WALLS | UTC_TIMES,
        "duration": st.integers(1, 1440),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "America/St_Johns"]),
        "password": st.text("aZ09@-_*", min_size=1, max_size=10),
        "settings": st.fixed_dictionaries(
            {},
            optional={
                "waiting_room": st.booleans(),
                "join_before_host": st.booleans(),
                "auto_recording": st.sampled_from(["none", "local", "cloud"]),
            },
        ),
        "schedule_for": st.just(ANN),
    },
)
ENDS = st.fixed_dictionaries({"end_times": st.integers(1, 60)}) | st.fixed_dictionaries(
    {"end_date_time": UTC_TIMES}
)
DAYS = st.lists(st.sampled_from("1234567"), min_size=1, max_size=7).map(",".join)
RULES = st.one_of(
    st.fixed_dictionaries({"type": st.just(1), "repeat_interval": st.integers(1, 90)}),
    st.fixed_dictionaries(
        {"type": st.just(2), "repeat_interval": st.integers(1, 12), "weekly_days": DAYS}
    ),
    st.fixed_dictionaries({"type": st.just(3), "monthly_day": st.integers(1, 31)}),
    st.fixed_dictionaries(
        {
            "type": st.just(3),
            "monthly_week": st.sampled_from([-1, 1, 2, 3, 4]),
            "monthly_week_day": st.integers(1, 7),
        }
    ),
)
KINDS = st.sampled_from([{"type": 1}, {"type": 2}, {"type": 3}, {}]) | st.builds(
    lambda rule, end: {"type": 8, "recurrence": {**rule, **end}}, RULES, ENDS
)
GOOD = st.builds(lambda either, kind: {**either, **kind}, EITHER, KINDS)
NAMES = st.sampled_from(
    ["type", "topic", "start_time", "duration", "timezone", "password", "recurrence", "settings",
     "tracking_fields", "schedule_for", "no_such"]
)  # fmt: skip
BODIES = GOOD | st.builds(lambda good, name, odd: {**good, name: odd}, GOOD, NAMES, ODD)


@pytest.fixture(scope="module")
def everybody() -> Iterator[Sandbox]:
    with opened() as running:
        yield running


@given(first=BODIES, second=BODIES, is_one=st.booleans())
@settings(max_examples=120)
def test_no_body_is_too_odd(everybody: Sandbox, first: Json, second: Json, *, is_one: bool) -> None:
    ann = Program(everybody)
    made = ann.send("POST", ann.path, json=first)
    assert made.status_code in (201, 400)
    if made.status_code == 201:
        path = f"meetings/{made.json()['id']}"
        occurrences = made.json().get("occurrences", [])
        one = {"occurrence_id": occurrences[-1]["occurrence_id"]} if occurrences and is_one else {}
        assert ann.send("PATCH", path, json=second, params=one).status_code in (204, 400)
        assert ann.send("GET", path, params=one).status_code == 200
        assert len(ann.listed()) <= 1
        assert ann.send("DELETE", path, params=one).status_code == 204
        if one:
            assert ann.send("GET", path).status_code == 200
            assert ann.send("DELETE", path).status_code == 204
    assert ann.listed() == []
    assert everybody.world.defects == []
