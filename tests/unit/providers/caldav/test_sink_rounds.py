"""Whatever a booking is: real servers take it, and putting it again writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bridge.model.event import Event, EventSeries, Period
from tests.contract.caldav_sink_world import CaldavSinkWorld
from tests.contract.sink_calendar import Calendar, taking_place, wanted
from tests.property.test_amend import booked, told
from tests.unit.providers.caldav.conftest import Site

NUMBERS = count(1)


@pytest.fixture
def calendar(each: Site) -> Iterator[Calendar]:
    world = CaldavSinkWorld(each.dav, each.http)
    yield Calendar(world, world.new_calendar())
    world.clean_up()


@pytest.mark.covers("F55")
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(series=booked())
def test_a_server_takes_it_and_putting_it_again_writes_nothing(
    calendar: Calendar, series: EventSeries
) -> None:
    number = next(NUMBERS)
    series = named(series, f"{number}@example.com")
    desired = wanted(series, token=f"{number:040x}")
    written = calendar.put(desired)
    assert taking_place(written.series) == taking_place(series)
    found = {event.recurrence_id: event for event in written.series.events()}
    for event in series.events():
        assert alike(found[event.recurrence_id]) == alike(event)
    assert calendar.put(desired, written) == written


def named(series: EventSeries, uid: str) -> EventSeries:
    """Give the series a UID of its own; leave out what Radicale refuses."""

    def change(event: Event) -> Event:
        dates = tuple(it for it in event.rdates if not isinstance(it, Period))
        return replace(event, uid=uid, rdates=dates)

    assert series.master is not None
    overrides = tuple(map(change, series.overrides))
    return EventSeries(uid=uid, master=change(series.master), overrides=overrides)


def alike(event: Event) -> Event:
    """Leave out what the sink itself adds, and how a server writes a rule or a duration.

    Radicale and Xandikos both make P1DT10H of PT34H.
    """
    rules = tuple(";".join(sorted(rule.split(";"))) for rule in event.rrules)
    event = replace(told(event), origin="", mirror="", url="", location="", rrules=rules)
    return replace(event, duration=event.duration or event.exact, exact=None)
