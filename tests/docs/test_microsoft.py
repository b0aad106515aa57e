"""`docs/microsoft.md` names every error that it can explain, and its settings are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.config.load import load
from bridge.providers.microsoft import aadsts
from bridge.registry import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "microsoft.md").read_text()


def test_each_refusal_that_is_understood_stands_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d, ]+|-) \| (.+) \|$", PAGE, re.MULTILINE)
    told = {code: re.findall(r"\d+", numbers) for code, numbers, _ in rows}
    for number, known in aadsts._KNOWN.items():
        code = known.code or "token_expired"
        if code != "invalid_scope":
            assert code in told, number
    known = {str(number): each.code or "token_expired" for number, each in aadsts._KNOWN.items()}
    for code, numbers in told.items():
        assert {known[each] for each in numbers if code != "device_not_allowed"} <= {code}


@pytest.mark.covers("S2-09")
def test_it_says_who_has_to_have_a_publisher_verified_and_what_happens_without_that() -> None:
    [told] = [each for each in PAGE.split("\n\n") if "Publisher verification" in each]
    for word in ("more organizations than your own", "Branding & properties", "administrator"):
        assert word in told


def test_the_settings_that_it_shows_are_right(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "block.yaml").write_text("version: 1\n" + block)
        load(tmp_path / "block.yaml", KINDS, {"MS_SECRET": "secret"})


def test_it_is_found_from_the_readme_and_from_operation() -> None:
    for name in ("README.md", "docs/operation.md"):
        assert "microsoft.md)" in (ROOT / name).read_text()
