"""Bookings: seen, made, cancelled, tried again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from bridge.cli.carrying import carry_out, desk
from bridge.cli.ground import Ground, command, now
from bridge.cli.moments import read_duration, read_moment, show_moment
from bridge.cli.moving import move
from bridge.cli.names import Group, complete_resource
from bridge.cli.printing import fields, say, table
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.bookings.wishing import Wish
    from bridge.bookings.words import Outcome, Write
    from bridge.config.plan import ResourcePlan
    from bridge.model.event import EventTime
    from bridge.model.interval import Instant
    from bridge.store.bookings import BookingRow
    from bridge.store.database import Database, Transaction
    from bridge.store.outbox import ProposalRow

_COLUMNS = ("id", "resource", "from", "to", "title", "state")
_FAILED = ("id", "resource", "from", "title", "change", "since", "message")
_MEETINGS = ("none", "google_meet", "teams", "zoom", "auto")


@click.group(cls=Group)
def bookings() -> None:
    """Events that were booked, and are written to the calendars of resources."""


bookings.add_command(move)


@bookings.command(name="list")
@click.argument("resource", required=False, shell_complete=complete_resource)
@click.option("--failed", is_flag=True, help="Those alone that a human has to look at.")
@command
def list_(ground: Ground, resource: str | None, failed: bool) -> None:  # noqa: FBT001 - click
    """List the bookings of RESOURCE, or of all, in the order of time.

    What failed was tried for three days: `bookings retry` has it tried again.
    """
    with ground.store() as store, store.database.read() as conn:
        chosen = store.resource(resource).id if resource else None
        found = [it for it in _all(conn) if chosen in (None, it[0]["resource_id"])]
    if failed:
        found = [it for it in found if it[0]["state"] == "failed"]
    found.sort(key=lambda it: (_begins(it[0]), it[0]["id"]))
    rows = [_row(*it) for it in found]
    columns = _FAILED if failed else _COLUMNS
    ground.show([it for it, _ in found], lambda: table(rows, columns, empty="no bookings"))


@bookings.command()
@click.argument("booking")
@command
def show(ground: Ground, booking: str) -> None:
    """Show BOOKING, by the id that `bookings list` prints."""
    with ground.store() as store, store.database.read() as conn:
        found = _found(conn, booking)
    ground.show(found, lambda: _tell(found))


@bookings.command()
@click.argument("resource", shell_complete=complete_resource)
@click.option("--from", "start", required=True, metavar="TIME", help="Begin.")
@click.option("--to", "end", metavar="TIME", help="End; of an event of days the day after.")
@click.option("--for", "length", metavar="DURATION", callback=read_duration, help="Or how long.")
@click.option("--all-day", is_flag=True, help="--from and --to are days.")
@click.option("--title", default="", help="What it is.")
@click.option("--location", default="", help="Where it is.")
@click.option("--description", default="", help="More of it.")
@click.option("--guest", "guests", multiple=True, metavar="EMAIL", help="Whom to invite, for each.")
@click.option("--conference", type=click.Choice(_MEETINGS), help="Meeting that it gets.")
@click.option("--type", "kind", default="", metavar="ID", help="One of event_types.")
@click.option("--repeat", multiple=True, metavar="LINE", help="RRULE:FREQ=WEEKLY;COUNT=4")
@click.option("--private", is_flag=True, help="Others see no more than when it is.")
@click.option("--silent", is_flag=True, help="Guests are not told.")
@command
def create(ground: Ground, resource: str, **given: Any) -> None:
    """Book RESOURCE, and wait for its calendar.

    Times are as in `busy`. Works beside a running server or without one. Exit code 1 when it is
    refused, over busy time for example.
    """
    from bridge.bookings import place
    from bridge.bookings.wishing import Wishing
    from bridge.bookings.words import Act, Write
    from bridge.model.resource import ResourceId

    with desk(ground) as bridge:
        id_ = ResourceId(resource)
        with bridge.database.read() as conn:
            here = place.look(conn, id_)
        wishing = Wishing(
            event_types=here.plan.event_types,
            account=here.target.account if here.target else "",
            now=now(),
        )
        name = uuid4().hex
        octets = wishing.new(f"{name}@busybridge", _wish(here.plan, given))
        write = Write(
            resource_id=id_, viewer=_admin(), act=Act.PUT, name=f"{name}.ics", octets=octets
        )
        outcome = _performed(bridge, write)
        found = _of(bridge.database, outcome.booking.id) if outcome.booking else {}
    ground.show(found, lambda: _tell(found))
    if found.get("state") == "pending":
        say("its calendar has not answered yet; `busybridge bookings show` tells", err=True)


@bookings.command()
@click.argument("booking")
@command
def cancel(ground: Ground, booking: str) -> None:
    """Cancel BOOKING: its event goes, its meeting too, and its guests are told."""
    from bridge.bookings.words import Act, Result, Write
    from bridge.model.resource import ResourceId

    with desk(ground) as bridge:
        with bridge.database.read() as conn:
            id_ = ResourceId(_found(conn, booking)["resource_id"])
        write = Write(resource_id=id_, viewer=_admin(), act=Act.DELETE, booking_id=booking)
        outcome = _performed(bridge, write)
    state = "leaving" if outcome.result is Result.TENTATIVE else "removed"
    told = "cancelled" if state == "removed" else "cancelled; its calendar is still to be told"
    ground.show({"id": booking, "state": state}, lambda: say(f"{booking} is {told}"))


@bookings.command()
@click.argument("booking")
@command
def retry(ground: Ground, booking: str) -> None:
    """Have tried again what failed of BOOKING."""
    with desk(ground) as bridge:
        with bridge.database.read() as conn:
            _found(conn, booking)
        if not bridge.bookings.retry(booking):
            raise BridgeError(f"nothing of the booking {booking} waits for a human")
        carry_out(bridge)
        with bridge.database.read() as conn:
            found = next((it for it, _ in _all(conn) if it["id"] == booking), None)
    gone: dict[str, Any] = {"id": booking, "state": "removed"}
    ground.show(found or gone, lambda: _tell(found or gone))


# Writing


def _performed(bridge: Bridge, write: Write) -> Outcome:
    """Propose a write and have it carried out, here where no server does it first.

    Raises:
        BridgeError: it is refused, or nobody could ask its calendar.
    """
    from threading import Event, Thread

    from bridge.bookings.words import Result

    ended = Event()

    def work() -> None:
        while not ended.is_set():
            seen = bridge.wake.seen("outbox")
            carry_out(bridge)
            bridge.wake.wait("outbox", 0.5, seen)

    worker = Thread(target=work, name="dispatch", daemon=True)
    worker.start()
    try:
        outcome = bridge.bookings.perform(write)
    finally:
        ended.set()
        bridge.wake.notify("outbox")
        worker.join()
    if outcome.result in (Result.REFUSED, Result.WITHDRAWN):
        raise BridgeError(outcome.reason)
    return outcome


def _admin() -> Any:
    from bridge.bookings.words import Viewer

    return Viewer("", sees_all=True)


def _wish(plan: ResourcePlan, given: dict[str, Any]) -> Wish:
    from bridge.bookings.wishing import Wish
    from bridge.config.booking import Meeting, Visibility
    from bridge.model.event import Attendee

    start = _moment(given["start"], plan.timezone, all_day=given["all_day"])
    wish = Wish(
        title=given["title"],
        location=given["location"],
        description=given["description"],
        event_type=given["kind"],
        start=start,
    )
    end: EventTime | None = None
    if given["end"] is not None:
        end = _moment(given["end"], plan.timezone, all_day=given["all_day"])
    elif given["length"] is not None:
        end = _later(start, given["length"])
    if end is not None:
        wish["end"] = end
    if given["repeat"]:
        wish["recurrence"] = given["repeat"]
    wish["guests"] = [Attendee(f"mailto:{it.lower()}", rsvp=True) for it in given["guests"]]
    if given["conference"]:
        wish["meeting"] = Meeting(given["conference"])
    if given["private"]:
        wish["visibility"] = Visibility.PRIVATE
    if given["silent"]:
        wish["notify"] = False
    return wish


def _moment(text: str, zone: str, *, all_day: bool) -> EventTime:
    from zoneinfo import ZoneInfo

    from bridge.bookings.wishing import read_time
    from bridge.model.interval import utc

    local = utc(read_moment(text, now(), zone)).astimezone(ZoneInfo(zone))
    return read_time(local.date().isoformat() if all_day else local.isoformat(), ZoneInfo(zone))


def _later(start: EventTime, length: timedelta) -> EventTime:
    from bridge.ical.vevent import later

    return later(start, length)


# Showing


def _all(conn: Transaction) -> Iterator[tuple[dict[str, Any], str]]:
    """Give every booking that readers see, and those that failed, with the resource's zone."""
    from bridge.bookings import failing, place
    from bridge.store import bookings as rows
    from bridge.store import resources

    failed = failing.by_booking(conn)
    for resource in resources.all_active(conn):
        plan = place.of(conn, resource).plan
        for row in rows.living(conn, resource.id):
            wrong = failed.get(row.id, [])
            if row.state.is_visible or wrong:
                yield _document(row, plan, wrong), plan.timezone


def _document(row: BookingRow, plan: ResourcePlan, failed: Sequence[ProposalRow]) -> dict[str, Any]:
    from bridge.bookings import shelf
    from bridge.web.booked import booking_json

    return booking_json(shelf.seen(row, _admin()), plan, failed)


def _found(conn: Transaction, booking_id: str) -> dict[str, Any]:
    from bridge.bookings import failing, place
    from bridge.model.resource import ResourceId
    from bridge.store import bookings as rows

    row = rows.get(conn, booking_id)
    failed = failing.of_booking(conn, booking_id)
    if row is None or not (row.state.is_visible or failed):
        raise BridgeError(f"there is no booking {booking_id!r}; `busybridge bookings list` has all")
    return _document(row, place.look(conn, ResourceId(row.resource_id)).plan, failed)


def _of(database: Database, booking_id: str) -> dict[str, Any]:
    with database.read() as conn:
        return _found(conn, booking_id)


def _row(found: dict[str, Any], zone: str) -> dict[str, object]:
    error = found.get("error") or {}
    return {
        "id": found["id"],
        "resource": found["resource_id"],
        "from": _readable(found["start"], zone),
        "to": _readable(found["end"], zone),
        "title": found.get("title"),
        "state": _state(found),
        "change": error.get("change"),
        "since": error.get("since"),
        "message": error.get("message"),
    }


def _state(found: dict[str, Any]) -> str:
    """Say how far a booking is; one that stands may lack the meeting that was asked for."""
    meeting = found.get("conference") or {}
    lacks = found["state"] == "confirmed" and meeting.get("state") == "failing"
    return f"confirmed, no meeting: {meeting['reason']}" if lacks else str(found["state"])


def _begins(found: dict[str, Any]) -> Instant:
    """Give the instant at which a booking begins; whole days begin by the resource's clock."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bridge.model.interval import instant

    start = datetime.fromisoformat(found["start"])
    return instant(start if start.tzinfo else start.replace(tzinfo=ZoneInfo(found["time_zone"])))


def _readable(moment: str, zone: str) -> str:
    """Write a time by the clock of the resource; a day is readable as it is."""
    from datetime import datetime

    from bridge.model.interval import instant

    if len(moment) == 10:
        return moment
    return show_moment(instant(datetime.fromisoformat(moment)), zone)


def _tell(found: dict[str, Any]) -> None:
    shown: dict[str, object] = {}
    for name, value in found.items():
        match value:
            case None | "" | []:
                continue
            case dict():
                shown |= {f"{name} {key}": it for key, it in value.items() if it}
            case [dict(), *_]:
                shown[name] = [" ".join(str(it) for it in each.values() if it) for each in value]
            case _:
                shown[name] = value
    fields(shown)
