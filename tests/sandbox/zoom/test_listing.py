"""Listings: which meetings are there, page by page; how a program finds its own again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.sandbox.server import Sandbox
from tests.sandbox.zoom.people import ANN, BOB, Json, Program, at, daily


@pytest.fixture
def five(ann: Program) -> list[str]:
    for day in range(3, 8):
        ann.create(topic=f"on {day}", **at(10, day))
    return [f"on {day}" for day in range(3, 8)]


def test_pages_lead_to_the_end(ann: Program, five: list[str]) -> None:
    pages = ann.pages(page_size=2)
    assert [len(page["meetings"]) for page in pages] == [2, 2, 1]
    assert {page["total_records"] for page in pages} == {5}
    assert {page["page_count"] for page in pages} == {3}
    assert ann.topics(page_size=2) == five
    assert ann.topics() == five
    assert len(ann.pages(page_size=300)) == 1
    page = ann.ok("GET", ann.path, params={"page_size": 2, "page_number": 2})
    assert [each["topic"] for each in page["meetings"]] == five[2:4]


def test_a_page_stays_what_it_was_when_the_first_one_was_read(
    ann: Program, five: list[str]
) -> None:
    first = ann.ok("GET", ann.path, params={"page_size": 3})
    ann.ok("DELETE", f"meetings/{first['meetings'][0]['id']}")
    params = {"page_size": 3, "next_page_token": first["next_page_token"]}
    following = ann.ok("GET", ann.path, params=params)
    assert [each["topic"] for each in following["meetings"]] == five[3:]


def test_a_token_is_good_for_a_quarter_of_an_hour_and_its_own_listing(
    sandbox: Sandbox, ann: Program, five: list[str]
) -> None:
    token = ann.ok("GET", ann.path, params={"page_size": 2})["next_page_token"]
    for params in ({"page_size": 3}, {"type": "live", "page_size": 2}, {}):
        assert ann.refused("GET", ann.path, params={**params, "next_page_token": token}) == (
            400,
            300,
        )
    good = {"page_size": 2, "next_page_token": token}
    assert Program(sandbox, BOB).refused("GET", ann.path, params=good) == (400, 300)
    assert ann.send("GET", ann.path, params=good).status_code == 200
    sandbox.world.advance(timedelta(minutes=16))
    assert ann.refused("GET", ann.path, params=good) == (400, 300)


@pytest.mark.parametrize(
    "params",
    [
        {"page_size": 301},
        {"page_size": 0},
        {"page_size": "x"},
        {"page_number": 0},
        {"page_number": "x"},
        {"type": "all"},
        {"pagesize": 3},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(ann: Program, params: Json) -> None:
    assert ann.refused("GET", ann.path, params=params) == (400, 300)


def test_lists_are_of_what_is_wanted(sandbox: Sandbox, ann: Program) -> None:
    ann.create(topic="now", type=1)
    ann.create(topic="whenever", type=3)
    soon = ann.create(topic="soon", **at(10, 3))["id"]
    ann.create(topic="series", **daily(5, 4))
    ann.create(topic="later", **at(10, 20))
    assert ann.topics() == ["whenever", "soon", "series", "later"]
    sandbox.world.advance(timedelta(days=5))
    ann = Program(sandbox)
    assert ann.topics(type="upcoming") == ["whenever", "series", "later"]
    assert ann.topics(type="previous_meetings") == ["soon"]
    assert ann.topics(type="scheduled") == ["whenever", "soon", "series", "later"]
    sandbox.zoom.person(ANN).begin(soon)
    assert ann.topics(type="live") == ["soon"]
    sandbox.zoom.person(ANN).end(soon)
    sandbox.world.advance(timedelta(days=60))
    # What is over is kept for thirty days; whoever looks for older ones does not find them.
    assert Program(sandbox).topics() == ["whenever"]


def test_what_a_listing_says_of_an_agenda_ends_after_250_characters(ann: Program) -> None:
    agenda = "x" * 240 + " booking b-1 " + "y" * 100
    number = ann.create(agenda=agenda)["id"]
    [listed] = ann.listed()
    assert listed["agenda"] == agenda[:250]
    assert ann.get(number)["agenda"] == agenda
    assert listed.keys() == {
        *("uuid", "id", "host_id", "topic", "type", "start_time", "duration", "timezone"),
        *("created_at", "join_url", "agenda"),
    }


def test_a_series_is_listed_once_or_as_often_as_it_happens(sandbox: Sandbox, ann: Program) -> None:
    made = ann.create(topic="series", **daily(3))
    assert ann.topics() == ["series"]
    one = {"params": {"occurrence_id": made["occurrences"][0]["occurrence_id"]}}
    ann.ok("DELETE", f"meetings/{made['id']}", **one)
    sandbox.zoom.misbehave(ANN, "occurrences_listed")
    listed = ann.listed()
    assert [each["id"] for each in listed] == [made["id"]] * 2
    assert [each["start_time"][:10] for each in listed] == ["2026-03-04", "2026-03-05"]


def test_short_pages_are_read_to_the_end(sandbox: Sandbox, ann: Program, five: list[str]) -> None:
    sandbox.zoom.misbehave(ANN, "short_pages")
    assert [len(page["meetings"]) for page in ann.pages()] == [2, 0, 2, 0, 1]
    assert ann.topics() == five


def test_endless_pages_have_no_end(sandbox: Sandbox, ann: Program, five: list[str]) -> None:
    sandbox.zoom.misbehave(ANN, "endless_pages")
    token = ""
    for _ in range(4):
        page = ann.ok("GET", ann.path, params={"next_page_token": token} if token else {})
        token = page["next_page_token"]
        assert token
    assert page["meetings"] == []


def test_a_page_may_be_gone(sandbox: Sandbox, ann: Program, five: list[str]) -> None:
    token = ann.ok("GET", ann.path, params={"page_size": 2})["next_page_token"]
    sandbox.zoom.misbehave(ANN, "page_gone", times=1)
    good = {"page_size": 2, "next_page_token": token}
    assert ann.refused("GET", ann.path, params=good) == (400, 300)
    assert ann.send("GET", ann.path, params=good).status_code == 200


def test_a_new_meeting_may_be_missing_from_listings_for_a_while(
    sandbox: Sandbox, ann: Program
) -> None:
    sandbox.zoom.misbehave(ANN, "lists_late", 30)
    number = ann.create()["id"]
    assert ann.topics() == []
    assert ann.get(number)["topic"] == "Talk"
    sandbox.world.advance(timedelta(seconds=31))
    assert ann.topics() == ["Talk"]
