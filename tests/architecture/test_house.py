"""The walls and the sizes of the rooms."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path
    for folder in ("bridge", "radicale_plugin")
    for path in (ROOT / folder).rglob("*.py")
    if "versions" not in path.parts
)


def test_imports_keep_the_contracts() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]


def test_every_room_fits_in_a_head() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in PRODUCT}
    assert {name: size for name, size in sizes.items() if size > 420} == {}


def test_no_room_is_named_after_nothing() -> None:
    bag = re.compile(r"(^|_)(utils?|helpers?|common|managers?|services?|base|misc)$")
    assert [path for path in PRODUCT if bag.search(path.stem)] == []


@pytest.mark.parametrize("word", ["iCalUID", "changeKey", "deltaLink", "showAs", "nextSyncToken"])
def test_vendor_words_stay_in_their_provider_and_its_stand_in(word: str) -> None:
    outside = [path for path in PRODUCT if not {"providers", "sandbox"} & set(path.parts)]
    assert [path for path in outside if word in path.read_text()] == []


def test_the_clock_is_read_only_where_the_design_says() -> None:
    clock = re.compile(r"\b(time\.time\(|time\.time_ns\(|datetime\.now\(|date\.today\()")
    allowed = {"cli", "scheduler", "web", "app", "demo", "sandbox", "radicale_plugin"}
    readers = [
        path.relative_to(ROOT)
        for path in PRODUCT
        if clock.search(path.read_text())
        and not allowed & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]
    assert readers == []


def test_every_room_is_described_to_contributors() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = {it.stem for it in (ROOT / "bridge").iterdir() if it.suffix in ("", ".py")}
    known = set(re.findall(r"`bridge/(\w+)`", page))
    assert {it for it in rooms if not it.startswith("_")} - known == set()
