"""What a shell offers for the next word, by click's protocol (`_BUSYBRIDGE_COMPLETE`)."""

from __future__ import annotations

import pytest

from tests.cli.folder import Folder


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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(house: Folder, shell: str) -> None:
    done = house.run(environ={"_BUSYBRIDGE_COMPLETE": f"{shell}_source"})
    assert "_BUSYBRIDGE_COMPLETE" in done.ok().out


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
