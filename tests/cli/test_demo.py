"""`demo`: what it says to try works, and however it is ended nothing of it stays."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.ports import usual_ports


class Demo:
    """One `busybridge demo`, with a folder of its own for everything temporary."""

    def __init__(self, home: Path) -> None:
        self.folder, self._out = home / "tmp", home / "out"
        self.folder.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
        with self._out.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bridge", "demo"],
                env=self.environment | {"TMPDIR": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    def has_told(self) -> bool:
        return "Ctrl-C ends it all" in self.out

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline, pause = time.monotonic() + 60, threading.Event()
        while not condition():
            assert self.process.poll() is None, self.out
            assert time.monotonic() < deadline, self.out
            pause.wait(0.2)

    def commands(self) -> list[str]:
        """What it says to try, one line each."""
        part = self.out.partition("Try:\n")[2].partition("\n\n")[0]
        return [line.strip() for line in part.splitlines()]

    def run(self, command: str) -> str:
        """Type what was printed; curl is played by Python where there is none."""
        if shutil.which("curl") is None and "curl" in command:
            command = f"curl() {{ {sys.executable} -c '{CURL}' \"$@\"; }}; {command}"
        done = subprocess.run(
            ["bash", "-c", command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stdout


CURL = """import base64, sys, urllib.request as web
words = iter(sys.argv[1:])
headers, method, body = {}, "GET", None
for word in words:
    if word == "-X":
        method = next(words)
    elif word == "-u":
        headers["Authorization"] = "Basic " + base64.b64encode(next(words).encode()).decode()
    elif word == "-H":
        name, value = next(words).split(": ", 1)
        headers[name] = value
    elif word == "--data-binary":
        next(words)
        body = sys.stdin.buffer.read()
    else:
        url = word
sys.stdout.write(web.urlopen(web.Request(url, body, headers, method=method)).read().decode())"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with usual_ports():
        started = Demo(tmp_path)
        yield started
        started.process.send_signal(signal.SIGINT)  # its children end with it
        try:
            started.process.wait(30)
        finally:
            started.process.kill()
            started.process.wait()


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
    assert "all is well" in said[6]
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
        return any(demo.folder.iterdir()) if starting else demo.has_told()

    demo.wait_for(is_there)
    demo.process.send_signal(number)
    assert demo.process.wait(30) in (0, 1)
    assert list(demo.folder.iterdir()) == []
    assert "Traceback" not in demo.out
    own = str(demo.folder).encode()
    assert not [command for command in commands() if own in command]


def commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            yield path.read_bytes()
