"""Bookings as JSON: what the API and the command line say of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bridge.bookings import draft
from bridge.bookings.conflicts import UNREAD
from bridge.bookings.shelf import Seen
from bridge.config.plan import ResourcePlan
from bridge.ical.wording import GROUPS
from bridge.model.event import Alarm, Attendee, Class, Event, EventTime, Floating, ShowAs, Transp
from bridge.model.interval import FBType, Window, rfc3339
from bridge.store.bookings import BookingRow, State
from bridge.store.clashes import Obstacle
from bridge.store.outbox import ProposalRow

_RECURRENCE = frozenset({"RRULE", "EXRULE", "RDATE", "EXDATE"})
_STATES = {
    State.PROPOSED: "pending",
    State.CONFIRMED: "confirmed",
    State.TENTATIVE: "pending",
    State.CANCELLED: "cancelled",
    State.LEAVING: "leaving",
    State.REMOVED: "removed",
}
_METHODS = {"EMAIL": "email"}


def booking_json(
    seen: Seen, plan: ResourcePlan, failed: Sequence[ProposalRow] = ()
) -> dict[str, Any]:
    """Write a booking as one viewer sees it.

    Args:
        seen: it.
        plan: of its resource.
        failed: proposals of it that a human has to look at.
    """
    row = seen.booking
    event = master(seen, plan)
    written: dict[str, Any] = {
        "id": row.id,
        "resource_id": row.resource_id,
        "state": state_of(row, failed),
        "status": event.status.value.lower() if event.status else "confirmed",
        "start": _time(event.start, plan),
        "end": _time(event.end, plan),
        "all_day": not isinstance(event.start, datetime | Floating),
        "time_zone": _zone(event.start, plan),
        "recurrence": [line for it in GROUPS if it.names & _RECURRENCE for line in it.lines(event)],
        "visibility": _visibility(seen, event),
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.changed_at),
    }
    if not seen.whole:
        return written
    return written | {
        "ical_uid": row.uid,
        "title": event.summary,
        "location": event.location,
        "description": event.description,
        "attendees": [_guest(it) for it in event.attendees],
        "conference": _conference(seen),
        "event_type": None if event.event_type == "default" else event.event_type,
        "show_as": _shown(event),
        "reminders": None if event.alarms is None else [_reminder(it) for it in event.alarms],
        "connection_id": row.connection_id,
        "reason": row.reason,
        "error": _error(failed),
    }


def conflicts_json(
    resource_id: str, window: Window, found: Iterable[Obstacle], *, titled: bool
) -> dict[str, Any]:
    """Write what stands in the way of a booking in a window.

    Args:
        resource_id: whose.
        window: when.
        found: what `bridge.bookings.conflicts.standing` gives.
        titled: whether titles may be told; of each no more shows than its calendar's privacy lets.
    """
    return {
        "resource_id": resource_id,
        "start": rfc3339(window.start),
        "end": rfc3339(window.end),
        "conflicts": [_conflict(it, titled=titled) for it in found],
    }


def _conflict(met: Obstacle, *, titled: bool) -> dict[str, Any]:
    source = "unread" if met.calendar_id == UNREAD else "calendar" if met.calendar_id else "booking"
    return {
        "start": rfc3339(met.start),
        "end": rfc3339(met.end),
        "type": FBType(met.fbtype).rfc,
        "source": source,
        "title": json.loads(met.details).get("title") if titled and met.details else None,
    }


def state_of(row: BookingRow, failed: Sequence[ProposalRow]) -> str:
    """Tell how far a booking is."""
    return "failed" if failed else _STATES[row.state]


def master(seen: Seen, plan: ResourcePlan) -> Event:
    """Read what a booking is like: its master, or its first occurrence that stands alone."""
    return next(iter(draft.parse(seen.text, plan).series.events()))


def _time(moment: EventTime, plan: ResourcePlan) -> str:
    if isinstance(moment, Floating):
        return moment.wall.replace(tzinfo=ZoneInfo(plan.timezone)).isoformat()
    if isinstance(moment, datetime) and moment.tzname() == "UTC":
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return moment.isoformat()


def _zone(moment: EventTime, plan: ResourcePlan) -> str:
    """Name the zone by whose clock an event recurs."""
    zone = moment.tzinfo if isinstance(moment, datetime) else None
    if isinstance(zone, ZoneInfo):
        return zone.key
    return "UTC" if isinstance(moment, datetime) else plan.timezone


def _visibility(seen: Seen, event: Event) -> str:
    if event.classification is Class.PUBLIC:
        return "default" if seen.whole else "private"
    return "private" if event.classification is Class.PRIVATE else "confidential"


def _shown(event: Event) -> str:
    otherwise = ShowAs.FREE if event.transp is Transp.TRANSPARENT else ShowAs.BUSY
    shown: str = (event.show_as or otherwise).value
    return shown


def _guest(guest: Attendee) -> dict[str, object]:
    return {
        "email": guest.address.removeprefix("mailto:"),
        "name": guest.common_name,
        "optional": guest.role == "OPT-PARTICIPANT",
        "response": guest.partstat.value.lower().replace("-", "_"),
    }


def _reminder(alarm: Alarm) -> dict[str, object]:
    minutes = round(alarm.before.total_seconds() / 60)
    return {"method": _METHODS.get(alarm.action, "popup"), "minutes": minutes}


def _conference(seen: Seen) -> dict[str, object] | None:
    row = seen.booking
    if not row.meeting_kind:
        return None
    return {
        "provider": row.meeting_kind,
        "state": row.meeting_state,
        "join_url": row.meeting_url or None,
        "reason": row.meeting_reason,
    }


def _error(failed: Sequence[ProposalRow]) -> dict[str, object] | None:
    if not failed:
        return None
    worst = failed[0]
    return {
        "code": worst.error_code,
        "message": worst.error_message,
        "since": None if worst.settled_at is None else rfc3339(worst.settled_at),
        "change": worst.kind.value,
        "attempts": worst.attempts,
    }
