"""`demo`: everything at once, on loopback, gone when it ends."""

from __future__ import annotations

import click

from bridge.cli.ground import Ground, command


@click.command()
@click.option("--port", default=5232, show_default=True, help="Wanted port; else any free one.")
@click.option("--interval", default="10s", show_default=True, help="Between two pulls.")
@command
def demo(ground: Ground, port: int, interval: str) -> None:
    """Start two CalDAV servers with a month of calendars, an ICS file, and the bridge.

    Prints one URL per line and commands to try. Everything listens on loopback alone, lives in a
    temporary folder, and is removed by Ctrl-C.
    """
    from bridge.demo.run import run

    run(port, interval, as_json=ground.as_json)
