"""Connections and calendars: what is remembered of their pulls."""

from __future__ import annotations

from bridge.model.interval import Window
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId, SyncState
from bridge.provider import AccessRole, CalendarId, SyncToken
from bridge.store import calendars, connections
from bridge.store.calendars import CalendarRow, NewCalendar, Pull
from bridge.store.connections import ConnectionRow, Failure
from bridge.store.database import Database
from tests.builders import NOW, store_resource

WORK = ConnectionId("room-a.work")


def connection(database: Database) -> ConnectionRow:
    with database.read() as conn:
        found = connections.get(conn, WORK)
    assert found
    return found


def fail(database: Database, now: int, failure: Failure) -> ConnectionRow:
    with database.write() as conn:
        connections.record_failure(conn, WORK, now, failure)
    return connection(database)


def test_failures_are_counted_and_keep_the_time_of_the_first(database: Database) -> None:
    store_resource(database)
    fail(database, NOW, Failure("unavailable", "no answer"))
    row = fail(database, NOW + 60, Failure("unavailable", "still none", hint="wait"))
    assert (row.failures, row.error_since, row.error_message) == (2, NOW, "still none")
    assert (row.status, row.sync_state) == (ConnectionStatus.ERROR, SyncState.BACKOFF)


def test_a_pause_that_the_provider_asked_for_shows_as_rate_limited(database: Database) -> None:
    store_resource(database)
    failure = Failure("rate_limited", "429", status=ConnectionStatus.ACTIVE, limited_until=NOW + 9)
    row = fail(database, NOW, failure)
    assert (row.status, row.sync_state) == (ConnectionStatus.ACTIVE, SyncState.RATE_LIMITED)
    assert row.limited_until == NOW + 9


def test_a_success_heals_a_connection(database: Database) -> None:
    store_resource(database)
    fail(database, NOW, Failure("rate_limited", "429", limited_until=NOW + 9))
    with database.write() as conn:
        connections.record_attempt(conn, WORK, NOW + 10)
        connections.record_success(conn, WORK, NOW + 11)
    row = connection(database)
    assert (row.status, row.sync_state) == (ConnectionStatus.ACTIVE, SyncState.IDLE)
    assert (row.failures, row.error_code, row.error_since, row.limited_until) == (0, "", None, None)
    assert (row.attempt_at, row.success_at) == (NOW + 10, NOW + 11)


def test_a_pull_that_ends_after_a_person_paused_the_connection_does_not_resume_it(
    database: Database,
) -> None:
    store_resource(database)
    with database.write() as conn:
        connections.record_attempt(conn, WORK, NOW)
        connections.set_status(conn, WORK, ConnectionStatus.PAUSED)
        connections.record_success(conn, WORK, NOW)
    assert connection(database).status is ConnectionStatus.PAUSED
    assert fail(database, NOW, Failure("x", "y")).status is ConnectionStatus.PAUSED


def calendar(name: str = "Work", *, reads: bool = True) -> NewCalendar:
    return NewCalendar(
        id="c1",
        connection_id=WORK,
        remote_id=CalendarId("/calendars/work/"),
        name=name,
        role=AccessRole.FREE_BUSY,
        time_zone="Europe/Berlin",
        is_primary=True,
        reads=reads,
        writes=False,
        policy="{}",
    )


def stored(database: Database) -> CalendarRow:
    with database.read() as conn:
        [found] = calendars.of_resource(conn, ResourceId("room-a"))
    return found


def test_a_listing_changes_what_it_tells_and_keeps_what_was_pulled(database: Database) -> None:
    store_resource(database)
    pull = Pull(SyncToken("token"), Window(10, 20), full=True, notes='["guessed a zone"]')
    with database.write() as conn:
        calendars.upsert(conn, [calendar()])
        calendars.record_pull(conn, "c1", NOW, pull)
        calendars.upsert(conn, [calendar("Renamed", reads=False)])
    row = stored(database)
    assert (row.name, row.reads, row.role) == ("Renamed", False, AccessRole.FREE_BUSY)
    assert (row.token, row.window_start, row.window_end) == ("token", 10, 20)
    assert (row.full_at, row.success_at, row.notes) == (NOW, NOW, '["guessed a zone"]')


def test_an_incremental_pull_keeps_the_time_of_the_last_full_one(database: Database) -> None:
    store_resource(database)
    with database.write() as conn:
        calendars.upsert(conn, [calendar()])
        calendars.record_pull(conn, "c1", NOW, Pull(None, Window(0, 1), full=True))
        calendars.record_pull(conn, "c1", NOW + 60, Pull(None, Window(0, 1), full=False))
    assert (stored(database).full_at, stored(database).success_at) == (NOW, NOW + 60)


def test_a_failed_pull_is_remembered_since_its_first_until_one_succeeds(
    database: Database,
) -> None:
    store_resource(database)
    with database.write() as conn:
        calendars.upsert(conn, [calendar()])
        calendars.set_shrink(conn, "c1", "{}")
        calendars.set_stale(conn, ["c1"], stale=True)
        calendars.record_failure(conn, "c1", NOW, "not_found", "gone")
        calendars.record_failure(conn, "c1", NOW + 60, "not_found", "still gone")
    failed = stored(database)
    assert (failed.failed_since, failed.error_message) == (NOW, "still gone")
    assert (failed.stale, failed.shrink) == (True, "{}")
    with database.write() as conn:
        calendars.record_pull(conn, "c1", NOW + 90, Pull(None, Window(0, 1), full=True))
    healed = stored(database)
    assert (healed.failed_since, healed.error_code, healed.shrink) == (None, "", None)


def test_forgotten_tokens_ask_for_a_full_listing(database: Database) -> None:
    store_resource(database)
    with database.write() as conn:
        calendars.upsert(conn, [calendar()])
        pull = Pull(SyncToken("token"), Window(0, 1), full=True)
        calendars.record_pull(conn, "c1", NOW, pull)
        calendars.forget_tokens(conn, [WORK])
    assert stored(database).token is None


def test_calendars_go_with_their_connection(database: Database) -> None:
    store_resource(database)
    with database.write() as conn:
        calendars.upsert(conn, [calendar()])
        connections.remove(conn, [WORK])
        assert calendars.every(conn) == []


def test_a_removed_calendar_is_gone(database: Database) -> None:
    store_resource(database)
    with database.write() as conn:
        calendars.upsert(conn, [calendar()])
        calendars.remove(conn, ["c1"])
        assert calendars.of_connection(conn, WORK) == []


HOSTILE = [
    "'; DROP TABLE connections; --",
    '" OR ""="',
    "%s %(x)s :name ? \\' $1",
    "Ünïcödé \U0001f4c5 \u202e \\x00",
    "x" * 100_000,
]


def test_hostile_texts_come_back_as_they_went_in(database: Database) -> None:
    store_resource(database)
    for text in HOSTILE:
        row = fail(database, NOW, Failure(text[:100], text, hint=text))
        assert (row.error_code, row.error_message, row.error_hint) == (text[:100], text, text)
