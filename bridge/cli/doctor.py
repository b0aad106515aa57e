"""`doctor`: reach every account, and look at everything else that goes wrong in practice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import alerting
from bridge.cli.ground import Ground, NothingStored, command, not_in_force
from bridge.cli.names import unknown
from bridge.cli.printing import count, say, told
from bridge.cli.program import EXIT_UNHEALTHY
from bridge.cli.setup import polled_only
from bridge.cli.status import label, look
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.config.plan import ConnectionPlan
    from bridge.config.settings import Settings
    from bridge.model.resource import ConnectionId

_AT_ONCE = 8


def _complete(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
    from bridge.registry import KINDS

    return [name for name in KINDS if name.startswith(typed)]


@click.command()
@click.argument("provider", required=False, shell_complete=_complete)
@click.option("--trial-alert", is_flag=True, help="Send a message in every way of `notify`.")
@command
def doctor(ground: Ground, provider: str | None, *, trial_alert: bool) -> None:
    """Reach every account (of PROVIDER), list its calendars, and name what is wrong.

    Without PROVIDER, the ways of alerts are tried, too; with it, what has to be seen to at its
    vendor's is told. Exit code 3 when something is wrong.
    """
    from bridge.config.plan import plan

    kind = _kind(provider)
    with ground.bridge() as bridge:
        wanted = [
            connection
            for _, connections in plan(bridge.settings)
            for connection in connections
            if kind in (None, connection.provider)
        ]
        shared = _serving(bridge, kind)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            accounts = list(pool.map(lambda each: _account(bridge, each), wanted))
            accounts += pool.map(lambda each: _reached(bridge, each), shared)
        alerts = [] if kind and not trial_alert else alerting.examine(bridge, trial=trial_alert)
        warnings, notes = _warnings(bridge), [*polled_only(bridge.settings), *_advice(kind)]
    stored = _stored(ground)
    installation = {
        "problems": stored["problems"],
        "warnings": [*warnings, *stored["warnings"]],
        "notes": notes,
    }
    if kind and not accounts:
        installation["warnings"].append(f"the file has no account of {kind}")
    data = {
        "installation": installation,
        "accounts": accounts,
        "alerts": alerts,
        "calendars": stored["calendars"],
    }
    unwell = len(stored["problems"]) + sum(len(it["problems"]) for it in (*accounts, *alerts))
    ground.show(data, lambda: _tell(data, unwell))
    if unwell:
        raise click.exceptions.Exit(EXIT_UNHEALTHY)


def _kind(provider: str | None) -> str | None:
    """Understand a provider's name as the file does.

    Raises:
        click.UsageError: there is no such provider.
    """
    from bridge.registry import kind

    try:
        return kind(provider).name if provider else None
    except KeyError as err:
        raise click.UsageError(str(err.args[0])) from err


def _advice(kind: str | None) -> list[str]:
    """Tell what nobody here can look up; every time it would be noise."""
    from bridge.registry import KINDS

    return [f"{KINDS[kind].title}: {each}" for each in KINDS[kind].advice] if kind else []


def _serving(bridge: Bridge, kind: str | None) -> list[ConnectionId]:
    """Name the accounts that make the meetings of resources which have none of their own."""
    from bridge.config.booking import Meeting
    from bridge.config.plan import plan

    found = []
    for resource, _ in plan(bridge.settings):
        wanted = {
            resource.event_defaults.conference,
            *(it.conference for it in resource.event_types),
        }
        if Meeting.ZOOM in wanted:
            found += bridge.accounts.serving(resource.id)
    return [name for name in found if kind in (None, bridge.accounts.describe(name)[0].name)]


def _reached(bridge: Bridge, name: ConnectionId) -> dict[str, Any]:
    """Open an account that is no connection, and see whether it answers."""
    result: dict[str, Any] = {"connection": name, "calendars": [], "problems": []}
    try:
        bridge.accounts.open(name).calendars()
    except BridgeError as err:
        result["problems"].append(told(err))
    return result


def _account(bridge: Bridge, plan: ConnectionPlan) -> dict[str, Any]:
    """Open one account and compare its calendars with those that the file names."""
    from bridge.ingest.choose import choose

    result: dict[str, Any] = {"connection": plan.id, "calendars": [], "problems": []}
    try:
        provider = bridge.accounts.open(plan.id)
        infos = provider.calendars()
    except BridgeError as err:
        result["problems"].append(told(err))
        return result
    chosen = choose(plan, infos)
    read = {choice.info.id for choice in chosen.choices}
    result["calendars"] = [
        {
            "id": info.id,
            "name": info.name,
            "reads": info.id in read,
            "primary": info.is_primary,
            "role": info.role.value,
            "time_zone": info.time_zone,
        }
        for info in infos
    ]
    names = {info.name for info in infos}
    result["problems"] += [str(unknown("calendar", name, names)) for name in chosen.missing]
    return result


def _warnings(bridge: Bridge) -> list[str]:
    settings = bridge.settings
    found = [*settings.warnings, *bridge.keyfile.warnings]
    if warning := _base_url(settings):
        found.append(warning)
    return found


def _base_url(settings: Settings) -> str:
    url = settings.server.base_url
    if not url:
        return (
            f"server.base_url is empty: the URLs that are printed begin with "
            f"{settings.server.public_url}, which is of use on this machine alone"
        )
    if not url.startswith("https://"):
        return (
            "server.base_url is no https URL: passwords and the URLs of feeds travel in clear; "
            "put a proxy with TLS in front"
        )
    return ""


def _stored(ground: Ground) -> dict[str, list[Any]]:
    """Say what is wrong with the database, and what the last pulls repaired or guessed."""
    from bridge.store import resources

    said: dict[str, list[Any]] = {"problems": [], "warnings": [], "calendars": []}
    try:
        with ground.store() as store:
            found = look(store)
            with store.database.read() as conn:
                waiting = store.waiting([row.id for row in resources.all_active(conn)])
    except NothingStored as err:
        return said | {"warnings": [str(err)]}
    except BridgeError as err:
        return said | {"problems": [told(err)]}
    if waiting:
        said["warnings"].append(not_in_force(waiting))
    said["calendars"] += [
        {"calendar": label(connection, calendar), "notes": calendar["notes"]}
        for connection in found
        for calendar in connection["calendars"]
        if calendar["notes"]
    ]
    return said


def _tell(data: dict[str, Any], unwell: int) -> None:
    for warning in data["installation"]["warnings"]:
        say(f"warning: {warning}")
    for note in data["installation"]["notes"]:
        say(note)
    for problem in data["installation"]["problems"]:
        say(f"problem: {problem}")
    for account in data["accounts"]:
        names = [
            calendar["name"] if calendar["reads"] else f"{calendar['name']} (not read)"
            for calendar in account["calendars"]
        ]
        nothing = "not reached" if account["problems"] else "no calendars"
        say(f"{account['connection']}: {', '.join(names) or nothing}")
        for problem in account["problems"]:
            say(f"  problem: {problem}")
    for way in data["alerts"]:
        for problem in way["problems"]:
            say(f"alerts by {way['way']}: {problem}")
    for calendar in data["calendars"]:
        for note in calendar["notes"]:
            say(f"{calendar['calendar']}: {note}")
    say(count(unwell, "problem") if unwell else "no problems")
