from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.house import Pushed, pushed


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Pushed]:
    with pushed(tmp_path) as made:
        yield made
