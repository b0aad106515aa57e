"""`demo`: what it says to try works, and however it is ended nothing of it stays."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.demo import Demo, running

# Only one at a time has the usual ports; the others wait.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with running(tmp_path) as started:
        yield started


def test_every_command_that_it_prints_works_as_it_stands(demo: Demo) -> None:
    demo.wait_for(demo.has_told)
    commands = demo.commands()
    said = [demo.run(command) for command in commands]
    for url, text in zip(commands[:2], said[:2], strict=True):
        assert "\nFREEBUSY;FBTYPE=BUSY" in text, url
    assert '"type":"BUSY"' in said[2]
    assert "\nSUMMARY:Busy\n" in said[3]
    assert " BUSY\n" in said[4]
    assert re.search(r"alice\.work/Work +Stand-up .* BUSY ", said[5])
    assert "2 of 9 connections not connected yet" in said[6]
    assert "anna.work: not connected yet; `busybridge auth url anna` prints a link" in said[6]
    evening = re.search(r"DTSTART:(\w+)", commands[7])
    assert evening
    demo.wait_for(lambda: f":{evening[1]}/" in demo.run(commands[0]))


@pytest.mark.parametrize(
    ("starting", "number"),
    [(True, signal.SIGTERM), (True, signal.SIGHUP), (False, signal.SIGHUP)],
)
def test_whatever_ends_it_leaves_nothing_behind(
    demo: Demo, starting: bool, number: signal.Signals
) -> None:
    def is_there() -> bool:
        # What Python tries a temporary folder with is there for a moment only, and not ours.
        return any(demo.folder.glob("busybridge-demo-*")) if starting else demo.has_told()

    demo.wait_for(is_there)
    demo.process.send_signal(number)
    # Python ends by SIGINT where an interrupt passed a text that was executed, as dataclasses do
    # while they are read, whoever caught it afterwards.
    assert demo.process.wait(60) in (0, 1, -signal.SIGINT)
    assert list(demo.folder.iterdir()) == []
    assert "Traceback" not in demo.out
    own = str(demo.folder).encode()
    assert not [command for command in commands() if own in command]


def commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            yield path.read_bytes()
