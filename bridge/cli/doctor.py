"""`doctor`: reach every account, and look at everything else that goes wrong in practice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command
from bridge.cli.program import EXIT_UNHEALTHY
from bridge.cli.status import look
from bridge.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.config.plan import ConnectionPlan

_AT_ONCE = 8


@click.command()
@click.argument("provider", required=False)
@command
def doctor(ground: Ground, provider: str | None) -> None:
    """Reach every account (of PROVIDER), list its calendars, and name what is wrong.

    Exit code 3 when something is.
    """
    from bridge.app.bridge import Bridge
    from bridge.config.plan import plan

    bridge = Bridge(ground.config_path)
    try:
        warnings = _installation(bridge)
        wanted = [
            connection
            for _, connections in plan(bridge.settings)
            for connection in connections
            if provider in (None, connection.provider)
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            accounts = list(pool.map(lambda each: _account(bridge, each), wanted))
        stored = _stored(ground)
    finally:
        bridge.close()
    data = {"installation": warnings, "accounts": accounts, "calendars": stored}
    ground.show(data, lambda: _tell(warnings, accounts, stored))
    if any(account["problems"] for account in accounts):
        raise click.exceptions.Exit(EXIT_UNHEALTHY)


def _installation(bridge: Bridge) -> list[str]:
    settings = bridge.settings
    found = [*settings.warnings, *bridge.keyfile.warnings]
    if not settings.server.base_url.startswith("https://"):
        found.append(
            "server.base_url is not an https URL: feed URLs and passwords would travel in clear "
            "to anybody but this machine"
        )
    return found


def _account(bridge: Bridge, plan: ConnectionPlan) -> dict[str, Any]:
    """Open one account and compare its calendars with those that the file names."""
    result: dict[str, Any] = {"connection": plan.id, "calendars": [], "problems": []}
    try:
        provider = bridge.accounts.open(plan.id)
        infos = provider.source.list_calendars() if provider.source else ()
    except (ProviderError, ConfigError) as err:
        hint = getattr(err, "hint", "")
        result["problems"].append(f"{err} ({hint})" if hint else str(err))
        return result
    result["calendars"] = [
        {
            "id": info.id,
            "name": info.name,
            "primary": info.is_primary,
            "role": info.role.value,
            "time_zone": info.time_zone,
        }
        for info in infos
    ]
    from bridge.ingest.choose import choose

    chosen = choose(plan, infos)
    result["problems"] += [f"there is no calendar {name!r}" for name in chosen.missing]
    return result


def _stored(ground: Ground) -> list[dict[str, Any]]:
    """Say what the last pulls could not read, repaired or guessed."""
    with ground.store() as store:
        return [
            {"calendar": f"{connection['id']}/{calendar['name']}", "notes": calendar["notes"]}
            for connection in look(store)
            for calendar in connection["calendars"]
            if calendar["notes"]
        ]


def _tell(
    warnings: list[str], accounts: list[dict[str, Any]], stored: list[dict[str, Any]]
) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}")
    for account in accounts:
        names = ", ".join(calendar["name"] for calendar in account["calendars"])
        click.echo(f"{account['connection']}: {names or 'no calendars'}")
        for problem in account["problems"]:
            click.echo(f"  problem: {problem}")
    for calendar in stored:
        for note in calendar["notes"]:
            click.echo(f"{calendar['calendar']}: {note}")
