"""`explain`: why a moment is busy or free, and what became of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, Store, command, now
from bridge.cli.moments import read_moment, rfc3339, show_moment
from bridge.cli.names import complete_resource
from bridge.cli.printing import say, table
from bridge.cli.status import label, look, remarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.ingest.explain import Considered
    from bridge.model.interval import Instant

_MOST = 20
"""Occurrences that people are shown of an event; programs get all."""


@click.command()
@click.argument("resource", shell_complete=complete_resource)
@click.option("--at", metavar="TIME", help="What is considered for this moment.")
@click.option("--event", "uid", metavar="UID", help="What became of the event of this UID.")
@command
def explain(ground: Ground, resource: str, at: str | None, uid: str | None) -> None:
    """Show every source event that was considered, and why it does or does not block."""
    from bridge.config.plan import ResourcePlan

    if (at is None) == (uid is None):
        raise click.UsageError("give either --at TIME or --event UID")
    with ground.store() as store:
        row = store.resource(resource)
        zone = ResourcePlan.model_validate_json(row.plan).timezone
        moment = read_moment(at, now(), zone) if at else None
        considered = _considered(store, resource, moment, uid)
        connections = look(store, row.id)
    data = [_as_json(each) for each in considered]
    if considered:
        ground.show(data, lambda: _tell(considered, zone, now()))
    else:
        what = f"at {show_moment(moment, zone)}" if uid is None else f"of the UID {uid!r}"
        ground.show(data, lambda: _tell_nothing(resource, what, connections))


def _considered(
    store: Store, resource: str, at: Instant | None, uid: str | None
) -> list[Considered]:
    from bridge.ingest.explain import explain as consider
    from bridge.model.resource import ResourceId

    with store.database.read() as conn:
        return consider(conn, ResourceId(resource), at=at, uid=uid)


def _as_json(each: Considered) -> dict[str, object]:
    return {
        "connection": each.connection_id,
        "calendar": each.calendar,
        "uid": each.uid,
        "summary": each.summary,
        "start": rfc3339(each.start),
        "end": rfc3339(each.end),
        "all_day": each.all_day,
        "blocks": each.blocks.rfc if each.blocks else None,
        "reason": each.reason,
        "notes": list(each.notes),
    }


def _tell(considered: list[Considered], zone: str, moment: Instant) -> None:
    shown = _near(considered, moment)
    rows = [
        {
            "calendar": f"{each.connection_id}/{each.calendar}",
            "event": each.summary or each.uid,
            "from": show_moment(each.start, zone) if each.start is not None else "?",
            "to": show_moment(each.end, zone) if each.end is not None else "?",
            "blocks": each.blocks.rfc if each.blocks else "no",
            "why": "; ".join((each.reason, *each.notes)),
        }
        for each in shown
    ]
    table(rows, ("calendar", "event", "from", "to", "blocks", "why"))
    if left := len(considered) - len(shown):
        say(f"{left} more, before and after; --json shows them all")


def _near(considered: list[Considered], moment: Instant) -> Sequence[Considered]:
    """Choose what is on or comes next; of a series that is over, the last."""
    past = sum(each.end is not None and each.end <= moment for each in considered)
    first = max(0, min(past, len(considered) - _MOST))
    return considered[first : first + _MOST]


def _tell_nothing(resource: str, what: str, connections: list[dict[str, Any]]) -> None:
    """Say what was read: an event that is missed may stand in a calendar that is not."""
    say(f"no event {what} was found in what {resource} reads:")
    for connection in connections:
        for calendar in connection["calendars"]:
            if calendar["reads"]:
                last = calendar["last_sync_at"] or "never"
                say(f"  {label(connection, calendar)}, last read {last}")
    for line in remarks(connections):
        say(line)
    say(f"`busybridge sync {resource} --full` reads everything anew")
