"""A running bridge whose disk takes no writes any more, or that gets no more file descriptors."""

from __future__ import annotations

import resource as limits
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.oracle import utc_midnight
from tests.e2e.reports import FREE_BUSY_QUERY
from tests.e2e.served import (
    Periods,
    Served,
    feed_periods,
    freebusy_periods,
    get,
    joined,
    json_periods,
)
from tests.e2e.sources import HEAD, TAIL, vevent
from tests.e2e.town import TOMORROW, resource
from tests.servers.cpu import cpu_of

NINE = (utc_midnight(TOMORROW) + 9 * 3600, utc_midnight(TOMORROW) + 10 * 3600, "BUSY")
TEN = (NINE[1], NINE[1] + 3600, "BUSY")
SPAN = utc_midnight(TOMORROW), utc_midnight(TOMORROW) + 86400
FEW = 64
"""File descriptors."""
WHILE = 10.0
"""Seconds; less than a request may take to arrive."""
_WITHOUT_OVERRIDE = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "bridge", *sys.argv[1:]])
"""
"""Serves as somebody whom the permissions of files bind, who may be the superuser."""


def write(path: Path, *hours: int) -> None:
    """A calendar with an hour of tomorrow for each number."""
    day = f"{TOMORROW:%Y%m%d}"
    events = (
        vevent(f"{hour}", f"DTSTART:{day}T{hour:02}0000Z", f"DTEND:{day}T{hour + 1:02}0000Z")
        for hour in hours
    )
    path.write_text(HEAD + "".join(events) + TAIL, newline="")


@contextmanager
def serves(folder: Path, *program: str) -> Iterator[Served]:
    """A bridge that has read one calendar, and reads it every ten seconds."""
    write(folder / "calendar.ics", 9)
    connection = {"id": "work", "provider": "ics", "path": str(folder / "calendar.ics")}
    config = {
        "allow_inline_secrets": True,
        "resources": [resource("ann", connection)],
        "sync": {"interval": "10s"},
    }
    with Served(folder / "bridge", config, program=program or ("-m", "bridge")) as served:
        served.wait(lambda: is_published(served, NINE), "the calendar is read")
        yield served


def is_published(served: Served, *periods: tuple[int, int, str]) -> bool:
    return joined(freebusy_periods(served.freebusy("ann", *SPAN).body)) == joined([*periods])


def published(served: Served, feed: str) -> list[Periods]:
    """What each output says of tomorrow; read only, unlike what other tests use."""
    return [
        freebusy_periods(served.freebusy("ann", *SPAN).body),
        json_periods(served.busy("ann", *SPAN).body),
        freebusy_periods(served.report("ann", FREE_BUSY_QUERY, *SPAN).body),
        feed_periods(get(feed).body),
    ]


@pytest.mark.covers("F38")
def test_feeds_are_served_from_a_read_only_disk_and_pulls_go_on_after_it(tmp_path: Path) -> None:
    with serves(tmp_path, "-c", _WITHOUT_OVERRIDE) as served:
        feed = served.feed_url("ann", "all")
        assert published(served, feed) == [[NINE]] * 4
        with read_only(served.folder):
            write(tmp_path / "calendar.ics", 9, 10)
            served.wait(lambda: "the file or its disk is read-only" in served.log, "it is said")
            assert published(served, feed) == [[NINE]] * 4
            assert get(f"{served.url}/healthz").status == 200
        served.wait(lambda: is_published(served, NINE, TEN), "pulls go on")
        assert "Traceback" not in served.log


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    paths = [folder, *folder.iterdir()]
    modes = [path.stat().st_mode for path in paths]
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


@pytest.mark.covers("F39")
def test_who_takes_every_file_descriptor_holds_it_up_only_until_they_are_gone(
    tmp_path: Path,
) -> None:
    with serves(tmp_path) as served:
        process = served.process
        assert process is not None
        before = limits.prlimit(process.pid, limits.RLIMIT_NOFILE)
        limits.prlimit(process.pid, limits.RLIMIT_NOFILE, (FEW, before[1]))
        with ExitStack() as crowd:
            for _ in range(2 * FEW):
                client = crowd.enter_context(socket.socket())
                client.settimeout(0.2)
                with suppress(TimeoutError):  # the queue of those who wait is full, too
                    client.connect(("127.0.0.1", served.port))
                    client.sendall(b"GET /healthz HTTP/1.1\r\n")
            served.wait(lambda: "new connections wait: Too many open" in served.log, "it is said")
            write(tmp_path / "calendar.ics", 9, 10)
            used, ends = cpu_of(process.pid), time.monotonic() + WHILE
            served.wait(lambda: time.monotonic() >= ends, "they stay for a while")
            assert cpu_of(process.pid) - used < WHILE / 10, "it tries again, but not all the time"
        served.wait(served.answers, "it answers")
        served.wait(lambda: is_published(served, NINE, TEN), "pulls go on")
        assert "Traceback" not in served.log
