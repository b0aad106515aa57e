"""Beginning: `init` and `check`."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.ground import Ground, command
from bridge.errors import ConfigError


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
@command
def init(ground: Ground, directory: Path) -> None:
    """Write a commented configuration and a key file into DIRECTORY (here by default).

    Nothing is overwritten. Keep the key file apart from backups of the database, and keep it: the
    identities of what is published, and the secret URLs of feeds, come from it.
    """
    from bridge.config.init import write_example

    directory.mkdir(parents=True, exist_ok=True)
    paths = write_example(directory)
    ground.show(
        {"written": [str(path) for path in paths]},
        lambda: click.echo("".join(f"{path}\n" for path in paths), nl=False),
    )


@click.command()
@command
def check(ground: Ground) -> None:
    """Read the configuration and name everything that is wrong with it, without any network.

    Exit code 2 when something is.
    """
    from bridge.config.keyfile import KeyFile
    from bridge.config.load import load
    from bridge.registry import KINDS

    problems, warnings, resources = [], [], 0
    try:
        settings = load(ground.config_path, KINDS)
        warnings = list(settings.warnings)
        resources = len(settings.resources)
        warnings += KeyFile.read(Path(settings.storage.encryption_key_file)).warnings
    except ConfigError as err:
        problems = err.problems
    if ground.as_json:
        found = [
            {
                "file": problem.file,
                "line": problem.line or None,
                "key": problem.key,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ]
        ground.show({"problems": found, "warnings": warnings}, lambda: None)
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
    if problems:
        raise click.exceptions.Exit(2)
    if not ground.as_json:
        click.echo(f"{ground.config_path}: {resources} resources, no problems")
