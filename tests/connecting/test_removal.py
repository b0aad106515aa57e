"""What leaves the file for good is ended at its provider first, whoever does it and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Timer
from typing import Any

import pytest
import yaml

from bridge.app.bridge import Bridge
from bridge.model.resource import ConnectionId
from bridge.store import connections, resources
from tests.app.running import in_file
from tests.channels.house import Pushed, pushed
from tests.connecting.home import DESK, ROOM_B, WORK, Home, opened
from tests.connecting.owner import ANN, BOB, Browser

ALL = ["room-a", "room-a.work", "room-a.other", "room-b", "room-b.desk"]


def edit(home: Home, change: Callable[[list[Any]], object]) -> None:
    path = home.bridge.config_path
    config = yaml.safe_load(path.read_text())
    change(config["resources"])
    path.write_text(yaml.safe_dump(config))


def connect_desk(home: Home, account: str) -> None:
    browser = Browser()
    answer = browser.consent(home.asks(browser, home.link(ROOM_B)), account)
    assert browser.get(answer).is_success


def left(home: Home) -> tuple[list[str], list[str]]:
    with home.bridge.database.read() as conn:
        rooms = [str(row.id) for row in resources.every(conn)]
        return rooms, [str(row.id) for row in connections.every(conn)]


@contextmanager
def another(home: Home) -> Iterator[Bridge]:
    """One more process on the same file and database."""
    made = Bridge(
        home.bridge.config_path, environ={}, clock=lambda: home.now, kinds=home.bridge.kinds
    )
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def shared(tmp_path: Path, database_url: str) -> Iterator[Home]:
    with opened(tmp_path, storage={"database": in_file(database_url)}) as made:
        yield made


@pytest.mark.covers("A-44")
def test_processes_that_apply_at_the_same_time_end_it_once_and_agree(shared: Home) -> None:
    shared.connect()
    connect_desk(shared, BOB)
    edit(shared, lambda rooms: rooms.clear())
    start = Barrier(2)
    with another(shared) as second:
        second.prepare()
        second.amending.begin()

        def run(each: Bridge) -> Any:
            start.wait()
            return each.reload.apply(ALL)

        with ThreadPoolExecutor(2) as pool:
            verdicts = list(pool.map(run, (shared.bridge, second)))
    assert [each.ok for each in verdicts] == [True, True], verdicts
    assert left(shared) == ([], [])
    assert not shared.google.allows()
    assert not shared.google.allows(BOB)


def test_of_two_that_leave_with_one_grant_none_leaves_it_to_the_other(home: Home) -> None:
    home.connect()
    connect_desk(home, ANN)
    edit(home, lambda rooms: rooms.clear())
    assert home.bridge.reload.apply(ALL).ok
    assert not home.google.allows()


def test_a_grant_is_not_left_to_one_that_is_about_to_go(home: Home) -> None:
    home.connect()
    connect_desk(home, ANN)
    with home.bridge.database.write() as conn:
        connections.sever(conn, DESK)  # somebody is at it, and has got that far
    assert home.bridge.connecting.disconnect(WORK) is None
    assert not home.google.allows()


def test_a_process_ends_when_what_left_is_given_back(home: Home) -> None:
    home.connect()
    edit(home, lambda rooms: rooms[0]["connections"].pop(0))
    grants, asked, goes_on = home.google.sandbox.google.grants, Event(), Event()
    revoke = grants.revoke

    def slow(token: str) -> None:
        asked.set()
        assert goes_on.wait(60)
        revoke(token)

    grants.revoke = slow  # type: ignore[method-assign]
    with another(home) as next_:
        next_.open()
        assert asked.wait(60)
        Timer(0.5, goes_on.set).start()
    assert goes_on.is_set()
    assert not home.google.allows()


def test_what_others_live_on_stays(home: Home) -> None:
    home.connect()
    connect_desk(home, ANN)
    edit(home, lambda rooms: rooms.pop(0))
    assert home.bridge.reload.apply(ALL).ok
    assert home.google.allows()
    home.bridge.connecting.refresh(DESK)


def test_no_more_is_removed_than_was_agreed_to(home: Home) -> None:
    home.connect()
    edit(home, lambda rooms: rooms.clear())
    refused = home.bridge.reload.apply(["room-b", "room-b.desk"])
    assert not refused.ok
    assert "room-a, room-a.work, room-a.other would be removed, too" in refused.text
    assert home.google.allows()
    assert home.grant(WORK) is not None


def test_what_was_made_by_api_stays_except_in_a_room_that_goes(home: Home) -> None:
    key = home.key(scope="connections:write resources:write")
    assert home.call(key, "POST", "/resources", {"id": "pool"})[0] == 201
    for room in ("pool", "room-b"):
        body = {"provider": "google", "id": "own"}
        assert home.call(key, "POST", f"/resources/{room}/connections", body)[0] == 201
    edit(home, lambda rooms: rooms.clear())
    assert home.bridge.reload.apply([*ALL, "room-b.own"]).ok
    assert left(home) == (["pool"], ["pool.own"])
    assert home.call(key, "GET", "/connections/pool.own")[0] in (200, 403)


@pytest.mark.covers("S4-32")
def test_notifications_end_with_what_was_parked_by_another_process(tmp_path: Path) -> None:
    with pushed(tmp_path) as house:
        house.connect()
        assert house.there()
        assert house.bridge.scheduler.stop(60)
        edit(house.home, lambda rooms: rooms.pop(0))
        with another(house.home) as next_:
            next_.open()
            assert stands(house, WORK), "it is parked, and knows its channel still"
            assert next_.reload.apply(["room-a", "room-a.work", "room-a.other"]).ok
        assert house.there() == []
        assert not house.home.google.allows()
        assert not stands(house, WORK)


def stands(house: Pushed, connection: ConnectionId) -> bool:
    return bool(house.rows(connection))
