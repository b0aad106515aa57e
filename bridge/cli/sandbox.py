"""`sandbox`: the stand-ins for Google, Microsoft and Zoom, to connect to and to play with."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command
from bridge.cli.printing import as_json, say
from bridge.errors import BridgeError, ConfigError, ConfigProblem

if TYPE_CHECKING:
    from bridge.sandbox.server import Sandbox


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="0 for any free one.",
)
@click.option(
    "--world",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Accounts, what they have, and misbehaviour as JSON; else a few people with a month each.",
)
@click.option(
    "--limits/--no-limits",
    default=True,
    show_default=True,
    help="Refuse more requests than the providers allow.",
)
@command
def sandbox(ground: Ground, port: int, world: Path | None, limits: bool) -> None:  # noqa: FBT001
    """Run a stand-in for Google Calendar, Microsoft Graph and Zoom on loopback.

    It has accounts to connect, pages to sign in, the APIs with push, and misbehaves on command.
    Everything is in memory; Ctrl-C ends it.
    """
    from bridge.sandbox.google.quotas import Limits
    from bridge.sandbox.microsoft.quotas import MailboxLimits
    from bridge.sandbox.scenario import BadScenario
    from bridge.sandbox.server import Sandbox
    from bridge.sandbox.zoom.quotas import Limits as ZoomLimits

    ended = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    document = _document(world)
    try:
        running = Sandbox(document, port=port, limits=Limits() if limits else None)
    except BadScenario as err:
        raise ConfigError([ConfigProblem(str(err), str(world))]) from err
    except OSError as err:
        raise BridgeError(f"cannot listen on port {port}: {err.strerror or err}") from err
    if limits:
        running.microsoft.limit(MailboxLimits())
        running.zoom.limit(ZoomLimits())
    with running:
        _announce(running, in_json=ground.as_json)
        ended.wait()


def _document(world: Path | None) -> dict[str, Any]:
    if world is None:
        from bridge.sandbox.example import document
        from bridge.sandbox.world import system_clock

        return document(system_clock().date())
    try:
        read = json.loads(world.read_text(encoding="utf-8"))
    except ValueError as err:
        raise ConfigError([ConfigProblem(f"is not JSON: {err}", str(world))]) from err
    if not isinstance(read, dict):
        raise ConfigError([ConfigProblem("is not an object of JSON", str(world))])
    return read


def _announce(running: Sandbox, *, in_json: bool) -> None:
    from bridge.sandbox.microsoft.scenario import CLIENT_ID, CLIENT_SECRET
    from bridge.sandbox.scenario import CLIENT

    url = running.url
    program = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    microsoft = {**program, "graph_url": f"{url}/v1.0", "authority_url": f"{url}/common"}
    mailboxes = [each.email for each in running.microsoft.directory.mailboxes.values()]
    zoom = _zoom(running)
    # Fits with server_to_server: its own program acts for every host.
    section = {key: it for key, it in zoom.items() if not key.startswith("user_")}
    hosts = [each.email for each in running.zoom.directory.users.values()]
    google = CLIENT.section(url)
    accounts = list(running.world.accounts)
    if in_json:
        click.echo(
            as_json(
                {
                    "url": url,
                    "accounts": accounts,
                    **google,
                    "microsoft": {"accounts": mailboxes, **microsoft, "sandbox_url": url},
                    "zoom": {"accounts": hosts, **zoom},
                }
            )
        )
        sys.stdout.flush()
        return
    fault = f"{url}/sandbox/accounts/{accounts[0] if accounts else 'EMAIL'}/faults"
    for line in (
        f"A stand-in for Google Calendar, Microsoft Graph and Zoom, in memory: {url}",
        "",
        "Google accounts, with their calendars and outgoing mail:",
        *(f"  {url}/accounts/{email}" for email in accounts),
        "Microsoft accounts:",
        *(f"  {url}/microsoft/accounts/{email}" for email in mailboxes),
        "Zoom accounts, with their meetings:",
        *(f"  {url}/zoom/accounts/{email}" for email in hosts),
        "",
        "For the YAML:",
        "  allow_inline_secrets: true",
        "  providers:",
        "    google:",
        *(f"      {name}: {value}" for name, value in google.items()),
        "    microsoft:",
        *(f"      {name}: {value}" for name, value in {**program, "sandbox_url": url}.items()),
        "    zoom:",
        *(f"      {name}: {value}" for name, value in section.items()),
        *(f"      host: {email}" for email in hosts[:1]),
        "  outbound:",
        f"    allow_networks: [127.0.0.1/32:{running.port}]",
        "",
        "For a program of yours that speaks to Microsoft Graph:",
        *(f"  {name}: {value}" for name, value in microsoft.items()),
        "",
        "For one that speaks to Zoom, in the name of the account or of users who let it in:",
        *(f"  {name}: {value}" for name, value in zoom.items()),
        "",
        "Misbehaviour, for example:",
        f"  curl -H 'Content-Type: application/json' -d '{{\"short_pages\": true}}' {fault}",
        "",
        "Ctrl-C ends it.",
    ):
        say(line)
    sys.stdout.flush()


def _zoom(running: Sandbox) -> dict[str, str]:
    from bridge.sandbox.zoom import scenario
    from bridge.sandbox.zoom.directory import ACCOUNT_ID

    url = running.url
    return {
        "account_id": ACCOUNT_ID,
        "client_id": scenario.SERVER_ID,
        "client_secret": scenario.SERVER_SECRET,
        "user_client_id": scenario.CLIENT_ID,
        "user_client_secret": scenario.CLIENT_SECRET,
        "api_url": f"{url}/v2",
        "authorize_url": f"{url}/oauth/authorize",
        "token_url": f"{url}/oauth/token",
        "revoke_url": f"{url}/oauth/revoke",
    }
