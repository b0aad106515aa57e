"""Commands in this process: the same program, without the second of CPU time that a start takes.

What a process of its own adds, exit codes and streams and signals, is shown in tests/cli.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bridge.cli import main

QUIET = frozenset(
    {
        *("apply", "bookings", "busy", "calendars", "conflicts", "connections", "explain"),
        *("feeds", "keys", "mirror", "plan", "purge", "reload", "status", "sync", "urls"),
        "users",
    }
)
"""Commands that leave nothing behind in their process, once its log is put back."""


def run_in(folder: Path, environ: Mapping[str, str], *arguments: str) -> CompletedProcess[str]:
    """Run a command as if from a shell that stands in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in os.environ.keys() - environ.keys() - {"PYTEST_CURRENT_TEST"}:
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        return _run(["busybridge", *arguments])


def run(config: Path, *arguments: str) -> CompletedProcess[str]:
    return _run(["busybridge", "--config", str(config), *arguments])


def _run(line: list[str]) -> CompletedProcess[str]:
    with (
        tempfile.TemporaryFile("w+", newline="") as out,
        tempfile.TemporaryFile("w+", newline="") as err,
    ):
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
