from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.folder import Folder


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
