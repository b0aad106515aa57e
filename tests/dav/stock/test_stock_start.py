"""Whoever configures a stock Radicale wrongly is told at its start what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from radicale import storage
from radicale.app import Application
from radicale.config import load as load_configuration

from bridge.errors import BridgeError
from bridge.store.database import Database
from tests.databases import SqliteDatabases
from tests.dav.stock.grounds import Installation


@pytest.fixture
def own_installation(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Installation]:
    """One that a test may break."""
    made = Installation(tmp_path, sqlite_databases.url(tmp_path / "data"))
    made.close()
    yield made
    made.close()


def without_option(made: Installation) -> str:
    return made.radicale_text().replace(f"bridge_config = {made.path}\n", "")


def with_another_storage(made: Installation) -> str:
    return without_option(made).replace(
        "type = radicale_plugin", f"filesystem_folder = {made.folder}/files", 1
    )


def without_the_file(made: Installation) -> str:
    made.path.unlink()
    return made.radicale_text()


def with_a_mistake_in_the_file(made: Installation) -> str:
    made.path.write_text(made.path.read_text().replace("resources:", "resouces:"))
    return made.radicale_text()


def without_the_key_file(made: Installation) -> str:
    (made.folder / "busybridge.key").unlink()
    return made.radicale_text()


def without_the_database(made: Installation) -> str:
    made.database.path.unlink()
    return made.radicale_text()


def with_an_empty_database(made: Installation) -> str:
    made.database.path.write_bytes(b"")
    return made.radicale_text()


def with_a_database_of_a_later_version(made: Installation) -> str:
    url = f"sqlite:///{made.database.path}"
    database = Database(url)
    driver = database.own_connection()
    driver.execute("PRAGMA query_only = 0")
    driver.execute("UPDATE alembic_version SET version_num = '9999'")
    driver.commit()
    driver.close()
    database.close()
    return made.radicale_text()


@pytest.mark.parametrize(
    ("broken", "remedies"),
    [
        (without_option, ["bridge_config", "[storage]", "busybridge.yaml"]),
        (with_another_storage, ["bridge_config", "type = radicale_plugin"]),
        (without_the_file, ["busybridge.yaml", "busybridge init"]),
        (with_a_mistake_in_the_file, ["busybridge.yaml:", "resouces", "resources"]),
        (without_the_key_file, ["busybridge.key", "busybridge init"]),
        (without_the_database, ["busybridge.sqlite3", "busybridge serve"]),
        (with_an_empty_database, ["busybridge serve"]),
        (with_a_database_of_a_later_version, ["later version of BusyBridge"]),
    ],
)
def test_a_start_that_cannot_succeed_says_what_helps(
    own_installation: Installation,
    tmp_path: Path,
    broken: Callable[[Installation], str],
    remedies: list[str],
) -> None:
    file = tmp_path / "radicale.ini"
    file.write_text(broken(own_installation))
    with pytest.raises((BridgeError, RuntimeError)) as said:
        Application(load_configuration([(str(file), False)]))
    assert [each for each in remedies if each not in str(said.value)] == []


def test_a_process_ends_with_that_sentence_and_without_a_traceback(
    own_installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "radicale.ini").write_text(with_a_mistake_in_the_file(own_installation))
    done = subprocess.run(
        [sys.executable, "-m", "radicale", "--config", str(tmp_path / "radicale.ini")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = done.stderr.partition("CRITICAL")[2]
    assert "busybridge.yaml:" in said
    assert "resouces" in said


def test_radicales_own_check_of_the_storage_passes(own_installation: Installation) -> None:
    assert storage.load(own_installation.radicale_configuration()).verify()
