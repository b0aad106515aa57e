"""`docs/zoom.md`: its settings are right, its scopes and codes are those that the code knows."""

from __future__ import annotations

import re
from pathlib import Path

from bridge.config.load import load
from bridge.providers.zoom import consent, refusals
from bridge.registry import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "zoom.md").read_text()


def test_the_settings_that_it_shows_are_right(tmp_path: Path) -> None:
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for indent, block in blocks:
        text = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        (tmp_path / "block.yaml").write_text("version: 1\n" + text)
        load(tmp_path / "block.yaml", KINDS, {"ZOOM_SECRET": "secret"})


def test_it_names_every_scope_and_what_is_asked_for_has_no_other() -> None:
    named = re.findall(r"^ +\| `([a-z_:]+):admin` \|", PAGE, re.MULTILINE)
    assert sorted(named) == sorted(consent._PURPOSES)


def test_each_refusal_that_is_understood_stands_in_its_table() -> None:
    told = {code for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
            for code in re.findall(r"`(\w+)`", row)}  # fmt: skip
    known = {code for _, code, _, _ in refusals._MEANINGS.values() if code}
    assert known <= told


def test_it_is_found_from_the_readme() -> None:
    assert "docs/zoom.md)" in (ROOT / "README.md").read_text()
