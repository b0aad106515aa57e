"""The demo from its first process to its last file."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from bridge.config.values import Network, parse_duration, parse_network
from bridge.demo import sources, stand_ins
from bridge.demo.calendars import DemoCalendar, demo_calendars
from bridge.demo.children import children, free_port
from bridge.demo.sources import Source
from bridge.errors import BridgeError
from bridge.transport import Transport

_SOURCE_PORTS = (5233, 5234)
_SANDBOX_PORT = 8765


class _Loopback:
    """`outbound` of the demo's own client: one source and nothing else."""

    ca_file = None

    def __init__(self, source: Source) -> None:
        self.allow_networks: tuple[Network, ...] = (parse_network(f"127.0.0.1/32:{source.port}"),)


def run(port: int, interval: str, *, as_json: bool) -> None:
    """Run the demo until Ctrl-C, SIGTERM or the end of its terminal, then leave nothing behind.

    Args:
        port: wanted for the bridge; another free one is taken where it is in use.
        interval: between two pulls, as in the YAML.
        as_json: print one JSON object instead of lines.

    Raises:
        BridgeError: a server does not start, or no port is free.
    """
    if parse_duration(interval) < timedelta(seconds=10):
        raise BridgeError("--interval is at least 10s, as sync.interval is")
    ports: list[int] = [port]
    for wanted in (*_SOURCE_PORTS, _SANDBOX_PORT):
        ports.append(free_port(wanted, ports))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # until `serve` takes them over
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="busybridge-demo-")))
        # Left after the servers: whose end also ends what waits for them.
        pool = held.enter_context(ThreadPoolExecutor(len(_SOURCE_PORTS)))
        servers = held.enter_context(children())
        started = [
            sources.start(servers, folder / "sources" / str(each), each) for each in ports[1:-1]
        ]
        sandbox = stand_ins.start(servers, ports[-1])
        # Not the scheduler's clock, with which all of the database would be read first.
        today = datetime.now(UTC).date()  # noqa: TID251
        calendars = demo_calendars(today)
        filling = [
            pool.submit(_fill, source, [it for it in calendars if it.server == number])
            for number, source in enumerate(started)
        ]
        _write(folder, calendars)
        # All of the bridge, which takes as long to read as the servers to begin.
        from bridge.demo.show import Sources, show

        addresses = [url for each in filling for url in each.result()]
        accounts = stand_ins.presented(sandbox)
        # Not before everything else is done: somebody else may begin at the same time.
        own = free_port(port, ports[1:])
        show(folder, own, Sources(started, addresses, accounts), interval, as_json=as_json)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fill(source: Source, calendars: Iterable[DemoCalendar]) -> list[str]:
    """Wait for a server, and write its calendars; return their URLs."""
    http = Transport(_Loopback(source), user_agent="BusyBridge demo")
    try:
        sources.wait_until_ready(http, source)
        return [sources.fill(http, source, calendar) for calendar in calendars]
    finally:
        http.close()


def _write(folder: Path, calendars: Iterable[DemoCalendar]) -> None:
    """Write the calendars that are files."""
    for each in calendars:
        if each.server < 0:
            (folder / each.name).write_text(each.text, encoding="utf-8", newline="")
