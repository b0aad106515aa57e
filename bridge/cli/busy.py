"""Reading busy time: `busy` and `explain`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from bridge.cli.ground import Ground, Store, command, now, table
from bridge.cli.moments import read_moment, rfc3339, show_moment
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.config.plan import ResourcePlan
    from bridge.ingest.explain import Considered
    from bridge.model.interval import BusyPeriod, Instant, Window
    from bridge.publish import Freshness

_WEEK = 7 * 86400
_REFRESH = timedelta(minutes=15)


@click.command()
@click.argument("resource")
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
    from bridge.publish import Publisher

    with ground.store() as store:
        row = store.resource(resource)
        plan = ResourcePlan.model_validate_json(row.plan)
        begin = read_moment(start, now(), plan.timezone)
        finish = read_moment(end, now(), plan.timezone) if end else begin + _WEEK
        if finish <= begin:
            raise click.BadParameter("--to is not after --from")
        shown = Window(max(begin, row.horizon.start), min(finish, row.horizon.end))
        if shown.start >= shown.end:
            known = (rfc3339(row.horizon.start), rfc3339(row.horizon.end))
            raise click.UsageError(f"busy time is known from {known[0]} to {known[1]}")
        publisher = Publisher(store.keyfile.identity, store.keyfile.instance)
        with store.database.read() as conn:
            periods = publisher.periods(conn, row.id, shown)
            freshness = publisher.freshness(conn, row.id)
    if freshness.unread:
        raise BridgeError(f"no calendar of {resource} was read yet; see `busybridge status`")
    if shown.end < finish:
        click.echo(f"known until {rfc3339(shown.end)}; nothing after it is called free", err=True)
    _print("json" if ground.as_json else form, plan, shown, periods, freshness, row.changed_at)


def _print(
    form: str,
    plan: ResourcePlan,
    window: Window,
    periods: list[BusyPeriod],
    freshness: Freshness,
    changed_at: Instant,
) -> None:
    match form:
        case "json":
            from bridge.web.documents import busy_json

            click.echo(busy_json(plan.id, window, periods, freshness))
        case "ifb":
            from bridge.ical.serialize import freebusy

            text = freebusy(
                periods,
                window,
                uid=f"{plan.id}@busybridge",
                dtstamp=changed_at,
                name=plan.name,
                email=plan.email,
            )
            click.echo(text, nl=False)
        case "ics":
            from bridge.ical.serialize import FeedBlock, feed

            blocks = [
                FeedBlock(
                    uid=f"{plan.id}-{start}@busybridge",
                    start=start,
                    end=end,
                    fbtype=fbtype,
                    changed_at=changed_at,
                )
                for start, end, fbtype in periods
            ]
            click.echo(feed(blocks, name=plan.name, refresh=_REFRESH), nl=False)
        case _:
            rows = [
                {
                    "from": show_moment(start, plan.timezone),
                    "to": show_moment(end, plan.timezone),
                    "type": fbtype.rfc,
                }
                for start, end, fbtype in periods
            ]
            table(rows, ("from", "to", "type"))


@click.command()
@click.argument("resource")
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
    data = [_as_json(each) for each in considered]
    ground.show(data, lambda: _tell(considered, zone))


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


def _tell(considered: list[Considered], zone: str) -> None:
    rows = [
        {
            "calendar": f"{each.connection_id}/{each.calendar}",
            "event": each.summary or each.uid,
            "from": show_moment(each.start, zone) if each.start is not None else "?",
            "to": show_moment(each.end, zone) if each.end is not None else "?",
            "blocks": each.blocks.rfc if each.blocks else "no",
            "why": "; ".join((each.reason, *each.notes)),
        }
        for each in considered
    ]
    if rows:
        table(rows, ("calendar", "event", "from", "to", "blocks", "why"))
    else:
        click.echo("no source event was considered")
