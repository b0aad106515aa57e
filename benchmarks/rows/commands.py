"""How long commands take to start and end, with the installed script and a filled database."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calendars import spans
from benchmarks.row import Row, Scale, seconds, within
from benchmarks.serving import ROOM, bridge, horizon, room
from benchmarks.timing import middle
from tests.e2e.served import Served

_PROGRAM = str(Path(sys.executable).with_name("busybridge"))
_QUICK = (("--help",), ("--version",), ("check",), ("init",))
_STORE = (("status",), ("urls", ROOM), ("busy", ROOM), ("keys", "list"), ("connections", "list"))


def rows(scale: Scale) -> Iterator[Row]:
    window = horizon(60)
    with (
        TemporaryDirectory(prefix="busybridge-") as folder,
        bridge([room(Path(folder), spans(1_000, *window))]) as served,
    ):
        served.start()
        served.sync()
        served.stop()
        for limit, commands in ((0.3, _QUICK), (0.8, _STORE)):
            for command in commands[: scale.of(len(commands), 1)]:
                wall, cpu = _run(served, command, scale.of(9, 1))
                name = f"busybridge {' '.join(command)}"
                yield within(name, wall, limit, f"of it CPU {seconds(cpu)}")


def _run(served: Served, command: Sequence[str], rounds: int) -> tuple[float, float]:
    """Give the middle wall time of a command, and its least CPU time."""
    walls, cpus = [], []
    for number in range(rounds):
        given = [*command, f"fresh-{number}"] if command == ("init",) else command
        before, used = time.perf_counter(), _used()
        done = subprocess.run(
            [_PROGRAM, *given],
            cwd=served.folder,
            env=served.environment(),
            capture_output=True,
            check=False,
        )
        walls.append(time.perf_counter() - before)
        cpus.append(_used() - used)
        assert done.returncode == 0, done.stderr.decode()
    return middle(walls), min(cpus)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
