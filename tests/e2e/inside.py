"""Commands in this process: the same program, without the second of CPU time that a start takes.

What a process of its own adds, exit codes and streams and signals, is shown in tests/cli.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bridge.cli import main

QUIET = frozenset({"connections", "explain", "feeds", "status", "sync", "urls", "users"})
"""Commands that leave nothing behind in their process, once its log is put back."""


def run(config: Path, *arguments: str) -> CompletedProcess[str]:
    line = ["busybridge", "--config", str(config), *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with pytest.MonkeyPatch.context() as patch, _log_put_back(patch):
            patch.setattr(sys, "argv", line)
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main()
        code: Any = ended.value.code
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read())
    return CompletedProcess(line, int(code or 0), *said)


@contextmanager
def _log_put_back(patch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (sys, threading):
        patch.setattr(module, "excepthook", module.excepthook)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []  # a log that begins would close them
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
