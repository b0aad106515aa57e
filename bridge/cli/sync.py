"""`sync`: pull now, beside a running server or without one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command, not_in_force
from bridge.cli.moments import read_moment, rfc3339
from bridge.cli.names import complete_either, unknown
from bridge.cli.printing import count, table, told
from bridge.errors import BridgeError, StoreError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.model.resource import ConnectionId
    from bridge.scheduler.pulls import Pulls

_AT_ONCE = 8
_PATIENCE = 120
"""Seconds for which another process may be pulling the same connection."""
_PAUSED = "paused"
_COLUMNS = ("connection", "outcome", "changed", "message")


@click.command()
@click.argument(
    "names", nargs=-1, metavar="[RESOURCE|CONNECTION]...", shell_complete=complete_either
)
@click.option("--full", is_flag=True, help="Read everything anew, not only what changed.")
@click.option("--from", "start", metavar="TIME", help="Begin of what has to be known afterwards.")
@click.option("--to", "end", metavar="TIME", help="Its end.")
@command
def sync(
    ground: Ground,
    names: tuple[str, ...],
    full: bool,  # noqa: FBT001 - click names it
    start: str | None,
    end: str | None,
) -> None:
    """Pull the connections of a RESOURCE, one CONNECTION (`room-a.work`), or everything.

    Works beside a running server: who claims a connection first pulls it. Without one, the file
    as it is now comes into force before. All of `sync.window` is read; with --from and --to it is
    an error when these leave it. Exit code 1 when a connection could not be read.
    """
    with ground.bridge() as bridge:
        follow_file(bridge)
        wanted = _choose(bridge, names)
        results = pull_all(bridge, wanted, full=full)
        _refuse_beyond(bridge, wanted, start, end)
    ground.show(results, lambda: table(results, _COLUMNS, empty="no connections"))
    fine = ("ok",) if names else ("ok", _PAUSED)
    if any(result["outcome"] not in fine for result in results):
        raise click.exceptions.Exit(1)


def follow_file(bridge: Bridge) -> None:
    """Put the file in force, unless a server does that: it reloads whole, when it is told to.

    Who serves a PostgreSQL database cannot be seen; there, only an empty one is filled.
    """
    from bridge.app.presence import alone
    from bridge.store import resources

    path = bridge.database.path
    if path is None:
        bridge.database.migrate()
        with bridge.database.read() as conn:
            empty = not resources.every(conn)
        if empty:
            bridge.open()
        else:
            bridge.amending.begin()
        return
    try:
        with alone(path):
            bridge.open()
    except StoreError as err:
        if not err.busy:
            raise
        bridge.amending.begin()


def _refuse_beyond(
    bridge: Bridge, wanted: Sequence[ConnectionId], start: str | None, end: str | None
) -> None:
    """Look whether a span lies in what is read of each resource.

    Raises:
        BridgeError: it does not.
        click.UsageError: it is none.
    """
    from bridge.config.plan import ResourcePlan
    from bridge.store import resources

    with bridge.database.read() as conn:
        rows = resources.all_active(conn)
    for row in rows:
        if not any(each.startswith(f"{row.id}.") for each in wanted):
            continue
        zone, now = ResourcePlan.model_validate_json(row.plan).timezone, bridge.clock()
        first = read_moment(start, now, zone) if start else row.horizon.start
        last = read_moment(end, now, zone) if end else row.horizon.end
        if last <= first and start and end:
            raise click.UsageError("--to is not after --from")
        if first < row.horizon.start or last > row.horizon.end:
            begin, finish = rfc3339(row.horizon.start), rfc3339(row.horizon.end)
            raise BridgeError(
                f"{row.id} is read from {begin} to {finish}; sync.window says how far"
            )


def _choose(bridge: Bridge, names: Sequence[str]) -> list[ConnectionId]:
    """Name the connections that are meant; without names all that the file has, too.

    Raises:
        BridgeError: a name is neither a resource nor a connection, or not in force.
    """
    from bridge.store import connections, resources

    with bridge.database.read() as conn:
        active = {row.id for row in resources.all_active(conn)}
        rows = [row for row in connections.every(conn) if row.resource_id in active]
    of_file = {resource.id for resource in bridge.settings.resources} | {
        f"{resource.id}.{connection.id}"
        for resource in bridge.settings.resources
        for connection in resource.connections
    }
    known: set[str] = {row.id for row in rows}
    known |= active
    for name in names:
        if name in of_file - known:
            raise BridgeError(not_in_force([name]))
        if name not in known:
            raise unknown("resource or connection", name, known)
        if name not in of_file:
            raise BridgeError(
                f"{name} is in force and not in the file any more; `busybridge reload` drops it"
            )
    wanted = [row for row in rows if row.id in of_file]
    return [row.id for row in wanted if not names or row.id in names or row.resource_id in names]


def pull_all(bridge: Bridge, wanted: list[ConnectionId], *, full: bool) -> list[dict[str, Any]]:
    """Pull several at a time; shows how far it is, on a terminal."""
    from bridge.scheduler.pulls import Pulls

    pulls = Pulls(bridge.ground, bridge.ingest)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        running = {pool.submit(_pull, bridge, pulls, name, full=full): name for name in wanted}
        with click.progressbar(
            as_completed(running),
            length=len(wanted),
            label="pulling",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
            item_show_func=lambda done: str(running[done]) if done else None,
        ) as bar:
            for _ in bar:
                pass
        return [done.result() for done in running]
    finally:
        pool.shutdown(cancel_futures=True)


def _pull(bridge: Bridge, pulls: Pulls, name: ConnectionId, *, full: bool) -> dict[str, Any]:
    ends = bridge.clock() + _PATIENCE
    while True:
        seen = bridge.wake.seen("published")
        if (job := pulls.take(name, full=full)) is not None:
            break
        if refusal := _refusal(bridge, name):
            return refusal
        if bridge.clock() > ends:
            return _result(name, "not_pulled", "another process is pulling it; try again later")
        bridge.wake.wait("published", 1.0, seen)
    pulled = pulls.run(job)
    report = pulled.report
    changed = ""
    if report:
        changed = f"{count(report.objects, 'event')}, {count(report.blocks, 'block')}"
    return _result(name, pulled.outcome, told(pulled.error) if pulled.error else "", changed)


def _refusal(bridge: Bridge, name: ConnectionId) -> dict[str, Any] | None:
    """Say why a connection cannot be pulled, unless somebody is at it."""
    from bridge.config.plan import ConnectionPlan, plan
    from bridge.model.resource import ConnectionStatus
    from bridge.store import connections

    with bridge.database.read() as conn:
        row = connections.get(conn, name)
    if row is None:
        return _result(name, "not_pulled", "it is gone")
    in_file = {it.id: it.fingerprint for _, own in plan(bridge.settings) for it in own}
    if in_file.get(name) != ConnectionPlan.model_validate_json(row.plan).fingerprint:
        return _result(
            name,
            "not_pulled",
            "the file names another account than the one in force; `busybridge reload` changes it",
        )
    if row.status is ConnectionStatus.PAUSED:
        return _result(name, _PAUSED, f"`busybridge connections resume {name}` ends the pause")
    apart = {
        ConnectionStatus.PENDING: "it is not connected yet; "
        f"`busybridge auth url {row.resource_id}` prints a link",
        ConnectionStatus.DISCONNECTED: "it is disconnected",
    }
    if row.status in apart:
        return _result(name, "not_pulled", apart[row.status])
    if row.limited_until and row.limited_until > bridge.clock():
        until = rfc3339(row.limited_until)
        return _result(name, "rate_limited", f"its provider asked for a pause until {until}")
    return None


def _result(name: str, outcome: str, message: str, changed: str = "") -> dict[str, Any]:
    return {"connection": name, "outcome": outcome, "changed": changed, "message": message}
