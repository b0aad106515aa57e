"""What a shell offers for the next word, by click's protocol (`_BUSYBRIDGE_COMPLETE`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.folder import PATIENCE, Folder

DOCUMENTED = (Path(__file__).parents[2] / "docs/operation.md").read_text()


def offered(folder: Folder, line: str) -> list[str]:
    """What bash is told to offer for the last word of the line."""
    words = line.split(" ")
    done = folder.run(
        environ={
            "_BUSYBRIDGE_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
    )
    assert done.err == ""
    return [row.partition(",")[2] for row in done.out.splitlines() if row]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_gets_its_script(house: Folder, shell: str) -> None:
    assert f"_BUSYBRIDGE_COMPLETE={shell}_source busybridge" in DOCUMENTED
    done = house.run(environ={"_BUSYBRIDGE_COMPLETE": f"{shell}_source"})
    assert "_BUSYBRIDGE_COMPLETE" in done.ok().out


def test_bash_completes_with_the_line_that_is_documented(house: Folder, tmp_path: Path) -> None:
    program = tmp_path / "busybridge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bridge "$@"\n')
    program.chmod(0o755)
    line = re.search(r"^\| bash \| `echo '(.*)' >> ~/.bashrc` \|$", DOCUMENTED, re.MULTILINE)[1]
    done = subprocess.run(
        ["bash", "-c", f"{line}; complete -p busybridge"],
        cwd=house.path,
        env=house.environment() | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" busybridge\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("busybridge connections p", ["pause"]),
        ("busybridge busy ro", ["room-a"]),
        ("busybridge sync room-a.", ["room-a.file"]),
        ("busybridge urls room-a --user a", ["alice"]),
        ("busybridge doctor c", ["caldav"]),
        ("busybridge --config nowhere.yaml busy ro", []),
        ("busybridge busy room-a --format i", ["ics", "ifb"]),
    ],
)
def test_words_are_completed(house: Folder, line: str, expected: list[str]) -> None:
    assert offered(house, line) == expected
