from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import BUSY, Running
from tests.servers.origin import Answer, Origin


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A server with one calendar, `/busy.ics`."""
    with Origin() as server:
        server.routes["/busy.ics"] = Answer(200, {"Content-Type": "text/calendar"}, BUSY.encode())
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Make processes in one folder; all of them end with the test."""
    made: list[Running] = []

    def make(config: dict[str, Any], **keys: Any) -> Running:
        running = Running(tmp_path / "bridge", config, **keys)
        made.append(running)
        return running

    yield make
    for running in made:
        running.kill()
