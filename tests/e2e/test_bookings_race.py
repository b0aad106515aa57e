"""Many clients book the same hour at once: one gets it, and the others are told why not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.databases import PostgresqlServer
from tests.e2e.bookable import ROOMS, Answer, Bookable, bookable, path, text
from tests.long import seeds

CLIENTS = 32
FEW, MANY = 3, 41
ROUNDS = 10
"""Rounds of one soak seed beyond the first few; of every second seed all have their meetings at
Zoom: 200 on each database."""
ALL = tuple(ROOMS)
DAY = (int(time.time()) // 86400 + 2) * 86400


class Race:
    """Clients, a fresh hour for each round, and what became of every hour."""

    def __init__(self, booked: Bookable) -> None:
        self.booked = booked
        processes = len(booked.processes)
        self.clients = [booked.client(number % processes) for number in range(CLIENTS)]
        self.winners: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.statuses: Counter[int] = Counter()

    def reconnect(self) -> None:
        """Begin with new connections: the server ends those that were idle for long."""
        for client in self.clients:
            client.close()

    def run(self, pool: ThreadPoolExecutor, number: int, room: str) -> None:
        start = DAY + number * 3600
        barrier = Barrier(CLIENTS)

        def put(client: int) -> tuple[str, Answer]:
            uid = f"{room}-{number}-{client}"
            barrier.wait()
            return uid, self.clients[client].ask("PUT", path(room, uid), text(room, uid, start))

        answers = dict(pool.map(put, range(CLIENTS)))
        won = {uid for uid, answer in answers.items() if answer.status == 201}
        assert len(won) == 1, Counter(answer.status for answer in answers.values())
        self.winners[room] |= won
        for uid, answer in answers.items():
            self.statuses[answer.status] += 1
            if uid not in won:
                assert answer.status in {403, 503}, answer
                told = answer.body.decode()
                assert "Busy" in told or answer.status == 503, told
                assert not won & set(told.split()), "nobody else's title is told"

    def reckon(self) -> None:
        """Each hour stands at its provider once, with its link."""
        for room, winners in self.winners.items():
            standing = self.booked.events(room)
            assert set(standing) == winners
            assert all(len(each) == 1 for each in standing.values())
            links = [link for each in standing.values() for _, link in each]
            assert all(links)
            assert len(set(links)) == len(links)
        assert {title for title, _ in self.booked.meetings()} == self.winners["zoom"]
        assert len(self.booked.meetings()) == len(self.booked.meetings_made())
        assert len(self.booked.meetings_made()) == len(self.winners["zoom"]), "one each, no other"


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Race]:
    folder = tmp_path_factory.mktemp("race")
    with bookable(folder, server={"threads": 128}) as booked:
        yield Race(booked)


@pytest.fixture(scope="module")
def on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgresqlServer
) -> Iterator[Race]:
    url = postgresql_server.create()
    folder = tmp_path_factory.mktemp("race")
    with bookable(folder, urls=(url, url), server={"threads": 64}) as booked:
        yield Race(booked)
    postgresql_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql, two processes"])
def race(request: pytest.FixtureRequest) -> Race:
    name = "on_sqlite" if request.param == "sqlite" else "on_postgresql"
    found: Race = request.getfixturevalue(name)
    return found


@pytest.mark.parametrize("seed", seeds(1, MANY))
def test_of_clients_that_book_the_same_hour_at_once_one_wins(race: Race, seed: int) -> None:
    rounds = range(FEW) if seed == 0 else range(seed * ROUNDS, (seed + 1) * ROUNDS)
    race.reconnect()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number in rounds:
            race.run(pool, number, "zoom" if seed % 2 else ALL[number % len(ALL)])
    race.reckon()
    assert race.statuses[403] > race.statuses[201], "most were decided, and not turned away"
