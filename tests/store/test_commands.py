"""Commands to the serving process: heeded in order, answered once."""

from __future__ import annotations

from bridge.store import commands
from bridge.store.database import Database
from tests.builders import NOW


def test_a_command_waits_until_it_has_a_verdict(database: Database) -> None:
    with database.write() as conn:
        first = commands.submit(conn, "reload", "{}", NOW)
        second = commands.submit(conn, "reload", "{}", NOW)
        assert [row.id for row in commands.pending(conn)] == [first, second]
        assert commands.finish(conn, first, NOW + 1, ok=False, verdict="line 3: no such key")
        assert [row.id for row in commands.pending(conn)] == [second]
        row = commands.get(conn, first)
    assert row
    assert (row.ok, row.verdict, row.done_at) == (False, "line 3: no such key", NOW + 1)


def test_only_the_first_verdict_counts(database: Database) -> None:
    with database.write() as conn:
        command = commands.submit(conn, "reload", "{}", NOW)
        assert commands.finish(conn, command, NOW + 10, ok=False, verdict="nobody answers")
        assert not commands.finish(conn, command, NOW + 11, ok=True, verdict="reloaded")
        row = commands.get(conn, command)
    assert row
    assert row.verdict == "nobody answers"


def test_old_commands_are_forgotten_and_their_ids_never_used_again(database: Database) -> None:
    with database.write() as conn:
        old = commands.submit(conn, "reload", "{}", NOW)
        commands.finish(conn, old, NOW, ok=True, verdict="reloaded")
        new = commands.submit(conn, "reload", "{}", NOW + 30 * 86400)
        assert commands.get(conn, old) is None
    assert new > old
