"""Beginning: `init` and `check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.ground import Ground, command
from bridge.cli.printing import count, say
from bridge.cli.program import EXIT_USAGE
from bridge.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from bridge.config.settings import Settings


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="A key file alone.")
@command
def init(ground: Ground, directory: Path, key: Path | None) -> None:
    """Write a commented configuration and a key file into DIRECTORY (here by default).

    Nothing is overwritten. Keep the key file apart from backups of the database, and keep it: the
    identities of what is published, and the secret URLs of feeds, come from it.
    """
    from bridge.config.init import write_example
    from bridge.config.keyfile import KeyFile

    if key is not None:
        KeyFile.create(key)
        ground.show({"written": [str(key)]}, lambda: say(str(key)))
        return
    directory.mkdir(parents=True, exist_ok=True)
    paths = write_example(directory)
    ground.show({"written": [str(path) for path in paths]}, lambda: _tell_written(paths))


def _tell_written(paths: Sequence[Path]) -> None:
    for path in paths:
        say(str(path))
    say("next: put your calendars into the first, then `busybridge check`", err=True)


@click.command()
@command
def check(ground: Ground) -> None:
    """Read the configuration and name everything that is wrong with it, without any network.

    Exit code 2 when something is.
    """
    from bridge.config.keyfile import KeyFile
    from bridge.config.load import load
    from bridge.registry import KINDS

    path = ground.config_path
    problems: list[ConfigProblem] = []
    warnings: list[str] = []
    notes: list[str] = []
    resources = 0
    try:
        settings = load(path, KINDS)
        resources = len(settings.resources)
        warnings += settings.warnings
        notes += polled_only(settings)
        warnings += KeyFile.read(settings.storage.encryption_key_file).warnings
    except ConfigError as err:
        problems = err.problems
    data = {
        "problems": [_as_json(problem) for problem in problems],
        "warnings": warnings,
        "notes": notes,
    }
    summary = f"{path}: {count(resources, 'resource')}, no problems"
    ground.show(data, lambda: _tell(problems, warnings, [*notes, summary]))
    if problems:
        raise click.exceptions.Exit(EXIT_USAGE)


def _as_json(problem: ConfigProblem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line or None,
        "key": problem.key,
        "message": problem.message,
        "hint": problem.hint,
    }


def polled_only(settings: Settings) -> list[str]:
    """Say of which providers changes show only with the next poll, though they could be told."""
    from bridge.channels.reach import silent
    from bridge.registry import KINDS

    found = silent(settings, KINDS)
    return [f"{title} is polled, and tells of no changes: {why}" for title, why in found.items()]


def _tell(problems: Sequence[ConfigProblem], warnings: Sequence[str], told: Sequence[str]) -> None:
    for problem in problems:
        say(str(problem), err=True)
    for warning in warnings:
        say(f"warning: {warning}", err=True)
    if not problems:
        for line in told:
            say(line)
