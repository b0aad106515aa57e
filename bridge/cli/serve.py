"""`serve`: the bridge itself."""

from __future__ import annotations

import click

from bridge.cli.ground import Ground, command


@click.command()
@command
def serve(ground: Ground) -> None:
    """Run the bridge until SIGTERM or Ctrl-C; SIGHUP reloads the configuration."""
    from bridge.app.bridge import Bridge
    from bridge.app.serve import serve as run

    raise click.exceptions.Exit(run(Bridge(ground.config_path)))
