from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connecting.home import Home, opened


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened(tmp_path) as made:
        yield made
