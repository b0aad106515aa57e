"""What a request reads of the database: no more than its answer shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.dav.client import Client, free_busy, read, sync
from tests.dav.house import NINE, House, hours, utc
from tests.web.site import DAY

BUSY = "/bob/room-a.busy/"
WINDOW = utc(NINE), utc(NINE + 30 * DAY)
STATES: dict[str, Callable[[Client], object]] = {
    "getctag": lambda bob: bob.propfind(BUSY, "CS:getctag"),
    "sync-collection": lambda bob: bob.sync(BUSY, token(bob)),
}
MARKS: dict[str, Callable[[Client], object]] = {
    "PROPFIND": lambda bob: bob.propfind(BUSY, "D:getetag", "D:getlastmodified", depth="1"),
    "sync-collection": lambda bob: bob.sync(BUSY),
}


def token(bob: Client) -> str:
    return bob.propfind(BUSY, "D:sync-token")[BUSY].text("D:sync-token")


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Everything that SQLite is told meanwhile, by SQLAlchemy and past it."""
    told: list[str] = []

    def trace(driver: Any, *_: object) -> None:
        driver.set_trace_callback(told.append)

    event.listen(house.database._engine, "connect", trace)
    house.database.close()  # what is asked from here on opens its connections anew
    try:
        yield told
    finally:
        event.remove(house.database._engine, "connect", trace)
        house.database.close()


def of_blocks(told: list[str]) -> list[str]:
    return [each for each in told if "FROM blocks" in " ".join(each.split())]


@pytest.mark.parametrize("ask", STATES.values(), ids=STATES)
def test_asking_whether_anything_changed_looks_at_no_event(
    house: House, bob: Client, ask: Callable[[Client], object]
) -> None:
    house.fill("room-a", hours(10))
    with statements(house) as told:
        ask(bob)
    assert any("FROM resources" in " ".join(each.split()) for each in told)
    assert of_blocks(told) == []


def test_a_request_opens_two_transactions_for_who_asks_and_for_the_answer(
    house: House, bob: Client
) -> None:
    with statements(house) as told:
        bob.propfind(BUSY, "CS:getctag")
    assert [each for each in told if each.startswith("BEGIN")] == ["BEGIN", "BEGIN"]


@pytest.mark.parametrize("ask", MARKS.values(), ids=MARKS)
def test_a_listing_of_entity_tags_reads_no_details(
    house: House, bob: Client, ask: Callable[[Client], object]
) -> None:
    house.fill("room-a", hours(10), title="Planning")
    with statements(house) as told:
        ask(bob)
    [query] = of_blocks(told)
    assert "details" not in query.partition("FROM")[0]


def test_a_listing_that_shows_lengths_knows_every_text(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3), title="Planning")
    found = bob.propfind(BUSY, "D:getcontentlength", depth="1")
    for href in found.keys() - {BUSY}:
        assert int(found[href].text("D:getcontentlength")) == len(bob.get(href).body)
    whole = read(bob.report(BUSY, sync(prop="<C:calendar-data/>")))
    assert all("SUMMARY:Planning" in each.text("C:calendar-data") for each in whole.values())


def test_free_busy_reads_spans_and_nothing_else_of_any_event(house: House, bob: Client) -> None:
    house.fill("room-a", hours(10), title="Planning")
    with statements(house) as told:
        answer = bob.report(BUSY, free_busy(*WINDOW))
    assert answer.body.count(b"\nFREEBUSY;") == 10
    [query] = of_blocks(told)
    assert {"uid", "etag", "details"}.isdisjoint(query.replace(",", " ").replace(".", " ").split())
