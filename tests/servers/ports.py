"""Ports that only one test at a time may want."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def usual_ports() -> Iterator[None]:
    """Have those of the demo: two that begin at once would both find them free."""
    with (Path(tempfile.gettempdir()) / "ports-of-the-demo.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
