"""What answers requests is given of a process' parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.amending import Trial
from bridge.app.purging import make_purging
from bridge.web.context import WebContext

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from bridge.app.bridge import Bridge


def make_context(bridge: Bridge) -> WebContext:
    """Gather what requests reach."""
    return WebContext(
        database=bridge.database,
        publisher=bridge.publisher,
        gate=bridge.gate,
        live=bridge.live,
        engine=bridge.scheduler,
        instance=bridge.keyfile.instance,
        metrics=bridge.metrics,
        clock=bridge.clock,
        dav=bridge.dav,
        connecting=bridge.connecting,
        invitations=bridge.invitations,
        hearing=bridge.hearing,
        amending=bridge.amending,
        trial=Trial(bridge.http, bridge.kinds, bridge.tokens, bridge.budgets),
        promotion=bridge.promotion,
        listing=bridge.listing,
        bookings=bridge.bookings,
        purging=make_purging(bridge),
        vault=bridge.vault,
    )


def make_calendars(bridge: Bridge) -> WSGIApplication:
    """Make what answers calendar clients."""
    from radicale_plugin.application import make_dav
    from radicale_plugin.ground import Ground

    return make_dav(
        Ground(
            database=bridge.database,
            publisher=bridge.publisher,
            gate=bridge.gate,
            live=bridge.live,
            instance=bridge.keyfile.instance,
            clock=bridge.clock,
            bookings=bridge.bookings,
        )
    )
