"""Methods of one event."""

from __future__ import annotations

from bridge.sandbox.google import conference, series
from bridge.sandbox.google.calls import Call
from bridge.sandbox.google.errors import not_found
from bridge.sandbox.google.shown import View, is_busy
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar, Record


def get(call: Call) -> Json:
    """Show one, also a deleted one."""
    calendar = call.calendar()
    if record := calendar.records.get(call.path["eventId"]):
        conference.read(call.world, calendar, record)
    event = series.find(call.world, calendar, call.path["eventId"])
    if event is None:
        raise not_found()
    if call.role(calendar) == "freeBusyReader" and not is_busy(event, calendar):
        raise not_found()
    return _shown(call, calendar, event)


def insert(call: Call) -> Json:
    """Create one."""
    calendar = call.calendar()
    return _written(call, calendar, call.editor(calendar).insert(call.body))


def take_in(call: Call) -> Json:
    """Import one."""
    calendar = call.calendar()
    return _written(call, calendar, call.editor(calendar).take_in(call.body))


def update(call: Call) -> Json:
    """Replace one."""
    calendar = call.calendar()
    return _written(call, calendar, call.editor(calendar).update(call.path["eventId"], call.body))


def patch(call: Call) -> Json:
    """Change one."""
    calendar = call.calendar()
    return _written(call, calendar, call.editor(calendar).patch(call.path["eventId"], call.body))


def delete(call: Call) -> None:
    """Delete one."""
    call.editor(call.calendar()).delete(call.path["eventId"])


def move(call: Call) -> Json:
    """Move one to another calendar."""
    target = call.calendar(call.query["destination"])
    record = call.editor(call.calendar()).move(call.path["eventId"], target)
    return _written(call, target, record)


def _written(call: Call, calendar: Calendar, record: Record) -> Json:
    return _shown(call, calendar, record.event)


def _shown(call: Call, calendar: Calendar, event: Json) -> Json:
    view = View(
        calendar,
        call.role(calendar),
        call.account.faults,
        call.query.get("timeZone", ""),
        call.query.get("maxAttendees"),
    )
    return view.event(event)
