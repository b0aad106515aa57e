"""What calendar clients notice of the time that passes, of restarts, and of one change."""

from __future__ import annotations

import re

import pytest

from bridge.store.database import Database
from tests.databases import closing_database
from tests.dav.lived import LOGINS, Life
from tests.engine.house import BERLIN, at, make_series

PRIVACY = {"mode": "full", "show_title": True}


def lines(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}:(.*)\r$", text, re.MULTILINE)


@pytest.mark.covers("A-38")
def test_sixty_idle_days_and_a_restart_change_nothing_but_the_monthly_step(
    database: Database,
) -> None:
    life = Life(database)
    calendar = life.house.calendar()
    calendar.put(
        "w", make_series(at("2026-01-05 09:00", BERLIN), uid="w", rrules=("FREQ=DAILY;INTERVAL=8",))
    )
    calendar.put("long", make_series("2026-11-29 12:00", 60, uid="long"))
    calendar.put("end", make_series("2027-12-31 20:00", 60, uid="end"))
    life.house.pull()
    clients = [life.client(login) for login in LOGINS]
    for client in clients:
        client.sync()
    with closing_database(database.url) as second:
        steps = 0
        for day in range(60):
            before = [(client.texts(), client.etags(), client.tags()) for client in clients]
            horizon = life.house.state().horizon
            if day == 30:
                life.restart(second)
                assert before == [(it.texts(), it.etags(), it.tags()) for it in clients]
            life.day()
            stepped = life.house.state().horizon != horizon
            steps += stepped
            for client, (texts, etags, tags) in zip(clients, before, strict=True):
                new = client.etags()
                added, dropped = new.keys() - etags.keys(), etags.keys() - new.keys()
                assert client.sync() == (added, dropped)
                assert client.known == new.keys()
                assert stepped or (client.tags() == tags and not added | dropped)
                assert stepped or client.texts() == texts
                assert all(new[href] == etags[href] for href in new.keys() & etags.keys())
    assert steps == 4, "two months leave the window, two come into it"


@pytest.mark.covers("A-38")
def test_texts_of_blocks_that_stay_are_the_same_after_a_monthly_step(database: Database) -> None:
    life = Life(database)
    life.house.calendar().put("w", make_series("2026-11-23 09:00", rrules=("FREQ=WEEKLY",)))
    life.house.pull()
    client = life.client("details")
    before, tags = client.texts(), client.tags()
    for _ in range(4):
        life.day(later=10 * 86400)
    after = client.texts()
    assert client.tags() != tags
    assert len(after.keys() & before.keys()) > 40
    assert all(after[href] == before[href] for href in after.keys() & before.keys())


def test_a_changed_event_changes_only_its_own_blocks(database: Database) -> None:
    life = Life(database, privacy=PRIVACY)
    calendar = life.house.calendar()
    for day in range(23, 28):
        calendar.put(f"e{day}", make_series(f"2026-11-{day} 09:00", uid=f"e{day}", summary="Old"))
    calendar.put("beside", make_series("2026-11-25 09:30", uid="beside", summary="Beside"))
    life.house.pull()
    clients = {login: life.client(login) for login in LOGINS}
    for client in clients.values():
        client.sync()
    before = {login: client.texts() for login, client in clients.items()}

    calendar.put("e25", make_series("2026-11-25 09:00", 2, uid="e25", summary="Old"))
    life.house.pull(later=3600)
    changed, gone = clients["details"].sync()
    [longer] = changed
    after = clients["details"].texts()
    assert not gone
    assert lines(after[longer], "DTEND") == ["20261125T110000Z"]
    assert lines(after[longer], "SEQUENCE") > lines(before["details"][longer], "SEQUENCE")
    assert lines(after[longer], "DTSTAMP") == ["20261120T130100Z"], "of the change, never now"
    del after[longer], before["details"][longer]
    assert after == before["details"], "all others are the same to the octet"

    changed, gone = clients["times"].sync()
    after = clients["times"].texts()
    assert [lines(after[href], "DTEND") for href in changed] == [["20261125T110000Z"]]
    assert [lines(before["times"][href], "DTEND") for href in gone] == [["20261125T103000Z"]]
    stayed = after.keys() & before["times"].keys()
    assert len(stayed) == 4
    assert all(after[href] == before["times"][href] for href in stayed)


@pytest.mark.covers("T50")
def test_another_title_is_no_change_to_who_sees_only_times(database: Database) -> None:
    life = Life(database, privacy=PRIVACY)
    life.house.calendar().put("a", make_series(summary="One"))
    life.house.calendar().put("b", make_series("2026-11-24 09:00", uid="b", summary="Two"))
    life.house.pull()
    times, details = (life.client(login) for login in LOGINS)
    times.sync()
    details.sync()
    before = times.tags(), times.etags()
    life.house.calendar().put("a", make_series(summary="Another"))
    life.house.pull(later=3600)
    assert times.sync() == (set(), set())
    assert (times.tags(), times.etags()) == before
    changed, gone = details.sync()
    assert (len(changed), gone) == (1, set())
