"""Three sources, all outputs, one truth: minutes counted from what was written at the sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.oracle import Script, Written, busy_minutes, minutes_of, utc_midnight
from tests.e2e.served import Served
from tests.e2e.sources import CalDavCalendar, IcsUrl, Source
from tests.long import seeds

ZONE = "America/New_York"


@pytest.mark.timeout(300)
@pytest.mark.covers("S0-01", "S0-35", "S1-01", "S4-03", "S4-37")
@pytest.mark.parametrize("seed", seeds(1, 20))
def test_all_outputs_equal_the_minutes_written_at_the_sources(
    serve: Callable[..., Served],
    radicale_calendar: CalDavCalendar,
    xandikos_calendar: CalDavCalendar,
    ics_url: IcsUrl,
    seed: int,
) -> None:
    sources: list[Source] = [radicale_calendar, xandikos_calendar, ics_url]
    served = serve(*sources, top={"server": {"timezone": ZONE}})
    today = datetime.now(UTC).date()
    script = Script(seed, today)
    start, end = utc_midnight(today - timedelta(days=5)), utc_midnight(today + timedelta(days=60))
    compare = comparison(served, start, end)
    written: dict[str, tuple[int, Written]] = {}
    for _ in range(12):
        for _ in range(script.random.randrange(1, 4)):
            edit(script, sources, written)
        served.sync("ann")
        if {number for number, _ in written.values()} != {0, 1, 2}:
            served.sync("ann")  # an emptied listing is believed when a second one confirms it
        compare(busy_minutes([event for _, event in written.values()], start, end, day_zone=ZONE))
    for uid, (number, _) in list(written.items()):
        sources[number].delete(uid)
        del written[uid]
    served.sync("ann")
    served.sync("ann")
    compare({})


def edit(
    script: Script,
    sources: list[Source],
    written: dict[str, tuple[int, Written]],
) -> None:
    """Add, change or delete one event somewhere."""
    choice = script.random.random()
    if len(written) < 3 or choice < 0.45:
        event = script.new()
        number = script.random.randrange(len(sources))
    else:
        number, event = script.random.choice(list(written.values()))
        if choice > 0.85:
            sources[number].delete(event.uid)
            del written[event.uid]
            return
        event = script.changed(event)
    sources[number].put(event)
    written[event.uid] = (number, event)


def comparison(served: Served, start: int, end: int) -> Callable[[dict[int, str]], None]:
    def compare(expected: dict[int, str]) -> None:
        assert minutes_of(served.periods("ann", start, end)) == expected

    return compare
