"""The command line. A command is imported when it is called, so that `--help` is quick."""

from bridge.cli.program import main

__all__ = ["main"]
