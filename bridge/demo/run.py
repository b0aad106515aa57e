"""The demo from its first process to its last file."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

import click

from bridge.app.bridge import Bridge
from bridge.app.serve import serve
from bridge.config.keyfile import KeyFile
from bridge.config.values import Network, parse_duration, parse_network
from bridge.demo import sources
from bridge.demo.calendars import demo_calendars
from bridge.demo.configuration import RESOURCES, USER, configuration
from bridge.demo.sources import LOGIN, Source
from bridge.errors import BridgeError
from bridge.model.interval import utc
from bridge.model.resource import ResourceId
from bridge.scheduler.ground import read_clock
from bridge.store import feeds, keys
from bridge.transport import Transport

_SOURCE_PORTS = (5233, 5234)
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
    for wanted in _SOURCE_PORTS:
        ports.append(sources.free_port(wanted, ports))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # until `serve` takes them over
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="busybridge-demo-")))
        started = held.enter_context(sources.running(folder / "sources", ports[1:]))
        addresses = _fill(folder, started)
        # Not before everything else is done: somebody else may begin at the same time.
        own = sources.free_port(port, ports[1:])
        config = _configure(folder, own, started, interval)
        bridge = Bridge(config)
        serve(
            bridge,
            ready=lambda _: _announce(bridge, config, addresses, as_json=as_json),
            reloads=False,
        )


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


def _configure(folder: Path, port: int, started: list[Source], interval: str) -> Path:
    KeyFile.create(folder / "busybridge.key")
    password = folder / "source.password"
    password.touch(mode=0o600)
    password.write_text(f"{LOGIN.password}\n")
    config = folder / "busybridge.yaml"
    config.write_text(configuration(port, started, interval))
    return config


def _announce(bridge: Bridge, config: Path, addresses: list[str], *, as_json: bool) -> None:
    """Wait for the first busy time, then tell where it is to be seen."""
    bridge.scheduler.sync([ResourceId(name) for name in RESOURCES], _FIRST_PULL)
    base = bridge.settings.server.public_url
    with bridge.database.write() as conn:
        _, key = keys.create_api_key(
            conn, "demo", scopes=["busy:read"], resources=["*"], now=bridge.clock()
        )
        _, password = keys.create_app_password(conn, USER, "demo", bridge.clock())
        tokens = {
            name: row.token(bridge.keyfile.identity)
            for name in RESOURCES
            for row in feeds.feeds_of(conn, ResourceId(name))
        }
    urls = {
        "free_busy": [f"{base}/freebusy/{name}.ifb" for name in RESOURCES],
        "feeds": [f"{base}/feeds/{tokens[name]}/{name}.ics" for name in RESOURCES],
        "json": [f"{base}/api/v1/resources/{name}/busy" for name in RESOURCES],
        "caldav": [f"{base}/"],
        "sources": addresses,
    }
    if as_json:
        account = {"login": USER, "password": password}
        click.echo(json.dumps({**urls, **account, "key": key, "config": str(config)}))
    else:
        _tell(key, password, urls, config)
    sys.stdout.flush()


def _tell(key: str, password: str, urls: dict[str, list[str]], config: Path) -> None:
    (account,) = urls["caldav"]
    click.echo("Busy time of three resources, merged from four CalDAV calendars and a file.\n")
    for title, name in (
        ("Free-busy", "free_busy"),
        ("ICS feeds to subscribe to", "feeds"),
        (f"CalDAV account, read-only (login {USER}, password {password})", "caldav"),
        (f"Source calendars (login {LOGIN.username}, password {LOGIN.password})", "sources"),
    ):
        click.echo(f"{title}:")
        for url in urls[name]:
            click.echo(f"  {url}")
    today = utc(read_clock())
    monday = today + timedelta(days=7 - today.weekday())
    window = f"start={today:%Y-%m-%dT00:00:00Z}&end={today + timedelta(weeks=1):%Y-%m-%dT00:00:00Z}"
    program = f"{_program()} --config {config}"
    click.echo("\nTry:")
    for line in (
        f"curl {urls['free_busy'][0]}",
        f"curl '{urls['free_busy'][1]}?start=0d&end=3d'",
        f"curl -H 'Authorization: Bearer {key}' '{urls['json'][0]}?{window}'",
        f"curl -u {USER}:{password} {account}{USER}/busy/",
        f"{program} busy alice",
        f"{program} explain alice --at {monday:%Y-%m-%d}T09:20",
        f"{program} status",
        _put(next(url for url in urls["sources"] if "family" in url), monday),
    ):
        click.echo(f"  {line}")
    click.echo(f"\nAPI description: {account}api/v1/docs")
    click.echo(
        "The last command adds an event: read Alice's URL again ten seconds later.\n"
        "Ctrl-C ends it all."
    )


def _put(calendar: str, day: datetime) -> str:
    """Write a command that puts an event at a source."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//demo//EN",
        "BEGIN:VEVENT",
        "UID:hello",
        f"DTSTAMP:{day:%Y%m%d}T000000Z",
        f"DTSTART:{day:%Y%m%d}T200000Z",
        f"DTEND:{day:%Y%m%d}T213000Z",
        "SUMMARY:Hello",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    # `--upload-file -` would send chunks, which Radicale's own server does not take.
    options = f"-X PUT -u {LOGIN.username}:{LOGIN.password} -H 'Content-Type: text/calendar'"
    text = "".join(f"{line}\\n" for line in lines)
    return f"printf '{text}' | curl {options} --data-binary @- {calendar}hello.ics"


def _program() -> str:
    """Name the program as it was called, so that what is printed can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m bridge"
    return shlex.quote(str(called))
