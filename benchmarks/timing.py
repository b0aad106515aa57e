"""Taking the time of things on a machine that others use as well."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles
from typing import TypeVar

T = TypeVar("T")


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    """Give the CPU seconds of this process that some work took, and what came of it.

    For work that waits for nothing: it costs the same whoever else uses the machine.
    """
    gc.collect()
    before = time.process_time()
    made = work()
    return time.process_time() - before, made


def wall(work: Callable[[], T]) -> tuple[float, T]:
    """Give the seconds that passed, and what came of it."""
    before = time.perf_counter()
    made = work()
    return time.perf_counter() - before, made


def best(rounds: int, *works: Callable[[], T]) -> list[tuple[float, T]]:
    """Run the works in turns, and give the least CPU time of each with its last answer."""
    return best_of(rounds, *(partial(cpu, work) for work in works))


def best_of(rounds: int, *works: Callable[[], tuple[float, T]]) -> list[tuple[float, T]]:
    """Do the same for works that take their own time, since only a part of them counts."""
    taken = [[work() for work in works] for _ in range(rounds)]
    return [(min(run[0] for run in runs), runs[-1][1]) for runs in zip(*taken, strict=True)]


def middle(times: list[float]) -> float:
    return median(times)


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]
