"""free-busy-query and ?view=freebusy: the same periods as every other output."""

from __future__ import annotations

import random
import re

import pytest

from bridge.model.interval import FBType
from bridge.store.database import Database
from tests.dav.client import Client, free_busy, query, refusal
from tests.dav.house import HOUR, NINE, House, hours, utc
from tests.web.site import DAY, HORIZON, TODAY, Response

BUSY = "/bob/room-a.busy/"
PERIOD = re.compile(r"FREEBUSY;FBTYPE=([A-Z-]+):(\w+)/(\w+)\r\n")


def periods(answer: Response) -> list[tuple[str, str, str]]:
    """Read one VFREEBUSY, every FREEBUSY of which names its type."""
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    text = answer.body.decode()
    assert text.count("BEGIN:VFREEBUSY") == 1
    assert text.count("\r\nFREEBUSY") == len(PERIOD.findall(text))
    return PERIOD.findall(text)


def value(answer: Response, name: str) -> str:
    (found,) = re.findall(rf"^{name}:(.*)\r$", answer.body.decode(), re.MULTILINE)
    return found


def ask(client: Client, path: str, start: int | None, end: int | None) -> Response:
    times = [None if when is None else utc(when) for when in (start, end)]
    return client.report(path, free_busy(*times))


@pytest.mark.covers("A-03")
def test_overlapping_events_are_one_period_and_each_names_its_type(house: House) -> None:
    house.fill("room-a", [(NINE, NINE + HOUR)])
    house.fill("room-a", [(NINE + 1800, NINE + 2 * HOUR), (NINE + 4 * HOUR, NINE + 5 * HOUR)])
    for name, client in house.everybody().items():
        answer = ask(client, f"/{name}/room-a.busy/", TODAY, TODAY + 3 * DAY)
        assert periods(answer) == [
            ("BUSY", utc(NINE), utc(NINE + 2 * HOUR)),
            ("BUSY", utc(NINE + 4 * HOUR), utc(NINE + 5 * HOUR)),
        ]


@pytest.mark.covers("A-04")
@pytest.mark.parametrize("seed", range(3))
def test_report_and_view_are_the_octets_of_the_free_busy_url(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    with House(database) as house:
        for fbtype in FBType:
            starts = [chance.randrange(TODAY, TODAY + 50 * DAY, 300) for _ in range(40)]
            spans = [(each, each + chance.randrange(300, DAY)) for each in starts]
            house.fill("room-a", spans, fbtype)
        bob = house.client("bob")
        start, end = utc(TODAY + 5 * DAY), utc(TODAY + 40 * DAY)
        url = bob.get(f"/freebusy/room-a?start={start}&end={end}")
        report = bob.report(BUSY, free_busy(start, end))
        view = bob.get(f"{BUSY}?view=freebusy&start={start}&end={end}")
        assert len(periods(report)) > 20
        assert report.body == view.body == url.body
        assert report.headers["x-busybridge-freshness"] == url.headers["x-busybridge-freshness"]
        assert bob.get(f"{BUSY}?view=freebusy").body == bob.get("/freebusy/room-a").body


def test_both_views_of_a_resource_give_the_same_periods(house: House, bob: Client) -> None:
    house.fill("room-a", hours(10), title="Chess")
    for name, client in house.everybody().items():
        if name != "bob":
            path = f"/{name}/room-a.busy/"
            assert ask(client, path, TODAY, NINE + DAY).body == (
                ask(bob, BUSY, TODAY, NINE + DAY).body
            )


def test_periods_are_cut_to_the_window(house: House, bob: Client) -> None:
    house.fill("room-a", [(NINE, NINE + 2 * HOUR)])
    answer = ask(bob, BUSY, NINE + 600, NINE + HOUR)
    assert periods(answer) == [("BUSY", utc(NINE + 600), utc(NINE + HOUR))]
    assert periods(ask(bob, BUSY, NINE - HOUR, NINE)) == []
    assert periods(ask(bob, BUSY, NINE + 2 * HOUR, NINE + 3 * HOUR)) == []


def test_a_window_that_reaches_beyond_the_horizon_ends_there(house: House, bob: Client) -> None:
    answer = ask(bob, BUSY, HORIZON.start - DAY, HORIZON.end + DAY)
    assert value(answer, "DTSTART") == utc(HORIZON.start)
    assert value(answer, "DTEND") == utc(HORIZON.end)
    open_end = ask(bob, BUSY, TODAY, None)
    assert value(open_end, "DTEND") == utc(HORIZON.end)
    open_start = ask(bob, BUSY, None, TODAY)
    assert value(open_start, "DTSTART") == utc(HORIZON.start)


@pytest.mark.parametrize(
    ("start", "end", "precondition"),
    [
        (HORIZON.end, HORIZON.end + DAY, "C:max-date-time"),
        (HORIZON.end, None, "C:max-date-time"),
        (HORIZON.start - DAY, HORIZON.start, "C:min-date-time"),
        (None, HORIZON.start, "C:min-date-time"),
    ],
)
def test_a_window_of_which_nothing_is_known_is_refused_with_what_is(
    bob: Client, start: int | None, end: int | None, precondition: str
) -> None:
    found = refusal(ask(bob, BUSY, start, end))
    assert found[:2] == (403, [precondition])
    assert utc(HORIZON.start) in found.reason
    assert utc(HORIZON.end) in found.reason
    view = bob.get(f"{BUSY}?view=freebusy&start={utc(start or 1)}&end={utc(end or 10**10)}")
    assert refusal(view)[:2] == (403, [precondition])


@pytest.mark.parametrize(
    ("body", "status", "preconditions"),
    [
        (free_busy(None, None), 400, []),
        (free_busy("now", "20260101T000000Z"), 403, ["C:valid-filter"]),
        (free_busy("20260102T000000Z", "20260101T000000Z"), 403, ["C:valid-filter"]),
        (free_busy("20260101T000000Z", "20260101T000000Z"), 403, ["C:valid-filter"]),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    bob: Client, body: str, status: int, preconditions: list[str]
) -> None:
    assert refusal(bob.report(BUSY, body))[:2] == (status, preconditions)


@pytest.mark.parametrize(
    "asked",
    [
        "view=other",
        "view=",
        "view=freebusy&start=20261121T000000Z",
        "view=freebusy&end=20261121T000000Z",
        "view=freebusy&start=20261121T000000Z&end=20261120T000000Z",
        "view=freebusy&start=20261121T000000Z&start=20261121T000000Z&end=20261122T000000Z",
        "view=freebusy&start=tomorrow&end=20261122T000000Z",
        "view=freebusy&view=freebusy",
        "view=freebusy&start=&end=",
    ],
)
def test_a_view_that_makes_no_sense_is_refused(bob: Client, asked: str) -> None:
    assert bob.get(f"{BUSY}?{asked}").status in {400, 403}


def test_a_view_is_of_a_calendar(house: House, bob: Client) -> None:
    house.fill("room-a", hours(1))
    (name,) = bob.listing(BUSY)
    assert bob.get(f"{BUSY}{name}?view=freebusy").status == 400
    assert bob.get("/bob/?view=freebusy").status == 403


def test_bookings_that_do_not_exist_take_no_time(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    assert periods(ask(bob, "/bob/room-a.bookings/", TODAY, NINE + DAY)) == []
    assert periods(bob.get("/bob/room-a.bookings/?view=freebusy")) == []


def test_the_organizer_is_the_resource_and_no_title_shows(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3), title="Chess", location="Hall")
    answer = ask(bob, BUSY, TODAY, NINE + DAY)
    assert value(answer, 'ORGANIZER;CN="Room A"') == "mailto:Room-A@example.com"
    assert not re.search(rb"Chess|Hall|SUMMARY|METHOD", answer.body)


def test_a_free_busy_query_of_a_home_is_no_report_there(bob: Client) -> None:
    answer = bob.report("/bob/", free_busy(utc(TODAY), utc(NINE)))
    assert refusal(answer)[:2] == (403, ["D:supported-report"])
    assert bob.report("/bob/", query()).status == 403
