"""One alert for each change of a connection's state, and one when all is well."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from bridge.model.resource import ConnectionStatus
from bridge.store import connections
from tests.notify.desk import DAY, HOUR, MINUTE, OTHER, WORK, Desk, logged


def test_an_error_that_lasts_is_told_once_and_its_end_once(desk: Desk) -> None:
    desk.fails(3)
    assert desk.looks(14 * MINUTE) == []
    assert desk.looks(HOUR) == ["opened error"]
    assert desk.looks(8 * HOUR) == []
    desk.succeeds()
    assert desk.looks(every=MINUTE) == []
    assert desk.looks(HOUR) == ["resolved error"]
    assert desk.looks(DAY) == []


@pytest.mark.parametrize("failures", [1, 2])
def test_a_blip_is_not_told(desk: Desk, failures: int) -> None:
    desk.fails(failures)
    assert desk.looks(10 * MINUTE) == []
    desk.succeeds()
    assert desk.looks(DAY) == []


def test_one_failure_is_a_blip_however_long_the_next_try_is_put_off(desk: Desk) -> None:
    desk.fails()
    assert desk.looks(HOUR) == []
    desk.fails()
    assert desk.looks() == ["opened error"]


def test_an_ended_permission_is_told_at_once(desk: Desk) -> None:
    desk.expires()
    assert desk.looks() == ["opened token_expired"]
    desk.now += HOUR
    desk.expires()
    assert desk.looks() == []


def test_it_is_over_only_when_a_pull_went_well_again(desk: Desk) -> None:
    desk.succeeds()
    desk.now += HOUR
    desk.expires()
    assert desk.looks() == ["opened token_expired"]
    with desk.database.write() as conn:
        connections.authorized(conn, WORK)
    assert desk.looks(HOUR) == []
    desk.succeeds()
    assert desk.looks() == ["resolved token_expired"]


def test_what_lasts_is_told_again_each_day(desk: Desk) -> None:
    desk.expires()
    assert desk.looks(50 * HOUR, every=HOUR) == [
        "opened token_expired",
        "repeated token_expired",
        "repeated token_expired",
    ]


def test_an_error_that_becomes_an_ended_permission_is_two_changes_and_one_end(desk: Desk) -> None:
    desk.fails(2)
    assert desk.looks(HOUR) == ["opened error"]
    desk.expires()
    assert desk.looks(HOUR) == ["opened token_expired"]
    desk.succeeds()
    assert desk.looks(HOUR) == ["resolved token_expired error"]


def test_all_that_is_told_until_all_is_well_belongs_together(desk: Desk) -> None:
    desk.fails(2)
    desk.now += HOUR
    ids = set()
    for change in (desk.expires, desk.succeeds):
        desk.notifier.look()
        change()
        desk.now += HOUR
        desk.notifier.look()
    desk.notifier.deliver()
    ids = {each["data"]["alert_id"] for each in desk.received()}
    assert len(ids) == 1
    desk.now += 2 * DAY
    desk.expires()
    desk.notifier.look()
    desk.notifier.deliver()
    (again,) = desk.received()
    assert again["data"]["alert_id"] not in ids


def test_a_stale_calendar_is_told_and_its_end(desk: Desk) -> None:
    key = desk.calendar()
    desk.succeeds()
    desk.now += 7 * HOUR
    desk.stale(key)
    assert desk.looks(HOUR) == ["opened stale"]
    desk.stale(key, stale=False)
    assert desk.looks() == ["resolved stale"]


def test_a_shrink_that_waits_is_told_with_what_can_be_done(desk: Desk) -> None:
    desk.shrink(desk.calendar())
    desk.notifier.look()
    desk.notifier.deliver()
    (told,) = desk.received()
    assert told["data"]["troubles"] == ["shrunk"]
    assert told["data"]["calendars"] == ["Main"]
    assert "busybridge connections pause room-a.work" in told["data"]["error"]["hint"]


def test_a_connection_that_was_taken_away_is_told_once(desk: Desk) -> None:
    desk.becomes(ConnectionStatus.DISCONNECTED)
    assert desk.looks(3 * DAY, every=HOUR) == ["opened disconnected"]
    desk.becomes(ConnectionStatus.ACTIVE)
    desk.succeeds()
    assert desk.looks() == ["resolved disconnected"]


@pytest.mark.parametrize("status", [ConnectionStatus.PAUSED, ConnectionStatus.PENDING])
def test_what_a_person_stopped_is_nobodys_trouble(desk: Desk, status: ConnectionStatus) -> None:
    desk.expires()
    assert desk.looks() == ["opened token_expired"]
    desk.becomes(status)
    assert desk.looks(3 * DAY, every=HOUR) == []


def test_what_comes_and_goes_becomes_one_trouble_that_lasts(desk: Desk) -> None:
    """A password that works every other hour: without damping, 48 alerts in two days."""
    told = []
    for _ in range(24):
        desk.expires()
        told += desk.looks(HOUR, every=30 * MINUTE)
        desk.succeeds()
        told += desk.looks(HOUR, every=30 * MINUTE)
    assert told[:2] == ["opened token_expired", "resolved token_expired"]
    assert len(told) <= 14, told
    assert desk.looks(2 * DAY, every=HOUR)[-1] == "resolved token_expired", "it ends at last"


def test_an_error_that_is_gone_for_a_minute_is_not_over(desk: Desk) -> None:
    desk.fails(2)
    assert desk.looks(HOUR) == ["opened error"]
    desk.succeeds()
    assert desk.looks(2 * MINUTE, every=MINUTE) == []
    desk.fails(2)
    assert desk.looks(HOUR) == []


def test_each_connection_has_alerts_of_its_own(desk: Desk) -> None:
    desk.expires()
    desk.expires(OTHER)
    desk.notifier.look()
    desk.notifier.deliver()
    told = desk.received()
    assert [each["data"]["connection_id"] for each in told] == ["room-a.other", "room-a.work"]


def test_a_restart_tells_nothing_again(desk: Desk) -> None:
    desk.expires()
    assert desk.looks() == ["opened token_expired"]
    desk.notifier = desk.another()
    assert desk.looks(HOUR) == []


def test_many_who_look_at_once_tell_it_once(desk: Desk) -> None:
    desk.expires()
    looking = [desk.another() for _ in range(6)]
    ready = Barrier(len(looking))

    def look(number: int) -> None:
        ready.wait(60)
        looking[number].look()
        looking[number].deliver()

    threads = [Thread(target=look, args=(number,)) for number in range(len(looking))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [each["type"] for each in desk.received()] == ["alert.opened"]


@pytest.mark.covers("S0-49")
def test_an_alert_says_what_it_is_since_when_why_and_what_to_do(desk: Desk) -> None:
    desk.calendar()
    desk.succeeds()
    desk.now += 3 * HOUR
    desk.expires()
    with logged() as records:
        desk.notifier.look()
        desk.notifier.deliver()
    (told,) = desk.received()
    data = told["data"]
    text = data.pop("text")
    assert told["id"] == data.pop("alert_id")
    assert data == {
        "resource_id": "room-a",
        "resource_name": "Room A",
        "connection_id": "room-a.work",
        "provider": "memory",
        "account_email": "ann@example.test",
        "status": "token_expired",
        "troubles": ["token_expired"],
        "since": "2026-09-21T17:13:20Z",
        "error": {
            "code": "token_expired",
            "message": "invalid_grant",
            "hint": "connect the account again",
        },
        "calendars": [],
        "mirrors": [],
        "last_sync_at": "2026-09-21T14:13:20Z",
        "stale": False,
        "on_stale": ["keep_last"],
        "title": "room-a.work: needs to be connected again",
    }
    for part in (
        "room-a (Room A)",
        "account ann@example.test",
        "Reason: invalid_grant (token_expired).",
        "What to do: connect the account again.",
        "3 hours old",
        "when it was not read for 6h, its last known time goes on blocking",
    ):
        assert part in text
    (record,) = records
    assert record.levelname == "WARNING"
    assert text.replace("\n", " ") in record.getMessage()
