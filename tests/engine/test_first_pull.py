"""What is published while an account with several calendars is read for the first time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from bridge.errors import ProviderError
from bridge.model.interval import Window
from bridge.provider import CalendarId, CalendarInfo, EventSource, Page, Provider, SyncToken
from bridge.store.database import Database
from tests.engine.house import House, make_series

LATE = CalendarId("late")


class Watched:
    """An account that does something before its calendar `late` is read."""

    def __init__(self, source: EventSource, before: Callable[[], None]) -> None:
        self._source = source
        self._before = before

    def list_calendars(self) -> Sequence[CalendarInfo]:
        return self._source.list_calendars()

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        if calendar == LATE:
            self._before()
        yield from self._source.changes(calendar, since, window)


def watch(house: House, before: Callable[[], None], name: str = "work") -> None:
    source = house.memory(name).provider().source
    assert source is not None
    house.accounts.providers[f"room-a.{name}"] = Provider(source=Watched(source, before))


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.calendar("early").put("a", make_series("2026-11-23 09:00"))
    house.calendar(LATE).put("b", make_series("2026-11-24 09:00", uid="late"))
    return house


def test_nothing_is_called_free_before_the_whole_account_was_read(house: House) -> None:
    between: list[bool] = []
    watch(house, lambda: between.append(house.freshness().unread))
    house.pull()
    assert between == [True], "the first calendar alone would show the time of the second as free"
    assert not house.freshness().unread
    assert len(house.busy()) == 2


def test_a_calendar_that_cannot_be_read_does_not_hold_up_the_others(house: House) -> None:
    def refuse() -> None:
        raise ProviderError("not today")

    watch(house, refuse)
    house.pull()
    assert not house.freshness().unread
    assert house.freshness().stale == 1


def test_what_was_published_stays_so_while_another_account_is_read(house: House) -> None:
    house.pull()
    house.configure(connections=[{"id": "work"}, {"id": "home"}])
    house.calendar("early", "home").put("c", make_series("2026-11-25 09:00", uid="home"))
    house.calendar(LATE, "home")
    between: list[bool] = []
    watch(house, lambda: between.append(house.freshness().unread), "home")
    house.pull("home")
    assert between == [False]
    assert len(house.busy()) == 3
