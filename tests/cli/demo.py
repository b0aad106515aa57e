"""One `busybridge demo` as somebody runs it, and what it has printed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
        deadline, pause = time.monotonic() + 150, threading.Event()
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


@contextmanager
def running(home: Path) -> Iterator[Demo]:
    """Begin one, and end it."""
    with usual_ports():
        started = Demo(home)
        yield started
        started.process.send_signal(signal.SIGINT)  # its children end with it
        try:
            started.process.wait(60)
        finally:
            started.process.kill()
            started.process.wait()
