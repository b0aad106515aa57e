"""What `busybridge init` writes: a commented configuration and a key file."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from bridge.config.keyfile import KeyFile
from bridge.errors import ConfigError, ConfigProblem

CONFIGURATION = "busybridge.yaml"
KEY_FILE = "busybridge.key"


def write_example(directory: Path) -> tuple[Path, Path]:
    """Write a configuration with every key and a new key file into a directory, both mode 0600.

    Returns:
        The paths of the configuration and of the key file.

    Raises:
        ConfigError: one of them exists, and nothing was written; or the directory cannot be used.
    """
    configuration, key_file = directory / CONFIGURATION, directory / KEY_FILE
    problems = [
        ConfigProblem("exists already and is not overwritten", file=str(path))
        for path in (configuration, key_file)
        if path.exists()
    ]
    if problems:
        raise ConfigError(problems)
    KeyFile.create(key_file)
    text = files("bridge.config").joinpath("example.yaml").read_text(encoding="utf-8")
    try:
        # Mode 0600: an admin may put a secret in it before thinking of its mode.
        handle = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as err:
        raise ConfigError(
            [ConfigProblem(f"cannot be written: {err.strerror}", file=str(configuration))]
        ) from err
    return configuration, key_file
