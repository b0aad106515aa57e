"""The merged busy time as one VFREEBUSY: by REPORT, and by `?view=freebusy` on a calendar."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2s
from typing import NamedTuple

from bridge.errors import BeyondHorizon
from bridge.ical.serialize import utc_text
from bridge.model.interval import Window
from bridge.publish import rendering
from bridge.publish.outlook import View, freshness_header
from radicale_plugin import xml
from radicale_plugin.calendars import FORM, ResourceCalendar
from radicale_plugin.properties import CALENDAR_TYPE
from radicale_plugin.refusals import Refused, forbidden
from radicale_plugin.visit import Visit

_DAY = 86400


class FreeBusy(NamedTuple):
    """A window of a calendar's busy time, not written yet."""

    visit: Visit
    calendar: ResourceCalendar
    view: View
    window: Window

    def headers(self) -> dict[str, str]:
        """Give the headers of the answer."""
        return {
            "Content-Type": CALENDAR_TYPE,
            "X-BusyBridge-Freshness": freshness_header(self.view.freshness),
        }

    def etag(self) -> str:
        """Give the entity tag of the busy time in this window, quoted."""
        state = self.view.state
        parts = (
            FORM,
            *self.window,
            state.epoch,
            state.seq,
            self.view.stamp,
            self.view.entry.digest,
            self.visit.ground.live.current.server.base_url,
            self.calendar.place.kind.value,
        )
        return f'"{blake2s(repr(parts).encode(), digest_size=16).hexdigest()}"'

    def body(self) -> bytes:
        """Write it."""
        ground = self.visit.ground
        return rendering.freebusy(
            self.view.entry.plan,
            self.calendar.periods(self.visit.conn, self.window),
            self.window,
            dtstamp=self.view.stamp,
            instance=ground.instance,
            base_url=ground.live.current.server.base_url,
        )


def look(visit: Visit, calendar: ResourceCalendar, asked: Window) -> FreeBusy:
    """Look at a window; what lies beyond the horizon is not called free, the window shrinks.

    Raises:
        NotReadYet: nothing is known of the resource.
        Refused: 403 with CALDAV:min-date-time or max-date-time; nothing of the window is known.
    """
    view = calendar.look(visit.conn)
    try:
        window = view.clip(asked)
    except BeyondHorizon as err:
        raise _beyond(Window(*err.known), asked) from err
    return FreeBusy(visit, calendar, view, window)


def usual_window(visit: Visit, calendar: ResourceCalendar) -> Window:
    """Return the window when none is asked for: the same as that of the free-busy URL."""
    span: timedelta = calendar.entry.plan.freebusy.min_window
    now = visit.ground.clock()
    today = now - now % _DAY
    return Window(today, today + _DAY + int(span.total_seconds()))


def _beyond(known: Window, asked: Window) -> Refused:
    return forbidden(
        xml.caldav("min-date-time" if asked.end <= known.start else "max-date-time"),
        f"busy time is known from {utc_text(known.start)} to {utc_text(known.end)}",
    )
