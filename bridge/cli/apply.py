"""`plan` and `apply`: what the file would change, and having it changed, removals included."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import mirroring
from bridge.cli.ground import Ground, command
from bridge.cli.printing import count, say
from bridge.cli.program import EXIT_ERROR, EXIT_USAGE
from bridge.errors import StoreError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.app.foresight import Foresight, Leaving
    from bridge.mirror import Foreseen
    from bridge.model.resource import ResourceId

_PATIENCE = 30
"""Seconds within which a server answers that has nothing to give back."""
_EACH = 25
"""Seconds more for each connection that has something, whose provider may not answer."""
_NOTHING = "nothing to do"


@click.command()
@command
def plan(ground: Ground) -> None:
    """Show what the file as it is now would change; nothing is changed.

    `reload` adds, changes, brings back, parks, and removes connections that left the file; `apply`
    removes parked resources as well. Resources and connections are compared with what is in force,
    other settings are not. Mirrors are compared with what stands in their targets, which are read.
    """
    with ground.bridge() as bridge:
        ahead = _look(bridge)
        mirrors = _look_at_mirrors(bridge)
    data = _document(ahead) | {"mirrors": mirroring.document(mirrors)}
    data["nothing"] = ahead.is_nothing and not any(mirroring.foreseen(mirrors))
    ground.show(data, lambda: _tell(ahead, mirrors))


@click.command()
@click.option("--yes", is_flag=True, help="Remove without asking.")
@command
def apply(ground: Ground, yes: bool) -> None:  # noqa: FBT001 - click names it
    """Do what `plan` shows: reload, and remove for good what left the file.

    What owners permitted is given back to their providers, notifications are ended, and everything
    read is deleted. With `removed_resources: purge`, events of bookings and mirrored blocks are
    deleted from their calendars, too. What was made by API stays, unless its resource left the
    file. A running server does it; without one this command does. Exit code 1 when something was
    not given back or purged, 2 when it was refused.
    """
    with ground.bridge() as bridge:
        ahead = _look(bridge)
        if ahead.destroys:
            _confirm(ground, ahead, yes=yes)
        ok, verdict = _have_done(bridge, ahead)
    from bridge.app.leaving import NOT_GIVEN_BACK, NOT_PURGED

    lines = verdict.splitlines()
    left = [each.partition(NOT_GIVEN_BACK)[2] for each in lines if NOT_GIVEN_BACK in each]
    stands = [each.partition(NOT_PURGED)[2] for each in lines if NOT_PURGED in each]
    data = {
        "ok": ok,
        "verdict": verdict,
        "plan": _document(ahead),
        "not_given_back": left,
        "not_purged": stands,
    }
    ground.show(data, lambda: _report(lines, ok=ok))
    if not ok:
        raise click.exceptions.Exit(EXIT_USAGE)
    if left or stands:
        raise click.exceptions.Exit(EXIT_ERROR)


def _look(bridge: Bridge) -> Foresight:
    """Compare the file with what stands; without a database nothing does."""
    from bridge.app.foresight import everything, look_ahead

    path = bridge.database.path
    if (path is not None and not path.exists()) or not bridge.database.revision():
        return everything(bridge.settings)
    return look_ahead(bridge, bridge.read_settings())


def _look_at_mirrors(bridge: Bridge) -> list[tuple[ResourceId, Foreseen]]:
    """Tell what mirrors would write."""
    from bridge.app.mirroring import foresee, unforeseeable

    path = bridge.database.path
    if (path is not None and not path.exists()) or not bridge.database.revision():
        return unforeseeable(bridge.settings)
    return foresee(bridge, bridge.read_settings())


def _confirm(ground: Ground, ahead: Foresight, *, yes: bool) -> None:
    """Ask whether things may be destroyed, where somebody can answer.

    Raises:
        click.UsageError: nobody can, and --yes was not said.
        click.Abort: they may not.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or ground.as_json:
        names = ", ".join(ahead.destroys)
        raise click.UsageError(f"this would remove {names}; say --yes, or look at `plan` first")
    _tell(ahead)
    click.confirm(f"Remove {_sum(ahead)} for good?", abort=True, err=True)


def _have_done(bridge: Bridge, ahead: Foresight) -> tuple[bool, str]:
    """Have it done by the server, or do it where none answers."""
    from bridge.app.presence import alone
    from bridge.cli.reload import ask

    path = bridge.database.path
    if path is not None:
        try:
            with alone(path):
                return _do(bridge, ahead)
        except StoreError as err:
            if not err.busy:
                raise
    granted = sum(each.is_granted for each in ahead.leaving)
    payload = json.dumps({"confirmed": ahead.destroys})
    if bridge.database.revision():
        row = ask(bridge.database, "apply", payload, _PATIENCE + _EACH * granted)
        if row is not None:
            return row.ok, row.verdict
        if path is not None:
            return False, "the server did not answer; it may still be at it: look at `plan` again"
    return _do(bridge, ahead)


def _do(bridge: Bridge, ahead: Foresight) -> tuple[bool, str]:
    bridge.prepare()
    bridge.amending.begin()
    return bridge.reload.apply(ahead.destroys)


def _report(lines: list[str], *, ok: bool) -> None:
    from bridge.app.leaving import NOT_GIVEN_BACK, NOT_PURGED, NOT_REVOCABLE

    for line in lines:
        told = any(it in line for it in (NOT_GIVEN_BACK, NOT_PURGED, NOT_REVOCABLE))
        say(line, err=not ok or told)


def _tell(ahead: Foresight, mirrors: Sequence[tuple[ResourceId, Foreseen]] = ()) -> None:
    lines = [*_lines(ahead), *mirroring.foreseen(mirrors)]
    for line in lines:
        say(line)
    if not lines:
        say(_NOTHING)


def _lines(ahead: Foresight) -> Iterator[str]:
    soon = ahead.reload
    for what, names in (
        ("add", soon.added),
        ("take over", soon.adopted),
        ("change", soon.changed),
        ("bring back", soon.returned),
    ):
        yield from (
            f"{what} {name}" for name in names if what == "take over" or name not in soon.adopted
        )
    yield from (f"park {name}" for name in soon.parked)
    for name, blocks in ahead.removed.items():
        own = [each for each in ahead.leaving if each.row.resource_id == name]
        how = "reload removes" if name in soon.removed else "apply removes"
        yield f"{how} {name}: {count(len(own), 'connection')}, {count(blocks, 'busy block')}"
    for each in ahead.leaving:
        how = "reload removes" if _goes_soon(ahead, each) else "apply removes"
        yield f"{how} {each.id}: {', '.join(_parts(each, purges=ahead.purges))}"


def _parts(each: Leaving, *, purges: bool) -> Iterator[str]:
    yield f"{each.provider} {each.account}".strip()
    yield count(each.events, "event")
    if each.is_granted:
        how = "is given back" if each.is_taken_back else "stays until its owner ends it"
        yield f"what its owner permitted {how}"
    if purges:
        yield "what was written to its calendars is deleted"
    if each.made_by_api:
        yield "made by API"


def _goes_soon(ahead: Foresight, each: Leaving) -> bool:
    return bool({each.id, each.row.resource_id} & set(ahead.reload.removed))


def _sum(ahead: Foresight) -> str:
    parts = [
        count(len(names), what)
        for what, names in (("resource", ahead.removed), ("connection", ahead.leaving))
        if names
    ]
    return " and ".join(parts)


def _document(ahead: Foresight) -> dict[str, Any]:
    soon = ahead.reload
    return {
        "add": list(soon.added),
        "take_over": list(soon.adopted),
        "change": list(soon.changed),
        "bring_back": list(soon.returned),
        "park": list(soon.parked),
        "remove": [
            {
                "id": name,
                "by": "reload" if name in soon.removed else "apply",
                "parked": name in ahead.parked,
                "busy_blocks": blocks,
            }
            for name, blocks in ahead.removed.items()
        ],
        "disconnect": [
            {
                "id": each.id,
                "by": "reload" if _goes_soon(ahead, each) else "apply",
                "provider": each.provider,
                "account_email": each.account,
                "events": each.events,
                "gives_back": each.is_granted and each.is_taken_back,
                "made_by_api": each.made_by_api,
            }
            for each in ahead.leaving
        ],
        "purges": ahead.purges,
        "nothing": ahead.is_nothing,
    }
