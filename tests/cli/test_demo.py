"""`demo`, ended in every way and at any time: nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

MOMENTS = ("its folder is there", "it has told where everything is")


def reached(moment: str, folder: Path, out: Path) -> bool:
    if moment == MOMENTS[0]:
        return any(folder.glob("busybridge-demo-*"))
    return "Ctrl-C ends it all" in out.read_text()


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (MOMENTS[0], signal.SIGTERM),
        (MOMENTS[0], signal.SIGHUP),
        (MOMENTS[1], signal.SIGHUP),
    ],
)
def test_whatever_ends_the_demo_leaves_nothing_behind(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    folder, out = tmp_path / "tmp", tmp_path / "out"
    folder.mkdir()
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "demo"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline, pause = time.monotonic() + 60, threading.Event()
    try:
        while not reached(moment, folder, out):
            assert process.poll() is None, out.read_text()
            assert time.monotonic() < deadline, out.read_text()
            pause.wait(0.02)
        process.send_signal(number)
        assert process.wait(30) in (0, 1)
    finally:
        process.kill()
        process.wait()
    assert list(folder.iterdir()) == []
    assert "Traceback" not in out.read_text()
    own = str(folder).encode()
    assert not [command for command in commands() if own in command]


def commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            yield path.read_bytes()
