"""A database that was put back from a backup: what it does not know is no reason to free time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.store import restored
from bridge.store.backup import backup, restore
from bridge.store.database import Database
from tests.databases import SqliteDatabases, closing_database
from tests.mirror.attic import Attic

THREE = ["11-23 09:00 +60 Busy", "11-24 09:00 +60 Busy", "11-25 09:00 +60 Busy"]


@pytest.fixture
def back(tmp_path: Path, sqlite_databases: SqliteDatabases) -> Iterator[Attic]:
    """An attic with three blocks, on a database of a time when there was one."""
    url = sqlite_databases.url(tmp_path / "life")
    with closing_database(url) as database:
        attic = Attic(database)
        attic.add("a", "2026-11-23 09:00")
        attic.round()
        backup(database, tmp_path / "copy")
        attic.now += 7200
        attic.add("b", "2026-11-24 09:00")
        attic.add("c", "2026-11-25 09:00")
        attic.round()
        assert attic.blocks() == THREE
    attic.now += 7200
    restore(tmp_path / "copy", Database(url), attic.now, force=True)
    with closing_database(url) as database:
        yield attic.beside(database, instance=attic.instance)


def test_after_a_backup_was_put_back_no_block_goes_before_its_sources_were_read(
    back: Attic,
) -> None:
    before = back.ids()
    back.look()
    assert back.blocks() == THREE
    assert back.row().held == 2
    back.calendar().delete("c")
    back.now += 60
    back.round()
    assert back.blocks() == THREE[:2]
    assert back.ids() < before
    assert back.row().held == 0


def test_a_clock_that_ran_ahead_when_it_was_put_back_keeps_no_block_for_ever(back: Attic) -> None:
    back.now -= 30 * 86400
    with back.database.write() as conn:
        restored.heal_clock(conn, back.now)
        assert restored.put_back_at(conn) == back.now
