"""Several threads pull and rebuild one resource: no change is lost, no number given out twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bridge.ingest import Ingest
from bridge.model.interval import Window
from bridge.model.resource import Projection
from bridge.provider import Provider
from tests.databases import Restless
from tests.engine.house import ROOM, House, make_series

CONNECTIONS = ["one", "two", "three"]


def start_of(connection: int, number: int) -> str:
    return f"2026-12-{number + 1:02} {8 + connection:02}:00"


def test_pulls_of_one_resource_at_the_same_time_end_as_if_one_after_another(house: House) -> None:
    house.configure(connections=[{"id": name} for name in CONNECTIONS])
    for name in CONNECTIONS:
        house.calendar(connection=name)
        house.pull(name)
    for number in range(12):
        for place, name in enumerate(CONNECTIONS):
            event = make_series(start_of(place, number), uid=f"{name}{number}")
            house.calendar(connection=name).put(f"e{number}", event)
        house.now += 60
        barrier = Barrier(len(CONNECTIONS) + 1)

        def pull(name: str, barrier: Barrier = barrier) -> None:
            barrier.wait()
            house.ingest.pull(f"room-a.{name}", house.now)

        def rebuild(barrier: Barrier = barrier) -> None:
            barrier.wait()
            house.ingest.rebuild(ROOM, house.now)

        with ThreadPoolExecutor(len(CONNECTIONS) + 1) as pool:
            jobs = [pool.submit(pull, name) for name in CONNECTIONS]
            jobs.append(pool.submit(rebuild))
            for job in jobs:
                job.result()
    # A pull that a rebuild overtook, or the other way round, is made up for by the next.
    for name in CONNECTIONS:
        house.pull(name)
    assert len(house.busy()) == 12, "eight to eleven each day, joined"
    for projection in Projection:
        changes = house.changes(0, projection)
        numbers = [change.seq for change in changes]
        assert len(set(numbers)) == len(numbers)
        alive = {change.uid for change in changes if not change.deleted}
        assert alive == {block.uid for block in house.blocks(projection)}
    assert max(it.seq for kind in Projection for it in house.changes(0, kind)) == house.state().seq


def test_a_plan_that_changes_during_a_pull_is_the_one_that_holds(house: House) -> None:
    house.calendar().put("a", make_series())
    source = house.memory().provider().source
    assert source is not None

    class Reloading:
        """Reloads the configuration after the listing was read."""

        def list_calendars(self):
            return source.list_calendars()

        def changes(self, calendar: str, since: str | None, window: Window):
            yield from source.changes(calendar, since, window)
            house.configure(
                connections=[{"id": "work", "availability": {"buffers": {"before": "30m"}}}]
            )

    provider = house.memory().provider()
    house.accounts.providers["room-a.work"] = type(provider)(source=Reloading())
    house.pull()
    assert house.busy() == [("2026-11-23 08:30", "2026-11-23 10:00", "BUSY")]


def test_a_listing_older_than_what_somebody_else_stored_meanwhile_is_dropped(house: House) -> None:
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.pull()
    source = house.memory().provider().source
    assert source is not None

    class Overtaken:
        """While it reads, another process reads something newer and stores it."""

        def list_calendars(self):
            return source.list_calendars()

        def changes(self, calendar: str, since: str | None, window: Window):
            pages = list(source.changes(calendar, since, window))
            del house.accounts.providers["room-a.work"]
            house.calendar().put("a", make_series("2026-11-24 09:00"))
            house.pull()
            yield from pages

    provider = house.memory().provider()
    house.accounts.providers["room-a.work"] = type(provider)(source=Overtaken())
    house.calendar().put("a", make_series("2026-11-25 09:00"))
    house.pull()
    assert [start for start, _, _ in house.busy()] == ["2026-11-24 09:00"]


class Meanwhile:
    """A source during whose listing something happens."""

    def __init__(self, house: House, happens: Callable[[], object]) -> None:
        self._source = house.memory().provider().source
        self._happens = happens

    def list_calendars(self):
        return self._source.list_calendars()

    def changes(self, *args: object):
        yield from list(self._source.changes(*args))
        self._happens()


def test_what_was_read_of_another_account_is_not_stored(house: House) -> None:
    house.calendar().put("a", make_series("2026-11-23 09:00"))

    def switch() -> None:
        house.configure(connections=[{"id": "work", "provider": "ics"}])

    house.accounts.providers["room-a.work"] = Provider(source=Meanwhile(house, switch))
    report = house.pull()
    assert report.objects == 0
    assert house.busy() == []


def test_what_stood_in_for_a_calendar_goes_though_it_became_stale_during_the_pull(
    house: House,
) -> None:
    house.configure(connections=[{"id": "work", "availability": {"on_stale": "busy"}}])
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.pull()
    nine = house.busy()
    for full in (False, True):

        def turn() -> None:
            house.ingest.check_staleness(house.now + 7 * 3600)
            assert house.busy() != nine

        house.accounts.providers["room-a.work"] = Provider(source=Meanwhile(house, turn))
        house.pull(full=full)
        assert house.busy() == nine
        assert not house.calendar_rows()["Main"].stale


def test_a_large_calendar_is_published_though_another_one_is_pulled_meanwhile(house: House) -> None:
    house.configure(connections=[{"id": "work"}, {"id": "large"}])
    house.calendar().put("a", make_series("2026-11-23 09:00", uid="a"))
    series = make_series("2026-11-24 15:00", uid="s", rrules=("FREQ=DAILY;COUNT=2",))
    house.calendar(connection="large").put("s", series)
    house.pull()
    house.pull("large")

    def pull(*, lasting: bool) -> None:
        if not lasting:  # the note that a series is being worked out
            house.pull()

    slow = Restless(house.database.url, pull)
    assert Ingest(slow, house.accounts, house.publisher).rebuild(ROOM, house.now) is not None
    slow.close()
    assert [start[8:10] for start, _, _ in house.busy()] == ["23", "24", "25"]
