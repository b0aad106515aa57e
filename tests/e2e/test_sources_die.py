"""Sources that are dead for longer than `max_stale`, and sources that were never any good: what
`on_stale` says becomes of the dead ones' time, and whoever is healthy is pulled in time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.sources import CalDavCalendar, IcsUrl, vevent
from tests.e2e.town import END, START, TOMORROW, Town, busy, resource, serving
from tests.servers import origin
from tests.servers.origin import Origin
from tests.servers.radicale import radicale_account, start_radicale

INTERVAL, LONGEST = 10, 12
"""Seconds between two pulls, and with all of the jitter."""
SHORTEST = 8
MAX_STALE = 60
PULLS = 5
NINE = busy(TOMORROW, "9:00", "9:30", "UTC")
HOSTILE = ("FREQ=SECONDLY;COUNT=1000000000", "FREQ=SECONDLY;INTERVAL=7")
DYING = list(product(("caldav", "ics"), ("keep_last", "busy", "free")))


def event(hour: int, *lines: str) -> tuple[str, str]:
    day, uid = f"{TOMORROW:%Y%m%d}T{hour:02}", f"at-{hour}"
    return uid, vevent(uid, f"DTSTART:{day}0000Z", f"DTEND:{day}3000Z", *lines)


class Ward:
    """The resources of this file, behind one bridge that pulls every few seconds."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town = town
        self.times: list[float] = []
        self.steady = self.watched()
        server, feeds = start_radicale(folder / "radicale"), Origin()
        resources = [resource("steady", self.steady.connection(), *self.healthy())]
        for kind, rule in DYING:
            name = f"{kind}-{rule.replace('_', '-')}"
            source = (
                CalDavCalendar(radicale_account(server), name)
                if kind == "caldav"
                else IcsUrl(feeds, f"/{name}.ics")
            )
            source.put_text(*event(9))
            dying = {**source.connection(), "id": "dying", "availability": {"on_stale": rule}}
            resources.append(resource(name, dying))
        resources.append(resource("neighbours", *self.neighbours()))
        self.began = int(time.time())
        self.served = serving(
            folder / "bridge",
            resources,
            sync={"interval": f"{INTERVAL}s", "backoff": {"initial": "1s", "max": "5s"}},
            availability={"max_stale": f"{MAX_STALE}s"},
            providers={"ics": {"timeout": "3s"}},
        )
        for kind, rule in DYING:
            name = f"{kind}-{rule.replace('_', '-')}"
            assert self.served.periods(name, START, END) == [NINE]
        server.stop()
        feeds.__exit__()
        self.died = int(time.time())

    def watched(self) -> IcsUrl:
        """A feed that notes when it is asked for."""
        source = IcsUrl(self.town.origin, "/steady.ics")
        source.put_text(*event(9))
        answer = self.town.origin.routes[source.path]

        def noting(request: Any) -> Any:
            self.times.append(time.monotonic())
            return answer(request)

        self.town.origin.routes[source.path] = noting
        return source

    def healthy(self) -> Iterator[dict[str, Any]]:
        for kind in ("radicale", "xandikos"):
            source = self.town.calendar(kind, "healthy")
            source.put_text(*event(9))
            yield source.connection()

    def neighbours(self) -> Iterator[dict[str, Any]]:
        """Sources that were never any good, and one that is hostile in parts."""
        hostile = IcsUrl(self.town.origin, "/hostile.ics", name="hostile")
        for hour, rule in enumerate(HOSTILE, start=11):
            hostile.put_text(*event(hour, f"RRULE:{rule}"))
        hostile.put_text(*event(9))
        yield hostile.connection()
        for name, answer in (
            ("slow", origin.slow_headers(0.2)),
            ("login", origin.html()),
            ("half", origin.half(hostile.text().encode())),
        ):
            self.town.origin.routes[f"/never-{name}.ics"] = answer
            url = self.town.origin.url(f"/never-{name}.ics")
            yield {"id": name, "provider": "ics", "url": url}
        calendar = self.town.calendar("radicale", "locked")
        yield {**calendar.connection(), "id": "locked", "password": "wrong"}


@pytest.fixture(scope="module")
def ward(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    found = Ward(town, tmp_path_factory.mktemp("dying"))
    yield found
    found.served.__exit__()


def test_hostile_rules_are_named_and_block_what_they_name_and_the_rest_of_their_file_counts(
    ward: Ward,
) -> None:
    served = ward.served
    hours = [busy(TOMORROW, f"{hour}:00", f"{hour}:30", "UTC") for hour in (9, 11, 12)]
    assert served.periods("neighbours", START, END) == hours
    [calendar] = served.connection("neighbours.hostile")["calendars"]
    for hour in (11, 12):
        assert any(f"event at-{hour}: cannot be expanded" in note for note in calendar["notes"])


@pytest.mark.covers("S0-13")
def test_no_healthy_source_is_pulled_later_than_interval_and_jitter(ward: Ward) -> None:
    served = ward.served
    served.wait(lambda: len(ward.times) > PULLS, "the steady feed is pulled", PULLS * LONGEST + 60)
    gaps = [later - earlier for earlier, later in pairwise(ward.times)]
    # A second, since the scheduler's clock shows whole ones. One that is late is followed sooner.
    assert max(gaps) <= LONGEST + 1
    assert sum(gaps) / len(gaps) >= SHORTEST
    assert served.metric("busybridge_pull_lateness_seconds_sum") == 0
    assert (served.metric("busybridge_pulls_total", outcome="ok") or 0) >= 3 * PULLS
    assert served.periods("steady", START, END) == [NINE]
    assert served.freshness("steady").endswith("; stale=0")


@pytest.mark.timeout(240)
@pytest.mark.covers("A-33", "P4")
@pytest.mark.parametrize(("kind", "rule"), DYING)
def test_a_source_dead_for_longer_than_max_stale_is_treated_as_on_stale_says(
    ward: Ward, kind: str, rule: str
) -> None:
    served, name = ward.served, f"{kind}-{rule.replace('_', '-')}"

    def look() -> Any:
        [calendar] = served.connection(f"{name}.dying")["calendars"]
        return calendar

    def is_stale() -> bool:
        return bool(look()["stale"])

    def failed() -> bool:
        return served.metric("busybridge_resource_stale_calendars", resource=name) == 1

    served.wait(failed, "the next pull fails", LONGEST + 60)
    last = int(datetime.fromisoformat(look()["last_sync_at"]).timestamp())
    assert last <= ward.died
    if time.time() < last + MAX_STALE - 20:
        assert served.periods(name, START, END) == [NINE], "it is not dead for long enough"
    served.wait(is_stale, "it is stale", MAX_STALE + 90)
    shown = served.connection(f"{name}.dying")
    [calendar] = shown["calendars"]
    assert shown["unwell"]
    found = served.periods(name, START, END)
    if rule == "busy":
        [(start, end, fbtype)] = found
        assert (ward.began <= start <= last, end, fbtype) == (True, END, "BUSY")
    else:
        assert found == ([NINE] if rule == "keep_last" else [])
    assert served.freshness(name) == f"oldest={calendar['last_sync_at']}; stale=1"
    age = served.metric("busybridge_resource_age_seconds", resource=name)
    assert age is not None
    assert age >= MAX_STALE
    if kind == "ics":
        explained = served.explain(name, "--event", "at-9")
        assert [each["blocks"] for each in explained] == [None if rule == "free" else "BUSY"]
