"""`serve`: the bridge itself."""

from __future__ import annotations

import click

from bridge.cli.ground import Ground, command
from bridge.cli.printing import as_json


@click.command()
@command
def serve(ground: Ground) -> None:
    """Run the bridge until SIGTERM or Ctrl-C; SIGHUP reloads the configuration.

    The log goes to standard error. With --json one object is printed once requests are answered.
    """
    from bridge.app.bridge import Bridge
    from bridge.app.serve import serve as run

    bridge = Bridge(ground.config_path)

    def ready(address: str) -> None:
        if ground.as_json:
            click.echo(as_json({"address": address, "instance": bridge.keyfile.instance}))

    raise click.exceptions.Exit(run(bridge, ready=ready))
