"""Whatever people do and whatever goes wrong, published busy time becomes that of the calendar.

What it should be is worked out by the stand-in, which knows neither our model nor our expansion.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge.errors import ProviderError
from bridge.model.interval import utc
from bridge.providers.google import KIND
from bridge.sandbox.google import series, times
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.person import Person
from bridge.sandbox.google.shown import is_busy
from bridge.sandbox.google.times import Json
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import ANN, BOB, Signed, account, sandbox, transport
from tests.engine.house import BERLIN, DAY, NOW, House

Spans = list[tuple[int, int]]
FROM, TO = NOW - 20 * DAY, NOW + 300 * DAY
# All match their first occurrence: programs disagree whether one that does not counts.
RULES = [
    "RRULE:FREQ=DAILY;COUNT=5",
    "RRULE:FREQ=WEEKLY;COUNT=6",
    "RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20261220T220000Z",
    "RRULE:FREQ=WEEKLY",
    "RRULE:FREQ=MONTHLY",
]
FAULTS = [
    *("short_pages", "duplicate_pages", "bare_tombstones", "lone_masters", "invalid_recurrence"),
    *("attendees_omitted", "sync_gone"),
]
REFUSALS = ["cut", "html", "user_rate_limited", "server_error", "page_gone", "endless_pages"]
_starts = st.builds(
    lambda day, hour: datetime(2026, 11, 16, hour, tzinfo=BERLIN) + timedelta(days=day),
    st.integers(0, 30),
    st.integers(6, 20),
)


def united(spans: Spans) -> Spans:
    """Join what overlaps or touches, within the window."""
    joined: Spans = []
    for start, end in sorted((max(a, FROM), min(b, TO)) for a, b in spans if a < TO and b > FROM):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


class Owner(RuleBasedStateMachine):
    """A person who edits, a provider that misbehaves, and a bridge that is started anew."""

    def __init__(self, house: House, running: Sandbox, http: Signed) -> None:
        super().__init__()
        self.house, self.running, self.http = house, running, http
        self.ann: Person = running.person(ANN)

    @initialize()
    def begin(self) -> None:
        self.faults.clear()
        with self.running.world.lock:
            made = self.running.world.add_calendar(ANN, "A calendar", timezone="Europe/Berlin")
        self.calendar = made
        self.house.configure(
            connections=[{"id": "work", "read_calendars": [made.id]}],
            email=ANN,
            sections={"sync": {"shrink_guard": {"ratio": "100%"}}},
        )
        self.restart()

    @property
    def faults(self) -> Any:
        return self.running.world.account(ANN).faults

    @property
    def masters(self) -> list[str]:
        records = self.calendar.records.values()
        return [
            each.id
            for each in records
            if not each.is_cancelled and "recurringEventId" not in each.event
        ]

    @property
    def occurrences(self) -> list[str]:
        """Instances of series, changed ones too, by id; the first of each series."""
        found = []
        for name in self.masters:
            event = self.calendar.records[name].event
            if series.is_series(event):
                every = series.instances(event, self.calendar, utc(TO))
                found += [it["id"] for it in every if it["status"] != "cancelled"][:6]
        return found

    def edit(self, name: str, *given: Any, **named: Any) -> None:
        with suppress(ApiError):
            getattr(self.ann, name)(*given, calendar=self.calendar.id, **named)

    @rule(
        start=_starts,
        hours=st.integers(1, 30),
        lines=st.none() | st.sampled_from(RULES),
        days=st.booleans(),
        free=st.booleans(),
    )
    def create(
        self, start: datetime, hours: int, lines: str | None, days: bool, free: bool
    ) -> None:
        more: Json = {"recurrence": [lines]} if lines else {}
        if free:
            more["transparency"] = "transparent"
        if days:
            if lines and "UNTIL" in lines:
                return
            self.edit("create", "Days", start.date(), start.date() + timedelta(days=2), **more)
        else:
            self.edit("create", "Talk", start, start + timedelta(hours=hours), **more)

    @precondition(lambda self: self.masters)
    @rule(data=st.data(), start=_starts)
    def move(self, data: st.DataObject, start: datetime) -> None:
        name = data.draw(st.sampled_from(self.masters))
        days = "date" in self.calendar.records[name].event["start"]
        when: date = start.date() if days else start
        self.edit("move", name, when, when + timedelta(days=1) if days else None)

    @precondition(lambda self: self.occurrences)
    @rule(data=st.data(), start=_starts)
    def move_occurrence(self, data: st.DataObject, start: datetime) -> None:
        name = data.draw(st.sampled_from(self.occurrences))
        found = series.find(self.running.world, self.calendar, name)
        assert found is not None
        days = "date" in found["start"]
        when: date = start.date() if days else start
        self.edit("move", name, when, when + timedelta(days=1 if days else 0, hours=2))

    @precondition(lambda self: self.occurrences)
    @rule(data=st.data(), free=st.booleans())
    def change_occurrence(self, data: st.DataObject, free: bool) -> None:
        name = data.draw(st.sampled_from(self.occurrences))
        self.edit("change", name, transparency="transparent" if free else "opaque")

    @precondition(lambda self: self.occurrences)
    @rule(data=st.data())
    def delete_occurrence(self, data: st.DataObject) -> None:
        self.edit("delete", data.draw(st.sampled_from(self.occurrences)))

    @precondition(lambda self: self.masters)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.edit("delete", data.draw(st.sampled_from(self.masters)))

    @precondition(lambda self: self.calendar.records)
    @rule(data=st.data())
    def revive(self, data: st.DataObject) -> None:
        """Take a deletion back, of an event or of an occurrence."""
        self.edit(
            "change", data.draw(st.sampled_from(list(self.calendar.records))), status="confirmed"
        )

    @precondition(lambda self: self.occurrences)
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        """Change "this and following"."""
        name = data.draw(st.sampled_from(self.occurrences))
        found = series.find(self.running.world, self.calendar, name)
        assert found is not None
        span = times.span(
            {"start": found["originalStartTime"], "end": found["originalStartTime"]},
            self.calendar.timezone,
        )
        original: date = span.start.astimezone(BERLIN)
        if "date" in found["originalStartTime"]:
            original = span.start.astimezone(BERLIN).date()
        self.edit("split", found["recurringEventId"], original)

    @precondition(lambda self: self.masters)
    @rule(data=st.data(), lines=st.none() | st.sampled_from(RULES[:2]))
    def recur(self, data: st.DataObject, lines: str | None) -> None:
        name = data.draw(st.sampled_from(self.masters))
        self.edit("change", name, recurrence=[lines] if lines else None)

    @precondition(lambda self: self.masters)
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        self.edit("change", data.draw(st.sampled_from(self.masters)), summary="Renamed")

    @rule()
    def restart(self) -> None:
        self.house.accounts.providers["room-a.work"] = KIND.open(account(self.running, self.http))

    @rule(fault=st.sampled_from(FAULTS), on=st.booleans())
    def misbehave(self, fault: str, on: bool) -> None:
        self.faults.switch(fault, on)

    @rule()
    def expire(self) -> None:
        with self.running.world.lock:
            self.running.world.share(self.calendar, BOB, "reader")

    @rule(refusal=st.sampled_from(REFUSALS))
    def refuse(self, refusal: str) -> None:
        self.faults.switch(refusal)
        with suppress(ProviderError):  # `page_gone` needs a second page
            self.house.pull(later=120)
        self.faults.switch(refusal, value=False)

    @rule()
    def pull(self) -> None:
        self.house.pull(later=120)

    @rule()
    def check(self) -> None:
        for _ in range(2):  # an empty listing is believed the second time
            self.house.pull(later=120)
        published = [(it.start, it.end) for it in self.house.periods()]
        assert united(published) == united(self.busy())

    def busy(self) -> Spans:
        """What the stand-in takes for busy."""
        spans: Spans = []
        for record in self.calendar.records.values():
            event = record.event
            if record.is_cancelled:
                continue
            every = (
                series.regular(event, self.calendar, utc(TO))
                if series.is_series(event)
                else [event]
            )
            for each in every:
                if is_busy(each, self.calendar):
                    span = times.span(each, self.calendar.timezone)
                    spans.append((int(span.start.timestamp()), int(span.end.timestamp())))
        return spans

    def teardown(self) -> None:
        if hasattr(self, "calendar"):
            self.check()
        self.faults.clear()


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with sandbox() as started:
        yield started
        assert started.world.defects == []


@pytest.fixture
def http(running: Sandbox) -> Iterator[Signed]:
    way = transport()
    yield Signed(way, running.access_token(ANN))
    way.close()


def converge(
    house: House,
    running: Sandbox,
    http: Signed,
    *,
    examples: int,
    steps: int,
) -> None:
    run_state_machine_as_test(
        lambda: Owner(house, running, http),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # the stand-in goes on: no example can be run again
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.soak
def test_busy_time_becomes_that_of_the_calendar(
    house: House, running: Sandbox, http: Signed
) -> None:
    examples = 10 if house.database.path else 3
    converge(house, running, http, examples=examples, steps=30)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_it_does_so_after_very_many_edits(house: House, running: Sandbox, http: Signed) -> None:
    converge(house, running, http, examples=1000, steps=100)
