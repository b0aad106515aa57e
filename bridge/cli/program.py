"""The program: its list of commands, its options, its exit codes."""

from __future__ import annotations

import importlib
import io
import sys
from typing import NoReturn

import click
from typing_extensions import override

from bridge import __version__
from bridge.cli.names import Group
from bridge.cli.printing import say, told
from bridge.errors import BridgeError, ConfigError

EXIT_ERROR = 1
EXIT_USAGE = 2
"""Usage or configuration."""
EXIT_UNHEALTHY = 3

_COMMANDS = {
    "apply": ("bridge.cli.apply:apply", "Reload, and remove for good what left the file."),
    "auth": ("bridge.cli.auth:auth", "Connect accounts by their owners' consent."),
    "backup": ("bridge.cli.backup:backup", "Copy the database to a file, while the server runs."),
    "bookings": ("bridge.cli.bookings:bookings", "List, make, cancel and retry bookings."),
    "busy": ("bridge.cli.busy:busy", "Show when a resource is busy."),
    "calendars": ("bridge.cli.calendars:calendars", "List the calendars of accounts, and choose."),
    "check": ("bridge.cli.setup:check", "Check the configuration file; offline."),
    "conflicts": ("bridge.cli.conflicts:conflicts", "Show what a booking would lie over."),
    "connections": ("bridge.cli.connections:connections", "List, show, set, pause, disconnect."),
    "demo": ("bridge.cli.demo:demo", "Try it: sources, calendars and the bridge on loopback."),
    "doctor": ("bridge.cli.doctor:doctor", "Reach every account and name what is wrong."),
    "explain": (
        "bridge.cli.explain:explain",
        "Show why a moment is busy, or what became of an event.",
    ),
    "feeds": ("bridge.cli.feeds:feeds", "List, rotate and revoke the secret URLs of feeds."),
    "init": ("bridge.cli.setup:init", "Write a commented configuration and a key file."),
    "keyring": ("bridge.cli.keyring:keyring", "List and rotate the keys of the key file."),
    "keys": ("bridge.cli.keys:keys", "Create, list and revoke API keys."),
    "mirror": ("bridge.cli.mirroring:mirror", "Show or write what is mirrored where."),
    "plan": ("bridge.cli.apply:plan", "Show what the file would change."),
    "purge": ("bridge.cli.purge:purge", "Delete what was written into an account's calendars."),
    "reload": ("bridge.cli.reload:reload", "Swap the configuration inside the running server."),
    "restore": ("bridge.cli.backup:restore", "Put a backup back, while nothing runs."),
    "sandbox": ("bridge.cli.sandbox:sandbox", "Try it: a stand-in for Google and Microsoft."),
    "serve": ("bridge.cli.serve:serve", "Run the bridge."),
    "status": ("bridge.cli.status:status", "Show how every connection and calendar fares."),
    "sync": ("bridge.cli.sync:sync", "Pull now."),
    "urls": ("bridge.cli.feeds:urls", "Print every URL under which a resource can be read."),
    "users": ("bridge.cli.users:users", "Logins, their passwords and app passwords."),
}


class Program(Group):
    """Knows its commands by name and imports the one that is called."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command, in the order of the alphabet."""
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="busybridge")
@click.option("--config", type=click.Path(), metavar="FILE", help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def program(ctx: click.Context, config: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Merge the busy time of many calendars and publish it.

    Exit codes: 0 done, 1 error, 2 usage or configuration, 3 unhealthy (status, doctor).
    """
    ctx.obj = {"config": config, "json": as_json}


def main() -> NoReturn:
    """Run the program; the entry point of `busybridge`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack letters of a name
    try:
        code = program.main(prog_name="busybridge", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Aborted.", err=True)
        code = EXIT_ERROR
    except click.ClickException as err:
        err.show()
        code = EXIT_USAGE
    except ConfigError as err:
        for problem in err.problems:
            say(str(problem), err=True)
        code = EXIT_USAGE
    except BridgeError as err:
        say(f"Error: {told(err)}", err=True)
        code = EXIT_ERROR
    except OSError as err:
        place = f"{err.filename}: " if err.filename else ""
        say(f"Error: {place}{err.strerror or err}", err=True)
        code = EXIT_ERROR
    sys.exit(code if isinstance(code, int) else 0)
