"""Whatever the file holds, the answer is settings or problems, never anything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.load import load
from bridge.errors import ConfigError
from bridge.registry import KINDS
from tests.config.test_example import EXAMPLE, uncommented

JUNK: list[Any] = [None, "", "x", 7, -1.5, True, [], {}, [[]], [None], [{"x": 1}], {"x": {"y": 1}}]


def paths(value: Any, base: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, each in inner:
        yield (*base, name)
        yield from paths(each, (*base, name))


WHOLE = yaml.safe_load(uncommented(EXAMPLE.read_text()))
PATHS = list(paths(WHOLE))


def outcome(path: Path, text: str) -> list[str]:
    path.write_text(text)
    try:
        load(path, KINDS, {})
    except ConfigError as err:
        return [str(problem) for problem in err.problems]
    return []


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_any_value_in_any_place_is_taken_or_explained(tmp_path: Path, junk: Any) -> None:
    for path in PATHS:
        document = copy.deepcopy(WHOLE)
        container = document
        for part in path[:-1]:
            container = container[part]
        container[path[-1]] = junk
        # A second mistake further on must be found as well.
        document["removed_resources"] = "pork"
        found = outcome(tmp_path / "busybridge.yaml", json.dumps(document))
        if path[0] != "removed_resources":
            assert any("'pork' is not one of park, purge" in line for line in found), path


@settings(max_examples=50)
@given(text=st.text(max_size=200))
def test_any_text_is_taken_or_explained(tmp_path_factory: Any, text: str) -> None:
    directory = tmp_path_factory.mktemp("text")
    outcome(directory / "x.yaml", text.encode("utf-8", "replace").decode())


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["id", "resources", "auth", "users", "access", "<<", "*", "options"]
                )
                | st.text(max_size=5),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_any_tree_is_taken_or_explained(tmp_path_factory: Any, value: Any) -> None:
    directory = tmp_path_factory.mktemp("tree")
    text = json.dumps({"version": 1, "resources": value, "auth": value})
    outcome(directory / "x.yaml", text)
