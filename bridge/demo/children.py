"""The demo's servers: processes of its own, which end with it however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from bridge.errors import BridgeError

Child: TypeAlias = subprocess.Popen[bytes]

_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
_PATIENCE = 5


def free_port(wanted: int, taken: Sequence[int] = ()) -> int:
    """Return the wanted port of 127.0.0.1, or any free one where it is in use."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            if found not in taken:
                return found
    raise BridgeError("no free port on 127.0.0.1")


class Children:
    """Processes that were started, and nobody else's."""

    def __init__(self) -> None:
        self._started: list[Child] = []

    def start(self, module: str, *arguments: str, is_heard: bool = False) -> Child:
        """Start a module of Python; with `is_heard` what it prints can be read."""
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "bridge.demo.child", module, *arguments],
            stdin=subprocess.PIPE,  # its end tells the child that the demo is gone
            stdout=subprocess.PIPE if is_heard else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C is for the bridge; it ends its children itself
        )
        self._started.append(child)
        return child

    def end(self) -> None:
        """End all, and wait until they have."""
        for child in self._started:
            child.send_signal(signal.SIGTERM)
        for child in self._started:
            try:
                child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe:
                    pipe.close()


@contextlib.contextmanager
def children() -> Iterator[Children]:
    """End what is started in the block when it is left."""
    made = Children()
    try:
        yield made
    finally:
        made.end()
