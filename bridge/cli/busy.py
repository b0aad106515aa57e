"""`busy`: when a resource is busy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from bridge.cli.ground import Ground, command, now
from bridge.cli.moments import read_moment, rfc3339, show_moment
from bridge.cli.names import complete_resource
from bridge.cli.printing import count, say, table
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.config.plan import ResourcePlan
    from bridge.model.interval import BusyPeriod, Instant, Window
    from bridge.publish import Freshness
    from bridge.store.busy import BlockRow

_WEEK = 7 * 86400
_REFRESH = timedelta(minutes=15)


@click.command()
@click.argument("resource", shell_complete=complete_resource)
@click.option("--from", "start", default="now", metavar="TIME", help="Begin; now by default.")
@click.option("--to", "end", metavar="TIME", help="End; a week after the begin by default.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "ics", "ifb"]), default="table"
)
@command
def busy(ground: Ground, resource: str, start: str, end: str | None, form: str) -> None:
    """Show when RESOURCE is busy: the same periods as every other output.

    Times are `now`, `+2d`, a date, a local time of the resource's zone, or RFC 3339.
    """
    from bridge.config.plan import ResourcePlan
    from bridge.model.interval import Window
    from bridge.model.resource import Projection
    from bridge.publish import Publisher

    with ground.store() as store:
        row = store.resource(resource)
        plan = ResourcePlan.model_validate_json(row.plan)
        begin = read_moment(start, now(), plan.timezone)
        finish = read_moment(end, now(), plan.timezone) if end else begin + _WEEK
        if finish <= begin:
            raise click.UsageError("--to is not after --from")
        shown = Window(max(begin, row.horizon.start), min(finish, row.horizon.end))
        if shown.start >= shown.end:
            first, last = rfc3339(row.horizon.start), rfc3339(row.horizon.end)
            raise click.UsageError(
                f"busy time is known from {first} to {last}; sync.window says how far"
            )
        publisher = Publisher(store.keyfile.identity, store.keyfile.instance)
        with store.database.read() as conn:
            periods = publisher.periods(conn, row.id, shown)
            blocks = publisher.blocks(conn, row.id, Projection.TIMES, shown)
            freshness = publisher.freshness(conn, row.id)
    if freshness.unread:
        raise BridgeError(
            f"no calendar of {resource} was read yet: `busybridge sync {resource}` reads them, "
            f"`busybridge status {resource}` says what is wrong"
        )
    if shown.end < finish:
        say(f"known until {rfc3339(shown.end)}; nothing after it is called free", err=True)
    if freshness.stale:
        say(
            f"{count(freshness.stale, 'calendar')} not read at present: what was last known "
            f"is shown; see `busybridge status {resource}`",
            err=True,
        )
    changed_at = row.changed_at or row.horizon.start
    found = _Found(
        plan=plan,
        window=shown,
        periods=periods,
        blocks=blocks,
        freshness=freshness,
        changed_at=changed_at,
        instance=store.keyfile.instance,
        base_url=store.settings.server.base_url,
    )
    found.show("json" if ground.as_json else form)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Busy time of one resource."""

    plan: ResourcePlan
    window: Window
    periods: list[BusyPeriod]
    """Cut at the window."""
    blocks: list[BlockRow]
    """The same, whole and by name, as feeds show them."""
    freshness: Freshness
    changed_at: Instant
    instance: str
    """Marks what is written, so that no bridge takes its own blocks for a source."""
    base_url: str

    def show(self, form: str) -> None:
        """Print it in one of the forms of `--format`."""
        plan, window, periods = self.plan, self.window, self.periods
        match form:
            case "json":
                from bridge.web.documents import busy_json

                click.echo(busy_json(plan.id, window, periods, self.freshness))
            case "ifb":
                from bridge.publish.rendering import freebusy

                text = freebusy(
                    plan,
                    periods,
                    window,
                    dtstamp=self.changed_at,
                    instance=self.instance,
                    base_url=self.base_url,
                )
                click.echo(text, nl=False)
            case "ics":
                from bridge.ical.serialize import feed
                from bridge.privacy import title
                from bridge.publish.rendering import event, words

                said = words({"title": title(plan.privacy)})
                events = [event(row, said) for row in self.blocks]
                text = feed(events, name=plan.name, refresh=_REFRESH, origin=self.instance)
                click.echo(text, nl=False)
            case _:
                rows = [
                    {
                        "from": show_moment(start, plan.timezone),
                        "to": show_moment(end, plan.timezone),
                        "type": fbtype.rfc,
                    }
                    for start, end, fbtype in periods
                ]
                end = show_moment(window.end, plan.timezone)
                begin = show_moment(window.start, plan.timezone)
                table(rows, ("from", "to", "type"), empty=f"free from {begin} to {end}")
