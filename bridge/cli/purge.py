"""`purge`: delete everything that this instance wrote into an account's calendars."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.ground import Ground, command, now
from bridge.cli.moments import rfc3339, show_moment
from bridge.cli.names import complete_connection, unknown
from bridge.cli.printing import count, say, told
from bridge.cli.program import EXIT_ERROR
from bridge.errors import NotConnected

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.dispatch.purging import Purged, Purging
    from bridge.dispatch.sweeping import Found, Item
    from bridge.model.resource import ConnectionId

_NOTHING = "nothing of this instance stands in the calendars of {}"


@click.command()
@click.argument("connection", shell_complete=complete_connection)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--silent", is_flag=True, help="Guests are not told, where the provider allows that.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@command
def purge(
    ground: Ground,
    connection: str,
    dry_run: bool,  # noqa: FBT001 - click names it
    silent: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
) -> None:
    """Delete everything that this instance wrote into the calendars of CONNECTION (`room-a.work`).

    Those are events of bookings and mirrored blocks, past ones too. They are known by their marks
    alone: it works with an empty database, or without any, and what people and other instances
    wrote is never touched. Bookings whose events are deleted, or were still waiting to be
    written, are shown as cancelled, and their meetings end. Guests are told that a meeting which is
    still to come is cancelled.

    The connection stays, and what is booked or mirrored from now on is written again. Done again,
    it deletes what is left. Exit code 1 when something is left.
    """
    with ground.bridge() as bridge:
        purging, name = open_purging(bridge, connection)
        silent = silent or purging.is_silent(name)
        try:
            looked = [] if yes and not dry_run else purging.look(name)
            if dry_run:
                data = _document(name, looked, None, silent=silent)
                ground.show(data, lambda: foretell(name, looked, silent=silent))
                _warn(bridge, name)
                _end(any(it.problem for it in looked))
                return
            if not yes:
                _confirm(ground, name, looked, silent=silent)
            purged = purging.purge(name, silent=silent, tell=lambda it: _progress(ground, it))
            _warn(bridge, name)
        except NotConnected as err:
            provider = bridge.accounts.describe(name)[0].name
            resource = name.partition(".")[0]
            hint = f"`busybridge auth login {resource} {provider}` asks its owner; then purge"
            raise NotConnected(f"{name}: {err}", hint=hint) from err
    data = _document(name, looked, purged, silent=silent)
    ground.show(data, lambda: report(name, purged))
    _end(not purged.is_whole)


def open_purging(bridge: Bridge, connection: str) -> tuple[Purging, ConnectionId]:
    """Find a connection, and what purges it: with the store where there is one.

    The file is not put in force by that: what left it is still known to the database alone.

    Raises:
        BridgeError: there is none of this id; the nearest ones are named.
        NotConnected: it can only be opened by a consent, and there is no database that holds it.
    """
    from bridge.app.purging import (
        is_stored,
        make_purging,
        make_purging_without_store,
        refuse_without_consent,
    )
    from bridge.config.plan import plan

    stored = is_stored(bridge)
    if stored:
        bridge.prepare()
        bridge.amending.begin()
    known = {each.id: each.id for _, own in plan(bridge.settings) for each in own}
    if connection not in known:
        raise unknown("connection", connection, known)
    name = next(each for each in known if each == connection)
    if stored:
        return make_purging(bridge), name
    refuse_without_consent(bridge, name)
    return make_purging_without_store(bridge), name


def _confirm(ground: Ground, name: str, looked: Sequence[Found], *, silent: bool) -> None:
    """Ask whether it may be deleted, where there is something and somebody can answer.

    Raises:
        click.UsageError: nobody can, and --yes was not said.
        click.Abort: it may not.
    """
    events = sum(len(it.items) for it in looked)
    if not events:
        return
    what = count(events, "event")
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or ground.as_json:
        raise click.UsageError(f"this would delete {what}; say --yes, or look at --dry-run first")
    _list(looked, silent=silent)
    click.confirm(f"Delete {what} from the calendars of {name} for good?", abort=True, err=True)


def _progress(ground: Ground, item: Item) -> None:
    if not ground.as_json:
        say(f"deleted: {_line(item)}")


def _warn(bridge: Bridge, name: str) -> None:
    """Name the mirrors that go on writing there."""
    from bridge.config.plan import plan

    for resource, _ in plan(bridge.settings):
        for mirror in resource.mirror:
            if mirror.connection_id == name:
                say(
                    f"warning: {resource.id} has a mirror to {mirror.to}, which writes there again "
                    "while it stands in the file",
                    err=True,
                )


def _end(is_left: object) -> None:
    if is_left:
        raise click.exceptions.Exit(EXIT_ERROR)


# Showing


def foretell(name: str, looked: Sequence[Found], *, silent: bool) -> None:
    """Say what would be deleted, and of which calendars nobody knows what stands there."""
    _list(looked, silent=silent)
    for found in looked:
        if found.problem is not None:
            say(f"{found.calendar.name}: nobody knows what stands there: {told(found.problem)}")
    items = [item for found in looked for item in found.items]
    if not items and not any(found.problem for found in looked):
        say(_NOTHING.format(name))
    if with_guests := [it for it in items if it.guests]:
        heard = sum(it.tells(now(), silent=silent) for it in with_guests)
        some = count(len(with_guests), "event")
        say(f"{some} with guests: they would be told of {heard or 'none'}")
    if items:
        say(f"--dry-run: nothing was deleted; {_sum(items)} would be, from the calendars of {name}")


def _list(looked: Sequence[Found], *, silent: bool) -> None:
    for found in looked:
        for item in found.items:
            say(f"{_line(item)}{_guests(item, silent=silent)}{_link(item)}")


def report(name: str, purged: Purged) -> None:
    """Say what was purged, and what was not."""
    if purged.deleted:
        say(f"{_sum(purged.deleted)} deleted from the calendars of {name}")
    elif purged.is_whole:
        say(_NOTHING.format(name))
    for calendar, number, problem in purged.left:
        what = "what stands there" if number is None else count(number, "event")
        say(f"left in {calendar.name}: {what}: {told(problem)}; run it again", err=True)
    for meeting in purged.meetings:
        say(f"its meeting may still be there, end it by hand: {meeting}", err=True)


def _sum(items: Sequence[Item]) -> str:
    blocks = sum(bool(it.marked.mirror) for it in items)
    parts = [
        count(number, what)
        for number, what in ((len(items) - blocks, "booking"), (blocks, "mirrored block"))
        if number
    ]
    return " and ".join(parts)


def _line(item: Item) -> str:
    what = "mirrored block" if item.marked.mirror else "booking"
    series = ", a series" if item.event.is_recurring else ""
    title = item.event.summary or "(no title)"
    return f"{item.calendar.name}: {what}: {_when(item)}: {title}{series}"


def _guests(item: Item, *, silent: bool) -> str:
    if not item.guests:
        return ""
    heard = "who are told" if item.tells(now(), silent=silent) else "who are not told"
    whatever = ", whatever is asked" if item.always_tells else ""
    return f"; {count(len(item.guests), 'guest')}, {heard}{whatever}"


def _link(item: Item) -> str:
    return f"; meeting: {item.link}" if item.link else ""


def _when(item: Item) -> str:
    """Write the start for people, by the clock of its calendar."""
    from datetime import datetime

    from bridge.model.interval import instant

    start = item.event.start
    if isinstance(start, datetime):
        return show_moment(instant(start), item.calendar.time_zone or "UTC")
    return _moment(item).replace("T", " ")


def _moment(item: Item) -> str:
    """Write the start for programs: a moment, a day, or a wall-clock time without a zone."""
    from datetime import datetime

    from bridge.model.event import Floating
    from bridge.model.interval import instant

    start = item.event.start
    if isinstance(start, Floating):
        return start.wall.isoformat()
    return str(rfc3339(instant(start))) if isinstance(start, datetime) else start.isoformat()


def _document(
    name: str, looked: Sequence[Found], purged: Purged | None, *, silent: bool
) -> dict[str, Any]:
    items = [item for found in looked for item in found.items] if purged is None else purged.deleted
    unread = [(it.calendar, None, it.problem) for it in looked if it.problem is not None]
    left = unread if purged is None else purged.left
    return {
        "connection": name,
        "dry_run": purged is None,
        "events": [_event(it, silent=silent) for it in items],
        "left": [
            {"calendar_id": calendar.id, "events": number, "message": told(problem)}
            for calendar, number, problem in left
        ],
        "meetings_left": [] if purged is None else purged.meetings,
    }


def _event(item: Item, *, silent: bool) -> dict[str, Any]:
    return {
        "calendar_id": item.calendar.id,
        "calendar": item.calendar.name,
        "id": item.marked.written.remote_id,
        "kind": "mirror" if item.marked.mirror else "booking",
        "mirror": item.marked.mirror or None,
        "title": item.event.summary,
        "start": _moment(item),
        "recurring": item.event.is_recurring,
        "guests": list(item.guests),
        "guests_are_told": item.tells(now(), silent=silent),
        "conference_url": item.link or None,
    }
