"""Access tokens: refreshed once for all, kept before they are used, and left alone when refused."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bridge.authorizer import Grant
from bridge.errors import (
    AuthorizationExpired,
    BridgeError,
    CredentialUnreadable,
    NotConnected,
    StoreError,
    TemporarilyUnavailable,
)
from bridge.model.resource import ConnectionStatus
from bridge.store import connections, credentials, schedule
from bridge.store.connections import Failure
from bridge.store.schema import credentials as table
from bridge.tokens import Authorized
from bridge.tokens.tokens import REST
from tests.builders import NOW, store_resource
from tests.databases import Restless
from tests.servers.authorization import AuthorizationServer
from tests.servers.origin import Answer
from tests.tokens.ground import WORK, Process


def stored(process: Process) -> credentials.Credential:
    with process.database.read() as conn:
        found = credentials.load(conn, process.vault, WORK, "oauth")
    assert found is not None
    return found


def test_a_token_that_is_good_is_given_without_asking_anybody(
    process: Process, server: AuthorizationServer
) -> None:
    assert process.source.token() == "CANARY-access-1"
    assert server.calls == 0


def test_a_token_is_refreshed_before_it_ends_and_the_rotated_one_is_kept(
    process: Process, server: AuthorizationServer
) -> None:
    for number in (2, 3, 4):
        process.clock.now += 3590
        assert process.source.token() == f"CANARY-access-{number}"
        assert process.source.token() == f"CANARY-access-{number}"
        held = stored(process)
        assert held.secret("refresh_token") == f"CANARY-refresh-{number}"
        assert held.expires_at == process.clock.now + 3600
        assert (held.scopes, held.subject) == (("calendar.readonly",), "1179")
    assert server.calls == 3


@pytest.mark.covers("F28")
def test_twenty_threads_that_need_a_token_cost_one_refresh(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    waiting = threading.Event()
    server.meanwhile = lambda: waiting.wait(0.3)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: process.source.token(), range(20)))
    assert set(found) == {"CANARY-access-2"}
    assert (server.calls, server.refused) == (1, 0)


@pytest.mark.covers("F28")
def test_three_processes_with_many_threads_cost_one_refresh_for_each_token(
    process: Process, server: AuthorizationServer, key_file: Path
) -> None:
    arguments = (process.database.url, str(key_file), server.token_url, "7")
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.tokens.ground", *arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        assert [child.stdout.readline() for child in children] == ["ready\n"] * 3
        for number in range(1, 6):
            for child in children:
                child.stdin.write(f"CANARY-access-{number}\n")
                child.stdin.flush()
            found = " ".join(child.stdout.readline() for child in children).split()
            assert found == [f"CANARY-access-{number + 1}"] * 21
        assert (server.calls, server.refused) == (5, 0)
    finally:
        for child in children:
            child.communicate()
    assert [child.returncode for child in children] == [0, 0, 0]


def test_who_does_not_need_a_new_token_does_not_wait_for_one(
    process: Process, server: AuthorizationServer
) -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def meanwhile() -> None:
        under_way.set()
        go_on.wait(30)

    server.meanwhile = meanwhile
    process.clock.now += 3500
    with ThreadPoolExecutor(1) as pool:
        refreshed = pool.submit(process.source.token)
        assert under_way.wait(30)
        assert process.source.token() == "CANARY-access-1", "it lasts for another 100 s"
        with process.database.write() as conn:  # nothing is locked meanwhile
            connections.record_attempt(conn, WORK, NOW)
        go_on.set()
        assert refreshed.result() == "CANARY-access-2"


@pytest.mark.covers("F7", "A-45")
def test_a_rotated_token_is_committed_before_it_is_used_and_survives_a_store_that_fails(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    writes: list[int] = []
    failing = True

    def meanwhile(*, lasting: bool) -> None:
        writes.append(server.calls)
        if failing and server.calls:
            raise StoreError("no room", full=True)

    database = Restless(process.database.url, meanwhile)
    process.tokens._database = database
    for _ in range(3):
        with pytest.raises(StoreError, match="no room"):
            process.source.token()
    assert server.calls == 1, "the answer is not used, and not asked for again either"
    failing = False
    assert process.source.token() == "CANARY-access-2"
    assert stored(process).secret("refresh_token") == "CANARY-refresh-2"
    process.clock.now += 4000
    assert process.source.token() == "CANARY-access-3"
    assert (server.calls, server.refused) == (2, 0)
    database.close()


@pytest.mark.covers("F7", "F70")
def test_an_answer_that_is_lost_after_the_rotation_is_not_silent(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    server.loses_answer = True
    with pytest.raises(BridgeError):
        process.source.token()
    with pytest.raises(AuthorizationExpired) as caught:
        process.source.token()
    assert caught.value.hint == "connect the account again"


def test_a_process_that_died_while_refreshing_gives_the_credential_back(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    held = stored(process)
    with process.database.write() as conn:
        now = process.clock.now
        assert credentials.lease(conn, held, "dead", now, now + 60)
        assert not credentials.lease(conn, held, "other", now, now + 60)
    process.tokens._patience = 0
    with pytest.raises(TemporarilyUnavailable, match="another process is refreshing"):
        process.source.token()
    process.clock.now += 61
    assert process.source.token() == "CANARY-access-2"
    assert server.calls == 1


@pytest.mark.covers("F12")
def test_a_refused_grant_is_asked_for_once_an_hour_whoever_asks_how_often(
    process: Process, server: AuthorizationServer, key_file: Path
) -> None:
    process.clock.now += 4000
    server.revoked = True
    began = process.clock.now
    other = Process(process.database, process.ring, server.token_url)
    other.clock = process.clock
    other.tokens._clock = process.clock
    while process.clock.now < began + 3 * REST:
        for source in (process.source, other.source):
            with pytest.raises(AuthorizationExpired, match="invalid_grant") as caught:
                source.token()
            assert caught.value.hint == "connect the account again"
        process.clock.now += 60
    other.close()
    assert server.calls == 3


def test_who_asks_while_a_grant_rests_is_told_what_the_provider_said_and_what_to_do(
    process: Process,
) -> None:
    def refused(_: Grant) -> Grant:
        raise AuthorizationExpired("kept out by\na policy", code="blocked", hint="ask the admin")

    told = []
    for _ in range(2):
        with pytest.raises(AuthorizationExpired) as caught:
            process.tokens.token(WORK, refused, refused="CANARY-access-1")
        told.append((" ".join(str(caught.value).split()), caught.value.code, caught.value.hint))
    assert told == [("kept out by a policy", "blocked", "ask the admin")] * 2


def test_connecting_again_makes_a_refused_connection_well_at_once(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    server.revoked = True
    with pytest.raises(AuthorizationExpired) as caught:
        process.source.token()
    expired = ConnectionStatus.TOKEN_EXPIRED
    failure = Failure(caught.value.code, str(caught.value), caught.value.hint, expired)
    with process.database.write() as conn:
        connections.record_failure(conn, WORK, NOW, Failure("unavailable", "a timeout"))
        connections.record_failure(conn, WORK, NOW + 10, failure)
        connections.record_failure(conn, WORK, NOW + 20, failure)
        row = connections.get(conn, WORK)
    assert row is not None
    assert (row.status, row.error_code, row.error_since) == (expired, "token_expired", NOW + 10)
    assert row.error_hint == "connect the account again"
    server.revoked = False
    process.tokens.connect(WORK, server.grant())
    with process.database.write() as conn:
        row = connections.get(conn, WORK)
        claims = schedule.claim(conn, "test", process.clock.now, 1, 60)
    assert row is not None
    assert (row.status, row.error_code, row.error_since) == (ConnectionStatus.ACTIVE, "", None)
    assert [claim.connection_id for claim in claims] == [WORK]
    assert process.source.token() == "CANARY-access-1"


def test_a_reconnection_during_a_refresh_wins(
    process: Process, server: AuthorizationServer
) -> None:
    process.clock.now += 4000
    again = server.grant()
    server.meanwhile = lambda: process.tokens.connect(WORK, again)
    assert process.source.token() == "CANARY-access-1"
    assert stored(process).secret("refresh_token") == "CANARY-refresh-1"


def test_a_server_that_is_down_ends_nothing(process: Process, server: AuthorizationServer) -> None:
    process.clock.now += 4000
    server.fault = lambda: Answer(503, {"Retry-After": "7"})
    with pytest.raises(TemporarilyUnavailable) as caught:
        process.source.token()
    assert caught.value.retry_after == timedelta(seconds=7)
    server.fault = lambda: None
    assert process.source.token() == "CANARY-access-2"


def test_an_account_that_nobody_connected_says_so(
    process: Process, server: AuthorizationServer
) -> None:
    assert process.tokens.erase(WORK)
    assert not process.tokens.erase(WORK)
    with pytest.raises(NotConnected) as caught:
        process.source.token()
    assert caught.value.code == "connection_pending"
    assert process.tokens.grant(WORK) is None


@pytest.mark.covers("F11")
def test_a_401_costs_one_refresh_and_one_more_try(
    process: Process, server: AuthorizationServer
) -> None:
    http = Authorized(process.http, process.source)
    assert http.request("GET", server.api_url).status == 200
    server.end_access_token()
    assert http.request("GET", server.api_url).status == 200
    assert server.calls == 1
    server.deaf = True
    before = len(server.origin.requests)
    with pytest.raises(AuthorizationExpired, match="just issued"):
        http.request("GET", server.api_url)
    assert len(server.origin.requests) - before == 3, "the API, the refresh, the API"


@pytest.mark.covers("F11", "F28")
def test_twenty_threads_that_are_answered_401_cost_one_refresh(
    process: Process, server: AuthorizationServer
) -> None:
    http = Authorized(process.http, process.source)
    server.end_access_token()
    together = threading.Barrier(20)

    def ask(_: int) -> int:
        together.wait(30)
        return http.request("GET", server.api_url).status

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {200}
    assert (server.calls, server.refused) == (1, 0)


@pytest.mark.covers("T37")
def test_a_row_of_another_connection_is_refused_and_asks_for_a_human(
    process: Process, server: AuthorizationServer
) -> None:
    (other,) = store_resource(process.database, "room-b")
    process.tokens.connect(other, server.grant())
    with process.database.write() as conn:
        columns = (table.c.key_id, table.c.nonce, table.c.ciphertext)
        stolen = conn.execute(select(*columns).where(table.c.connection_id == other)).one()
        swap = update(table).where(table.c.connection_id == WORK)
        conn.execute(swap.values(**stolen._asdict()))
    with pytest.raises(CredentialUnreadable, match="changed or moved") as caught:
        process.source.token()
    assert "connect the account again" in caught.value.hint
    assert server.calls == 0


@pytest.mark.covers("T39", "P7")
def test_no_token_is_in_the_log_at_debug_nor_in_any_error(
    process: Process, server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[Answer | None] = [
        Answer(500, {}, b"CANARY-access-1"),
        Answer(401, {"WWW-Authenticate": 'Bearer realm="CANARY-refresh-1"'}),
        Answer(200, {}, b'{"access_token": "CANARY-access-9"'),
        Answer(302, {"Location": "https://127.0.0.1/?code=CANARY-code"}),
        None,
    ]
    shown = []
    with caplog.at_level(logging.DEBUG):
        for fault in faults:
            server.fault = lambda fault=fault: fault
            process.clock.now += 4000
            try:
                process.source.token()
            except (BridgeError, ValueError) as err:
                logging.getLogger("test").exception("it failed")
                shown += [repr(err), str(err), getattr(err, "hint", "")]
    shown += [caplog.text, repr(process.tokens), repr(process.source), repr(server.grant())]
    shown += [repr(process.tokens.grant(WORK)), repr(vars(process.tokens))]
    assert [text for text in shown if "CANARY" in text] == []
