"""Ports that only one test at a time may want."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OURS = range(20_000, 32_768)
"""Below those that systems give to whoever asks for any."""


@contextmanager
def usual_ports() -> Iterator[None]:
    """Have those of the demo: two that begin at once would both find them free."""
    with (Path(tempfile.gettempdir()) / "ports-of-the-demo.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """Give a port of 127.0.0.1 for whoever has to know it before it is listened on.

    One that the system chose might be chosen for another test until then, or while what listens
    there is being started again. These are given in turn, whichever process of tests asks.
    """
    with (Path(tempfile.gettempdir()) / "ports-of-tests").open("a+") as given:
        fcntl.flock(given, fcntl.LOCK_EX)
        given.seek(0)
        number = int(given.read() or 0)
        while not _is_free(port := _OURS[(number := number + 1) % len(_OURS)]):
            pass
        given.truncate(0)
        given.write(str(number))
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
