"""The sandbox's page names everything that the sandbox does wrong, and its examples run."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.sandbox.faults import FAULTS
from bridge.sandbox.microsoft.faults import FAULTS as AT_MICROSOFT
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.faults import FAULTS as AT_ZOOM

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_every_misbehaviour_is_on_the_page() -> None:
    for name, text in (*FAULTS.items(), *AT_MICROSOFT.items(), *AT_ZOOM.items()):
        assert f"| `{name}` | {text} |" in PAGE


def test_the_world_on_the_page_is_one() -> None:
    [world] = blocks("json")
    with Sandbox(json.loads(world)) as sandbox:
        assert len(sandbox.world.calendar("ann@example.test").records) == 1
        box = sandbox.microsoft.directory.mailbox("ann@example.test")
        assert len(box.default.items) == 1
        assert len(sandbox.zoom.person("ann@example.test").meetings) == 2


def test_the_programs_on_the_page_run() -> None:
    names = {"datetime": datetime, "timedelta": timedelta, "UTC": UTC}
    tokens = []
    for program in blocks("python"):
        exec(program, names)  # noqa: S102 - what is on the page
        tokens.append(names["token"][:4])
    assert tokens == ["ya29", "eyJ0", "eyJz"]
