"""`sync`: pull now, beside a running server or without one."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command, table
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.model.resource import ConnectionId
    from bridge.scheduler.pulls import Pulls

_AT_ONCE = 8
_PATIENCE = 120.0
"""Seconds for which another process may be pulling the same connection."""


@click.command()
@click.argument("names", nargs=-1, metavar="[RESOURCE|CONNECTION]...")
@click.option("--full", is_flag=True, help="Read everything anew, not only what changed.")
@command
def sync(ground: Ground, names: tuple[str, ...], full: bool) -> None:  # noqa: FBT001 - click names it
    """Pull the connections of a RESOURCE, one CONNECTION (`room-a.work`), or everything.

    Works beside a running server: who claims a connection first pulls it. Exit code 1 when one
    could not be read.
    """
    from bridge.app.bridge import Bridge
    from bridge.scheduler.pulls import Pulls

    bridge = Bridge(ground.config_path)
    try:
        wanted = _choose(bridge, names)
        pulls = Pulls(bridge.ground, bridge.ingest)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running = pool.map(lambda name: _pull(bridge, pulls, name, full=full), wanted)
            with click.progressbar(
                running,
                length=len(wanted),
                label="pulling",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            ) as shown:
                results = list(shown)
    finally:
        bridge.close()
    ground.show(results, lambda: table(results, ("connection", "outcome", "message")))
    if any(result["outcome"] != "ok" for result in results):
        raise click.exceptions.Exit(1)


def _choose(bridge: Bridge, names: tuple[str, ...]) -> list[ConnectionId]:
    """Name the connections that are meant.

    Raises:
        BridgeError: a name is neither a resource nor a connection.
    """
    from bridge.store import connections, resources

    bridge.database.migrate()
    with bridge.database.read() as conn:
        empty = not resources.every(conn)
    if empty:
        bridge.open()  # nobody has served yet
    with bridge.database.read() as conn:
        active = {row.id for row in resources.all_active(conn)}
        rows = [row for row in connections.every(conn) if row.resource_id in active]
    known = {row.id for row in rows} | active
    if unknown := [name for name in names if name not in known]:
        raise BridgeError(
            f"there is no resource or connection {unknown[0]!r}; "
            f"there are: {', '.join(sorted(known))}"
        )
    return [row.id for row in rows if not names or row.id in names or row.resource_id in names]


def _pull(bridge: Bridge, pulls: Pulls, name: ConnectionId, *, full: bool) -> dict[str, Any]:
    ends = bridge.clock() + _PATIENCE
    while True:
        seen = bridge.wake.seen("published")
        if (job := pulls.take(name, full=full)) is not None:
            break
        if (reason := _refusal(bridge, name)) or bridge.clock() > ends:
            return _result(name, "not_pulled", reason or "another process is pulling it")
        bridge.wake.wait("published", 1.0, seen)
    pulled = pulls.run(job)
    return _result(name, pulled.outcome, _told(pulled.error))


def _refusal(bridge: Bridge, name: ConnectionId) -> str:
    """Say why a connection cannot be pulled, other than that somebody is at it."""
    from bridge.cli.moments import rfc3339
    from bridge.model.resource import ConnectionStatus
    from bridge.store import connections

    with bridge.database.read() as conn:
        row = connections.get(conn, name)
    if row is None:
        return "it is gone"
    if row.status in (ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED):
        return f"it is {row.status.value}"
    if row.limited_until and row.limited_until > bridge.clock():
        return f"its provider asked for a pause until {rfc3339(row.limited_until)}"
    return ""


def _told(error: BridgeError | None) -> str:
    if error is None:
        return ""
    hint = getattr(error, "hint", "")
    return f"{error} ({hint})" if hint else str(error)


def _result(name: str, outcome: str, message: str) -> dict[str, Any]:
    return {"connection": name, "outcome": outcome, "message": message}
