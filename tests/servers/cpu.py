"""What processes cost."""

from __future__ import annotations

import time


def cpu_of(process: int) -> float:
    """Give the CPU seconds that a process has used so far, those of ended threads included."""
    # What clock_getcpuclockid(3) makes of the number on Linux; Python has no name for it.
    return time.clock_gettime((~process << 3) | 2)
