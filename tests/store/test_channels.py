"""Rows of channels, on both databases."""

from __future__ import annotations

from bridge.model.resource import ConnectionStatus, ResourceId
from bridge.store import channels, connections, resources
from bridge.store.channels import ChannelState, Heard, Trouble
from bridge.store.database import Database
from tests.builders import NOW, store_resource
from tests.channels.test_hearing import row


def test_what_was_heard_while_a_channel_was_opened_stays(database: Database) -> None:
    [work] = store_resource(database)
    opening = row("c", work, state=ChannelState.OPENING, reference="")
    with database.write() as conn:
        channels.add(conn, opening)
        channels.heard(conn, "c", Heard("r", 1), NOW)
        assert channels.opened(conn, opening._replace(reference="r"))
        [found] = channels.of_connection(conn, work)
    assert (found.state, found.confirmed_at, found.last_number) == (ChannelState.OPEN, NOW, 1)


def test_what_is_heard_puts_nothing_back_that_changed_meanwhile(database: Database) -> None:
    """The hook reads a channel while it is opened, and writes when it is open."""
    [work] = store_resource(database)
    with database.write() as conn:
        channels.add(conn, row("c", work, state=ChannelState.OPENING, reference="", due_at=NOW + 9))
        channels.opened(conn, row("c", work, due_at=NOW + 500))
        channels.heard(conn, "c", Heard("r", 1, changed=True), NOW)
        [found] = channels.of_connection(conn, work)
        assert (found.state, found.due_at) == (ChannelState.OPEN, NOW + 500)
        channels.heard(conn, "c", Heard("r", 2, changed=True, ended=True), NOW)
        assert channels.of_connection(conn, work)[0].due_at == NOW


def test_a_number_never_goes_back(database: Database) -> None:
    [work] = store_resource(database)
    with database.write() as conn:
        channels.add(conn, row("c", work))
        for number in (5, 3):
            channels.heard(conn, "c", Heard("r", number), NOW)
        assert channels.every(conn)[0].last_number == 5


def test_failures_are_counted_until_it_works(database: Database) -> None:
    [work] = store_resource(database)
    trouble = Trouble("unavailable", "no answer", "look")
    with database.write() as conn:
        channels.add(conn, row("c", work))
        for _ in range(2):
            channels.failed(conn, "c", ChannelState.FAILED, trouble, NOW + 60)
        [failed] = channels.of_connection(conn, work)
        channels.opened(conn, row("c", work))
        [opened] = channels.of_connection(conn, work)
    assert (failed.failures, failed.error_message, failed.due_at) == (2, "no answer", NOW + 60)
    assert (opened.failures, opened.error_message) == (0, "")


def test_one_process_stops_what_nobody_needs(database: Database) -> None:
    work, home = store_resource(database, names=("work", "home"))
    [other] = store_resource(database, "room-b")
    with database.write() as conn:
        for name, connection in (("a", work), ("b", home), ("c", other), ("d", work)):
            channels.add(conn, row(name, connection))
        connections.set_status(conn, home, ConnectionStatus.PAUSED)
        resources.park(conn, [ResourceId("room-b")])
        channels.give_up(conn, ["d"], NOW)
        taken = channels.claim_stops(conn, NOW, 60, 10)
        assert sorted(it.id for it in taken) == ["b", "c", "d"]
        assert channels.claim_stops(conn, NOW + 59, 60, 10) == []
        assert len(channels.claim_stops(conn, NOW + 60, 60, 2)) == 2


def test_they_go_with_their_connection(database: Database) -> None:
    [work] = store_resource(database)
    with database.write() as conn:
        channels.add(conn, row("c", work))
        connections.remove(conn, [work])
        assert channels.every(conn) == []
