"""Bookings under a stock Radicale: read as they are, and written by nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from radicale.app import Application
from radicale.config import load as load_configuration

from bridge.store.database import Database
from radicale_plugin import Auth, Rights, Storage
from radicale_plugin.ground import Ground
from tests.dav.client import query
from tests.dav.door import D, Door, Sent
from tests.dav.house import HOUR, NINE, utc
from tests.dav.reception import BOOKINGS, Reception, event, put

ONE = f"{BOOKINGS}one.ics"


@pytest.fixture
def house(sqlite_database: Database) -> Iterator[Reception]:
    with Reception(sqlite_database) as opened:
        yield opened


@pytest.fixture
def stock(house: Reception) -> Door:
    """Carol, at Radicale's own application over the same database."""
    ground = Ground(
        database=house.database,
        publisher=house.publisher,
        gate=house.gate,
        live=house.live,
        instance="test-instance",
        clock=lambda: house.now,
    )
    configuration = load_configuration()
    configuration.update(
        {
            "auth": {"type": lambda made: Auth(made, ground), "delay": 0},
            "rights": {"type": lambda made: Rights(made, ground)},
            "storage": {"type": lambda made: Storage(made, ground)},
            "web": {"type": "none"},
        },
        "tests",
        privileged=True,
    )
    return Door(Application(configuration), house.client("carol").authorization)


def test_a_booking_is_read_octet_for_octet_and_found_by_its_time(
    house: Reception, stock: Door
) -> None:
    text = event(NINE, "RRULE:FREQ=DAILY;COUNT=3", uid="one")
    made = put(house.client("carol"), ONE, text)
    assert stock.objects(BOOKINGS) == {ONE: made.headers["etag"]}
    assert stock.send(Sent("GET", ONE)).body == text.encode()
    for start, found in ((NINE + 86400, [ONE]), (NINE + 86400 + 2 * HOUR, [])):
        window = f'<C:time-range start="{utc(start)}" end="{utc(start + HOUR)}"/>'
        body = query(f'<C:comp-filter name="VEVENT">{window}</C:comp-filter>')
        answer = stock.send(Sent("REPORT", BOOKINGS, body.encode(), {"depth": "1"}))
        assert answer.texts(f"{D}href") == found
    assert b"one.ics" in stock.sync(BOOKINGS).body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MOVE"])
def test_nobody_writes_there(house: Reception, stock: Door, method: str) -> None:
    made = put(house.client("carol"), ONE, event(NINE))
    headers = {"destination": f"http://localhost:5232{BOOKINGS}two.ics"}
    body = event(NINE, title="Mine").encode() if method == "PUT" else b""
    assert stock.send(Sent(method, ONE, body, headers)).status == 403
    assert stock.objects(BOOKINGS) == {ONE: made.headers["etag"]}
