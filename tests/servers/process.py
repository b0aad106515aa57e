"""Real servers as child processes on loopback ports of their own, gone when the test run is."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.ports import free_port

# The child ends when its stdin does, so that not even a killed test run leaves it behind.
_CHILD = """
import os, runpy, sys, threading
def watch():
    while os.read(0, 1024):
        pass
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
module = sys.argv.pop(1)
sys.argv[0] = module
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
_STARTS = 3
_PATIENCE = 30.0


@dataclass(frozen=True)
class Server:
    """One running server."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


def start(module: str, folder: Path, arguments: Callable[[int], Sequence[str]]) -> Server:
    """Run `python -m module` with its data in `folder`, and wait until it answers.

    `arguments` are made for the port that was free; if another program took it meanwhile, once
    more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(_STARTS):
        port = free_port()
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _CHILD, module, *arguments(port)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            )
        server = Server(process, port, folder)
        atexit.register(server.stop)
        if _answers(server):
            return server
        server.stop()
    raise RuntimeError(f"{module} does not start: {(folder / 'server.log').read_text()[-2000:]}")


def _answers(server: Server) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", server.port), 1):
                return True
        except OSError:
            time.sleep(0.02)
    return False
