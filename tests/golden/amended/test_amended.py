"""What is written for other programs, octet for octet: whole objects, and changes of standing ones.

A case is a folder with `booking.ics` (what is wanted), perhaps `standing.ics` (what another program
left at the server), `case.yaml` (why, and what shows that it is so) and `expected.ics`.
`--update-golden` rewrites what is expected.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bridge.ical.amend import Writer
from bridge.ical.parse import parse_calendar
from bridge.ical.tree import read_tree, write_tree

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/booking.ics"))
WRITER = Writer(
    own=("mailto:account@example.com",), marks={"X-BUSYBRIDGE-TOKEN": "0123456789abcdef"}
)


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_as_recorded(case: str, update_golden: bool) -> None:
    folder = HERE / case
    told = yaml.safe_load((folder / "case.yaml").read_text())
    assert told["why"], f"{case} does not say why it is there"
    assert told["source"], f"{case} does not say where it was seen"
    (wanted,) = parse_calendar((folder / "booking.ics").read_bytes(), whole=True).series
    standing = folder / "standing.ics"
    if standing.exists():
        text = WRITER.amended_text(standing.read_bytes(), wanted.series)
    else:
        text = WRITER.object_text(wanted.series)
    if update_golden:
        (folder / "expected.ics").write_bytes(text.encode())
    assert (folder / "expected.ics").read_bytes().decode() == text
    assert WRITER.amended_text(text, wanted.series) == text


def test_what_says_it_already_stays_as_it_is() -> None:
    folder = HERE / "nothing_to_change"
    standing = (folder / "standing.ics").read_bytes()
    (wanted,) = parse_calendar((folder / "booking.ics").read_bytes(), whole=True).series
    assert WRITER.amended_text(standing, wanted.series) == write_tree(read_tree(standing))
