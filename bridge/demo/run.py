"""The demo from its first process to its last file."""

from __future__ import annotations

import signal
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import FrameType

from bridge.app.bridge import Bridge
from bridge.app.serve import serve
from bridge.config.keyfile import KeyFile
from bridge.config.values import Network, parse_duration, parse_network
from bridge.demo import google, sources
from bridge.demo.calendars import demo_calendars
from bridge.demo.children import children, free_port
from bridge.demo.configuration import RESOURCES, TO_CONNECT, USER, configuration
from bridge.demo.google import Google
from bridge.demo.sources import LOGIN, Source
from bridge.demo.telling import Opened, tell_person, tell_program
from bridge.errors import BridgeError
from bridge.model.interval import utc
from bridge.model.resource import ResourceId
from bridge.scheduler.ground import read_clock
from bridge.store import feeds, keys
from bridge.transport import Transport

_SOURCE_PORTS = (5233, 5234)
_GOOGLE_PORT = 8765
_FIRST_PULL = timedelta(seconds=60)


class _Loopback:
    """`outbound` of the demo's own client: its sources and nothing else."""

    ca_file = None

    def __init__(self, started: list[Source]) -> None:
        self.allow_networks: tuple[Network, ...] = tuple(
            parse_network(f"127.0.0.1/32:{source.port}") for source in started
        )


def run(port: int, interval: str, *, as_json: bool) -> None:
    """Run the demo until Ctrl-C, SIGTERM or the end of its terminal, then leave nothing behind.

    Args:
        port: wanted for the bridge; another free one is taken where it is in use.
        interval: between two pulls, as in the YAML.
        as_json: print one JSON object instead of lines.

    Raises:
        BridgeError: a source server does not start, or no port is free.
    """
    if parse_duration(interval) < timedelta(seconds=10):
        raise BridgeError("--interval is at least 10s, as sync.interval is")
    ports: list[int] = [port]
    for wanted in (*_SOURCE_PORTS, _GOOGLE_PORT):
        ports.append(free_port(wanted, ports))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # until `serve` takes them over
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="busybridge-demo-")))
        servers = held.enter_context(children())
        started = [
            sources.start(servers, folder / "sources" / str(each), each) for each in ports[1:-1]
        ]
        stand_in = google.start(servers, ports[-1])
        addresses = _fill(folder, started)
        presented = google.presented(stand_in)
        # Not before everything else is done: somebody else may begin at the same time.
        own = free_port(port, ports[1:])
        config = _configure(folder, configuration(own, started, presented, interval), presented)
        bridge = Bridge(config)

        def tell(_address: str) -> None:
            opened = _open(bridge, addresses, presented)
            if as_json:
                tell_program(opened)
            else:
                tell_person(opened, utc(read_clock()), interval)

        serve(bridge, ready=tell, reloads=False)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fill(folder: Path, started: list[Source]) -> list[str]:
    """Write every calendar where it belongs; return the URLs of those at servers."""
    today = utc(read_clock()).date()
    addresses = []
    http = Transport(_Loopback(started), user_agent="BusyBridge demo")
    try:
        for source in started:
            sources.wait_until_ready(http, source)
        for calendar in demo_calendars(today):
            if calendar.server < 0:
                (folder / calendar.name).write_text(calendar.text, encoding="utf-8", newline="")
            else:
                sources.fill(http, started[calendar.server], calendar)
                addresses.append(started[calendar.server].calendar_url(calendar.name))
    finally:
        http.close()
    return addresses


def _configure(folder: Path, text: str, presented: Google) -> Path:
    KeyFile.create(folder / "busybridge.key")
    for name, secret in (("source.password", LOGIN.password), ("google.secret", presented.secret)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(f"{secret}\n")
    config = folder / "busybridge.yaml"
    config.write_text(text)
    return config


def _open(bridge: Bridge, addresses: list[str], presented: Google) -> Opened:
    """Wait for the first busy time, then make what it is seen with."""
    bridge.scheduler.sync([ResourceId(name) for name in RESOURCES], _FIRST_PULL)
    with bridge.database.write() as conn:
        _, key = keys.create_api_key(
            conn, "demo", scopes=["busy:read"], resources=["*"], now=bridge.clock()
        )
        _, password = keys.create_app_password(conn, USER, "demo", bridge.clock())
        tokens = {
            name: row.token(bridge.keyfile.identity)
            for name in (*RESOURCES, TO_CONNECT)
            for row in feeds.feeds_of(conn, ResourceId(name))
        }
    link, _ = bridge.invitations.page(ResourceId(TO_CONNECT), "demo")
    return Opened(
        base=bridge.settings.server.public_url,
        config=bridge.config_path,
        key=key,
        password=password,
        feeds=tokens,
        sources=addresses,
        link=link,
        google=presented,
    )
