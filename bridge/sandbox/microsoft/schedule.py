"""getSchedule: when people are busy (https://learn.microsoft.com/graph/api/calendar-getschedule)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.sandbox.microsoft import series, times
from bridge.sandbox.microsoft.calls import Call, Collection
from bridge.sandbox.microsoft.errors import GraphError, bad_request
from bridge.sandbox.microsoft.series import Entry
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import zone

_MOST = 100
_LONGEST = timedelta(days=62)
_DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4"}
_WEIGHTS = ("free", "workingElsewhere", "tentative", "busy", "oof")
"""Which of several is told, from least to most."""
_WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]


def get(call: Call) -> Collection:
    """Tell when each of several people is busy; an error of one is no error of all."""
    if call.box.is_personal:
        raise GraphError(403, "ErrorAccessDenied")
    body = call.body
    schedules, interval = body.get("schedules"), body.get("availabilityViewInterval", 30)
    if not isinstance(schedules, list) or not schedules:
        raise bad_request("The schedules are missing.")
    if len(schedules) > _MOST:
        raise GraphError(400, "ErrorMailboxDataArrayTooBig")
    if not isinstance(interval, int) or not 5 <= interval <= 1440:
        raise GraphError(400, "ErrorInvalidMergedFreeBusyInterval")
    start, end = (_moment(body.get(name)) for name in ("startTime", "endTime"))
    if not start < end <= start + _LONGEST:
        raise GraphError(400, "ErrorTimeIntervalTooBig" if end > start else "ErrorInvalidParameter")
    step = timedelta(minutes=interval)
    return Collection([_schedule(call, str(each), start, end, step) for each in schedules])


def _schedule(call: Call, name: str, start: datetime, end: datetime, step: timedelta) -> Json:
    box = call.directory.find(name)
    if box is None or box.tenant != call.sender.tenant or not box.is_enabled:
        return _failed(name, "ErrorMailRecipientNotFound", "Unable to resolve e-mail address.")
    if call.box.faults.is_on("schedule_errors"):
        return _failed(name, "ErrorNoFreeBusyAccess", "No free/busy information is available.")
    found = list(series.within(box.default, start, end))
    found.sort(key=lambda entry: times.span(entry.event))
    sees = call.sender.user in (None, box)
    return {
        "scheduleId": name,
        "availabilityView": "".join(_view(found, start, end, step)),
        "scheduleItems": [_item(call, each, sees=sees) for each in found],
        "workingHours": {
            "daysOfWeek": list(_WORKDAYS),
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": box.timezone},
        },
    }


def _view(found: list[Entry], start: datetime, end: datetime, step: timedelta) -> Iterator[str]:
    shown = [str(each.event["showAs"]) for each in found]
    # What nobody can tell is told as busy.
    known = [each if each in _DIGITS else "busy" for each in shown]
    spans = list(zip((times.span(each.event) for each in found), known, strict=True))
    slot = start
    while slot < end:
        until = min(slot + step, end)
        here = [each for span, each in spans if span.overlaps(slot, until)]
        yield _DIGITS[max(here, key=_WEIGHTS.index, default="free")]
        slot = until


def _item(call: Call, entry: Entry, *, sees: bool) -> Json:
    event, wishes = entry.event, call.wishes
    made: Json = {
        "status": event["showAs"],
        "start": times.shown(event["start"], wishes.zone, all_day=False),
        "end": times.shown(event["end"], wishes.zone, all_day=False),
    }
    if sees:
        made["isPrivate"] = event["sensitivity"] in ("private", "confidential")
        made["subject"] = event["subject"] or ""
        made["location"] = (event.get("location") or {}).get("displayName", "")
    return made


def _failed(name: str, code: str, text: str) -> Json:
    return {
        "scheduleId": name,
        "availabilityView": "",
        "scheduleItems": [],
        "workingHours": None,
        "error": {"message": text, "responseCode": code},
    }


def _moment(value: object) -> datetime:
    if not isinstance(value, dict):
        raise bad_request("startTime and endTime are needed.")
    kept = times.kept(value)
    return times.placed(times.wall(kept), zone(kept["timeZone"]))
