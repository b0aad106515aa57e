"""`docs/mirror.md`: its settings are right, and it names every key and every figure."""

from __future__ import annotations

import re
from pathlib import Path

from bridge.config.load import load
from bridge.config.mirroring import Mirror
from bridge.config.schema import keys
from bridge.registry import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/mirror.md").read_text()


def test_its_settings_are_right(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "busybridge.yaml"
    path.write_text(f"version: 1\n{text}")
    (ann,) = load(path, KINDS, environ={"ICLOUD_APP_PASSWORD": "secret"}).resources
    assert [mirror.to for mirror in ann.mirror] == ["team/primary", "work/primary"]


def test_it_names_every_key_and_figure() -> None:
    for key in keys(Mirror):
        assert f"| `{key.name}" in PAGE
    code = (ROOT / "bridge/web/metrics.py").read_text() + (
        ROOT / "bridge/web/figures.py"
    ).read_text()
    figures = set(re.findall(r'"(busybridge_mirror_\w+)"', code))
    assert len(figures) == 4
    assert all(f"`{name}`" in PAGE for name in figures)


def test_the_readme_and_the_changes_lead_to_it() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        assert "(docs/mirror.md)" in (ROOT / name).read_text()
    assert "(mirror.md)" in (ROOT / "docs/operation.md").read_text()
