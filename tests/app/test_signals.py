"""Signals that arrive at the wrong moment, or in the wrong thread, are not lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import ctypes, os, signal, threading
from bridge.app.signals import caught

with caught([signal.SIGTERM, signal.SIGHUP]) as signals:
    {before}
    print(signals.wait(), signals.wait())
"""
EARLY = "os.kill(os.getpid(), signal.SIGHUP); os.kill(os.getpid(), signal.SIGTERM)"
# The main thread waits already, and hears nothing of a signal that another thread gets.
ELSEWHERE = """
    def elsewhere():
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.pthread_kill(threading.get_ident(), number)
    threading.Timer(0.3, elsewhere).start()
"""


@pytest.mark.covers("F66")
@pytest.mark.parametrize("before", [EARLY, ELSEWHERE], ids=["before the wait", "in another thread"])
def test_a_signal_ends_the_wait_whenever_and_wherever_it_arrives(before: str) -> None:
    script = SCRIPT.format(before=before.strip())
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.stdout.split() == ["1", "15"], done.stderr
