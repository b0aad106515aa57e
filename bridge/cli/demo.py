"""`demo`: everything at once, on loopback, gone when it ends."""

from __future__ import annotations

from datetime import timedelta

import click

from bridge.cli.ground import Ground, command
from bridge.cli.moments import read_duration


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=5232,
    show_default=True,
    help="Wanted port; else any free one.",
)
@click.option(
    "--interval",
    default="10s",
    show_default=True,
    callback=read_duration,
    help="Between two pulls; at least 10s.",
)
@command
def demo(ground: Ground, port: int, interval: timedelta) -> None:
    """Start CalDAV servers, stand-ins for Google and Microsoft, and the bridge.

    All have a month of calendars. Prints one URL per line, commands to try, and a link to connect
    an account at Google and one at Microsoft. Everything listens on loopback alone, lives in a
    temporary folder, and is removed by Ctrl-C.
    """
    from bridge.config.values import show_duration
    from bridge.demo.run import run

    run(port, show_duration(interval), as_json=ground.as_json)
