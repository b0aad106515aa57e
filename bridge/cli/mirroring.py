"""`mirror`: what is mirrored where, and having it written now; and how `status` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command
from bridge.cli.moments import rfc3339, show_age
from bridge.cli.names import complete_resource
from bridge.cli.printing import count, say, table

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.mirror import Foreseen
    from bridge.model.resource import ResourceId
    from bridge.store.database import Transaction
    from bridge.store.mirrors import MirrorRow

_PATIENCE = 3
"""So many failures in a row are no hiccup."""
_HICCUPS = frozenset({"unavailable", "rate_limited"})
"""What passes by itself."""
_MOST_ROUNDS = 100
"""Of one command: each does its share."""
_COLUMNS = ("resource", "to", "from", "state", "blocks", "last written")
_ROUNDS = ("resource", "to", "outcome", "written", "changed", "deleted", "message")
_STATES = {
    "leaving": "its blocks are deleted, since it left the file",
    "pending": "nothing was written yet",
}


@click.command()
@click.argument("resource", required=False, shell_complete=complete_resource)
@click.option("--now", "at_once", is_flag=True, help="Look at the targets and write, now.")
@command
def mirror(ground: Ground, resource: str | None, at_once: bool) -> None:  # noqa: FBT001 - click
    """Show where the busy time of RESOURCE, or of all, is mirrored to, and how that fares.

    With --now each target is looked at, and what differs is written: by this command, beside a
    running server or without one. Exit code 1 when something could not be written.
    """
    if at_once:
        _write(ground, resource)
        return
    with ground.store() as store, store.database.read() as conn:
        chosen = store.resource(resource).id if resource else None
        found = look(conn, chosen)
    ground.show(found, lambda: _tell(found))


def look(conn: Transaction, resource_id: ResourceId | None = None) -> list[dict[str, Any]]:
    """Describe the mirrors of a resource, or of all, for people and programs."""
    from bridge.store import mirrored, mirrors

    blocks = mirrored.counts(conn)
    return [_mirror(row, blocks[row.id]) for row in mirrors.every(conn, resource_id)]


def remarks(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say in a line each what is wrong with mirrors, and what is under way."""
    for each in found:
        name = f"{each['resource_id']}: mirror to {each['to']}"
        if error := each["error"]:
            hint = f" ({error['hint']})" if error["hint"] else ""
            yield f"{name}: {error['message']}{hint}, since {error['since']}"
        elif each["state"] in _STATES:
            yield f"{name}: {_STATES[each['state']]}"
        if each["held"]:
            held = count(each["held"], "block")
            yield f"{name}: {held} kept until every source was read; `busybridge sync` reads them"
        if each["stays"]:
            yield f"{name}: {each['stays']}"
        if each["waiting"]:
            yield f"{name}: {count(each['waiting'], 'write')} left to the next round"


def foreseen(found: Sequence[tuple[ResourceId, Foreseen]]) -> Iterator[str]:
    """Say in a line each what mirrors would write."""
    for resource_id, each in found:
        name = f"mirror {resource_id} to {each.target}"
        parts = [
            f"{what} {count(number, 'block')}"
            for what, number in (
                ("write", each.made),
                ("change", each.moved),
                ("delete", each.dropped),
            )
            if number
        ]
        if each.held:
            parts.append(f"keep {count(each.held, 'block')} until every source was read")
        if each.problem:
            parts.append(each.problem)
        if parts:
            yield f"{name}: {', '.join(parts)}"


def document(found: Sequence[tuple[ResourceId, Foreseen]]) -> list[dict[str, Any]]:
    """Give the same for programs."""
    return [
        {
            "resource_id": resource_id,
            "to": each.target,
            "title": each.title,
            "leaving": each.leaving,
            "write": each.made,
            "change": each.moved,
            "delete": each.dropped,
            "keep": each.kept,
            "held": each.held,
            "problem": each.problem,
        }
        for resource_id, each in found
    ]


def _mirror(row: MirrorRow, blocks: int) -> dict[str, Any]:
    from bridge.config.plan import MirrorPlan

    plan = MirrorPlan.model_validate_json(row.plan)
    error = None
    if row.error_code:
        error = {
            "code": row.error_code,
            "message": row.error_message,
            "hint": row.error_hint,
            "since": rfc3339(row.error_since),
        }
    return {
        "resource_id": row.resource_id,
        "to": row.target,
        "from": [each.partition(".")[2] for each in plan.sources],
        "title": plan.title,
        "state": _state(row),
        "unwell": _is_unwell(row),
        "blocks": blocks,
        "waiting": row.waiting,
        "held": row.held,
        "stays": row.stays,
        "failures": row.failures,
        "last_written_at": rfc3339(row.written_at),
        "next_round_at": rfc3339(max(row.due_at, row.rest_until)),
        "error": error,
    }


def _state(row: MirrorRow) -> str:
    if row.leaving:
        return "leaving"
    if row.error_code:
        return "failing"
    if row.written_at is None:
        return "pending"
    return "writing" if row.waiting else "written"


def _is_unwell(row: MirrorRow) -> bool:
    if not row.error_code:
        return False
    return row.failures >= _PATIENCE or row.error_code not in _HICCUPS


def _tell(found: list[dict[str, Any]]) -> None:
    from bridge.cli.ground import now
    from bridge.web.times import parse_instant

    moment = now()

    def age(text: str | None) -> str:
        return show_age(parse_instant(text) if text else None, moment)

    rows = [
        each | {"resource": each["resource_id"], "last written": age(each["last_written_at"])}
        for each in found
    ]
    table(rows, _COLUMNS, empty="nothing is mirrored; the key `mirror` of a resource does that")
    for line in remarks(found):
        say(line)


def _write(ground: Ground, resource: str | None) -> None:
    from bridge.cli.sync import follow_file

    with ground.bridge() as bridge:
        follow_file(bridge)
        results = [_round(bridge, row) for row in _chosen(bridge, resource)]
    ground.show(results, lambda: table(results, _ROUNDS, empty="nothing is mirrored"))
    if any(each["outcome"] == "failed" for each in results):
        raise click.exceptions.Exit(1)


def _chosen(bridge: Bridge, resource: str | None) -> list[MirrorRow]:
    from bridge.cli.names import unknown
    from bridge.store import mirrors, resources

    with bridge.database.read() as conn:
        known = [row.id for row in resources.all_active(conn)]
        if resource is not None and resource not in known:
            raise unknown("resource", resource, known)
        rows = mirrors.every(conn)
    return [row for row in rows if resource in (None, row.resource_id)]


def _round(bridge: Bridge, row: MirrorRow) -> dict[str, Any]:
    """Carry out rounds of one mirror until nothing is left to write."""
    from bridge.store import mirrors

    sums = {"written": 0, "changed": 0, "deleted": 0}
    outcome, message = "busy", "another process writes it, or its account is stopped; try again"
    for _ in range(_MOST_ROUNDS):
        job = bridge.rounds.take(row.id)
        if job is None:
            break
        report = bridge.rounds.run(job, look=True)
        with bridge.database.read() as conn:
            after = mirrors.get(conn, row.id)
        failed = "failed" if after and after.error_code else "later"
        outcome = report.outcome if report else failed
        message = after.error_message if after else ""
        if after and after.error_hint:
            message = f"{message} ({after.error_hint})"
        if report is not None:
            sums["written"] += report.made
            sums["changed"] += report.moved
            sums["deleted"] += report.dropped
        if (
            report is None
            or after is None
            or not after.waiting
            or after.rest_until > bridge.clock()
        ):
            break
    return {"resource": row.resource_id, "to": row.target, "outcome": outcome, **sums} | {
        "message": message
    }
