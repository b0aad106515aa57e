"""Notifications of any kind of provider, on both databases: also of those that Google is unlike."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from bridge.channels.coalescing import Coalescing
from bridge.channels.hearing import Hearing
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.notifier import Delivery, News, Notice, Notices
from bridge.provider import ProviderKind
from bridge.providers import memory
from bridge.store import channels, connections, leases, schedule
from bridge.store.channels import ChannelRow, ChannelState
from bridge.store.connections import Failure
from bridge.store.database import Database
from bridge.store.keys import digest
from bridge.store.wake import Wake
from tests.builders import NOW, store_resource

TOKEN = "t" * 64


def subscriptions(delivery: Delivery) -> Notices:
    """Read requests that hold several notifications, as Microsoft's do."""
    if "validationToken" in delivery.query:
        return Notices(status=200, body=delivery.query["validationToken"].encode(), handshake=True)
    words = {"created": News.CHANGED, "subscriptionRemoved": News.ENDED}
    return Notices(
        [
            Notice(each["clientState"], SecretStr(each["token"]), words[each["type"]], each["id"])
            for each in json.loads(delivery.body)["value"]
        ],
        status=202,
    )


class Ear:
    """A hearing over two connections that are watched."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now, self.moment = NOW, 0.0
        kind: ProviderKind = replace(memory.kind({}), name="memory", notices=subscriptions)
        self.hearing = Hearing(
            database,
            Wake(database),
            {"memory": kind},
            clock=lambda: self.now,
            tick=lambda: self.moment,
        )
        self.ids = store_resource(database, names=("work", "home"))
        with database.write() as conn:
            for number, name in enumerate(self.ids):
                channels.add(conn, row(f"c{number}", name))
            for claim in schedule.claim(conn, "tests", NOW, 2, 60):
                schedule.release(conn, claim, NOW + 3600, done=True)

    def hear(self, *claims: dict[str, str], **query: str) -> int:
        values = [{"token": TOKEN, "id": "r", "type": "created"} | each for each in claims]
        body = json.dumps({"value": values}).encode()
        return self.hearing.hear("memory", Delivery({}, query, body)).status

    def due(self) -> list[int]:
        """In how many seconds each connection is due."""
        with self.database.read() as conn:
            found = [leases.due_at(conn, name) for name in self.ids]
        return [due - self.now for due in found if due is not None]

    def row(self, name: str) -> ChannelRow:
        with self.database.read() as conn:
            found = channels.get(conn, name, "memory")
        assert found is not None
        return found


def row(name: str, connection: ConnectionId, **more: object) -> ChannelRow:
    made = ChannelRow(
        id=name,
        connection_id=connection,
        calendar="main",
        address="https://cal.example.com/hooks/memory",
        reference="r",
        digest=digest(TOKEN),
        state=ChannelState.OPEN,
        made_at=NOW,
        expires_at=NOW + 86400,
        due_at=NOW + 50000,
    )
    return made._replace(**more)  # type: ignore[arg-type]


@pytest.fixture
def ear(database: Database) -> Ear:
    return Ear(database)


def test_a_handshake_is_answered_with_its_words_and_means_nothing(ear: Ear) -> None:
    answer = ear.hearing.hear("memory", Delivery({}, {"validationToken": "<b>a</b>"}))
    assert (answer.status, answer.body) == (200, b"<b>a</b>")
    assert ear.due() == [3600, 3600]


def test_one_request_may_tell_of_several_connections(ear: Ear) -> None:
    assert ear.hear({"clientState": "c0"}, {"clientState": "c1"}) == 202
    assert ear.due() == [0, 0]


def test_of_several_claims_only_the_true_ones_count(ear: Ear) -> None:
    assert ear.hear({"clientState": "c0", "token": "guessed"}, {"clientState": "c1"}) == 202
    assert ear.due() == [3600, 0]
    assert ear.hear({"clientState": "c0", "id": "another"}, {"clientState": "c9"}) == 404


@pytest.mark.covers("T41")
def test_what_a_request_claims_is_looked_up_at_once(ear: Ear) -> None:
    """However much that is: anybody can send it."""
    asked: list[str] = []
    engine = ear.database._engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    many = [{"clientState": f"nobody-{number}"} for number in range(1500)]
    assert ear.hear(*many) == 404
    assert len([each for each in asked if "FROM channels" in each]) == 3
    asked.clear()
    assert ear.hear(*many[:99], {"clientState": "c1"}) == 202, "a true one among them counts"
    assert ear.due() == [3600, 0]
    assert len([each for each in asked if "FROM channels" in each]) == 1


def test_a_channel_that_the_provider_gave_up_is_renewed_with_the_pull_that_follows(
    ear: Ear,
) -> None:
    assert ear.hear({"clientState": "c0", "type": "subscriptionRemoved"}) == 202
    assert ear.due() == [0, 3600]
    assert ear.row("c0").due_at == NOW


@pytest.mark.parametrize(
    ("status", "due"), [(ConnectionStatus.ERROR, 50), (ConnectionStatus.TOKEN_EXPIRED, 3600)]
)
def test_a_connection_that_fails_is_not_hammered(
    ear: Ear, status: ConnectionStatus, due: int
) -> None:
    with ear.database.write() as conn:
        connections.record_attempt(conn, ear.ids[0], NOW - 10)
        connections.record_failure(conn, ear.ids[0], NOW, Failure("x", "no answer", status=status))
    for _ in range(5):
        ear.moment += 1
        assert ear.hear({"clientState": "c0"}) == 202
    assert ear.due()[0] == due


def test_a_channel_of_another_kind_is_no_channel(ear: Ear) -> None:
    kind = replace(memory.kind({}), name="other", notices=subscriptions)
    hearing = Hearing(ear.database, Wake(ear.database), {"other": kind}, clock=lambda: NOW)
    claim = {"clientState": "c0", "token": TOKEN, "id": "r", "type": "created"}
    body = json.dumps({"value": [claim]})
    assert hearing.hear("other", Delivery({}, {}, body.encode())).status == 404


def test_the_first_shows_at_once_and_those_right_after_it_together(ear: Ear) -> None:
    ear.hear({"clientState": "c0"})
    assert ear.due()[0] == 0
    ear.moment += 0.01
    taken = _claim(ear)
    ear.hear({"clientState": "c0"})
    _release(ear, taken)
    assert ear.due()[0] == 1
    ear.moment += 0.01
    ear.hear({"clientState": "c0"})
    assert ear.due()[0] == 4, "put off while they go on"


def test_what_is_put_off_happens_within_a_minute(ear: Ear) -> None:
    ear.hear({"clientState": "c0"})
    _release(ear, _claim(ear))
    for _ in range(1000):
        ear.moment += 0.1
        ear.now = NOW + int(ear.moment)
        ear.hear({"clientState": "c0"})
        if ear.due()[0] <= 0:
            break
    assert 30 <= ear.now - NOW <= 62


def test_a_pull_that_begins_too_early_does_not_answer_what_was_put_off(ear: Ear) -> None:
    """A poll, or somebody's wish, may come between."""
    ear.hear({"clientState": "c0"})
    _release(ear, _claim(ear))
    for _ in range(3):
        ear.moment += 0.01
        ear.hear({"clientState": "c0"})
    with ear.database.write() as conn:
        schedule.mark(conn, [ear.ids[0]], NOW)
    early = _claim(ear)
    ear.now += 2
    ear.moment += 2
    ear.hear({"clientState": "c0"})
    _release(ear, early)
    assert ear.due()[0] == 2


def _claim(ear: Ear) -> schedule.Claim:
    with ear.database.write() as conn:
        return schedule.claim(conn, "tests", ear.now, 1, 60, ear.ids[0])[0]


def _release(ear: Ear, claim: schedule.Claim) -> None:
    with ear.database.write() as conn:
        assert schedule.release(conn, claim, ear.now + 3600, done=True)


@pytest.mark.covers("T45")
def test_what_is_remembered_of_notifications_is_bounded() -> None:
    coalescing = Coalescing()
    for number in range(25_000):
        coalescing.hear(ConnectionId(f"room-{number}.work"), ("c", number), NOW, number)
    for number in range(25_000):
        coalescing.hear(ConnectionId("room-a.work"), (f"c{number}", 1), NOW, 25_000 + number)
    assert len(coalescing._known) == 10_000
    assert len(coalescing._known[ConnectionId("room-a.work")].numbers) <= 1000
