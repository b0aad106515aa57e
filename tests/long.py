"""More of the same for `make soak`: seeds of a test that CI runs with a few."""

from __future__ import annotations

import pytest


def seeds(few: int, many: int) -> list:
    """Return `few` seeds for every run, and up to `many` under the mark `soak`."""
    extra = (pytest.param(seed, marks=pytest.mark.soak) for seed in range(few, many))
    return [*range(few), *extra]
