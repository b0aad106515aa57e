"""Deletions are remembered for 180 days: long enough for who syncs, and never too short unseen."""

from __future__ import annotations

import random

import pytest

from bridge.store.database import Database
from tests.dav.lived import LOGINS, Life, is_refused
from tests.engine.house import DAY, make_series


@pytest.mark.timeout(400)
def test_who_syncs_daily_never_has_to_begin_again_in_four_hundred_days(
    sqlite_database: Database,
) -> None:
    life = Life(sqlite_database)
    calendar, chance = life.house.calendar(), random.Random(1)
    calendar.put("w", make_series("2026-11-23 09:00", uid="w", rrules=("FREQ=WEEKLY",)))
    life.house.pull()
    daily = [life.client(login) for login in LOGINS]
    monthly = [life.client(login) for login in LOGINS]
    yearly = [life.client(login) for login in LOGINS]
    for client in (*daily, *monthly, *yearly):
        client.sync()
    there: list[str] = []
    for day in range(400):
        if there and chance.random() < 0.6:
            calendar.delete(there.pop(chance.randrange(len(there))))
        if chance.random() < 0.5:
            there.append(f"e{day}")
            start = f"2027-{chance.randint(1, 12):02}-{chance.randint(1, 28):02} 10:00"
            calendar.put(there[-1], make_series(start, chance.randint(1, 30), uid=there[-1]))
        life.day()
        for client in (*daily, *(monthly if day % 30 == 0 else ())):
            client.sync()
            assert client.known == client.etags().keys()
    for client in yearly:
        assert is_refused(client.ask()), "deletions that it has not heard of are forgotten"


def test_forgetting_in_one_projection_leaves_the_tokens_of_the_other(database: Database) -> None:
    life = Life(database)
    life.house.calendar().put("long", make_series("2027-06-01 09:00", 5, uid="long"))
    life.house.calendar().put("inner", make_series("2027-06-01 10:00", uid="inner"))
    life.house.pull()
    times, details = (life.client(login) for login in LOGINS)
    times.sync()
    details.sync()
    later = life.client("details")
    life.house.calendar().delete("inner")
    life.house.pull()
    assert later.sync()[1] == set()
    life.house.calendar().put("next", make_series("2027-06-02 09:00", uid="next"))
    life.house.pull()
    times.sync()
    later.sync()
    before = times.tags(), details.tags()
    life.house.now += 179 * DAY
    with life.house.database.write() as conn:
        life.house.publisher.forget(conn, life.house.now - 180 * DAY)
    assert not is_refused(details.ask()), "remembered for 180 days"
    with life.house.database.write() as conn:
        life.house.publisher.forget(conn, life.house.now + 2 * DAY - 180 * DAY)
    assert is_refused(details.ask())
    assert times.sync() == (set(), set()), "nothing that it shows was deleted"
    assert later.sync() == (set(), set()), "it heard of the deletion"
    assert (times.tags(), details.tags()) == before, "forgetting is no change"
    details.token = ""
    details.known = set()
    details.sync()
    assert details.known == details.etags().keys()


def test_a_first_sync_in_parts_goes_on_over_forgotten_deletions(database: Database) -> None:
    life = Life(database)
    calendar = life.house.calendar()
    for day in range(1, 21):
        calendar.put(f"e{day}", make_series(f"2027-06-{day:02} 09:00", uid=f"e{day}"))
    life.house.pull()
    for day in range(11, 16):
        calendar.delete(f"e{day}")
    life.house.pull()
    calendar.put("last", make_series("2027-07-01 09:00", uid="last"))
    life.house.pull()
    life.house.now += 181 * DAY
    with life.house.database.write() as conn:
        assert life.house.publisher.forget(conn, life.house.now - 180 * DAY)
    client = life.client("times")
    parts = 0
    while client.known != client.etags().keys():
        client.sync("<limit><nresults>4</nresults></limit>")
        parts += 1
        assert parts <= 5
    assert parts == 4


def test_what_is_deleted_during_a_first_sync_in_parts_is_told(database: Database) -> None:
    life = Life(database)
    calendar = life.house.calendar()
    for day in range(1, 11):
        calendar.put(f"e{day}", make_series(f"2027-06-{day:02} 09:00", uid=f"e{day}"))
    life.house.pull()
    calendar.delete("e1")
    life.house.pull()
    client = life.client("details")
    part = "<limit><nresults>3</nresults></limit>"
    client.sync(part)
    for uid in ("e2", "e9"):
        calendar.delete(uid)
    life.house.pull()
    for _ in range(4):
        client.sync(part)
    assert client.known == client.etags().keys()
    assert client.sync() == (set(), set())


def test_the_date_of_a_calendar_does_not_go_back_when_deletions_are_forgotten(
    database: Database,
) -> None:
    life = Life(database)
    life.house.calendar().put("a", make_series("2027-06-01 09:00", uid="a"))
    life.house.calendar().put("b", make_series("2027-06-02 09:00", uid="b"))
    life.house.pull()
    life.house.calendar().delete("b")
    life.house.pull(later=DAY)
    times = life.client("times")
    free_busy = "view=freebusy&start=20270601T000000Z&end=20270603T000000Z"

    def shown() -> list[object]:
        found = [times.get(""), times.get(free_busy)]
        return [(got.headers["etag"], got.headers.get("last-modified"), got.body) for got in found]

    before = shown()
    with life.house.database.write() as conn:
        life.house.publisher.forget(conn, life.house.now + DAY)
    assert shown() == before, "the same entity tag stands for the same octets"
