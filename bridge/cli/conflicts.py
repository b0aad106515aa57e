"""`conflicts`: what a booking would lie over."""

from __future__ import annotations

import click

from bridge.cli.ground import Ground, command, now
from bridge.cli.moments import read_moment, rfc3339, show_moment
from bridge.cli.names import complete_resource
from bridge.cli.printing import table
from bridge.errors import BridgeError

_DAY = 86400
_COLUMNS = ("from", "to", "type", "source", "title")


@click.command()
@click.argument("resource", shell_complete=complete_resource)
@click.option("--from", "start", default="now", metavar="TIME", help="Begin; now by default.")
@click.option("--to", "end", metavar="TIME", help="End; a day after the begin by default.")
@command
def conflicts(ground: Ground, resource: str, start: str, end: str | None) -> None:
    """Show what a booking of RESOURCE would lie over, by its `conflict_with`.

    Bookings count that are not settled yet, and calendars that count as busy while they cannot be
    read. Titles show as far as the privacy of their calendar lets them.
    """
    from bridge.bookings.conflicts import standing
    from bridge.bookings.place import of
    from bridge.model.interval import Window
    from bridge.publish import Publisher
    from bridge.web.booked import conflicts_json

    with ground.store() as store, store.database.read() as conn:
        here = of(conn, store.resource(resource))
        zone = here.plan.timezone
        begin = read_moment(start, now(), zone)
        finish = read_moment(end, now(), zone) if end else begin + _DAY
        if finish <= begin:
            raise click.UsageError("--to is not after --from")
        known = here.horizon
        if begin < known.start or finish > known.end:
            first, last = rfc3339(known.start), rfc3339(known.end)
            raise click.UsageError(
                f"busy time is known from {first} to {last}; sync.window says how far"
            )
        publisher = Publisher(store.keyfile.identity, store.keyfile.instance)
        if publisher.freshness(conn, here.resource.id).unread:
            raise BridgeError(
                f"no calendar of {resource} was read yet: `busybridge sync {resource}` reads them"
            )
        window = Window(begin, finish)
        found = standing(conn, here, window, now())
    rows = [
        conflict | {"from": show_moment(it.start, zone), "to": show_moment(it.end, zone)}
        for it, conflict in zip(
            found, conflicts_json(resource, window, found, titled=True)["conflicts"], strict=True
        )
    ]
    free = f"free from {show_moment(begin, zone)} to {show_moment(finish, zone)}"
    ground.show(
        conflicts_json(resource, window, found, titled=True),
        lambda: table(rows, _COLUMNS, empty=free),
    )
