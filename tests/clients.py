"""Programs of other people, calendars and a browser: where they are, and what is said without them.

`@pytest.mark.client("cadaver")` on a test names the programs that it drives. Those of the Python
index are in an environment of their own, which `make test` makes inside ours; others are the
machine's. A test whose program is missing does not run, and the end of the run names the program.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

ENVIRONMENT = Path(sys.prefix) / "clients"
PYTHON = ENVIRONMENT / "bin" / "python"
_LIBRARIES = {"caldav": "caldav", "calcurse-caldav": "httplib2"}
"""Python packages that are needed, in the programs' environment."""
PROGRAMS = (
    *("cadaver", "calcurse", "calcurse-caldav", "caldav", "chromedriver", "chromium", "khal"),
    "vdirsyncer",
)
PATH = f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def find(program: str) -> Path | None:
    """Where a program is; for a library, its folder."""
    if library := _LIBRARIES.get(program):
        folder = next(ENVIRONMENT.glob(f"lib/python*/site-packages/{library}"), None)
        if folder is None or program == library:
            return folder
    found = shutil.which(program, path=PATH)
    return Path(found) if found else None


def missing() -> list[str]:
    """Name the programs that are not here."""
    return [program for program in PROGRAMS if find(program) is None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = set(missing())
    needed = {
        item: {program for mark in item.iter_markers("client") for program in mark.args}
        for item in items
    }
    for item, programs in needed.items():
        if unknown := programs - set(PROGRAMS):
            raise pytest.UsageError(f"{item.nodeid} drives {unknown}: tests/clients.py has no such")
    left_out = [item for item in items if needed[item] & absent]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or not (absent := missing()):
        return
    terminalreporter.section("programs that were not found: their tests did not run")
    terminalreporter.write_line(", ".join(absent))
