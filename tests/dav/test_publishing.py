"""Clients that sync while calendars change end with what is there, whatever they met on the way."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bridge.store.database import Database
from tests.databases import closing_database
from tests.dav.client import Client, read, sync
from tests.dav.house import HOUR, NINE, House, hours

LOGINS = {"alice": "/alice/room-a.busy/", "bob": "/bob/room-a.busy/"}
"""The first sees times, the second details."""
LIMITS = (None, 3, 17)


def publish(house: House, chance: random.Random) -> None:
    """Let events come, go and change their titles, as pulls of several calendars would."""
    for _ in range(40):
        first = NINE + chance.randrange(300) * HOUR
        spans = [(start, start + 1800) for start, _ in hours(chance.randrange(1, 8), first=first)]
        if chance.random() < 0.5:
            house.fill("room-a", spans, title=f"title {chance.random()}")
        else:
            house.drop("room-a", *spans)


def follow(client: Client, path: str, chance: random.Random, ended: Event) -> dict[str, str]:
    """Sync again and again, in parts or whole, once more after all has ended."""
    known: dict[str, str] = {}
    token, last = "", False
    while not last:
        last = ended.is_set()
        more = True
        while more:
            found = read(client.report(path, sync(token, chance.choice(LIMITS))))
            for href, member in found.items():
                name = href.rsplit("/", 1)[1]
                if member.status == 404:
                    known.pop(name, None)
                elif member.status is None:
                    known[name] = member.text("D:getetag")
            token, more = found.sync_token, found.truncated
    return known


@pytest.mark.covers("A-38")
def test_clients_that_sync_while_several_write_end_with_what_is_there(database: Database) -> None:
    ended = Event()
    with (
        House(database) as house,
        closing_database(database.url) as elsewhere,
        ThreadPoolExecutor(7) as threads,
    ):
        house.fill("room-a", hours(100))
        writers = [House.over(house), house, House(elsewhere, store=False)]
        clients = [(house.client(name), LOGINS[name]) for name in (*LOGINS, *LOGINS)]
        try:
            publishing = [
                threads.submit(publish, each, random.Random(number))
                for number, each in enumerate(writers)
            ]
            following = [
                threads.submit(follow, client, path, random.Random(number), ended)
                for number, (client, path) in enumerate(clients)
            ]
            for each in publishing:
                each.result()
        finally:
            ended.set()
        for (client, path), each in zip(clients, following, strict=True):
            assert each.result() == client.listing(path)
