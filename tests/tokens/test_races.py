"""Accounts that are connected, refreshed and disconnected at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from pydantic import SecretStr

from bridge.accounts import Accounts
from bridge.config.live import Live
from bridge.connecting.ending import Ending
from bridge.connecting.keeping import Keeping
from bridge.errors import AuthorizationExpired, RemoteRejected
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import connections, credentials, schedule
from tests.builders import make_settings
from tests.servers.authorization import AuthorizationServer
from tests.tokens.ground import WORK, Process


def ending(process: Process) -> Ending:
    accounts = Accounts(Live(make_settings()), process.http, {}, process.tokens)
    keeping = Keeping(process.database, accounts, process.tokens, process.clock)
    return Ending(process.database, process.tokens, keeping)


def outcome(process: Process) -> tuple[ConnectionStatus, bool]:
    """The status, and whether there is a grant."""
    with process.database.read() as conn:
        row = connections.get(conn, WORK)
        assert row is not None
        return row.status, credentials.version(conn, WORK, "oauth") > 0


def test_a_refresh_that_outlives_its_grant_does_not_touch_the_next_one(
    process: Process, server: AuthorizationServer
) -> None:
    other = replace(server.grant(), access_token=SecretStr("CANARY-other"), subject="4711")

    def meanwhile() -> None:
        assert ending(process).end(WORK, None) is None
        process.tokens.connect(WORK, other)

    process.clock.now += 4000
    server.meanwhile = meanwhile
    assert process.source.token() == "CANARY-other"
    held = process.tokens.grant(WORK)
    assert held is not None
    assert (held.subject, held.access_token) == ("4711", SecretStr("CANARY-other"))
    assert server.calls == 1


@pytest.mark.covers("T69")
def test_a_refresh_that_outlives_its_grant_brings_nothing_back(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    server.meanwhile = lambda: ending(process).end(WORK, None)
    with pytest.raises(AuthorizationExpired, match="nobody has connected"):
        process.source.token()
    assert outcome(process) == (ConnectionStatus.DISCONNECTED, False)


def test_whoever_connects_and_disconnects_at_the_same_time_one_of_them_has_it_wholly(
    process: Process, server: AuthorizationServer
) -> None:
    ends, grant, together = ending(process), server.grant(), Barrier(4)

    def connect() -> None:
        together.wait(60)
        process.tokens.connect(WORK, grant)

    def disconnect() -> None:
        together.wait(60)
        ends.end(WORK, None)

    def pull() -> None:
        together.wait(60)
        now = process.clock.now
        with process.database.write() as conn:
            claims = schedule.claim(conn, "other", now, 1, 60)
            for each in claims:
                connections.record_attempt(conn, each.connection_id, now)
        with process.database.write() as conn:
            for each in claims:
                if schedule.release(conn, each, now, done=True):
                    connections.record_success(conn, each.connection_id, now)

    outcomes = set()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(25):
            for job in [pool.submit(it) for it in (connect, disconnect, disconnect, pull)]:
                job.result()
            outcomes.add(outcome(process))
    whole = {(ConnectionStatus.ACTIVE, True), (ConnectionStatus.DISCONNECTED, False)}
    assert outcomes <= whole


def test_how_a_pull_ends_that_began_before_its_account_was_connected_again_is_of_no_interest(
    process: Process, server: AuthorizationServer
) -> None:
    now = process.clock.now
    with process.database.write() as conn:
        (before,) = schedule.claim(conn, "other", now, 1, 60)
    process.tokens.connect(WORK, server.grant())
    with process.database.write() as conn:
        assert not schedule.release(conn, before, now + 3600, done=False)
        again = schedule.claim(conn, "other", now, 1, 60)
    assert [each.connection_id for each in again] == [WORK], "it is due at once"


def test_a_connection_that_is_gone_by_now_is_not_connected(
    process: Process, server: AuthorizationServer
) -> None:
    with process.database.write() as conn:
        connections.remove(conn, [WORK])
    with pytest.raises(RemoteRejected, match="is gone"):
        process.tokens.connect(WORK, server.grant())
    assert ending(process).end(ConnectionId("room-a.nothing"), None) is None
