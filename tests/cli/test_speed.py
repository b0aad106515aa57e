"""A command answers before one notices: 300 ms without the database, 800 ms with it.

The clock of a busy machine proves nothing; what is bounded is the CPU time of the best of some
runs, and what is imported, which is where the time goes.
"""

from __future__ import annotations

import pytest

from tests.cli.folder import Folder

RUNS = 2
MARGIN = 1.5
"""Two processes on one core take so much more CPU time each."""
DATABASE = {"sqlalchemy"}
NETWORK = {"httpx2", "httpcore2", "dns", "tldextract"}
SERVER = {"flask", "waitress", "apscheduler", "prometheus_client"}
NEEDLESS = NETWORK | SERVER | {"alembic", "rich", "radicale", "vobject", "psycopg", "msal"}

COMMANDS = [
    ("--help", 0.3, NEEDLESS | DATABASE | {"pydantic", "yaml"}),
    ("sync --help", 0.3, NEEDLESS | DATABASE | {"pydantic", "yaml"}),
    ("check", 0.3, NEEDLESS | DATABASE | {"icalendar"}),
    ("status", 0.8, NEEDLESS | {"icalendar"}),
    ("busy room-a", 0.8, NEEDLESS | {"icalendar"}),
]


@pytest.mark.parametrize(("line", "most", "needless"), COMMANDS, ids=[it[0] for it in COMMANDS])
def test_a_command_is_quick(house: Folder, line: str, most: float, needless: set[str]) -> None:
    ended = [house.run(*line.split()) for _ in range(RUNS)]
    # Nobody serves here: `status` says so (3) once what was read is some minutes old.
    assert {each.code for each in ended} <= {0, 3 if line == "status" else 0}
    used = min(each.cpu for each in ended)
    assert used < most * MARGIN, f"{used * 1000:.0f} ms of CPU time"
    told = house.run(*line.split(), environ={"PYTHONPROFILEIMPORTTIME": "1"}).err
    imported = {row.rpartition("|")[2].strip().partition(".")[0] for row in told.splitlines()}
    assert "click" in imported
    assert not imported & needless


def test_init_is_quick(folder: Folder) -> None:
    used = min(folder.run("init", f"{number}").ok().cpu for number in range(RUNS))
    assert used < 0.3 * MARGIN, f"{used * 1000:.0f} ms of CPU time"
