"""Bookings that go to the calendar that receives bookings by now."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.carrying import carry_out, desk
from bridge.cli.ground import Ground, command, now
from bridge.cli.names import complete_resource
from bridge.cli.printing import say

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.model.resource import ResourceId

_PATIENCE = 60.0
"""Seconds without anything done after which it is left to the server."""


@click.command()
@click.argument("resource", shell_complete=complete_resource)
@command
def move(ground: Ground, resource: str) -> None:
    """Let the bookings of RESOURCE go to the calendar that receives bookings now.

    Each is written there, and deleted where it was; what is over stays. Guests are invited by the
    new calendar, and not told that the old event goes, where its provider can keep quiet. Exit code
    1 when one cannot go, or its old event not: it stays, and `bookings list --failed` has it.
    """
    with desk(ground) as bridge, ground.store() as store:
        result = carry_over(bridge, store.resource(resource).id)
    ground.show(result, lambda: tell(result))
    if result["failed"]:
        raise click.exceptions.Exit(1)


def carry_over(bridge: Bridge, resource_id: ResourceId) -> dict[str, Any]:
    """Queue what has to go, and wait for it.

    Raises:
        NotBookable: no calendar receives bookings.
    """
    from bridge.app.booking import make_outbox

    _see(bridge, resource_id)
    numbers = make_outbox(bridge).transfers.queue(resource_id, now())
    waiting, deadline = len(numbers), monotonic() + _PATIENCE
    while (left := _open(bridge, numbers)) and monotonic() < deadline:
        if left < waiting:
            waiting, deadline = left, monotonic() + _PATIENCE
        seen = bridge.wake.seen("outbox")
        carry_out(bridge)
        if _open(bridge, numbers):
            bridge.wake.wait("outbox", 0.5, seen)
    return _result(bridge, resource_id, numbers)


def tell(result: dict[str, Any]) -> None:
    """Say what became of them."""
    say(f"{result['moved']} went there")
    if result["waiting"]:
        say(f"{result['waiting']} are under way; the server goes on with them")
    for each in result["failed"]:
        say(f"{each['id']} needs somebody to look at it: {each['message']}")


def _see(bridge: Bridge, resource_id: ResourceId) -> None:
    """Have the calendar looked at that receives bookings, where it was chosen just now."""
    from bridge.bookings import place
    from bridge.cli.sync import pull_all
    from bridge.store import connections

    with bridge.database.read() as conn:
        is_known = place.look(conn, resource_id).target is not None
        names = [row.id for row in connections.of_resource(conn, resource_id)]
    if not is_known:
        pull_all(bridge, names, full=False)


def _open(bridge: Bridge, numbers: Sequence[int]) -> int:
    """Count what is not done yet: an old event that is still to be deleted, too."""
    from bridge.store import outbox
    from bridge.store.outbox import Kind

    with bridge.database.read() as conn:
        found = [row for number in numbers if (row := outbox.get(conn, number)) is not None]
        return sum(
            any(it.kind is Kind.TRANSFER for it in outbox.open_of(conn, booking_id))
            for booking_id in {it.booking_id for it in found}
        )


def _result(bridge: Bridge, resource_id: ResourceId, numbers: Sequence[int]) -> dict[str, Any]:
    from bridge.store import outbox
    from bridge.store.outbox import Kind, State

    with bridge.database.read() as conn:
        found = [row for number in numbers if (row := outbox.get(conn, number)) is not None]
        # What went may have left something that somebody has to look at.
        every = [it for each in found for it in outbox.of_booking(conn, each.booking_id)]
    failed = [it for it in every if it.kind is Kind.TRANSFER and it.state is State.FAILED]
    return {
        "resource_id": resource_id,
        "moved": sum(it.state is State.SETTLED for it in found),
        "waiting": sum(it.state.is_open for it in found),
        "failed": [{"id": it.booking_id, "message": it.error_message} for it in failed],
    }
