"""The sandbox's page names everything that the sandbox does wrong, and its examples run."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.sandbox.faults import FAULTS
from bridge.sandbox.server import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def block(kind: str) -> str:
    return re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[1]


def test_every_misbehaviour_is_on_the_page() -> None:
    for name, text in FAULTS.items():
        assert f"| `{name}` | {text} |" in PAGE


def test_the_world_on_the_page_is_one() -> None:
    with Sandbox(json.loads(block("json"))) as sandbox:
        assert len(sandbox.world.calendar("ann@example.test").records) == 1


def test_the_program_on_the_page_runs() -> None:
    names = {"datetime": datetime, "timedelta": timedelta, "UTC": UTC}
    exec(block("python"), names)  # noqa: S102 - what is on the page
    assert names["token"].startswith("ya29.")
