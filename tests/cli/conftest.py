from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.folder import Folder, within


@pytest.fixture(scope="module", autouse=True)
def commands(request: pytest.FixtureRequest) -> Iterator[None]:
    """Commands are processes of their own, or run in this one where a module says so."""
    within.here = getattr(request.module, "COMMANDS_INSIDE", False)
    yield
    within.here = False


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder whose calendars were read once; its tests leave it as it is."""
    folder = Folder(tmp_path_factory.mktemp("house")).prepare()
    folder.run("sync").ok()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder."""
    return Folder(tmp_path)
