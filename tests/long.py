"""More of the same for `make soak`: what CI runs with a few seeds or servers."""

from __future__ import annotations

import pytest


def long(*values: object) -> object:
    """Mark a parameter of a test for the long runs alone."""
    return pytest.param(*values, marks=pytest.mark.soak)


def seeds(few: int, many: int) -> list:
    """Return `few` seeds for every run, and up to `many` under the mark `soak`."""
    return [*range(few), *map(long, range(few, many))]
