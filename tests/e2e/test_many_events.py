"""A hundred thousand events in ten calendars: a kill, a start, and answers within the figures.

A busy machine's clock proves nothing: what is bounded is the server's processor time, and what
an answer costs is compared with the same answer about a calendar of a hundredth of the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.oracle import utc_midnight
from tests.e2e.reports import CALENDAR_QUERY, FREE_BUSY_QUERY, objects_of
from tests.e2e.served import Periods, Served, events_of, freebusy_periods, ical
from tests.e2e.sources import HEAD, TAIL, vevent
from tests.e2e.town import TODAY, resource
from tests.servers.cpu import cpu_of

ROOMS = 10
MANY, FEW = 10_000, 100
"""Events of a room, and of the one that answers are compared with."""
FIRST = utc_midnight(TODAY + timedelta(days=1))
STEP, LENGTH = 3000, 1200
"""Seconds; all the events lie within a year, those of the small room within four days."""
DAY = FIRST + 86400, FIRST + 2 * 86400
FIRST_ANSWER = 3.0
"""Seconds from a start after a kill."""
MARGIN = 1.5
"""Two processes on one core take so much more CPU time each."""


@pytest.mark.covers("F61")
@pytest.mark.timeout(600)
def test_a_hundred_thousand_events_start_sync_and_report_within_the_figures(tmp_path: Path) -> None:
    large, small = "room-0", "small"
    with Served(
        tmp_path, {"allow_inline_secrets": True, "resources": [*rooms(tmp_path)]}
    ) as served:
        served.wait(lambda: all_are_read(served), "every calendar is read", 400)
        killed = served.process
        assert killed is not None
        killed.kill()
        killed.wait()

        process = served.launch()
        served.wait(served.answers, "the server answers")
        for name in large, small:
            answer = served.report(name, FREE_BUSY_QUERY, *DAY)
            assert freebusy_periods(answer.body) == periods(), name
        assert cpu_of(process.pid) < FIRST_ANSWER * MARGIN

        tokens = {}
        for name, count in (large, MANY), (small, FEW):
            changes = served.changes(name)
            assert len(changes.objects) >= count, "more: blocks are cut where a month begins"
            tokens[name] = changes.token
            assert served.changes(name, changes.token).objects == {}
            report = served.report(name, CALENDAR_QUERY, *DAY)
            assert sorted(events_of("".join(objects_of(report.body).values()))) == periods()
        questions: dict[str, Callable[[str], object]] = {
            "what is the tag": served.ctag,
            "what changed": lambda name: served.changes(name, tokens[name]),
            "which events": lambda name: served.report(name, CALENDAR_QUERY, *DAY),
            "when is it busy": lambda name: served.report(name, FREE_BUSY_QUERY, *DAY),
        }
        for what, ask in questions.items():
            of_many, of_few = cost(process.pid, ask, large), cost(process.pid, ask, small)
            assert of_many < 3 * of_few, f"{what}: {of_many * 1e3:.1f} and {of_few * 1e3:.1f} ms"


def rooms(folder: Path) -> Iterator[dict[str, Any]]:
    """Configure the rooms, whose calendars are files."""
    sizes = {f"room-{number}": MANY for number in range(ROOMS)} | {"small": FEW}
    for name, count in sizes.items():
        path = folder / f"{name}.ics"
        path.write_text(HEAD + "".join(map(event, range(count))) + TAIL, newline="")
        yield resource(name, {"id": "work", "provider": "ics", "path": str(path)})


def event(number: int) -> str:
    start = FIRST + number * STEP
    return vevent(f"{number}", f"DTSTART:{ical(start)}", f"DTEND:{ical(start + LENGTH)}")


def periods() -> Periods:
    """What is busy on the day that is asked about."""
    starts = range(FIRST, DAY[1], STEP)
    return [(at, at + LENGTH, "BUSY") for at in starts if DAY[0] <= at]


def all_are_read(served: Served) -> bool:
    return all(each["last_sync_at"] for each in served.status()["connections"])


def cost(process: int, ask: Callable[[str], object], name: str) -> float:
    """Give the CPU seconds of the cheapest of some answers that were given before."""
    found = []
    for _ in range(8):
        before = cpu_of(process)
        ask(name)
        found.append(cpu_of(process) - before)
    return min(found)
